"""Asking for pictures on Slack, with the real bolt client over real sockets."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.model import JobState
from tests.slack_house import SlackTest, open_test
from tests.standins.slack import SlackStandIn, View


@pytest.fixture
async def test(tmp_path: Path, slack: SlackStandIn) -> AsyncIterator[SlackTest]:
    async with open_test(tmp_path, slack) as opened:
        yield opened


async def test_a_command_is_acknowledged_shown_and_answered_in_its_thread(test: SlackTest) -> None:
    answer = await test.human.slash("/imagine", "a red fox --no blur --count 2 --seed 5")
    assert answer.acknowledged
    job = await test.job()
    assert job.state is JobState.DELIVERED
    asked, pictures = test.workspace.by_bot()
    assert "a red fox" in asked.shown()
    assert "a red fox" in asked.text
    assert pictures.thread_ts == asked.ts
    assert [file.alt for file in pictures.files] == ["a red fox", "a red fox"]
    assert len({file.data for file in pictures.files}) == 2
    assert "seed 5, 6" in pictures.text


async def test_everything_that_is_wrong_is_said_at_once_privately_and_corrected(test: SlackTest) -> None:
    answer = await test.human.slash("/imagine", "a fox --count 99 --stepz 20")
    assert answer.payload is not None
    assert answer.payload["response_type"] == "ephemeral"
    [seen] = test.human.private()
    assert "--stepz" in seen.shown()
    assert "count" in seen.shown()
    assert "/imagine a fox --steps 20 --count 10" in str(seen.blocks)
    assert await test.jobs() == []
    assert test.workspace.by_bot() == []


async def test_help_names_every_option_and_an_empty_command_opens_the_form(test: SlackTest) -> None:
    assert "--ar --aspect" in (await test.human.slash("/imagine", "help")).text
    await test.human.slash("/imagine", "  ")
    form = await opened_form(test)
    await test.human.submit(form, prompt="a hill", count="2", size="16:9", backend="sketch")
    job = await test.job()
    assert (job.request.prompt, job.request.count, str(job.request.size)) == ("a hill", 2, "16:9")
    assert job.state is JobState.DELIVERED
    assert test.workspace.by_bot()[0].thread_ts == ""


async def test_a_forms_mistakes_stand_beside_their_fields(test: SlackTest) -> None:
    await test.human.slash("/imagine", "")
    form = await opened_form(test)
    answer = await test.human.submit(form, prompt="a hill", count="99", steps="many")
    assert answer.payload is not None
    assert answer.payload["response_action"] == "errors"
    assert set(answer.payload["errors"]) == {"count", "steps"}
    assert await test.jobs() == []
    assert (await test.human.submit(form, prompt="a hill", count="1", steps="")).payload == {}
    assert (await test.job()).state is JobState.DELIVERED


async def test_a_mention_is_answered_in_the_thread_it_was_made_in(test: SlackTest) -> None:
    root = test.human.say("look at this")
    await test.human.mention("a red fox --no blur", thread=root.ts)
    job = await test.job()
    assert job.request.negative_prompt == "blur"
    assert [message.thread_ts for message in test.workspace.by_bot()] == [root.ts, root.ts]
    assert len(test.workspace.with_files()) == 1


async def test_a_mention_in_the_channel_starts_a_thread_and_one_without_words_offers_the_form(test: SlackTest) -> None:
    await test.human.mention("")
    offer = await test.human.sees("--seed")
    await test.human.click(offer, "Open the form")
    await test.human.submit(await opened_form(test), prompt="a hill")
    await test.job()
    assert {message.thread_ts for message in test.workspace.by_bot()} == {offer.thread_ts}
    assert offer.thread_ts


async def test_another_app_that_mentions_the_bot_is_not_answered(test: SlackTest) -> None:
    said = test.human.say("<@UBOT> a hill")
    event = {"type": "app_mention", "bot_id": "B9", "text": said.text, "ts": said.ts, "channel": "C1"}
    assert (await test.human.event(event)).acknowledged
    assert test.workspace.by_bot() == []


async def test_a_message_shortcut_opens_the_form_and_answers_in_that_thread(test: SlackTest) -> None:
    root = test.human.say("nice place")
    reply = test.human.say("draw it", thread=root.ts)
    await test.human.shortcut(reply)
    await test.human.submit(await opened_form(test), prompt="a hill")
    await test.job()
    assert {message.thread_ts for message in test.workspace.by_bot()} == {root.ts}


async def test_a_direct_message_works_like_a_channel(test: SlackTest) -> None:
    await test.human.slash("/imagine", "a hill", channel=test.workspace.dm("U1").id)
    job = await test.job()
    assert job.origin.place.private
    assert test.workspace.with_files()[0].channel == "DU1"


async def test_f60_where_the_bot_cannot_post_nothing_is_drawn_and_the_person_hears_how_to_invite_it(
    test: SlackTest,
) -> None:
    test.workspace.add_channel("C9", "elsewhere").members.remove("UBOT")
    await test.human.slash("/imagine", "a hill", channel="C9")
    assert "/invite" in (await test.human.sees("cannot post")).shown()
    job = await test.job()
    assert job.state is JobState.CANCELLED
    assert test.house.recorder.named("job_claimed") == []
    usage = await test.house.store.usage("slack:user:U1", test.house.core.day())
    assert (usage.images_today, usage.waiting) == (0, 0)


async def test_f60_an_archived_channel_is_found_before_drawing_too(test: SlackTest) -> None:
    test.workspace.channels["C1"].archived = True
    await test.human.slash("/imagine", "a hill")
    await test.human.sees("archived")
    assert test.house.recorder.named("job_claimed") == []


async def test_status_and_history_and_forgetting_are_private(test: SlackTest) -> None:
    assert "Nothing of yours is waiting" in (await test.human.slash("/imagine-status")).text
    assert (await test.human.slash("/imagine-style")).text
    await test.human.slash("/imagine", "a &lt;b&gt;bold hill")
    await test.job()
    await test.human.slash("/imagine-history")
    assert "a &lt;b&gt;bold" in (await test.human.sees("a <b>bold")).text
    await test.human.slash("/imagine-forget")
    await test.human.sees("was deleted")
    assert await test.jobs() == []
    assert all(private.user == "U1" for private in test.workspace.private)


async def opened_form(test: SlackTest) -> View:
    async with asyncio.timeout(60):
        while not any(view.open for view in test.workspace.views):
            await asyncio.sleep(0.01)
    return test.human.form()
