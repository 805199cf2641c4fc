"""The drawing process from the bot's side, against small processes that speak its frames and misbehave."""

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from adapters.backends.diffusers.backend import DiffusersBackend, DiffusersConfig
from adapters.backends.diffusers.client import ROOT
from bot.errors import Broken, Down, Rejected
from bot.model import Drawing, Size, Stage
from tests.fakes import Notes

FOX = Drawing("a red fox", Size(64, 64), 1, steps=3, seed=1)

PRELUDE = """
import os, sys, time
from pathlib import Path
from adapters.backends.diffusers import wire
def say(what, blobs=(), **values):
    sys.stdout.buffer.write(wire.pack({"what": what, **values}, blobs))
    sys.stdout.buffer.flush()
def hear():
    return wire.read(sys.stdin.buffer)[0]
config = hear()
starts = Path(config["model"]) / "starts"
starts.write_text(starts.read_text() + "x" if starts.exists() else "x")
first = len(starts.read_text()) == 1
"""


class Stand:
    """Backends whose process runs the given lines."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.made: list[DiffusersBackend] = []

    def backend(self, lines: str, *, timeout: float = 60, stall: float = 60) -> DiffusersBackend:
        config = DiffusersConfig(str(self.folder), timeout_seconds=timeout, stall_seconds=stall)
        command = (sys.executable, "-c", PRELUDE + textwrap.dedent(lines))
        self.made.append(DiffusersBackend("local", config, command=command))
        return self.made[-1]

    @property
    def starts(self) -> int:
        return len((self.folder / "starts").read_text())


@pytest.fixture
async def stand(tmp_path: Path) -> AsyncIterator[Stand]:
    stand = Stand(tmp_path)
    yield stand
    for backend in stand.made:
        await backend.close()


GOOD = """
say("ready", side=64, step=8)
while True:
    order = hear()
    say("progress", id=order["id"], step=1, steps=3)
    say("preview", [b"small"], id=order["id"], index=0)
    time.sleep(0.2)
    say("drawn", [b"png"], id=order["id"], seeds=[order["drawing"]["seed"]], missing=0)
