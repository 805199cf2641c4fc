"""Workflow Builder's step, and `imagine-bot check` on Slack."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from adapters.chat.slack import check_slack
from bot import replies
from bot.errors import Rejected
from bot.model import JobState, QuotaSettings, Stage
from bot.settings import ModerationSettings, Secret
from tests.fakes import FakeBackend
from tests.slack_house import SlackTest, open_test, settings_for
from tests.standins.slack import Cut, Json, SlackStandIn

STEPS = "slack:workflow:T1"


@pytest.fixture
async def test(tmp_path: Path, slack: SlackStandIn) -> AsyncIterator[SlackTest]:
    async with open_test(tmp_path, slack) as opened:
        yield opened


async def outcome(test: SlackTest, execution: str, seconds: float = 60.0) -> Json:
    run = test.workspace.functions[execution]
    async with asyncio.timeout(seconds):
        while not run.get("outputs") and not run.get("error"):
            await asyncio.sleep(0.01)
    return run


async def test_a_step_draws_posts_and_gives_its_files_links_and_seed(test: SlackTest) -> None:
    execution = await test.human.run_step(
        prompt="a red fox &amp; a hen", negative_prompt="blur", size="16:9", count=2, channel="C1"
    )
    run = await outcome(test, execution)
    job = await test.job(STEPS)
    assert (job.request.prompt, job.request.negative_prompt) == ("a red fox & a hen", "blur")
    assert (str(job.request.size), job.request.count) == ("16:9", 2)
    [pictures] = test.workspace.with_files()
    assert run["outputs"] == {
        "file_ids": [file.id for file in pictures.files],
        "permalinks": [file.payload()["permalink"] for file in pictures.files],
        "seed": job.seed,
    }


async def test_a_step_that_comes_while_the_store_is_busy_fails_with_a_sentence_and_is_not_charged(
    test: SlackTest,
) -> None:
    blocker = sqlite3.connect(test.house.folder / "imagine.db", isolation_level=None, timeout=60)
    blocker.execute("BEGIN IMMEDIATE")
    run = await outcome(test, await test.human.run_step(prompt="a red fox", channel="C1"), 20)
    blocker.execute("ROLLBACK")
    blocker.close()
    assert run["error"] == replies.say("store_busy")
    async with asyncio.timeout(20):
        while any(job.state is not JobState.CANCELLED for job in await test.jobs(STEPS)):
            await asyncio.sleep(0.01)
    assert (await test.house.store.usage(STEPS, test.house.core.day())).images_today == 0


async def test_a_step_that_comes_while_the_bot_stops_fails_with_a_sentence(test: SlackTest) -> None:
    assert test.opened.desk
    test.opened.desk.stopping = True
    run = await outcome(test, await test.human.run_step(prompt="a red fox", channel="C1"), 20)
    assert run["error"] == replies.say("chat_stopping")
    assert await test.jobs(STEPS) == []


async def test_f56_a_step_that_is_delivered_again_draws_once(test: SlackTest) -> None:
    for _ in range(3):
        await test.human.run_step("Ev1", "Fx1", prompt="a hill", channel="C1")
    await outcome(test, "Fx1")
    assert len(test.workspace.with_files()) == 1


async def test_what_is_wrong_with_a_step_fails_it_with_clear_sentences(test: SlackTest) -> None:
    run = await outcome(test, await test.human.run_step(prompt="a hill", count=99, size="big", channel="C1"))
    assert "count" in run["error"]
    assert "size" in run["error"]
    assert "channel" in (await outcome(test, await test.human.run_step(prompt="a hill")))["error"]
    assert await test.jobs(STEPS) == []


async def test_f60_a_step_for_a_channel_without_the_bot_fails_before_drawing(test: SlackTest) -> None:
    test.workspace.channels["C1"].members.remove("UBOT")
    run = await outcome(test, await test.human.run_step(prompt="a hill", channel="C1"))
    assert "/invite" in run["error"]
    assert test.house.recorder.named("job_claimed") == []


async def test_a_request_that_is_rejected_fails_the_step(tmp_path: Path, slack: SlackStandIn) -> None:
    async with open_test(tmp_path, slack, backends=[FakeBackend(plan=[Rejected("no", stage=Stage.PROMPT)])]) as test:
        run = await outcome(test, await test.human.run_step(prompt="a hill", channel="C1"))
        assert "refused the prompt" in run["error"]


@pytest.mark.parametrize("button", ["Approve", "Reject"])
async def test_a_step_waits_for_the_moderators(tmp_path: Path, slack: SlackStandIn, button: str) -> None:
    slack.workspace.add_channel("C9", "moderators")
    moderation = ModerationSettings(
        mode="review-all", moderators=("slack:user:U9",), review_channels={"slack:T1": "C9"}
    )
    async with open_test(tmp_path, slack, moderation=moderation) as test:
        execution = await test.human.run_step(prompt="a hill", channel="C1")
        async with asyncio.timeout(60):
            while not (cases := [each for each in test.workspace.by_bot() if each.channel == "C9"]):
                await asyncio.sleep(0.01)
        assert test.workspace.functions[execution] == {}
        moderator = test.human.other("U9", "mo")
        await moderator.click(cases[0], button)
        if button == "Approve":
            assert len((await outcome(test, execution))["outputs"]["file_ids"]) == 1
        else:
            async with asyncio.timeout(60):
                while not test.workspace.views:
                    await asyncio.sleep(0.01)
            await moderator.submit(moderator.form(), reason="no hills")
            assert "no hills" in (await outcome(test, execution))["error"]


async def test_a_steps_quota_is_the_workspaces(tmp_path: Path, slack: SlackStandIn) -> None:
    quota = QuotaSettings(images_per_day=1, running=0, waiting=0)
    async with open_test(tmp_path, slack, quota=quota) as test:
        assert "outputs" in await outcome(test, await test.human.run_step(prompt="a hill", channel="C1"))
        run = await outcome(test, await test.human.run_step(prompt="a hill", channel="C1"))
        assert "0 left of 1" in run["error"]


async def test_finishing_a_step_is_repeated_until_slack_heard_it(test: SlackTest, slack: SlackStandIn) -> None:
    slack.faults.cut("functions.completeSuccess", Cut.AFTER, times=2)
    execution = await test.human.run_step(prompt="a hill", channel="C1")
    await outcome(test, execution)
    assert (await test.job(STEPS)).state is JobState.DELIVERED
    assert len(test.workspace.with_files()) == 1


# -- the preflight


async def findings(slack: SlackStandIn, bot: str = "", app: str = "", **channels: str) -> dict[str, tuple[bool, str]]:
    settings = settings_for(slack)
    bot_token, app_token = Secret(bot or slack.workspace.token), Secret(app or slack.app_token)
    settings = replace(settings, bot_token=bot_token, app_token=app_token)
    found = await check_slack(settings, {f"slack:{team}": channel for team, channel in channels.items()})
    return {each.what: (each.ok, replies.problem(each.problem)) for each in found}


async def test_check_finds_everything_right(slack: SlackStandIn) -> None:
    found = await findings(slack, T1="C1")
    assert {what: ok for what, (ok, _) in found.items()} == {
        "slack": True, "slack socket": True, "slack channel C1": True,
    }  # fmt: skip


async def test_check_names_wrong_tokens(slack: SlackStandIn) -> None:
    found = await findings(slack, bot="xoxb-wrong", app="xapp-wrong")
    assert found["slack"] == (False, replies.say("slack_check_bot", detail="invalid_auth"))
    assert found["slack socket"][0] is False


async def test_check_names_missing_scopes_and_channels_without_the_bot(slack: SlackStandIn) -> None:
    slack.workspace.channels["C1"].members.remove("UBOT")
    found = await findings(slack, T1="C1")
    assert found["slack channel C1"] == (False, replies.say("slack_check_member", channel="C1"))
    slack.faults.refuse("conversations.info", "missing_scope")
    assert "optional scopes" in (await findings(slack, T1="C1"))["slack channel C1"][1]
    slack.workspace.scopes.remove("files:read")
    assert "files:read" in (await findings(slack))["slack"][1]


async def test_check_says_when_slack_cannot_be_reached(slack: SlackStandIn) -> None:
    settings = replace(settings_for(slack), api="http://127.0.0.1:9/api/")
    assert [finding.ok for finding in await check_slack(settings, {})] == [False, False]
