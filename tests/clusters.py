"""A Ray cluster of two nodes on this machine, in a process of its own that serves a small checkpoint.

The test process never imports ray, no more than the bot does. The nodes have the addresses 127.0.0.2 and 127.0.0.3, one
logical GPU each, and Ray's own token authentication. Everything ends when the process's standard input does.
"""

import contextlib
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
MEMORY = 80 * 1024 * 1024  #: bytes of each node's object store; nothing of ours is put there
PATIENCE = 120.0  #: seconds for anything a cluster does


@dataclass
class RayCluster:
    """The cluster as a test sees it."""

    url: str
    token: str
    log: Path
    _process: "subprocess.Popen[str]"

    def replicas(self) -> Mapping[str, list[int]]:
        """The process ids of the replicas that serve, by node: "head" and "second"."""
        found: Mapping[str, list[int]] = self._ask("replicas")
        return found

    def wait_for_replicas(self, count: int) -> Mapping[str, list[int]]:
        end = time.monotonic() + PATIENCE
        while sum(map(len, (found := self.replicas()).values())) != count:
            assert time.monotonic() < end, f"not {count} replicas but {found}; see {self.log}"
            time.sleep(0.2)
        return found

    def kill_second_node(self) -> None:
        """As if its plug was pulled: its raylet and everything that runs there is killed."""
        self._ask("kill_second_node")

    def have_second_node(self) -> None:
        self._ask("have_second_node")

    def _ask(self, what: str) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(what + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, f"the cluster is gone: {self.log.read_text()[-4000:]}"
        return json.loads(line)


@contextmanager
def running(folder: Path, **arguments: object) -> Iterator[RayCluster]:
    """``arguments`` are the application's. At the end no process of it is left."""
    token, log = secrets.token_hex(16), folder / "cluster.log"
    environment = os.environ | {
        "IMAGINE_RAY_TOKEN": token,
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": str(ROOT),
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": secrets.token_hex(32),
        "RAY_USAGE_STATS_ENABLED": "0",
    }
    with log.open("w") as errors:
        process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", "tests.clusters", json.dumps(arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            cwd=ROOT,
            env=environment,
            start_new_session=True,
        )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        assert line, f"the cluster did not start: {log.read_text()[-4000:]}"
        yield RayCluster(json.loads(line), token, log, process)
    finally:
        process.stdin.close()
        process.stdout.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(60)
        end_all(process)


def end_all(process: "subprocess.Popen[str]") -> None:
    """Whatever of the cluster is left: all of it is in the session that its first process leads."""
    for pid in of_session(process.pid):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    process.wait()


def of_session(leader: int) -> list[int]:
    """Their session is in the sixth field of /proc/PID/stat, the fourth after the name in brackets."""
    return [pid for pid, fields in _processes() if fields[3] == str(leader)]


def _processes() -> Iterator[tuple[int, list[str]]]:
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            yield int(folder.name), (folder / "stat").read_text().rpartition(")")[2].split()


# -- in the cluster's own process


def main() -> None:
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what Ray prints must not look like an answer
    folder = tempfile.mkdtemp(prefix="ir-", dir="/tmp")  # short: the path of a socket may have 107 letters
    os.environ["RAY_TMPDIR"] = folder
    house = House()
    try:
        answers.write(json.dumps(house.open(json.loads(sys.argv[1]))) + "\n")
        answers.flush()
        for line in sys.stdin:
            answers.write(json.dumps(house.do(line.strip())) + "\n")
            answers.flush()
    finally:
        house.close()
        shutil.rmtree(folder, ignore_errors=True)


class House:
    node: Mapping[str, Any] = {"num_cpus": 1, "num_gpus": 1, "object_store_memory": MEMORY}

    def open(self, arguments: Mapping[str, Any]) -> str:
        import ray
        from ray import serve
        from ray.cluster_utils import Cluster

        from adapters.backends.ray.app import application

        head = {**self.node, "node_ip_address": "127.0.0.2", "include_dashboard": False}
        self.cluster = Cluster(initialize_head=True, head_node_args=head)
        self.second: Any = None
        self.do("have_second_node")
        ray.init(address=self.cluster.address, log_to_driver=False, _node_ip_address="127.0.0.2")
        port = free_port()
        serve.start(proxy_location="HeadOnly", http_options={"host": "127.0.0.1", "port": port})
        serve.run(application(arguments), name="imagine")
        return f"http://127.0.0.1:{port}/"

    def do(self, what: str) -> object:
        match what:
            case "replicas":
                return self.replicas()
            case "kill_second_node":
                self.cluster.remove_node(self.second, allow_graceful=False)
                self.second = None
            case "have_second_node" if self.second is None:
                self.second = self.cluster.add_node(**self.node, node_ip_address="127.0.0.3")
        return None

    def replicas(self) -> dict[str, list[int]]:
        """Those of Serve's whose state is RUNNING are counted; their processes are told apart by their raylets."""
        from ray import serve

        serving = serve.status().applications["imagine"].deployments["engine"].replica_states.get("RUNNING", 0)
        nodes = {"head": self.cluster.head_node, "second": self.second}
        found = {name: replicas_of(node) for name, node in nodes.items() if node is not None}
        return found if sum(map(len, found.values())) == serving else {"unsettled": []}

    def close(self) -> None:
        import ray
        from ray import serve

        with contextlib.suppress(Exception):
            serve.shutdown()
        ray.shutdown()
        if hasattr(self, "cluster"):
            self.cluster.shutdown()


def replicas_of(node: Any) -> list[int]:
    [raylet] = [info.process.pid for info in node.all_processes["raylet"]]
    children = [pid for pid, fields in _processes() if fields[1] == str(raylet)]
    return [pid for pid in children if Path(f"/proc/{pid}/cmdline").read_text().startswith("ray::ServeReplica")]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


if __name__ == "__main__":
    main()
