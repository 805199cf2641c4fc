"""Every fault that a provider can show, met by the whole house: real settings, store, pictures, worker and log.

The provider's stand-in plants the key in whatever it can. It must come out nowhere.
"""

import asyncio
import json
import struct
import zlib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import pytest
import stamina

from adapters import configuration
from adapters.main import House, open_house
from adapters.observe import Observe, Redactor
from bot import failover
from bot.model import FINAL_STATES, Job, JobState, Problem
from bot.replies import problem
from bot.worker import Worker
from tests import factories
from tests.contract.hosted import CANARY, KINDS, WITH_URLS, Rig, rigged
from tests.fakes import FakeChat
from tests.standins.providers import png
from tests.standins.wire import Raw, Reply, cut_off, drip, hang, reset, say
from tests.unit.logging_taken_over import entries, taken_over

CONFIG = """
[store]
url = "sqlite:///{folder}/imagine.db"
images = "{folder}/images"
[quota]
images_per_day = 0
running = 0
waiting = 0
[backends.{kind}]
kind = "{kind}"
url = "{url}"
key_env = "THE_KEY"
timeout_seconds = 4
{hosts}
"""
ECHO = json.dumps({"message": f"no: {CANARY}", "headers": {"authorization": f"Bearer {CANARY}"}}).encode()
PNG = png()

STATUSES = {
    **dict.fromkeys((400, 422), "broken"),
    **dict.fromkeys((401, 402, 403, 404, 405, 408, 409, 500, 502, 503, 504), "down"),
    429: "busy",
    451: "rejected",
}
FAULTS: Mapping[str, tuple[Raw | Reply, str]] = {
    **{str(status): (Reply(status, ECHO, {"X-Key": CANARY}), kind) for status, kind in STATUSES.items()},
    "429 with a time": (Reply(429, ECHO, {"Retry-After": "0.1"}), "busy"),
    "a redirect of the call": (Reply(307, ECHO, {"Location": f"https://example.com/{CANARY}"}), "down"),
    "reset": (reset, "down"),
    "hang": (hang, "down"),
    "no http": (say([CANARY.encode() + b"\r\n\r\n"]), "down"),
    "json error": (Reply(200, ECHO), "down"),
    "json cut off": (cut_off(ECHO, 60), "down"),
}


def bomb() -> bytes:
    """60,000 by 60,000 pixels in a few bytes."""
    header = b"IHDR" + struct.pack(">IIBBBBB", 60000, 60000, 8, 2, 0, 0, 0)
    return PNG[:12] + header + struct.pack(">I", zlib.crc32(header)) + PNG[33:]


PICTURES: Mapping[str, Raw | Reply] = {
    "drip": drip(PNG + bytes(5000)),
    "html": Reply(200, b"<html>" + CANARY.encode()),
    "empty": Reply(200),
    "cut off": cut_off(PNG, 30),
    "wrong type": Reply(200, b"GIF89a" + CANARY.encode()),
    "bomb": Reply(200, bomb()),
}


@dataclass
class Scene:
    rig: Rig
    house: House
    chat: FakeChat
    log: StringIO

    async def meet(self, count: int = 1) -> Job:
        """A request that is drawn, or whose backend failed once; then it is cancelled, and everything mended."""
        made = factories.job()
        size = "768x768" if self.rig.kind == "imagepipeline" else "1024x1024"
        origin = factories.origin("ann")
        ticket = await self.house.studio.submit(origin, f"a red fox --count {count} --size {size}", made.key)
        await self.house.studio.acknowledged(ticket.job.id, {})
        async with asyncio.timeout(60):
            while (job := await self._job(ticket.job.id)).state not in FINAL_STATES and not self.errors(job.id):
                await asyncio.sleep(0.01)
            while (job := await self._job(job.id)).state not in FINAL_STATES or not job.told:
                await self.house.store.cancel(job.id, Problem("cancelled_by_you"), self.house.core.clock.now())
                await asyncio.sleep(0.01)
        for server in (self.rig.api, self.rig.cdn):
            server.always(None)
        breaker = self.house.core.health.breaker(self.rig.kind)
        await self.house.core.health.keep(failover.mended(breaker))
        return job

    def errors(self, job: str) -> list[str]:
        """What the log says of this job's attempts."""
        told = [entry for entry in entries(self.log) if entry.get("event") == "backend_error"]
        return [entry["kind"] for entry in told if entry.get("job") == job]

    async def _job(self, job_id: str) -> Job:
        job = await self.house.store.job(job_id)
        assert job is not None
        return job

    def said(self) -> str:
        """All that a person was shown."""
        reasons = [settled.job.reason for settled in self.chat.shown if settled.job.reason]
        return repr(self.chat.shown) + "\n".join(map(problem, reasons))


