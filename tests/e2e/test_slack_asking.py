"""Asking for pictures on Slack, with the real bolt client over real sockets."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.model import JobState
from tests.slack_house import SlackTest, open_test
from tests.standins.slack import SlackStandIn


@pytest.fixture
async def slack() -> AsyncIterator[SlackStandIn]:
    async with SlackStandIn() as standing:
        yield standing
        assert standing.problems == []


@pytest.fixture
async def test(tmp_path: Path, slack: SlackStandIn) -> AsyncIterator[SlackTest]:
    async with open_test(tmp_path, slack) as opened:
        yield opened


async def test_a_command_is_acknowledged_shown_and_answered_in_its_thread(test: SlackTest) -> None:
    answer = await test.human.slash("/imagine", "a red fox --no blur --count 2 --seed 5")
    assert answer.acknowledged
    assert answer.seconds < 1
    job = await test.job()
    assert job.state is JobState.DELIVERED
    asked, pictures = test.workspace.by_bot()
    assert "a red fox" in asked.shown()
    assert "a red fox" in asked.text
    assert pictures.thread_ts == asked.ts
    assert [file.alt for file in pictures.files] == ["a red fox", "a red fox"]
    assert len({file.data for file in pictures.files}) == 2
    assert "seed 5, 6" in pictures.text
