"""kill -9 before and after the effect of every REST call of a request's way over Discord.

The call itself reaches Discord each time; whether its answer is heard makes no difference.
"""

import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.killed import Fuse, Life, charged, ended, states
from tests.stages import DiscordStage, open_discord
from tests.standins.discord import When
from tests.standins.discord.wire import Call

CALLS = 6
"""Of one request: the callback, the REST session's two of its login, the thread, its message, the result."""


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[DiscordStage]:
    async with open_discord(tmp_path) as stage:
        yield stage
        assert stage.problems == []


@pytest.mark.parametrize("when", list(When))
@pytest.mark.parametrize("at", range(1, CALLS + 1))
async def test_f02_f03_f08_f09_kill_9_between_any_two_calls_posts_once_and_tells(
    stage: DiscordStage, at: int, when: When
) -> None:
    def fits(_: Call, moment: When) -> bool:
        return moment is when

    child = await stage.start()
    fuse = stage.discord.rest.watch = Fuse(fits, at)
    fuse.victim = child.pid
    await stage.ask("a red fox")
    assert await ended(child) == -signal.SIGKILL
    assert await ended(await stage.start(Life(finish=stage.person))) == 0
    assert states(stage.folder) == ["delivered"]
    assert charged(stage.folder) == (0, 1)
    assert stage.results() == [1]
    [placeholder] = stage.room.shown()
    assert "a red fox" in placeholder.content


async def test_f12_sigterm_closes_the_gateway_and_ends_with_0(stage: DiscordStage) -> None:
    child = await stage.start()
    assert child.pid
    os.kill(child.pid, signal.SIGTERM)
    assert await ended(child) == 0
    assert stage.discord.gateway.close_codes == [1000]