@asynccontextmanager
async def scene(kind: str, folder: Path) -> AsyncIterator[Scene]:
    async with rigged(kind) as rig:
        hosts = f'image_hosts = ["{rig.cdn.host}"]' if kind in WITH_URLS else ""
        (folder / "imagine.toml").write_text(CONFIG.format(folder=folder, kind=kind, url=rig.url, hosts=hosts))
        settings = configuration.load(folder / "imagine.toml", {"THE_KEY": CANARY})
        # The redactor does not know the key: the backends alone have to keep it to themselves.
        with taken_over(Redactor()) as log, stamina.set_testing(True, attempts=3, cap=True):
            async with open_house(settings, Observe(settings.backends)) as house:
                chat, stop = FakeChat(), asyncio.Event()
                worker = Worker(house.core, house.pictures, {"web": chat}, "w1", alone=True)
                working = asyncio.create_task(worker.run(stop))
                try:
                    yield Scene(rig, house, chat, log)
                finally:
                    stop.set()
                    await working


def stored(folder: Path) -> bytes:
    """Every byte of the database and of the pictures."""
    return b"".join(file.read_bytes() for file in folder.rglob("*") if file.is_file())


@pytest.mark.parametrize("kind", KINDS)
async def test_s19_f20_to_f27_every_fault_has_its_outcome_and_no_key_comes_out(kind: str, tmp_path: Path) -> None:
    outcomes, expected = {}, {}
    async with scene(kind, tmp_path) as it:
        for name, (fault, error) in FAULTS.items():
            it.rig.api.always(fault)
            job = await it.meet()
            outcomes[name], expected[name] = it.errors(job.id)[:1], [error]
        for name, fault in PICTURES.items():
            (it.rig.cdn if kind in WITH_URLS else it.rig.api).always(fault)
            job = await it.meet()
            outcomes[name], expected[name] = it.errors(job.id)[:1], ["down"]
        usage = await it.house.store.usage("web:user:ann", it.house.core.day())
        shown, logged = it.said(), it.log.getvalue()
        at_work = stored(tmp_path)
    assert outcomes == expected
    assert (usage.images_today, usage.waiting, usage.running) == (0, 0, 0)
    for where in (shown, logged, (at_work + stored(tmp_path)).decode("latin-1")):
        assert CANARY[:14] not in where
    assert "backend_error" in logged
    assert b"a red fox" in at_work


@pytest.mark.parametrize("kind", KINDS)
async def test_f24_of_a_partial_answer_the_good_pictures_come_and_the_rest_is_refunded(
    kind: str, tmp_path: Path
) -> None:
    async with scene(kind, tmp_path) as it:
        it.rig.spoil_pictures(Reply(200, b"<html>"))
        job = await it.meet(count=3)
        usage = await it.house.store.usage("web:user:ann", it.house.core.day())
    assert (job.state, job.missing, usage.images_today) == (JobState.DELIVERED, 1, 2)


@pytest.mark.parametrize("kind", WITH_URLS)
@pytest.mark.parametrize("where", ["https://127.0.0.1/x", "http://169.254.169.254/latest", "https://[64:ff9b::7f00:1]/"])
async def test_s10_s11_f24_foreign_urls_and_redirects_to_them_are_never_asked(
    kind: str, where: str, tmp_path: Path
) -> None:
    async with scene(kind, tmp_path) as it:
        it.rig.api.always(it.rig.answer_urls(where))
        assert it.errors((await it.meet()).id)[0] == "down"
        assert it.rig.cdn.heard == []
        it.rig.cdn.always(Reply(302, b"", {"Location": where}))
        assert it.errors((await it.meet()).id)[0] == "down"
        assert len(it.rig.cdn.heard) in {1, 2}  # another attempt may have asked again; nothing went where it was sent
