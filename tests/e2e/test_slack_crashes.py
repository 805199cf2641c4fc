"""kill -9 before and after the effect of every call of a request's way over Slack, the middle of an upload included."""

import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.killed import Fuse, Life, charged, ended, states
from tests.stages import SlackStage, open_slack

MOMENTS = [
    ("chat.postMessage", 1), ("files.getUploadURLExternal", 1), ("upload", 1), ("files.getUploadURLExternal", 2),
    ("upload", 2), ("files.completeUploadExternal", 1), ("files.info", 1), ("files.info", 2), ("chat.update", 1),
]  # fmt: skip


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[SlackStage]:
    async with open_slack(tmp_path) as stage:
        yield stage
        assert stage.problems == []


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(("method", "number"), MOMENTS)
async def test_f02_f03_f08_f09_a_kill_at_any_call_leaves_one_result_or_one_refund(
    stage: SlackStage, method: str, number: int, when: str
) -> None:
    def fits(called: str, moment: str) -> bool:
        return (called, moment) == (method, when)

    slack = stage.slack
    child = await stage.start()
    fuse = slack.watch = Fuse(fits, number)
    fuse.victim = child.pid
    assert (await slack.human.slash("/imagine", "a red fox --count 2 --seed 5")).acknowledged
    assert await ended(child) == -signal.SIGKILL
    assert await ended(await stage.start(Life(finish=stage.person))) == 0
    await slack.settled_down()
    if method == "chat.postMessage":
        assert states(stage.folder) == ["cancelled"]
        assert charged(stage.folder) == (0, 0)
        assert "ask again" in stage.told()
        assert stage.results() == []
    else:
        assert states(stage.folder) == ["delivered"]
        assert charged(stage.folder) == (0, 2)
        [pictures] = slack.workspace.with_files()
        assert len(pictures.files) == 2
        [asked] = [message for message in slack.workspace.by_bot() if not message.files]
        assert pictures.thread_ts == asked.ts
        assert "Done" in asked.shown()
