"""`imagine-bot run` and `check` on Slack, as processes of their own."""

import asyncio
import signal
from asyncio.subprocess import PIPE
from pathlib import Path

import pytest

from tests import program
from tests.standins.slack import HttpWay, SlackStandIn

CONFIG = """
[store]
url = "sqlite:///data/imagine.db"
images = "data/images"
[web]
port = {web}
[slack]
api = "{api}"
mode = "{mode}"
host = "127.0.0.1"
port = {port}
[backends.sketch]
kind = "sketch"
[moderation]
review_channels = {{ "slack:T1" = "C1" }}
"""
SIGNING = "signing-secret"


async def started(slack: SlackStandIn, folder: Path, command: str, mode: str) -> tuple[asyncio.subprocess.Process, int]:
    """The process, and the port that Slack would call."""
    port = program.free_port()
    text = CONFIG.format(web=program.free_port(), api=slack.api, mode=mode, port=port)
    (folder / "imagine.toml").write_text(text)
    tokens = {
        "SLACK_BOT_TOKEN": slack.workspace.token, "SLACK_APP_TOKEN": slack.app_token, "SLACK_SIGNING_SECRET": SIGNING,
    }  # fmt: skip
    child = await asyncio.create_subprocess_exec(
        *program.COMMAND, command, cwd=folder, env=program.environment(tokens), stdout=PIPE, stderr=PIPE
    )
    return child, port


@pytest.mark.parametrize("mode", ["socket", "http"])
async def test_run_answers_slack_and_ends_with_sigterm(tmp_path: Path, slack: SlackStandIn, mode: str) -> None:
    child, port = await started(slack, tmp_path, "run", mode)
    try:
        if mode == "http":
            slack.human.way = HttpWay(f"http://127.0.0.1:{port}/slack/events", SIGNING)
            await listening(port)
        else:
            await slack.sockets.connected(2)
        assert (await slack.human.slash("/imagine", "a red fox --size 128x128")).acknowledged
        async with asyncio.timeout(30):
            while not slack.workspace.with_files():
                await asyncio.sleep(0.05)
        child.send_signal(signal.SIGTERM)
        async with asyncio.timeout(7):
            assert await child.wait() == 0
    finally:
        if child.returncode is None:
            child.kill()
        await child.communicate()


async def listening(port: int) -> None:
    async with asyncio.timeout(20):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.05)
            else:
                writer.close()
                return


async def test_check_says_that_slack_is_right(tmp_path: Path, slack: SlackStandIn) -> None:
    child, _ = await started(slack, tmp_path, "check", "socket")
    out, _ = await child.communicate()
    lines = [line for line in out.decode().splitlines() if "slack" in line]
    assert child.returncode == 0
    assert len(lines) == 3
    assert all(line.startswith("ok") for line in lines)
