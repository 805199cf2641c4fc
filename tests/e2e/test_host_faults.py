"""The host misbehaves: locked database, full disk, a clock that jumps, a sweep that is interrupted."""

import asyncio
import sqlite3
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from adapters import configuration, main
from adapters.disk import DiskWatch
from adapters.images import disk
from adapters.main import sweep_house
from adapters.observe import Observe
from adapters.store import sqlite
from bot.errors import Refused, StoreBusy
from bot.judging import PictureChecks
from bot.model import JobState
from bot.studio import Studio
from tests import factories, program
from tests.contract.test_store_moderation import held
from tests.fakes import FakeBackend, Recorder
from tests.house import open_house
from tests.waiting import until

MEGABYTE = 1024 * 1024


async def test_f66_a_locked_database_says_busy_and_charges_nothing(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        other = sqlite3.connect(tmp_path / "imagine.db", isolation_level=None, timeout=60)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Refused) as refused:
            await house.ask()
        assert refused.value.problems[0].code == "store_busy"
        other.execute("ROLLBACK")
        other.close()
        assert await house.store.jobs_of("web:user:ann", 10) == []
        assert (await house.ask()).job.state is JobState.QUEUED


async def test_f66_a_writer_that_gets_no_turn_is_told_so(tmp_path: Path) -> None:
    engine = await sqlite.connect(tmp_path / "imagine.db")
    async with engine.write():
        with pytest.raises(StoreBusy):
            async with engine.write():
                pass
    await engine.close()


async def test_f65_the_write_ahead_log_does_not_fill_the_disk_itself(tmp_path: Path) -> None:
    engine = await sqlite.connect(tmp_path / "imagine.db")
    for number in range(60):
        async with engine.write() as tx:
            await tx.run("set_meta", name=f"note-{number}", value="x" * MEGABYTE)
    log = (tmp_path / "imagine.db-wal").stat().st_size
    await engine.close()
    assert log < 20 * MEGABYTE


async def test_f65_below_the_low_water_mark_requests_are_refused_and_taken_again_above_it(tmp_path: Path) -> None:
    left = [900 * MEGABYTE]

    async def free() -> int:
        return left[0]

    recorder = Recorder()
    watch = DiskWatch(free, recorder)
    async with open_house(tmp_path) as house:
        core = replace(house.core, has_room=watch.has_room)
        studio = Studio(core, house.pictures)
        for megabytes, taken in ((900, True), (100, False), (50, False), (900, True)):
            left[0] = megabytes * MEGABYTE
            await watch.look()
            if taken:
                await studio.submit(factories.origin(), "a fox", f"key-{len(recorder.events)}")
                continue
            with pytest.raises(Refused) as refused:
                await studio.submit(factories.origin(), "a fox", "key")
            assert refused.value.problems[0].code == "store_full"
    assert [name for name, _ in recorder.events] == ["alert", "disk_has_room_again"]


async def test_f65_a_disk_that_does_not_answer_for_a_while_is_watched_on(tmp_path: Path) -> None:
    folder, recorder = tmp_path / "images", Recorder()
    watch = DiskWatch(lambda: asyncio.to_thread(disk.free_bytes, folder), recorder, low_water=2**62)
    watching = asyncio.create_task(watch.run(0.01))
    async with asyncio.timeout(60):
        while not recorder.events:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)
        assert watch.has_room()
        folder.mkdir()
        while watch.has_room():
            await asyncio.sleep(0.01)
    watching.cancel()
    assert [values["text"] for _, values in recorder.events] == ["disk_unknown", "disk_low"]


FILL = """
import asyncio, resource, signal, sys
from pathlib import Path
from adapters.store import sqlite
from adapters.store.store import SqlStore
from bot.errors import StoreFull
from tests import factories

async def main():
    store = SqlStore(await sqlite.connect(Path(sys.argv[1])))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (600_000, resource.RLIM_INFINITY))
    stored = 0
    try:
        for number in range(10_000):
            await store.submit(factories.new(factories.job(prompt="x" * 1500)))
            stored += 1
    except StoreFull:
        pass
    jobs = await store.jobs_of("web:user:ann", 100_000)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    await store.submit(factories.new(factories.job()))
    print(stored, len(jobs))
    await store.close()

asyncio.run(main())
"""


def test_f65_a_full_disk_refuses_and_reading_goes_on_and_nothing_is_lost(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FILL, str(tmp_path / "imagine.db")],
        env=program.environment(),
        cwd=program.ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    stored, read = map(int, done.stdout.split())
    assert stored == read > 0
    with sqlite3.connect(tmp_path / "imagine.db") as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert connection.execute("SELECT count(*) FROM jobs").fetchone() == (stored + 1,)
    connection.close()


