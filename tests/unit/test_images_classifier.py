"""The local picture check: a real, tiny model made here, in its own process, and small processes that misbehave."""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from adapters.images.classifier import CheckFailed, Classifier
from bot.conduct import Action
from bot.judging import PictureChecks, thresholds
from bot.model import JobState
from bot.settings import ModerationSettings
from tests import program
from tests.fakes import png
from tests.house import open_house
from tests.waiting import until

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

PRELUDE = """
import os, sys, time
from pathlib import Path
from adapters.images.frames import heard, packed
starts = Path(sys.argv[1]) / "starts"
starts.write_text(starts.read_text() + "x" if starts.exists() else "x")
first = len(starts.read_text()) == 1
def say(**values):
    sys.stdout.buffer.write(packed(values, []))
    sys.stdout.buffer.flush()
def hear():
    return heard(sys.stdin.buffer) or os._exit(0)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(1)
    config = transformers.ViTConfig(
        hidden_size=8,
        num_hidden_layers=1,
        num_attention_heads=1,
        intermediate_size=8,
        image_size=16,
        patch_size=8,
        id2label={0: "normal", 1: "nsfw"},
        label2id={"normal": 0, "nsfw": 1},
    )
    made = tmp_path_factory.mktemp("check")
    transformers.ViTForImageClassification(config).save_pretrained(made)
    (made / "preprocessor_config.json").write_text(json.dumps({"size": {"height": 16, "width": 16}}))
    return made


class Stand:
    """Picture checks whose process is the real one or runs the given lines."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.made: list[Classifier] = []

    def real(self, folder: Path) -> Classifier:
        self.made.append(Classifier(folder))
        return self.made[-1]

    def check(self, lines: str, *, picture: float = 20, loading: float = 20, again: float = 0) -> Classifier:
        command = (sys.executable, "-c", PRELUDE + textwrap.dedent(lines))
        seconds = {"picture_seconds": picture, "loading_seconds": loading, "again_seconds": again}
        self.made.append(Classifier(self.folder, command=command, **seconds))
        return self.made[-1]

    @property
    def starts(self) -> int:
        return len((self.folder / "starts").read_text())


@pytest.fixture
async def stand(tmp_path: Path) -> AsyncIterator[Stand]:
    stand = Stand(tmp_path)
    yield stand
    for check in stand.made:
        await check.close()


def is_running(pid: int) -> bool:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, 0)
        return True
    return False


async def test_f79_every_label_has_its_share_and_what_is_no_picture_is_an_error(folder: Path, stand: Stand) -> None:
    check = stand.real(folder)
    red, blue = await check.classify(png("red")), await check.classify(png("blue"))
    assert set(red) == {"normal", "nsfw"}
    assert sum(red.values()) == pytest.approx(1)
    assert red != blue
    before = check.pid
    for no_picture in (b"", b"GIF89a", png()[:40]):
        with pytest.raises(CheckFailed):
            await check.classify(no_picture)
    assert await check.classify(png("red")) == red
    assert check.pid == before


async def test_the_event_loop_goes_on_meanwhile_and_one_process_does_all(folder: Path, stand: Stand) -> None:
    check = stand.real(folder)
    turns = 0

    async def turning() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0.005)

    async with asyncio.TaskGroup() as group:
        other = group.create_task(turning())
        results = await asyncio.gather(*(check.classify(png(side=256)) for _ in range(4)))
        other.cancel()
    assert len(results) == 4
    assert turns > 20


def test_the_model_is_never_imported_into_the_bot() -> None:
    lines = "import adapters.images.classifier, adapters.main, sys; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", lines], check=False).returncode == 0


async def test_f79_a_folder_without_a_model_is_an_error_and_is_not_tried_again_at_once(tmp_path: Path) -> None:
    check = Classifier(tmp_path)
    for _ in range(2):
        with pytest.raises(CheckFailed, match=r"could not be loaded: .*config"):
            await check.classify(png())
    assert check.pid is None
    await check.close()


async def test_f79_a_process_that_was_killed_is_replaced(folder: Path, stand: Stand) -> None:
    check = stand.real(folder)
    scores = await check.classify(png("red"))
    killed = check.pid
    assert killed is not None
    os.kill(killed, signal.SIGKILL)
    assert await check.classify(png("red")) == scores
    assert check.pid not in {None, killed}


async def test_f79_a_picture_that_kills_every_process_is_an_error_after_the_second(stand: Stand) -> None:
    check = stand.check("say(ready=True); hear(); os.kill(os.getpid(), 9)")
    with pytest.raises(CheckFailed, match="two processes"):
        await check.classify(png())
    assert stand.starts == 2


async def test_f79_a_process_that_hangs_is_killed_and_the_next_picture_has_a_new_one(stand: Stand) -> None:
    lines = """
        say(ready=True)
        while True:
            hear()
            if first:
                time.sleep(3600)
            say(scores={"normal": 1.0})
    """
    check = stand.check(lines, picture=0.5)
    with pytest.raises(CheckFailed, match=r"no answer within 0\.5 s"):
        await check.classify(png())
    check._picture_seconds = 20
    assert await check.classify(png()) == {"normal": 1.0}
    assert stand.starts == 2


