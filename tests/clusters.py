"""A Ray cluster of two nodes on this machine, in a process of its own: `python -m tests.clusters MODEL`.

The test process never imports ray, no more than the bot does. Commands come on standard input, a JSON object a line:
{"do": "replicas"}, {"do": "kill_node"}; each is answered by a line on standard output. It all ends with the input.
"""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TOKEN = "a-token-of-the-tests"
ROOT = Path(__file__).parents[1]
MEMORY = 80 * 1024 * 1024  #: bytes of each node's object store; nothing of ours is put there


def main() -> None:
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what Ray prints must not look like an answer
    folder = tempfile.mkdtemp(prefix="ir-", dir="/tmp")  # short: the paths of sockets may have 107 letters
    os.environ["RAY_TMPDIR"] = folder
    import ray
    from ray import serve
    from ray.cluster_utils import Cluster

    from adapters.backends.ray.app import application

    node: dict[str, Any] = {"num_cpus": 1, "num_gpus": 1, "object_store_memory": MEMORY}
    cluster = Cluster(initialize_head=True, head_node_args={**node, "node_ip_address": "127.0.0.2", "include_dashboard": False})
    try:
        second = cluster.add_node(**node, node_ip_address="127.0.0.3")
        ray.init(address=cluster.address, log_to_driver=False, _node_ip_address="127.0.0.2")
        port = free_port()
        serve.start(proxy_location="HeadOnly", http_options={"host": "127.0.0.1", "port": port})
        serve.run(application(json.loads(sys.argv[1])), name="imagine", blocking=False)
        print(json.dumps({"url": f"http://127.0.0.1:{port}/", "folder": folder}), file=answers, flush=True)
        for line in sys.stdin:
            match json.loads(line)["do"]:
                case "replicas":
                    said: Any = replicas()
                case "kill_node":
                    cluster.remove_node(second, allow_graceful=False)
                    said = "killed"
            print(json.dumps(said), file=answers, flush=True)
    finally:
        with contextlib.suppress(Exception):
            serve.shutdown()
        ray.shutdown()
        cluster.shutdown()
        shutil.rmtree(folder, ignore_errors=True)


def replicas() -> list[dict[str, Any]]:
    """Each running replica's process id and node."""
    from ray import serve

    status = serve.status()
    deployment = status.applications["imagine"].deployments["engine"]
    print(deployment, file=sys.stderr)
    from ray.util.state import list_actors
    return [{"pid": a.pid, "node": a.node_id} for a in list_actors() if a.state == "ALIVE" and "ServeReplica" in a.class_name]


def free_port() -> int:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


if __name__ == "__main__":
    main()
