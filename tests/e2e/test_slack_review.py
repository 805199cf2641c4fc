"""Moderation on Slack: the review channel, its buttons and forms, reports, sanctions, and `/imagine-mod`."""

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.model import JobState, QuotaSettings
from bot.settings import ModerationSettings
from tests.slack_house import SlackTest, open_test
from tests.standins.slack import Answer, Cut, Human, Message, SlackStandIn, buttons_of, controls_in
from tests.waiting import until

REVIEWED = ModerationSettings(
    mode="review-all", moderators=("slack:user:U9",), review_channels={"slack:T1": "C9"}, report_threshold=1
)
OPEN = ModerationSettings(moderators=("slack:user:U9",), review_channels={"slack:T1": "C9"}, report_threshold=1)


@pytest.fixture
async def slack() -> AsyncIterator[SlackStandIn]:
    async with SlackStandIn() as standing:
        standing.workspace.add_channel("C9", "moderators")
        yield standing
        assert standing.problems == []


@pytest.fixture
async def test(tmp_path: Path, slack: SlackStandIn) -> AsyncIterator[SlackTest]:
    async with open_test(tmp_path, slack, moderation=REVIEWED) as opened:
        yield opened


@pytest.fixture
async def posting(tmp_path: Path, slack: SlackStandIn) -> AsyncIterator[SlackTest]:
    """Nothing waits for a moderator before it is posted."""
    async with open_test(tmp_path, slack, moderation=OPEN) as opened:
        yield opened


def cases(test: SlackTest) -> list[Message]:
    return [message for message in test.workspace.by_bot() if message.channel == "C9" and not message.thread_ts]


def labels(message: Message) -> list[str]:
    return [button["text"]["text"] for button in buttons_of(message.blocks)]


async def held(test: SlackTest, words: str = "a red fox") -> tuple[Message, Message, Human]:
    """A request that waits: its public message, the moderators' one, and a moderator."""
    await test.human.slash("/imagine", words)
    await until(lambda: cases(test))
    [public] = [message for message in test.workspace.by_bot() if message.channel == "C1"]
    return public, cases(test)[0], test.human.other("U9", "mo")


async def test_a_channels_defaults_are_for_what_its_requests_do_not_say(posting: SlackTest) -> None:
    moderator = posting.human.other("U9", "mo")
    await moderator.slash("/imagine-mod", "defaults —ar 16:9 --steps 20")
    await moderator.sees("drawn like this now: size 16:9 · 20 steps")
    assert "30 steps" in (await posting.human.slash("/imagine-style", "--steps 30")).text
    await posting.human.slash("/imagine", "a fox")
    job = await posting.job()
    assert (str(job.request.size), job.request.steps) == ("16:9", 30)
    await moderator.slash("/imagine-mod", "defaults default")
    await moderator.sees("no defaults now")


async def test_a_held_request_shows_its_prompt_to_moderators_only(test: SlackTest) -> None:
    public, case, _ = await held(test, "a red &lt;!channel&gt; fox")
    assert "fox" not in public.text + str(public.blocks)
    assert "a red <!channel> fox" in case.shown()
    assert controls_in(case.text) == []
    assert labels(case) == ["Approve", "Reject", "Edit"]
    assert (await test.jobs())[0].state is JobState.REVIEW


async def test_approve_lets_it_be_drawn_and_both_messages_say_so(test: SlackTest) -> None:
    public, case, moderator = await held(test)
    await moderator.click(case, "Approve")
    assert (await test.job()).state is JobState.DELIVERED
    assert "a red fox" in public.shown()
    await until(lambda: "Approved by" in case.shown())
    assert labels(case) == []
    assert [message.thread_ts for message in test.workspace.with_files()] == [public.ts]


async def test_approved_words_stay_when_the_request_is_cancelled(tmp_path: Path, slack: SlackStandIn) -> None:
    async with open_test(tmp_path, slack, moderation=REVIEWED, working=False) as test:
        async with test.house.working(dataclasses.replace(test.worker(), chats={})):
            public, case, moderator = await held(test)
        await moderator.click(case, "Approve")
        await test.human.click(public, "Cancel")
        async with test.house.working(test.worker()):
            assert (await test.job()).state is JobState.CANCELLED
            assert "a red fox" in public.shown()


