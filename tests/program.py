"""The installed program as a person starts it: a process of its own."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

COMMAND = (sys.executable, "-c", "from adapters.cli import main; main()")
ROOT = Path(__file__).parents[1]


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG", "LC_ALL"}}
    return {**kept, "PYTHONPATH": str(ROOT), **(extra or {})}


def call(
    *arguments: str, cwd: Path, env: Mapping[str, str] | None = None, seconds: float = 60
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments],
        cwd=cwd,
        env=environment(env),
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@dataclass
class Program:
    process: subprocess.Popen[str]
    port: int
    log: Path

    def get(self, path: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def wait_until_up(self, seconds: float = 60) -> None:
        deadline = time.monotonic() + seconds
        while True:
            try:
                if self.get("/readyz")[0] == 200:
                    return
            except OSError:
                pass
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.05)

    def stop(self, number: int = signal.SIGTERM, seconds: float = 60) -> tuple[int, float]:
        """The exit status and how long it took."""
        began = time.monotonic()
        self.process.send_signal(number)
        return self.process.wait(seconds), time.monotonic() - began


@contextmanager
def running(
    folder: Path, *arguments: str, port: int = 0, env: Mapping[str, str] | None = None
) -> Iterator[Program]:
    """`imagine-bot demo` in ``folder``, or the arguments given."""
    port = port or free_port()
    log = folder / "program.log"
    wanted = arguments or ("demo", "--port", str(port), "--data", "data", "--no-model")
    with log.open("a") as output:
        process = subprocess.Popen(
            [*COMMAND, *wanted], cwd=folder, env=environment(env), stdout=output, stderr=subprocess.STDOUT, text=True
        )
    program = Program(process, port, log)
    try:
        program.wait_until_up()
        yield program
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