async def test_the_sweep_deletes_what_is_past_its_days_and_keeps_the_rest(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        async with house.working():
            old = await house.settled((await house.ask("an old fox")).job.id)
            shared = await house.settled((await house.ask("another fox --seed 5")).job.id)
            again = await house.settled((await house.ask("another fox --seed 5", name="bob")).job.id)
        age(tmp_path, [old.id, shared.id])
        [gone] = await house.store.pictures_of(old.id)
        [kept] = await house.store.pictures_of(again.id)
        await sweep_house(house.store, house.pictures, before=factories.NOW, now=factories.NOW, day=0)
        assert await house.store.job(old.id) is None
        assert await house.store.job(again.id) is not None
        with pytest.raises(FileNotFoundError):
            await house.pictures.read(gone.sha256)
        assert await house.pictures.read(kept.sha256)


async def test_f07_a_sweep_cut_off_between_rows_and_files_leaves_files_that_the_next_one_finds(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        async with house.working():
            job = await house.settled((await house.ask()).job.id)
        [picture] = await house.store.pictures_of(job.id)
        age(tmp_path, [job.id])
        assert await house.store.sweep(factories.NOW, 200, 0) == [picture.sha256]
        later = house.core.clock.now() + 7200
        await sweep_house(house.store, house.pictures, before=factories.NOW, now=later, day=0)
        with pytest.raises(FileNotFoundError):
            await house.pictures.read(picture.sha256)


class LongLook:
    """A picture check that begins to take its time once ``slow`` is set, and then until ``done`` is."""

    def __init__(self) -> None:
        self.slow, self.looking, self.done = False, asyncio.Event(), asyncio.Event()

    async def classify(self, image: bytes) -> Mapping[str, float]:
        if self.slow:
            self.looking.set()
            await self.done.wait()
        return {}


@pytest.mark.parametrize("way", ["delete", "forget"])
async def test_deleting_a_picture_leaves_its_file_to_somebody_who_is_just_having_it_drawn_again(
    tmp_path: Path, way: str
) -> None:
    look = LongLook()
    async with open_house(tmp_path, pictures_checked=PictureChecks(look)) as house, house.working():
        anns = await house.settled((await house.ask("a fox --seed 5")).job.id)
        look.slow = True
        bobs = (await house.ask("a fox --seed 5", "bob")).job.id
        async with asyncio.timeout(30):
            await look.looking.wait()
        if way == "delete":
            await house.studio.delete(anns.origin.person, anns.origin.place, anns.id)
        else:
            await house.studio.forget(anns.origin.person)
        look.done.set()
        assert (await house.settled(bobs, 30)).state is JobState.DELIVERED
        [picture] = await house.store.pictures_of(bobs)
        assert len(await house.pictures.read(picture.sha256)) == picture.size_bytes
        await house.studio.delete(factories.person("bob"), factories.origin("bob").place, bobs)
        with pytest.raises(FileNotFoundError):
            await house.pictures.read(picture.sha256)


def age(folder: Path, jobs: list[str]) -> None:
    with sqlite3.connect(folder / "imagine.db", timeout=60) as connection:
        connection.executemany("UPDATE jobs SET finished_at = 1 WHERE id = ?", [(job,) for job in jobs])
    connection.close()


async def test_f71_requests_are_taken_while_pictures_are_drawn(tmp_path: Path) -> None:
    async with open_house(tmp_path, [FakeBackend(seconds=0.5)]) as house, house.working():
        first = await house.ask()
        taken = await asyncio.gather(*(house.ask(name=f"p{number}") for number in range(20)))
        assert all(ticket.job.state is not JobState.FAILED for ticket in taken)
        await house.settled(first.job.id)


async def test_f78_a_request_that_cannot_be_expired_ends_no_process(tmp_path: Path) -> None:
    store = f'[store]\nurl = "sqlite:///{tmp_path}/imagine.db"\nimages = "{tmp_path}/images"'
    (tmp_path / "imagine.toml").write_text(f'{store}\n[backends.sketch]\nkind = "sketch"\n')
    settings = configuration.load(tmp_path / "imagine.toml", {})
    observe = Observe(settings.backends)
    async with main.open_house(settings, observe) as house:
        job, _ = await held(house.store)
        other = sqlite3.connect(settings.store.sqlite_path, isolation_level=None)
        other.execute("UPDATE jobs SET state = 'failed' WHERE id = ?", (job.id,))
        other.close()
        loop = asyncio.create_task(main.expiry_loop(house))
        await until(lambda: "imagine_store_errors_total 1" in observe.exposition()[0].decode())
        assert not loop.done()
        loop.cancel()