async def test_reject_asks_a_reason_at_once_which_the_person_reads(test: SlackTest) -> None:
    public, case, moderator = await held(test)
    await moderator.click(case, "Reject")
    await until(lambda: test.workspace.views)
    await moderator.submit(moderator.form(), reason="not <here>")
    assert (await test.job()).state is JobState.REJECTED
    assert "not <here>" in public.shown().replace("&lt;", "<").replace("&gt;", ">")
    assert "fox" not in public.text + str(public.blocks)
    await until(lambda: "Rejected by" in case.shown())


async def test_edit_is_filled_with_the_prompt_and_approves_the_new_one(test: SlackTest) -> None:
    _, case, moderator = await held(test)
    await moderator.click(case, "Edit")
    await until(lambda: test.workspace.views)
    assert moderator.form().content["blocks"][0]["element"]["initial_value"] == "a red fox"
    await moderator.submit(moderator.form(), prompt="a blue fox")
    job = await test.job()
    assert (job.state, job.request.prompt) == (JobState.DELIVERED, "a blue fox")


@pytest.mark.parametrize("user", ["U1", "U2"])
async def test_s26_s28_neither_strangers_nor_the_author_decide(test: SlackTest, user: str) -> None:
    _, case, _ = await held(test)
    presser = test.human.other(user, "someone")
    answers = [await presser.click(case, "Approve"), await presser.click(case, "Edit")]
    assert all(answer.acknowledged for answer in answers)
    await until(lambda: len(presser.private()) == 2)
    assert (await test.jobs())[0].state is JobState.REVIEW


async def test_s28_a_moderator_does_not_approve_an_own_request(test: SlackTest) -> None:
    moderator = test.human.other("U9", "mo")
    await test.human.slash("/imagine-mod", "mode review-all")
    await moderator.slash("/imagine", "a fox")
    await asyncio.sleep(0.3)
    for case in cases(test):
        await moderator.click(case, "Approve")
        assert (await test.jobs("slack:user:U9"))[0].state is JobState.REVIEW


async def test_f75_the_second_moderator_hears_that_it_is_decided(test: SlackTest) -> None:
    _, case, moderator = await held(test)
    second = test.human.other("U9", "mo again")
    payload = second.click_payload(case, "Approve")
    await moderator.click(case, "Approve")
    await second.send("interactive", payload)
    await until(second.private)
    assert len(test.workspace.with_files()) <= 1


async def test_f78_a_review_channel_that_is_gone_releases_nothing(tmp_path: Path, slack: SlackStandIn) -> None:
    slack.workspace.channels["C9"].members.remove("UBOT")
    async with open_test(tmp_path, slack, moderation=REVIEWED) as test:
        await test.human.slash("/imagine", "a fox")
        await until(lambda: test.house.recorder.named("alert"))
        assert test.house.recorder.named("alert")[0]["text"] == "review_channel_gone"
        assert (await test.jobs())[0].state is JobState.REVIEW


async def test_a_report_hides_the_pictures_until_a_moderator_dismisses_it(posting: SlackTest) -> None:
    test = posting
    await test.human.slash("/imagine", "a fox --count 2")
    await test.job()
    message = test.workspace.by_bot()[0]
    reporter = test.human.other("U2", "bob")
    await reporter.click(message, "Report")
    await until(lambda: test.workspace.views)
    await reporter.submit(reporter.form(), reason="rude <@U1>")
    await reporter.sees("moderators will look")
    await until(lambda: "removed" in message.shown())
    assert [file for file in test.workspace.with_files() if file.channel == "C1"] == []
    await until(lambda: len(cases(test)) == 1)
    await until(lambda: {each.channel for each in test.workspace.with_files()} == {"C9"})
    assert sum(len(each.files) for each in test.workspace.with_files()) == 2
    moderator = test.human.other("U9", "mo")
    [case] = cases(test)
    assert "rude <@U1>" in case.shown().replace("&lt;", "<").replace("&gt;", ">")
    await moderator.click(case, "Approve")
    await until(lambda: sum(len(m.files) for m in test.workspace.with_files() if m.channel == "C1") == 2)
    await until(lambda: "Done" in message.shown())


def pictures_in(test: SlackTest, channel: str) -> int:
    shown = [file for each in test.workspace.with_files() if each.channel == channel for file in each.files]
    return sum(not file.deleted for file in shown)


async def shown_again(test: SlackTest, count: int) -> Message:
    """The message of a request whose pictures were reported and found fit."""
    message = await reported(test, count)
    await until(lambda: "removed" in message.shown() and pictures_in(test, "C9") == count)
    await test.human.other("U9", "mo").click(cases(test)[-1], "Approve")
    await until(lambda: pictures_in(test, "C1") == count)
    return message


