"""Images/s of one local engine and of a Ray cluster with one and with two replicas, in one run, the same requests.

    python -m tests.bench.bench_cluster [--requests 24] [--rounds 3] [--model FOLDER] [--gpus 0]

A small checkpoint with random weights is built on the spot unless --model names one. Each engine has one thread, so on
two cores two replicas can do at most twice what one does, less what Ray itself and this program need of them. With
--gpus 1 a replica takes a card each, and the second row needs two.
"""

import argparse
import asyncio
import os
import statistics
import tempfile
import time
from pathlib import Path

from adapters.backends.diffusers.backend import DiffusersBackend, DiffusersConfig
from adapters.backends.ray.backend import RayBackend
from bot.model import Drawing
from bot.ports import Backend
from tests import clusters
from tests.bench.table import Row, show


class Nobody:
    async def progress(self, step: int, steps: int) -> None: ...

    async def preview(self, index: int, image: bytes) -> None: ...

    async def remember(self, task: str) -> None: ...


async def images_a_second(backend: Backend, given: argparse.Namespace) -> list[float]:
    """One figure a round; a first round warms up."""
    size = backend.capabilities.default_size
    figures = []
    for turn in range(given.rounds + 1):
        drawings = [Drawing(f"a fox, {n}", size, 2, steps=20, seed=100 * turn + n) for n in range(given.requests)]
        began = time.perf_counter()
        await asyncio.gather(*(backend.generate(drawing, "", Nobody()) for drawing in drawings))
        figures.append(2 * given.requests / (time.perf_counter() - began))
    return figures[1:]


async def alone(model: str, given: argparse.Namespace) -> list[float]:
    device = "auto" if given.gpus else "cpu"
    backend = DiffusersBackend("local", DiffusersConfig(model, device=device, timeout_seconds=600))
    try:
        await backend.probe()
        return await images_a_second(backend, given)
    finally:
        await backend.close()


def clustered(model: str, replicas: int, folder: Path, given: argparse.Namespace) -> list[float]:
    device = "auto" if given.gpus else "cpu"
    arguments = {"model": model, "device": device, "min_replicas": replicas, "max_replicas": replicas}
    with clusters.running(folder, **arguments, timeout_seconds=600) as cluster:
        cluster.wait_for_replicas(replicas)
        return asyncio.run(on(cluster, given))


async def on(cluster: clusters.RayCluster, given: argparse.Namespace) -> list[float]:
    backend = RayBackend("cards", url=cluster.url, token=cluster.token, timeout_seconds=600)
    try:
        return await images_a_second(backend, given)
    finally:
        await backend.close()


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--requests", type=int, default=24)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--model", default="")
    options.add_argument("--gpus", type=int, default=0)
    given = options.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    with tempfile.TemporaryDirectory() as folder:
        compare(given, Path(folder))


def compare(given: argparse.Namespace, folder: Path) -> None:
    model = given.model or small(folder / "model")
    figures = {"one local engine": asyncio.run(alone(model, given))}
    for replicas in (1, 2):
        figures[f"Ray, {replicas} replica{'s' * (replicas - 1)}"] = clustered(model, replicas, folder, given)
    base = statistics.median(figures["one local engine"])
    load = " ".join(f"{each:.1f}" for each in os.getloadavg())
    rows = [
        Row(name, f"{statistics.median(found):.1f} images/s, {statistics.median(found) / base:.2f} of one engine's")
        for name, found in figures.items()
    ]
    show(f"one checkpoint, {given.requests} requests of 2 images at once, load {load}", rows)


def small(folder: Path) -> str:
    import torch

    from tests import checkpoints

    torch.set_num_threads(1)
    return str(checkpoints.sdxl(folder))


if __name__ == "__main__":
    main()