"""


async def test_pictures_progress_and_previews_come_back(stand: Stand) -> None:
    backend, notes = stand.backend(GOOD), Notes()
    drawn = await backend.generate(FOX, "", notes)
    assert (drawn.pictures, drawn.seeds, drawn.missing) == ((b"png",), (1,), 0)
    assert notes.steps[0] == (0, 0)
    assert [told for told in notes.steps if told != (0, 0)] == [(1, 3)]
    assert notes.previews == [(0, b"small")]
    assert await backend.probe() == ""
    assert backend.capabilities.default_size == Size(64, 64)
    assert stand.starts == 1


async def test_loading_is_told_again_and_again_and_not_once_the_model_is_there(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adapters.backends.diffusers.client.BETWEEN_TELLINGS", 0.05)
    backend, first, second = stand.backend(f"time.sleep(1)\n{GOOD}"), Notes(), Notes()
    await backend.generate(FOX, "", first)
    await backend.generate(FOX, "", second)
    assert first.steps[:2] == [(0, 0), (0, 0)]
    assert first.steps[-1] == (1, 3)
    assert second.steps == [(1, 3)]


async def test_a_report_that_never_returns_holds_no_picture_back(stand: Stand) -> None:
    class Stuck(Notes):
        async def progress(self, step: int, steps: int) -> None:
            await asyncio.sleep(3600)

    drawn = await asyncio.wait_for(stand.backend(GOOD).generate(FOX, "", Stuck()), 60)
    assert drawn.pictures == (b"png",)


async def test_f36_a_process_that_dies_over_a_request_is_started_anew_and_asked_once_more(stand: Stand) -> None:
    backend = stand.backend(
        """
        say("ready", side=64, step=8)
        order = hear()
        if first:
            say("dying", detail="CUDA error: device-side assert triggered")
            os._exit(70)
        say("drawn", [b"png"], id=order["id"], seeds=[1], missing=0)
        hear()
        """
    )
    assert (await backend.generate(FOX, "", Notes())).pictures == (b"png",)
    assert stand.starts == 2


async def test_f36_a_request_that_kills_every_process_fails_after_the_second(stand: Stand) -> None:
    backend = stand.backend("say('ready', side=64, step=8); hear(); say('dying', detail='CUDA error'); os._exit(70)")
    with pytest.raises(Down, match="ended with 70: CUDA error"):
        await backend.generate(FOX, "", Notes())
    assert stand.starts == 2


async def test_f37_a_process_that_hangs_is_killed_and_the_request_drawn_by_the_next(stand: Stand) -> None:
    backend = stand.backend(
        """
        say("ready", side=64, step=8)
        order = hear()
        if first:
            say("alive", patience=0.5)
            time.sleep(3600)
        say("drawn", [b"png"], id=order["id"], seeds=[1], missing=0)
        hear()
        """
    )
    began = time.monotonic()
    assert (await backend.generate(FOX, "", Notes())).pictures == (b"png",)
    assert time.monotonic() - began < 60
    assert stand.starts == 2


async def test_f37_after_three_deaths_nothing_is_started_for_a_while(stand: Stand) -> None:
    backend = stand.backend("say('ready', side=64, step=8); hear(); os._exit(1)")
    for _ in range(4):
        with pytest.raises(Down):
            await backend.generate(FOX, "", Notes())
    assert stand.starts == 3
    assert "3 times in a row" in await backend.probe()


async def test_f37_a_patient_first_step_is_not_taken_for_a_hang(stand: Stand) -> None:
    backend = stand.backend(
        """
        say("ready", side=64, step=8)
        order = hear()
        say("alive", patience=30)
        time.sleep(4.5)
        say("drawn", [b"png"], id=order["id"], seeds=[1], missing=0)
        hear()
        """,
        stall=3.0,
    )
    assert (await backend.generate(FOX, "", Notes())).pictures == (b"png",)
    assert stand.starts == 1


async def test_a_cancelled_request_is_taken_out_of_the_batch(stand: Stand) -> None:
    backend = stand.backend(
        """
        say("ready", side=64, step=8)
        order = hear()
        say("progress", id=order["id"], step=1, steps=3)
        gone = hear()
        order = hear()
        say("drawn", [gone["what"].encode()], id=order["id"], seeds=[1], missing=0)
        hear()
        """
    )
    notes = Notes()
    task = asyncio.create_task(backend.generate(FOX, "", notes))
    async with asyncio.timeout(60):
        await notes.moved.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (await backend.generate(FOX, "", Notes())).pictures == (b"cancel",)


async def test_a_request_that_takes_too_long_is_given_up(stand: Stand) -> None:
    backend = stand.backend("say('ready', side=64, step=8); hear(); time.sleep(3600)", timeout=1.5)
    with pytest.raises(Down, match="not drawn within"):
        await backend.generate(FOX, "", Notes())


async def test_a_model_that_cannot_be_loaded_is_one_clear_line(stand: Stand) -> None:
    backend = stand.backend("say('unloadable', code='engine_not_found', values={'model': 'x'})")
    assert await backend.probe() == "The model folder x does not exist. Mend `model`."
    with pytest.raises(Down, match="does not exist") as caught:
        await backend.generate(FOX, "", Notes())
    assert caught.value.until_fixed


async def test_a_model_loaded_ahead_is_loaded_once(stand: Stand, caplog: pytest.LogCaptureFixture) -> None:
    lines = """
        say("ready", side=64, step=8)
        while True:
            order = hear()
            if order["what"] == "draw":
                say("drawn", [b"png"], id=order["id"], seeds=[1], missing=0)
    """
    backend = stand.backend(lines)
    with caplog.at_level("INFO"):
        await backend.preload()
    assert f"loaded {stand.folder}" in caplog.text
    await backend.generate(FOX, "", Notes())
    assert stand.starts == 1


async def test_a_model_that_cannot_be_loaded_ahead_is_logged_and_told_to_who_asks(
    stand: Stand, caplog: pytest.LogCaptureFixture
) -> None:
    backend = stand.backend('say("unloadable", code="engine_no_torch", values={"name": "torch"})')
    await backend.preload()
    assert "imagine-bot[local]" in caplog.text
    with pytest.raises(Down, match="torch"):
        await backend.generate(FOX, "", Notes())


async def test_a_process_that_prints_nonsense_is_killed_and_named(stand: Stand) -> None:
    backend = stand.backend("print('Hello, I am a progress bar of some library'); sys.stdout.flush(); time.sleep(60)")
    assert "spoke nonsense" in await asyncio.wait_for(backend.probe(), 60)


async def test_failures_keep_their_kind(stand: Stand) -> None:
    backend = stand.backend(
        """
        say("ready", side=64, step=8)
        say("failed", id=hear()["id"], kind="rejected", detail="the safety checker")
        say("failed", id=hear()["id"], kind="broken", detail="one colour")
        hear()
        """
    )
    with pytest.raises(Rejected) as caught:
        await backend.generate(FOX, "", Notes())
    assert caught.value.stage is Stage.PICTURE
    with pytest.raises(Broken, match="one colour"):
        await backend.generate(FOX, "", Notes())


async def test_f35_a_size_that_memory_did_not_hold_is_not_offered_again(stand: Stand) -> None:
    backend = stand.backend(
        """
        say("ready", side=64, step=8)
        say("lowered", max_pixels=64 * 64 - 1)
        say("failed", id=hear()["id"], kind="broken", detail="out of memory")
        hear()
        """
    )
    with pytest.raises(Broken):
        await backend.generate(FOX, "", Notes())
    assert backend.capabilities.max_pixels == 64 * 64 - 1
    assert backend.capabilities.default_size == Size(56, 56)


async def test_closing_ends_the_process_at_once(stand: Stand) -> None:
    backend = stand.backend(GOOD)
    assert await backend.probe() == ""
    assert backend._engine is not None
    pid = backend._engine.pid
    await backend.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_the_process_ends_when_the_bot_is_killed(tmp_path: Path) -> None:
    script = f"""
import asyncio, sys
from adapters.backends.diffusers.backend import DiffusersBackend, DiffusersConfig
child = {PRELUDE + GOOD!r}
async def main():
    backend = DiffusersBackend("local", DiffusersConfig({str(tmp_path)!r}), command=(sys.executable, "-c", child))
    await backend.probe()
    print(backend._engine.pid, flush=True)
    await asyncio.sleep(3600)
asyncio.run(main())
"""
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, cwd=ROOT) as bot:
        assert bot.stdout is not None
        pid = int(bot.stdout.readline())
        bot.send_signal(signal.SIGKILL)
    end = time.monotonic() + 10
    while Path(f"/proc/{pid}").exists() and "Z" not in Path(f"/proc/{pid}/stat").read_text().split()[2]:
        assert time.monotonic() < end, "it outlived the bot"
        time.sleep(0.05)


def test_secrets_of_the_bot_do_not_reach_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    from adapters.backends.diffusers.client import _environment

    monkeypatch.setenv("DISCORD_TOKEN", "secret")
    monkeypatch.setenv("HF_TOKEN", "needed")
    assert "DISCORD_TOKEN" not in _environment()
    assert _environment()["HF_TOKEN"] == "needed"


def test_importing_the_backend_imports_no_torch() -> None:
    heavy = {"torch", "diffusers", "transformers", "numpy"}
    code = f"import sys, adapters.backends.diffusers.backend; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