async def reported(test: SlackTest, count: int = 1) -> Message:
    await test.human.slash("/imagine", f"a fox --count {count}")
    await test.job()
    message = test.workspace.by_bot()[0]
    await report(test, message, "U2")
    return message


async def report(test: SlackTest, message: Message, user: str) -> Answer:
    opened, reporter = len(test.workspace.views), test.human.other(user, user)
    await reporter.click(message, "Report")
    await until(lambda: len(test.workspace.views) > opened)
    return await reporter.submit(reporter.form(), reason="rude")


async def test_pictures_shown_again_can_be_taken_away_again(posting: SlackTest) -> None:
    message = await shown_again(posting, 2)
    await until(lambda: "Done" in message.shown())
    await posting.human.click(message, "Delete")
    await until(lambda: "removed" in message.shown())
    assert pictures_in(posting, "C1") == 0


async def test_pictures_come_and_go_with_every_report_and_are_never_there_twice(posting: SlackTest) -> None:
    message = await shown_again(posting, 2)
    await until(lambda: "Done" in message.shown())
    await report(posting, message, "U3")
    await until(lambda: "removed" in message.shown())
    assert pictures_in(posting, "C1") == 0
    await posting.human.other("U9", "mo").click(cases(posting)[-1], "Approve")
    await until(lambda: "Done" in message.shown())
    assert pictures_in(posting, "C1") == 2


@pytest.mark.parametrize("method", ["files.completeUploadExternal", "files.info", "chat.update"])
@pytest.mark.parametrize("cut", [Cut.BEFORE, Cut.AFTER])
async def test_pictures_are_shown_again_once_whatever_call_fails(
    posting: SlackTest, slack: SlackStandIn, method: str, cut: Cut
) -> None:
    message = await reported(posting)
    await until(lambda: "removed" in message.shown() and pictures_in(posting, "C9") == 1)
    slack.faults.cut(method, cut, times=2)
    await posting.human.other("U9", "mo").click(cases(posting)[-1], "Approve")
    await until(lambda: "Done" in message.shown())
    await slack.settled_down()
    assert pictures_in(posting, "C1") == 1
    await posting.human.click(message, "Delete")
    await until(lambda: "removed" in message.shown())
    assert pictures_in(posting, "C1") == 0


@pytest.mark.parametrize("cut", [Cut.BEFORE, Cut.AFTER])
async def test_moderators_see_a_picture_once_although_sharing_it_failed_at_first(
    posting: SlackTest, slack: SlackStandIn, cut: Cut
) -> None:
    await posting.human.slash("/imagine", "a fox")
    await posting.job()
    slack.faults.cut("files.completeUploadExternal", cut)
    await report(posting, posting.workspace.by_bot()[0], "U2")
    await until(lambda: pictures_in(posting, "C9"))
    await asyncio.sleep(1.5)
    assert pictures_in(posting, "C9") == 1


async def test_a_case_whose_pictures_are_lost_is_shown_without_them(
    posting: SlackTest, tmp_path: Path
) -> None:
    await posting.human.slash("/imagine", "a fox")
    await posting.job()
    without_files(tmp_path)
    await report(posting, posting.workspace.by_bot()[0], "U2")
    await until(lambda: cases(posting))
    await posting.human.other("U9", "mo").click(cases(posting)[-1], "Reject")
    await until(lambda: "removed" in posting.workspace.by_bot()[0].shown())
    assert posting.house.recorder.named("alert") == []


def without_files(folder: Path) -> None:
    for file in (folder / "images").rglob("*"):
        if file.is_file():
            file.unlink()


async def test_whoever_reported_before_is_told_so(posting: SlackTest) -> None:
    await posting.human.slash("/imagine", "a fox")
    await posting.job()
    message = posting.workspace.by_bot()[0]
    await report(posting, message, "U2")
    reporter = posting.human.other("U2", "U2")
    await reporter.sees("moderators will look")
    await report(posting, message, "U2")
    await reporter.sees("already reported")


