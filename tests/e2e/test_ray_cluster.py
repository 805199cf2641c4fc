"""A real Ray cluster of two nodes draws with a small checkpoint, and loses a replica, then a node."""

import asyncio
import contextlib
import logging
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

pytest.importorskip("ray")
pytest.importorskip("torch")
pytest.importorskip("diffusers")
pytest.importorskip("transformers")

from adapters.backends.diffusers.backend import DiffusersBackend, DiffusersConfig
from adapters.backends.ray.backend import RayBackend
from bot.errors import Refused
from bot.model import Drawing, JobState, Size
from tests import checkpoints, clusters
from tests.clusters import RayCluster
from tests.fakes import Notes
from tests.house import TestHouse, open_house

pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.timeout(400)]

FOX = Drawing("a red fox", Size(32, 32), 2, negative_prompt="blur", steps=4, guidance=5.0, seed=11)
LONG = replace(FOX, size=Size(64, 32), steps=100, count=10)
AT_ONCE = 6  #: requests on their way when something is killed


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return checkpoints.sdxl(tmp_path_factory.mktemp("sdxl"))


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory, model: Path) -> Iterator[RayCluster]:
    """One replica at first, and a second one as soon as anything waits."""
    with clusters.running(
        tmp_path_factory.mktemp("cluster"),
        model=str(model),
        device="cpu",
        max_replicas=2,
        waiting=1,
        upscale_seconds=0,
        timeout_seconds=100,
    ) as made:
        yield made
    assert clusters.of_session(made._process.pid) == [], "something of the cluster is left"


@pytest.fixture
async def backend(cluster: RayCluster) -> AsyncIterator[RayBackend]:
    made = RayBackend("cards", url=cluster.url, token=cluster.token, timeout_seconds=100)
    yield made
    await made.close()


async def introduction(cluster: RayCluster) -> dict[str, Any]:
    """Of any one of the replicas."""
    async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
        answer = await client.get(cluster.url, headers={"Authorization": f"Bearer {cluster.token}"})
    said: dict[str, Any] = answer.json()
    return said


async def requests(cluster: RayCluster) -> dict[str, int]:
    counts: dict[str, int] = (await introduction(cluster))["requests"]
    return counts


async def test_a_picture_is_the_local_engines_and_a_cancelled_one_is_drawn_no_further(
    cluster: RayCluster, backend: RayBackend, model: Path
) -> None:
    assert await backend.probe() == ""
    assert (backend.capabilities.default_size, backend.capabilities.side_step) == (Size(32, 32), 2)
    assert backend.capabilities.at_once == 32
    notes = Notes()
    drawn = await backend.generate(FOX, "", notes)
    assert notes.steps[-1][1] == 4
    assert notes.previews
    local = DiffusersBackend("local", DiffusersConfig(str(model), device="cpu", timeout_seconds=100))
    expected = await local.generate(FOX, "", Notes())
    await local.close()
    assert drawn == expected

    before = await requests(cluster)
    notes = Notes()
    task = asyncio.create_task(backend.generate(LONG, "", notes))
    async with asyncio.timeout(clusters.PATIENCE):
        await notes.moved.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        while (now := await requests(cluster))["drawing"]:
            await asyncio.sleep(0.05)
    assert (now["cancelled"], now["ended"]) == (before["cancelled"] + 1, before["ended"])


async def two_replicas(cluster: RayCluster, backend: RayBackend) -> dict[str, list[int]]:
    """Requests that wait make the cluster start the second one, on the other node, for a GPU carries one."""
    await asyncio.to_thread(cluster.have_second_node)
    waiting = [asyncio.create_task(backend.generate(LONG, "", Notes())) for _ in range(AT_ONCE)]
    try:
        found = await asyncio.to_thread(cluster.wait_for_replicas, 2)
    finally:
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
    assert [len(pids) for pids in found.values()] == [1, 1]
    return dict(found)


async def patiently_asked(house: TestHouse, text: str, name: str) -> str:
    """Two nodes beside it keep a small machine so busy that the store may say so."""
    while True:
        with contextlib.suppress(Refused):
            return (await house.ask(text, name)).job.id


@asynccontextmanager
async def requests_under_way(
    folder: Path, backend: RayBackend, victim: int, caplog: pytest.LogCaptureFixture
) -> AsyncIterator[tuple[TestHouse, list[str]]]:
    """A worker with a store, in the middle of several requests, some of which are drawn by the process ``victim``."""
    folder.mkdir()
    async with open_house(folder, [backend]) as house, house.working():
        caplog.clear()
        text = "a fox --steps 100 --count 4"
        asked = [await patiently_asked(house, text, f"p{number}") for number in range(AT_ONCE)]
        async with asyncio.timeout(clusters.PATIENCE):
            while f"drawn by process {victim}" not in caplog.messages:
                await asyncio.sleep(0.01)
        yield house, asked


async def settled_once(house: TestHouse, asked: list[str]) -> None:
    for job_id in asked:
        job = await house.settled(job_id, clusters.PATIENCE)
        assert job.state is JobState.DELIVERED
    assert sorted(shown.job.id for shown in house.chat.shown) == sorted(asked)
    assert {len(shown.pictures) for shown in house.chat.shown} == {4}
    assert house.recorder.named("backend_error"), "nothing was lost with what was killed"


async def test_f36_a_replica_and_then_a_whole_node_are_killed_and_every_request_is_delivered_once(
    cluster: RayCluster, backend: RayBackend, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "adapters.backends.ray.backend")
    found = await two_replicas(cluster, backend)
    [victim] = found["second"]
    async with requests_under_way(tmp_path / "replica", backend, victim, caplog) as (house, asked):
        os.kill(victim, signal.SIGKILL)
        await settled_once(house, asked)
    found = await two_replicas(cluster, backend)
    assert found["second"] != [victim]
    [victim] = found["second"]
    async with requests_under_way(tmp_path / "node", backend, victim, caplog) as (house, asked):
        await asyncio.to_thread(cluster.kill_second_node)
        await settled_once(house, asked)
    assert list(await asyncio.to_thread(cluster.wait_for_replicas, 1)) == ["head"]
