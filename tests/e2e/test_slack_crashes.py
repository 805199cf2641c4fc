"""kill -9 before and after the effect of every call of a request's way over Slack, the middle of an upload included."""

import asyncio
import multiprocessing
import os
import signal
import sqlite3
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import pytest

from tests import slack_process
from tests.standins.slack import SlackStandIn

MOMENTS = [
    ("chat.postMessage", 1), ("files.getUploadURLExternal", 1), ("upload", 1), ("files.getUploadURLExternal", 2),
    ("upload", 2), ("files.completeUploadExternal", 1), ("files.info", 1), ("files.info", 2), ("chat.update", 1),
]  # fmt: skip


class Fuse:
    """Kills a process at the Nth call of a method."""

    def __init__(self, method: str, number: int, when: str) -> None:
        self.method, self.left, self.when = method, number, when
        self.victim: int | None = None

    def __call__(self, method: str, when: str) -> None:
        if (method, when) != (self.method, self.when) or self.victim is None:
            return
        self.left -= 1
        if self.left == 0:
            os.kill(self.victim, signal.SIGKILL)


def start(slack: SlackStandIn, folder: Path, finish: str = "") -> ForkServerProcess:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.slack_process"])
    arguments = (str(folder), slack.workspace.token, slack.app_token, slack.api)
    child = context.Process(target=slack_process.process, args=arguments, kwargs={"finish": finish})
    child.start()
    return child


async def ended(child: ForkServerProcess, seconds: float = 60) -> int:
    async with asyncio.timeout(seconds):
        while child.is_alive():
            await asyncio.sleep(0.02)
    child.join()
    assert child.exitcode is not None
    return child.exitcode


def job_of(folder: Path) -> tuple[str, int]:
    """The only request's state, and what is still reserved."""
    with sqlite3.connect(folder / "imagine.db") as connection:
        statement = "SELECT state, coalesce((SELECT sum(reserved) FROM allowances), 0) FROM jobs"
        [row] = connection.execute(statement).fetchall()
    connection.close()
    return str(row[0]), int(row[1])


async def one_life(slack: SlackStandIn, folder: Path, fuse: Fuse) -> bool:
    """Asks for two pictures; whether that was acknowledged before the fuse burned."""
    child = start(slack, folder)
    await slack.sockets.connected(2)
    fuse.victim = child.pid
    slack.watch = fuse
    answer = await slack.human.slash("/imagine", "a red fox --count 2 --seed 5")
    assert await ended(child) == -signal.SIGKILL
    slack.watch = lambda _, __: None
    return answer.acknowledged


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(("method", "number"), MOMENTS)
async def test_f02_to_f10_a_kill_at_any_call_leaves_one_result_or_one_refund(
    tmp_path: Path, method: str, number: int, when: str
) -> None:
    async with SlackStandIn() as slack:
        assert await one_life(slack, tmp_path, Fuse(method, number, when))
        assert await ended(start(slack, tmp_path, finish="slack:user:U1")) == 0
        await slack.settled_down()
        state, reserved = job_of(tmp_path)
        assert reserved == 0
        if method == "chat.postMessage":
            assert state == "cancelled"
            assert any("ask again" in private.shown() for private in slack.human.private())
            assert slack.workspace.with_files() == []
        else:
            assert state == "delivered"
            [pictures] = slack.workspace.with_files()
            assert len(pictures.files) == 2
            [asked] = [message for message in slack.workspace.by_bot() if not message.files]
            assert pictures.thread_ts == asked.ts
            assert "Done" in asked.shown()
        assert slack.problems == []