async def test_sanctions_are_ordered_with_mentions_and_told_directly(posting: SlackTest) -> None:
    moderator = posting.human.other("U9", "mo")
    await moderator.slash("/imagine-mod", "ban <@U1|ann> spam")
    await until(moderator.private)
    await until(lambda: any(message.channel == "DU1" for message in posting.workspace.by_bot()))
    [told] = [message for message in posting.workspace.by_bot() if message.channel == "DU1"]
    assert "spam" in told.shown()
    answer = await posting.human.slash("/imagine", "a fox")
    assert "spam" in answer.text
    assert "Appeal" in str(answer.payload)
    await moderator.slash("/imagine-mod", "lift <@U1> sorry")
    await until(lambda: len(moderator.private()) == 2)
    assert (await posting.human.slash("/imagine", "a fox")).text == ""


async def test_whoever_was_decided_about_appeals_by_a_button(posting: SlackTest) -> None:
    moderator = posting.human.other("U9", "mo")
    await moderator.slash("/imagine-mod", "ban <@U1|ann> spam")
    await until(lambda: any(message.channel == "DU1" for message in posting.workspace.by_bot()))
    [told] = [message for message in posting.workspace.by_bot() if message.channel == "DU1"]
    await posting.human.click(told, "Appeal")
    await until(lambda: posting.workspace.views)
    await posting.human.submit(posting.human.form(), reason="it was not me")
    await posting.human.sees("look at it again")
    await until(lambda: cases(posting))
    assert "it was not me" in cases(posting)[0].shown()
    await moderator.click(cases(posting)[0], "Approve")
    await until(lambda: "Approved" in cases(posting)[0].shown())
    assert (await posting.human.slash("/imagine", "a fox")).text == ""


async def test_a_rejected_request_can_be_appealed_from_its_message(test: SlackTest) -> None:
    public, case, moderator = await held(test)
    await moderator.click(case, "Reject")
    await until(lambda: test.workspace.views)
    await moderator.submit(moderator.form(), reason="no foxes")
    await test.job()
    assert labels(public) == ["Appeal"]
    stranger = test.human.other("U2", "bob")
    await stranger.click(public, "Appeal")
    await until(lambda: len(test.workspace.views) == 2)
    answer = await stranger.submit(stranger.form(), reason="unfair")
    assert answer.payload
    assert answer.payload["response_action"] == "errors"


async def test_s26_only_moderators_moderate_and_owners_of_the_workspace_may(posting: SlackTest) -> None:
    await posting.human.slash("/imagine-mod", "pause")
    await posting.human.sees("moderators")
    posting.workspace.admins.add("U5")
    admin = posting.human.other("U5", "admin")
    await admin.slash("/imagine-mod", "queue")
    await until(admin.private)
    assert "only" not in admin.private()[0].shown().lower()


@pytest.mark.parametrize(
    ("pattern", "said"), [("re:fox(?=es)", "looks ahead"), ("re:.*", "nearly every request"), ("*", "holds no word")]
)
async def test_s08_s09_a_rule_that_cannot_be_is_refused_in_words(posting: SlackTest, pattern: str, said: str) -> None:
    moderator = posting.human.other("U9", "mo")
    await moderator.slash("/imagine-mod", f"rule add block {pattern}")
    await until(moderator.private)
    assert said in moderator.private()[0].shown()
    assert (await posting.house.store.community("slack:T1")).rules == ()


async def test_f76_f77_a_rule_and_a_ban_stop_what_waits(tmp_path: Path, slack: SlackStandIn) -> None:
    quota = QuotaSettings(images_per_day=0, running=0, waiting=0)
    async with open_test(tmp_path, slack, moderation=OPEN, quota=quota, working=False) as test:
        for words in ("a spoon", "a fox"):
            await test.human.slash("/imagine", words)
        async with asyncio.timeout(20):
            while len(await test.jobs()) < 2:
                await asyncio.sleep(0.01)
        moderator = test.human.other("U9", "mo")
        await moderator.slash("/imagine-mod", "rule add block spoon --message no cutlery")
        await until(moderator.private)
        async with test.house.working(test.worker()):
            jobs = {job.request.prompt: job for job in await test.all_settled(2)}
            assert jobs["a spoon"].state is JobState.REJECTED
            assert jobs["a fox"].state is JobState.DELIVERED
        await test.human.slash("/imagine", "a cat")
        async with asyncio.timeout(20):
            while len(await test.jobs()) < 3:
                await asyncio.sleep(0.01)
        await moderator.slash("/imagine-mod", "ban <@U1|ann> spam")
        await until(lambda: len(moderator.private()) == 2)
        assert {job.state for job in await test.jobs() if job.request.prompt == "a cat"} == {JobState.CANCELLED}
