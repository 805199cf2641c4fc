"""How long /healthz of a running program takes while the local engine draws, and how much of that is its own doing."""

import concurrent.futures
import json
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests import program

CONFIG = """
[store]
url = "sqlite:///data/imagine.db"
images = "data/images"
[web]
port = {port}
[quota]
images_per_day = 0
running = 0
waiting = 0
[backends.local]
kind = "diffusers"
model = "{model}"
device = "cpu"
timeout_seconds = 100
"""
ONE_THREAD = {"OMP_NUM_THREADS": "1"}
"""Two threads on a busy machine only wait for each other."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Seconds. ``processor``: what the event loop's thread computed meanwhile, which no other program adds to."""

    status: int
    wall: float
    processor: float


@contextmanager
def drawing_program(folder: Path, model: Path) -> Iterator[tuple[program.Program, str]]:
    """With its first picture drawn, and a key for its API."""
    port = program.free_port()
    (folder / "imagine.toml").write_text(CONFIG.format(port=port, model=model))
    key = program.call("api-key", "create", "tests", cwd=folder).stdout.split()[-1]
    with program.running(folder, "run", port=port, env=ONE_THREAD) as running:
        draw(port, key, {"prompt": "a hill", "size": "32x32", "steps": 2})
        yield running, key


def draw(port: int, key: str, body: dict[str, object]) -> None:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/v1/images/generations",
        json.dumps({"response_format": "b64_json", **body}).encode(),
        {"authorization": f"Bearer {key}", "content-type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=100) as answer:
        assert json.loads(answer.read())["data"]


def answers_while_drawing(running: program.Program, key: str, people: int, seconds: float) -> list[Answer]:
    """For ``seconds`` so many people have pictures drawn, one after the other each."""
    stop = threading.Event()

    def keep_asking(person: int) -> None:
        while not stop.is_set():
            draw(running.port, key, {"prompt": f"a fox {person}", "size": "32x32", "steps": 60, "n": 2})

    answers = []
    with concurrent.futures.ThreadPoolExecutor(people) as pool:
        asking = [pool.submit(keep_asking, person) for person in range(people)]
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            answers.append(_ask(running))
            time.sleep(0.01)
        stop.set()
        for each in asking:
            each.result()
    return answers


def _ask(running: program.Program) -> Answer:
    before, began = _processor(running.process.pid), time.monotonic()
    status, _ = running.get("/healthz")
    return Answer(status, time.monotonic() - began, _processor(running.process.pid) - before)


def _processor(pid: int) -> float:
    """Seconds that the main thread has been on a processor."""
    return int(Path(f"/proc/{pid}/task/{pid}/schedstat").read_text().split()[0]) * 1e-9
