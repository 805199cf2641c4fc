"""Pictures into the thread exactly once, whatever Slack answers or does not answer."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from adapters.chat.slack import budget, sharing
from bot.errors import Rejected
from bot.model import Job, JobState, Stage
from tests.fakes import FakeBackend
from tests.slack_house import SlackTest, open_test
from tests.standins.slack import Cut, Message, SlackStandIn, controls_in
from tests.waiting import until


@pytest.fixture
async def test(tmp_path: Path, slack: SlackStandIn) -> AsyncIterator[SlackTest]:
    async with open_test(tmp_path, slack) as opened:
        yield opened


async def delivered(test: SlackTest, words: str = "a red fox --count 2", seconds: float = 60.0) -> Job:
    """One request to its end: exactly one message with exactly its pictures."""
    await test.human.slash("/imagine", words)
    job = await test.job(seconds=seconds)
    await test.slack.settled_down()
    assert job.state is JobState.DELIVERED
    check_once(test, job)
    return job


def check_once(test: SlackTest, job: Job) -> None:
    [pictures] = test.workspace.with_files()
    assert len(pictures.files) == job.request.count
    assert len({file.data for file in pictures.files}) == job.request.count
    [asked] = [message for message in test.workspace.by_bot() if not message.files]
    assert pictures.thread_ts == asked.ts
    assert "Done" in asked.shown()


@pytest.mark.parametrize("cut", [Cut.BEFORE, Cut.AFTER])
@pytest.mark.parametrize(
    "method", ["files.getUploadURLExternal", "files.completeUploadExternal", "files.info", "chat.update"]
)
async def test_f58_a_connection_that_dies_in_any_call_leaves_one_result(
    test: SlackTest, slack: SlackStandIn, method: str, cut: Cut
) -> None:
    slack.faults.cut(method, cut, times=2)
    await delivered(test)


@pytest.mark.parametrize("cut", [Cut.MIDDLE, Cut.AFTER])
async def test_f09_a_connection_that_dies_mid_upload_leaves_one_result(
    test: SlackTest, slack: SlackStandIn, cut: Cut
) -> None:
    slack.faults.cut("upload", cut, skip=1)
    await delivered(test)


@pytest.mark.parametrize("method", ["files.getUploadURLExternal", "files.completeUploadExternal", "chat.update"])
async def test_f58_a_server_error_is_tried_again(test: SlackTest, slack: SlackStandIn, method: str) -> None:
    slack.faults.break_down(method, 503, times=2)
    await delivered(test)


async def test_f58_files_that_take_their_time_are_waited_for(test: SlackTest, slack: SlackStandIn) -> None:
    slack.methods.share_delay = 3.0
    await delivered(test)
    assert len(slack.named("files.completeUploadExternal")) == 1


async def test_f58_files_that_take_longer_than_one_delivery_are_not_shared_again(
    test: SlackTest, slack: SlackStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sharing, "SHARE_SECONDS", 0.3)
    slack.methods.share_delay = 3.0
    await delivered(test)
    assert len(slack.named("files.completeUploadExternal")) == 1


async def test_f58_an_app_that_may_not_look_at_files_still_posts_once(test: SlackTest, slack: SlackStandIn) -> None:
    slack.faults.refuse("files.info", "missing_scope", times=100)
    await delivered(test)
    assert len(slack.named("files.completeUploadExternal")) == 1


async def test_f58_files_that_never_show_are_posted_once_on_slacks_word(
    test: SlackTest, slack: SlackStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sharing, "SHARE_SECONDS", 0.1)
    monkeypatch.setattr(sharing, "TRUSTING_DELIVERIES", 2)
    slack.methods.share_delay = 8.0
    await delivered(test)
    assert len(slack.named("files.completeUploadExternal")) == 1


@pytest.mark.parametrize("method", ["chat.postMessage", "files.completeUploadExternal", "files.info", "chat.update"])
async def test_f57_a_rate_limit_is_waited_out(test: SlackTest, slack: SlackStandIn, method: str) -> None:
    slack.faults.rate_limit(method, 1)
    await delivered(test)


async def test_f57_a_long_rate_limit_gives_the_delivery_back_and_comes_again(
    test: SlackTest, slack: SlackStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(budget, "LONGEST_WAIT", 0.5)
    monkeypatch.setattr("adapters.chat.slack.web.LONGEST_WAIT", 0.5)
    slack.faults.rate_limit("files.completeUploadExternal", 2)
    await delivered(test)
    assert [event["detail"] for event in test.house.recorder.named("delivery_failed")] == [
        "files.completeUploadExternal: 429"
    ]


async def test_f57_many_results_in_one_channel_leave_no_429_unhandled(tmp_path: Path, slack: SlackStandIn) -> None:
    async with open_test(tmp_path, slack, backends=[FakeBackend(seconds=0.2)]) as test:
        await asyncio.gather(*(test.human.slash("/imagine", f"hill {number}") for number in range(45)))
        jobs = await test.all_settled(45, seconds=60)
        assert {job.state for job in jobs} == {JobState.DELIVERED}
        assert len(test.workspace.with_files()) == 45
        assert [call.method for call in slack.calls if call.status == 429] == []
        finished = [message for message in test.workspace.by_bot() if "Done" in message.shown()]
        assert len(finished) == 45


async def test_f60_a_channel_that_closes_meanwhile_gets_a_direct_message_instead(
    tmp_path: Path, slack: SlackStandIn
) -> None:
    async with open_test(tmp_path, slack, backends=[FakeBackend(seconds=0.5)]) as test:
        await test.human.slash("/imagine", "a hill")
        await until(test.workspace.by_bot)
        test.workspace.channels["C1"].members.remove("UBOT")
        job = await test.job()
        await slack.settled_down()
        assert job.state is JobState.DELIVERED
        assert [message.channel for message in test.workspace.with_files()] == ["DU1"]


async def test_f60_a_revoked_token_ends_undeliverable_and_refunded(tmp_path: Path, slack: SlackStandIn) -> None:
    async with open_test(tmp_path, slack, backends=[FakeBackend(seconds=0.5)]) as test:
        await test.human.slash("/imagine", "a hill")
        await until(test.workspace.by_bot)
        slack.workspace.revoked = True
        job = await test.job()
        assert job.state is JobState.UNDELIVERABLE
        usage = await test.house.store.usage("slack:user:U1", test.house.core.day())
        assert (usage.images_today, usage.running) == (0, 0)
        slack.workspace.revoked = False
        await test.human.slash("/imagine-history")
        await test.human.sees("are kept")
        assert "come to you directly" in (await test.human.slash("/imagine-status")).text
        await until(test.workspace.with_files)
        assert [message.channel for message in test.workspace.with_files()] == ["DU1"]


async def test_a_kept_picture_whose_file_is_lost_keeps_back_no_other(
    tmp_path: Path, slack: SlackStandIn
) -> None:
    async with open_test(tmp_path, slack, backends=[FakeBackend(seconds=0.5)]) as test:
        failing = slack.faults.break_down("upload", times=2)
        for words in ("a hill", "a dale"):
            await test.human.slash("/imagine", words)
        await until(lambda: failing.hits == 2)
        slack.workspace.revoked = True
        lost, kept = await test.all_settled(2)
        assert (lost.state, kept.state) == (JobState.UNDELIVERABLE, JobState.UNDELIVERABLE)
        [picture] = await test.house.store.pictures_of(lost.id)
        await test.house.pictures.delete(picture.sha256)
        slack.workspace.revoked = False
        await test.human.slash("/imagine-status")
        await until(test.workspace.with_files)
        [shown] = test.workspace.with_files()
        assert [file.name for file in shown.files] == [f"imagine-{kept.id[:8]}-1.png"]


async def test_f68_a_picture_whose_file_is_lost_before_it_is_posted_is_refunded(
    test: SlackTest, slack: SlackStandIn
) -> None:
    failing = slack.faults.break_down("upload")
    await test.human.slash("/imagine", "a hill")
    await until(lambda: failing.hits)
    [picture] = await test.house.store.pictures_of((await test.jobs())[0].id)
    await test.house.pictures.delete(picture.sha256)
    job = await test.job()
    assert job.state is JobState.UNDELIVERABLE
    assert (await test.house.store.usage("slack:user:U1", test.house.core.day())).images_today == 0
    assert test.house.recorder.named("alert") == []


async def test_a_deleted_request_message_does_not_keep_the_pictures_back(tmp_path: Path, slack: SlackStandIn) -> None:
    async with open_test(tmp_path, slack, backends=[FakeBackend(seconds=0.5)]) as test:
        await test.human.slash("/imagine", "a hill")
        await until(test.workspace.by_bot)
        test.workspace.by_bot()[0].deleted = True
        assert (await test.job()).state is JobState.DELIVERED
        await slack.settled_down()
        assert len(test.workspace.with_files()) == 1


async def test_a_failure_is_told_in_the_requests_message(tmp_path: Path, slack: SlackStandIn) -> None:
    backend = FakeBackend(plan=[Rejected("no", stage=Stage.PROMPT)])
    async with open_test(tmp_path, slack, backends=[backend]) as test:
        await test.human.slash("/imagine", "a hill")
        assert (await test.job()).state is JobState.REJECTED
        [message] = test.workspace.by_bot()
        assert "refused the prompt" in message.shown()
        assert "refused the prompt" in message.text


async def test_s02_a_hostile_prompt_reaches_nobody_as_markup(test: SlackTest, slack: SlackStandIn) -> None:
    typed = "&lt;!channel&gt; &lt;@U2&gt; &lt;http://evil.example|ok&gt; *a* hill"
    await test.human.slash("/imagine", f"{typed} --no &lt;!here&gt;")
    await test.job()
    [asked, pictures] = test.workspace.by_bot()
    assert controls_in(asked.text) == []
    assert [block["text"]["type"] for block in asked.blocks if block["type"] == "section"] == ["plain_text"]
    assert "<!channel> <@U2> <http://evil.example|ok> *a* hill" in asked.shown()
    assert typed in asked.text
    assert controls_in(pictures.text) == []
    for call in slack.calls:
        assert "link_names" not in call.arguments
        if call.method == "chat.postMessage":
            assert call.arguments["unfurl_links"] is False
            assert call.arguments["unfurl_media"] is False


async def test_progress_is_shown_sparingly_and_never_after_the_result(tmp_path: Path, slack: SlackStandIn) -> None:
    async with open_test(tmp_path, slack, backends=[FakeBackend(seconds=1.0)]) as test:
        await test.human.slash("/imagine", "a hill")
        await test.job()
        message: Message = test.workspace.by_bot()[0]
        assert "Done" in message.shown()
        assert any("Being drawn" in str(shown["blocks"]) for shown in message.history)
        assert len(slack.named("chat.update")) <= 3


async def test_f57_progress_is_dropped_first(tmp_path: Path, slack: SlackStandIn) -> None:
    slack.faults.rate_limit("chat.update", 1)
    async with open_test(tmp_path, slack, backends=[FakeBackend(seconds=1.0)]) as test:
        await delivered(test, "a hill")
        assert len(test.house.recorder.named("progress_dropped")) == 1
