"""The backend with a real drawing process and a real, small checkpoint."""

import asyncio
import io
import os
import signal
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio

pytest.importorskip("torch")
pytest.importorskip("diffusers")
pytest.importorskip("transformers")

from PIL import Image, ImageChops

from adapters.backends.diffusers.backend import DiffusersBackend, DiffusersConfig
from bot.errors import Down
from bot.model import Drawing, Size
from tests import checkpoints
from tests.fakes import Notes

pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.asyncio(loop_scope="module")]

FOX = Drawing("a red fox", Size(32, 32), 2, steps=4, seed=11)
LONG = replace(FOX, steps=100, count=4)

#: Outside exact mode the engine picks its row count by what calls took, and another one differs by 1e-4 at most, which
#: may round to the next level.
ROUNDED = 1


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return checkpoints.sdxl(tmp_path_factory.mktemp("sdxl"))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def backend(folder: Path) -> AsyncIterator[DiffusersBackend]:
    os.environ["OMP_NUM_THREADS"] = "1"  # of the process: two threads on a busy machine only wait for each other
    config = DiffusersConfig(str(folder), device="cpu", timeout_seconds=200, stall_seconds=8)
    backend = DiffusersBackend("local", config)
    yield backend
    await backend.close()
    del os.environ["OMP_NUM_THREADS"]


async def test_it_says_what_it_can_before_anything_is_loaded(backend: DiffusersBackend) -> None:
    assert backend.capabilities.default_size == Size(32, 32)
    assert backend.capabilities.side_step == 2
    assert backend._engine is None


async def test_pictures_seeds_progress_and_previews_come_from_the_process(backend: DiffusersBackend) -> None:
    notes = Notes()
    drawn = await backend.generate(FOX, "", notes)
    assert (drawn.seeds, drawn.missing) == ((11, 12), 0)
    assert [Image.open(io.BytesIO(picture)).size for picture in drawn.pictures] == [(32, 32)] * 2
    assert notes.steps
    assert notes.previews
    assert await backend.probe() == ""


async def test_many_at_once_get_their_own_pictures_and_the_event_loop_does_not_stall(
    backend: DiffusersBackend,
) -> None:
    computed = []  # seconds between two rounds of the loop, of this thread: a busy machine adds nothing to it

    async def beat() -> None:
        while True:
            before = time.thread_time()
            await asyncio.sleep(0.01)
            computed.append(time.thread_time() - before)

    beating = asyncio.create_task(beat())
    at_once = backend.capabilities.at_once
    asked = [replace(FOX, count=1, seed=seed, steps=2 + seed % 5) for seed in range(at_once)]
    drawn = await asyncio.gather(*(backend.generate(one, "", Notes()) for one in asked))
    beating.cancel()
    assert [one.seeds for one in drawn] == [(seed,) for seed in range(at_once)]
    assert len({one.pictures for one in drawn}) == at_once
    assert max(computed) < 0.2


async def test_without_a_seed_one_is_drawn_and_told(backend: DiffusersBackend) -> None:
    first, second = await asyncio.gather(
        *(backend.generate(replace(FOX, count=1, seed=None), "", Notes()) for _ in range(2))
    )
    assert first.seeds[0] is not None
    assert first.seeds != second.seeds


async def test_a_cancelled_request_makes_room_at_once(backend: DiffusersBackend) -> None:
    notes = Notes()
    task = asyncio.create_task(backend.generate(LONG, "", notes))
    await asyncio.wait_for(notes.moved.wait(), 60)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    told = len(notes.steps)
    await backend.generate(FOX, "", Notes())
    assert len(notes.steps) == told


@pytest.mark.timeout(240)
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP], ids=["f36_killed", "f37_hanging"])
async def test_a_process_that_is_lost_is_replaced_and_the_same_picture_drawn(
    backend: DiffusersBackend, how: signal.Signals
) -> None:
    before = await backend.generate(FOX, "", Notes())
    assert backend._engine is not None
    pid, notes = backend._engine.pid, Notes()
    long = asyncio.create_task(backend.generate(replace(LONG, count=1), "", notes))
    await asyncio.wait_for(notes.moved.wait(), 60)
    os.kill(pid, how)
    assert len((await asyncio.wait_for(long, 180)).pictures) == 1
    assert backend._engine.pid != pid
    after = await backend.generate(FOX, "", Notes())
    for one, other in zip(before.pictures, after.pictures, strict=True):
        assert furthest(one, other) <= ROUNDED


@pytest.mark.timeout(240)
async def test_f36_in_exact_mode_a_new_process_draws_the_same_bits(folder: Path) -> None:
    config = DiffusersConfig(str(folder), device="cpu", exact=True, max_batch=2, timeout_seconds=200)
    backend = DiffusersBackend("exact", config)
    try:
        before = await backend.generate(FOX, "", Notes())
        assert backend._engine is not None
        os.kill(backend._engine.pid, signal.SIGKILL)
        company = asyncio.create_task(backend.generate(replace(FOX, steps=7, seed=50), "", Notes()))
        after = await backend.generate(FOX, "", Notes())
        await company
    finally:
        await backend.close()
    assert after.pictures == before.pictures


def furthest(one: bytes, other: bytes) -> int:
    """The largest difference of two pictures, in levels of 255."""
    with Image.open(io.BytesIO(one)) as left, Image.open(io.BytesIO(other)) as right:
        return max(ImageChops.difference(left, right).tobytes())


async def test_a_wrong_path_is_one_clear_line_and_no_traceback(tmp_path: Path) -> None:
    backend = DiffusersBackend("local", DiffusersConfig(str(tmp_path / "none")))
    line = await backend.probe()
    assert line == f"The model folder {tmp_path / 'none'} does not exist. Mend `model`."
    with pytest.raises(Down) as caught:
        await backend.generate(FOX, "", Notes())
    assert (caught.value.until_fixed, caught.value.detail) == (True, line)
    await backend.close()