async def test_f79_whoever_stops_waiting_leaves_no_answer_behind_for_the_next(stand: Stand) -> None:
    lines = """
        say(ready=True)
        hear()
        if first:
            (Path(sys.argv[1]) / "asked").write_text("")
            time.sleep(3600)
        say(scores={"second": 1.0})
        hear()
    """
    check = stand.check(lines)
    waiting = asyncio.create_task(check.classify(png()))
    await until((stand.folder / "asked").exists)
    hanging = check.pid
    assert hanging is not None
    waiting.cancel()
    await asyncio.wait([waiting])
    assert not is_running(hanging)
    assert await check.classify(png()) == {"second": 1.0}


async def test_loading_goes_on_although_the_first_picture_was_held_meanwhile(stand: Stand) -> None:
    lines = """
        while not (Path(sys.argv[1]) / "go").exists():
            time.sleep(0.01)
        say(ready=True)
        while True:
            hear()
            say(scores={"normal": 1.0})
    """
    check = stand.check(lines)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(check.classify(png()), 0.3)
    (stand.folder / "go").write_text("")
    assert await check.classify(png()) == {"normal": 1.0}
    assert stand.starts == 1


@pytest.mark.parametrize("nonsense", ["say(hello=1)", "say(scores=5)", "print('hello, world', flush=True)"])
async def test_f79_a_process_that_speaks_nonsense_is_an_error(stand: Stand, nonsense: str) -> None:
    check = stand.check(f"say(ready=True); hear(); {nonsense}; hear()")
    with pytest.raises(CheckFailed):
        await check.classify(png())


async def test_the_process_has_no_secrets_and_ends_with_the_bot(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISCORD_TOKEN", "canary")
    monkeypatch.setenv("OTHER_PASSWORD", "canary")
    check = stand.check("say(ready=True); hear(); say(scores={name: 0.5 for name in os.environ}); hear()")
    seen = await check.classify(png())
    assert seen["HF_HUB_OFFLINE"] == 0.5
    assert {"DISCORD_TOKEN", "OTHER_PASSWORD"}.isdisjoint(seen)
    pid = check.pid
    assert pid is not None
    await check.close()
    assert not is_running(pid)


def test_the_real_process_ends_when_its_input_does_although_it_hangs(folder: Path) -> None:
    lines = "import sys, time, adapters.images.scoring as s; s.load = lambda _: time.sleep(3600); s.main()"
    child = subprocess.Popen([sys.executable, "-c", lines, str(folder)], stdin=subprocess.PIPE)
    assert child.stdin
    child.stdin.close()
    assert child.wait(30) == 0


MISBEHAVIOUR = {
    "crashes": "say(ready=True); hear(); os.kill(os.getpid(), 9)",
    "hangs": "say(ready=True); hear(); time.sleep(3600)",
    "fails": "say(ready=True); hear(); say(error='out of memory'); hear()",
    "never loads": "say(error='no such file'); hear()",
}


@pytest.mark.parametrize("how", MISBEHAVIOUR)
async def test_f79_whatever_goes_wrong_holds_the_picture_and_the_next_one_that_passes_is_delivered(
    tmp_path: Path, stand: Stand, how: str
) -> None:
    check = stand.check(MISBEHAVIOUR[how], picture=0.5)
    said = ModerationSettings(picture_holds={"nsfw": 0.5})
    checks = PictureChecks(check=check, thresholds=thresholds(said))
    async with open_house(tmp_path / "house", moderation=said, pictures_checked=checks) as house, house.working():
        ticket = await house.ask("a fox")
        async with asyncio.timeout(30):
            while (job := await house.store.job(ticket.job.id)) is None or job.state is not JobState.HELD:
                await asyncio.sleep(0.02)
        assert any(each.get("text") == "image_check_failed" for each in house.recorder.named("alert"))
        well = stand.check("say(ready=True); hear(); say(scores={'nsfw': 0.1}); hear()")
        house.core.judge._pictures = PictureChecks(check=well, thresholds=thresholds(said))
        passed = await house.ask("a boat")
        assert (await house.settled(passed.job.id, 30)).state is JobState.DELIVERED


@pytest.mark.parametrize(
    ("limits", "said"),
    [({"nsfw": 0.5}, "ok    picture check"), ({"porn": 0.5}, "FAIL  picture check: it knows no label porn")],
)
def test_check_names_limits_for_labels_that_the_model_does_not_know(
    folder: Path, tmp_path: Path, limits: dict[str, float], said: str
) -> None:
    config = tmp_path / "imagine.toml"
    listed = ", ".join(f'"{label}" = {limit}' for label, limit in limits.items())
    config.write_text(f'[moderation]\npicture_check = "{folder}"\npicture_holds = {{ {listed} }}\n')
    done = program.call("check", "-c", str(config), cwd=tmp_path, seconds=120)
    assert said in done.stdout


def test_the_limits_of_the_settings_become_thresholds() -> None:
    said = ModerationSettings(picture_holds={"nsfw": 0.5, "gore": 0.6}, picture_blocks={"nsfw": 0.9})
    assert thresholds(said) == {
        "nsfw": {Action.HOLD: 0.5, Action.BLOCK: 0.9},
        "gore": {Action.HOLD: 0.6},
    }
