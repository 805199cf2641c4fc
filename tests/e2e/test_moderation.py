"""Moderation through the real studio, moderators, worker and store; only the platform and the backend are fake."""

import asyncio
import io
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from PIL import Image

from adapters.images.likeness import likeness
from bot.conduct import Action, ItemState, Mode, Rule, Sanction, Target
from bot.errors import ChatGone, Refused
from bot.judging import PictureChecks
from bot.model import AuditEvent, Drawn, Job, JobState, Person, Place, QuotaSettings, Style
from bot.moderation import audit
from bot.replies import problem
from tests.community import (
    ANN,
    BOB,
    CAT,
    GUILD,
    HERE,
    MOD,
    MOD2,
    OWNER,
    SETTINGS,
    THERE,
    ask,
    job_of,
    on_discord,
    settings,
)
from tests.fakes import CAPABILITIES, FakeBackend
from tests.house import TestHouse, open_house
from tests.moving import Ahead
from tests.waiting import until

DIRECT = Place("discord:dm:5", "5", private=True)


def code(refused: pytest.ExceptionInfo[Refused]) -> str:
    return refused.value.problems[0].code


async def delivered(house: TestHouse, text: str = "a red fox", person: Person = ANN) -> Job:
    async with house.working():
        return await house.settled((await ask(house, text, person)).job.id)


async def images_today(house: TestHouse, person: Person = ANN) -> int:
    return (await house.store.usage(person.key, house.core.day())).images_today


async def events(house: TestHouse, tenant: str = GUILD) -> list[str]:
    found = await house.store.audit_since(tenant, 0, 0, 1000)
    assert audit.broken_at(found) is None
    return [event.action for event in found]


# ---------------------------------------------------------------- the way in


async def test_a_blocked_word_refuses_with_the_rule_and_costs_nothing(tmp_path: Path) -> None:
    async with open_house(tmp_path, moderation=settings(blocked=("forbidden",))) as house:
        for text in ("a forbidden fox", "a fox --no f0rbidd3n", "a f o r b i d d e n fox"):
            with pytest.raises(Refused) as refused:
                await ask(house, text)
            assert code(refused) == "blocked_rule"
            assert refused.value.problems[0].values["rule"] == "blocked-1"
        assert await images_today(house) == 0
        assert await events(house) == ["request_refused"] * 3


async def test_a_rules_own_message_is_what_the_person_reads(tmp_path: Path) -> None:
    async with open_house(tmp_path, moderation=SETTINGS) as house:
        await house.moderators.add_rule(MOD, HERE, Rule("", "", ("spoon",), message="No spoons."))
        with pytest.raises(Refused) as refused:
            await ask(house, "a spoon")
        assert code(refused) == "blocked_rule_said"
        assert refused.value.problems[0].values["reason"] == "No spoons."


async def test_closed_refuses_everybody_but_moderators(tmp_path: Path) -> None:
    async with open_house(tmp_path, moderation=settings(mode="closed")) as house:
        with pytest.raises(Refused) as refused:
            await ask(house)
        assert code(refused) == "blocked_closed"
        assert (await ask(house, person=MOD)).job.state is JobState.QUEUED


async def test_a_held_request_spends_nothing_until_it_is_approved(tmp_path: Path) -> None:
    backend = FakeBackend(capabilities=replace(CAPABILITIES, price_per_image=1.0))
    async with open_house(tmp_path, [backend], moderation=settings(held=("castle",))) as house:
        room = on_discord(house)
        ticket = await ask(house, "a castle")
        assert (ticket.job.state, ticket.job.review, ticket.position) == (JobState.REVIEW, True, None)
        async with house.working():
            await until(lambda: bool(room.items))
            assert backend.drawn == []
            [case] = await house.moderators.cases(MOD, HERE)
            assert room.channels[case.item.id] == "777"
            assert case.job is not None
            assert case.job.request.prompt == "a castle"
            await house.moderators.approve(MOD, HERE, case.item.id)
            job = await house.settled(ticket.job.id)
            await until(lambda: room.items[case.item.id].item.state is ItemState.APPROVED)
        assert job.state is JobState.DELIVERED
        assert len(backend.drawn) == 1
        assert await events(house) == ["request_opened", "request_approved"]


async def test_a_rejected_request_is_refunded_and_its_author_told_why(tmp_path: Path) -> None:
    async with open_house(tmp_path, moderation=settings(held=("castle",))) as house:
        on_discord(house)
        ticket = await ask(house, "a castle --count 3")
        assert await images_today(house) == 3
        [case] = await house.moderators.cases(MOD, HERE)
        await house.moderators.reject(MOD, HERE, case.item.id, "no castles today")
        async with house.working():
            job = await house.settled(ticket.job.id)
        assert job.state is JobState.REJECTED
        assert job.reason is not None
        assert job.reason.values["reason"] == "no castles today"
        assert await images_today(house) == 0
        with pytest.raises(Refused):
            await house.studio.request_of(HERE, ticket.job.id, BOB)
        assert (await house.studio.request_of(HERE, ticket.job.id, ANN)).prompt == "a castle"


async def test_an_edited_request_is_drawn_with_the_new_words_and_keeps_the_old(tmp_path: Path) -> None:
    backend = FakeBackend()
    async with open_house(tmp_path, [backend], moderation=settings(held=("castle",), blocked=("moat",))) as house:
        on_discord(house)
        ticket = await ask(house, "a castle")
        [case] = await house.moderators.cases(MOD, HERE)
        with pytest.raises(Refused) as refused:
            await house.moderators.edit(MOD, HERE, case.item.id, "a castle with a moat")
        assert code(refused) == "blocked_rule"
        edited = await house.moderators.edit(MOD, HERE, case.item.id, "a small castle")
        assert (edited.item.original, edited.item.state) == ("a castle", ItemState.APPROVED)
        async with house.working():
            job = await house.settled(ticket.job.id)
        assert backend.drawn[0].prompt == "a small castle"
        assert [note.code for note in job.notes] == ["edited_by_moderator"]


async def test_an_edited_request_goes_to_a_backend_that_can_draw_the_new_words(tmp_path: Path) -> None:
    short = FakeBackend("short", replace(CAPABILITIES, max_prompt=20))
    slow = FakeBackend("slow", replace(CAPABILITIES, default_steps=80))
    async with open_house(tmp_path, [short, slow], moderation=settings(held=("castle",))) as house:
        on_discord(house)
        ticket = await ask(house, "a castle")
        assert ticket.job.candidates == ("short", "slow")
        [case] = await house.moderators.cases(MOD, HERE)
        await house.moderators.edit(MOD, HERE, case.item.id, "a small castle on a hill in the evening")
        edited = await job_of(house, ticket.job.id)
        assert (edited.state, edited.candidates) == (JobState.QUEUED, ("slow",))
        assert edited.cost == pytest.approx(4 * ticket.job.cost)
        async with house.working():
            assert (await house.settled(ticket.job.id)).backend == "slow"
        assert short.drawn == []


async def test_new_members_wait_until_enough_of_theirs_was_approved(tmp_path: Path) -> None:
    async with open_house(tmp_path, moderation=settings(mode="new-members", trusted_after=2)) as house:
        for _ in range(2):
            ticket = await ask(house)
            assert ticket.job.state is JobState.REVIEW
            [case] = await house.moderators.cases(MOD, HERE)
            await house.moderators.approve(MOD, HERE, case.item.id)
        assert (await ask(house)).job.state is JobState.QUEUED
        assert (await ask(house, place=THERE)).job.state is JobState.REVIEW


async def test_whom_imagine_toml_trusts_no_hold_of_that_category_stops(tmp_path: Path) -> None:
    said = settings(trusted={"discord:role:5": ("animals", "review-all")})
    trusted = replace(BOB, groups=("discord:role:5",))
    async with open_house(tmp_path, moderation=said) as house:
        await house.moderators.add_rule(MOD, HERE, Rule("", "", ("spider",), action=Action.HOLD, category="animals"))
        assert (await ask(house, "a spider")).job.state is JobState.REVIEW
        assert (await ask(house, "a spider", person=trusted)).job.state is JobState.QUEUED
        await house.moderators.set_mode(MOD, HERE, Mode.REVIEW_ALL)
        assert (await ask(house, "a fox", person=trusted)).job.state is JobState.QUEUED
        assert (await ask(house, "a fox")).job.state is JobState.REVIEW


async def test_a_mode_holds_for_one_channel_only(tmp_path: Path) -> None:
    async with open_house(tmp_path, moderation=SETTINGS) as house:
        await house.moderators.set_mode(MOD, HERE, Mode.REVIEW_ALL, "7")
        assert (await ask(house)).job.state is JobState.REVIEW
        assert (await ask(house, place=Place(GUILD, "6"))).job.state is JobState.QUEUED
        await house.moderators.set_mode(MOD, HERE, None, "7")
        assert (await ask(house)).job.state is JobState.QUEUED


async def test_a_paused_community_takes_no_new_requests_and_finishes_the_old(tmp_path: Path) -> None:
    async with open_house(tmp_path, moderation=SETTINGS) as house:
        on_discord(house)
        ticket = await ask(house)
        await house.moderators.pause(MOD, HERE, "cleaning")
        for person in (ANN, MOD):
            with pytest.raises(Refused) as refused:
                await ask(house, person=person)
            assert code(refused) == "community_paused"
        async with house.working():
            assert (await house.settled(ticket.job.id)).state is JobState.DELIVERED
        await house.moderators.resume(MOD, HERE)
        await ask(house)


async def test_again_is_judged_as_a_new_request(tmp_path: Path) -> None:
    async with open_house(tmp_path, moderation=SETTINGS) as house:
        on_discord(house)
        job = await delivered(house, "a spoon")
        await house.moderators.add_rule(MOD, HERE, Rule("", "", ("spoon",)))
        with pytest.raises(Refused):
            await house.studio.again(replace(job.origin, person=BOB), job.id, "again-1")


async def test_s42_style_texts_are_judged_too(tmp_path: Path) -> None:
    async with open_house(tmp_path, moderation=settings(blocked=("film noir",))) as house:
        house.core.styles["noir"] = Style("noir", "{prompt}, film noir")  # type: ignore[index] # a dict in truth
        with pytest.raises(Refused) as refused:
            await ask(house, "a fox --style noir")
        assert code(refused) == "blocked_rule"


# ---------------------------------------------------------------- faults


async def test_f75_two_moderators_at_once_the_first_wins_and_the_other_reads_who(tmp_path: Path) -> None:
    async with open_house(tmp_path, moderation=settings(held=("castle",))) as house:
        ticket = await ask(house, "a castle")
        [case] = await house.moderators.cases(MOD, HERE)
        results = await asyncio.gather(
            house.moderators.approve(MOD, HERE, case.item.id),
            house.moderators.reject(MOD2, HERE, case.item.id, "no"),
            return_exceptions=True,
        )
        lost = [each for each in results if isinstance(each, Refused)]
        assert len(lost) == 1
        assert lost[0].problems[0].code == "review_decided"
        assert lost[0].problems[0].values["by"] in {MOD.key, MOD2.key}
        assert (await job_of(house, ticket.job.id)).state in {JobState.QUEUED, JobState.REJECTED}
        assert len(await events(house)) == 2


async def test_f76_a_rule_added_while_it_waits_stops_it_before_money_is_spent(tmp_path: Path) -> None:
    backend = FakeBackend(capabilities=replace(CAPABILITIES, price_per_image=1.0))
    async with open_house(tmp_path, [backend], moderation=SETTINGS) as house:
        on_discord(house)
        ticket = await ask(house, "a spoon")
        await house.moderators.add_rule(MOD, HERE, Rule("spoons", "", ("spoon",)))
        async with house.working():
            job = await house.settled(ticket.job.id)
        assert job.state is JobState.REJECTED
        assert backend.drawn == []
        assert await house.store.spending(house.core.day()) == []
        assert await images_today(house) == 0
        assert await events(house) == ["rule_saved", "request_rejected"]


async def test_f76_a_rule_added_while_it_is_drawn_holds_the_pictures(tmp_path: Path) -> None:
    backend = FakeBackend(seconds=0.5)
    async with open_house(tmp_path, [backend], moderation=SETTINGS) as house:
        on_discord(house)
        async with house.working():
            ticket = await ask(house, "a spoon")
            await until(lambda: bool(backend.running))
            await house.moderators.add_rule(MOD, HERE, Rule("spoons", "", ("spoon",), action=Action.HOLD))
            await until_state(house, ticket.job.id, JobState.HELD)
            with pytest.raises(Refused):
                await house.studio.picture(HERE, ticket.job.id, 0)
            assert (await house.studio.settled(await job_of(house, ticket.job.id))).pictures == ()
            [case] = await house.moderators.cases(MOD, HERE)
            assert len(case.pictures) == 1
            assert house.chat.shown == []
            await house.moderators.approve(MOD, HERE, case.item.id)
            job = await house.settled(ticket.job.id)
        assert job.state is JobState.DELIVERED
        assert len(backend.drawn) == 1


async def test_f77_a_ban_cancels_what_waits_and_refunds_it(tmp_path: Path) -> None:
    async with open_house(tmp_path, moderation=settings(held=("castle",))) as house:
        room = on_discord(house)
        waiting = [await ask(house, text) for text in ("a fox", "a castle", "a cat --count 2")]
        elsewhere = await ask(house, place=THERE)
        await house.moderators.ban(MOD, HERE, ANN, "spam")
        for ticket in waiting:
            job = await job_of(house, ticket.job.id)
            assert job.state is JobState.CANCELLED
            assert job.reason is not None
            assert job.reason.code == "cancelled_by_ban"
        assert (await job_of(house, elsewhere.job.id)).state is JobState.QUEUED
        assert await images_today(house) == 1
        assert await house.moderators.cases(MOD, HERE) == []
        with pytest.raises(Refused) as refused:
            await ask(house)
        assert code(refused) == "blocked_banned"
        async with house.working():
            await until(lambda: bool(room.notices))
        assert room.notices == [(ANN.key, "You are banned from the bot in this community: spam")]
        assert (await events(house)).count("request_cancelled") == 3


async def test_f77_a_time_out_cancels_what_waits_at_once_and_leaves_what_is_drawn_to_its_delivery(
    tmp_path: Path,
) -> None:
    backend = FakeBackend(seconds=20)
    quota = QuotaSettings(images_per_day=0, running=1, waiting=0)
    async with open_house(tmp_path, [backend], quota, moderation=settings(held=("castle",))) as house:
        room = on_discord(house)
        async with house.working():
            drawing = await ask(house)
            await until(lambda: bool(backend.running))
            waiting = [await ask(house, text) for text in ("a cat", "a castle")]
            elsewhere = await ask(house, "a boat", place=THERE)
            await house.moderators.timeout(MOD, HERE, ANN, "calm down", 600)
            for ticket in waiting:
                job = await house.settled(ticket.job.id, 20)
                assert job.state is JobState.CANCELLED
                assert job.reason is not None
                assert job.reason.code == "cancelled_by_timeout"
                assert "calm down" in problem(job.reason)
            assert (await job_of(house, drawing.job.id)).state is JobState.RUNNING
            assert (await job_of(house, elsewhere.job.id)).state is JobState.QUEUED
            assert await house.moderators.cases(MOD, HERE) == []
            await until(lambda: bool(room.notices))
        assert await images_today(house) == 2


async def test_f77_a_ban_while_it_is_drawn_ends_it(tmp_path: Path) -> None:
    backend = FakeBackend(seconds=20)
    async with open_house(tmp_path, [backend], moderation=SETTINGS) as house:
        on_discord(house)
        async with house.working():
            ticket = await ask(house)
            await until(lambda: bool(backend.running))
            await house.moderators.ban(MOD, HERE, ANN, "spam")
            job = await house.settled(ticket.job.id)
        assert job.state is JobState.CANCELLED
        assert await images_today(house) == 0


async def test_f78_an_item_whose_channel_is_gone_stays_held_and_alerts(tmp_path: Path) -> None:
    async with open_house(tmp_path, moderation=settings(held=("castle",))) as house:
        room = on_discord(house)
        room.plan.append(ChatGone("10003 Unknown Channel"))
        ticket = await ask(house, "a castle")
        async with house.working():
            await until(lambda: any(each["text"] == "review_channel_gone" for each in house.recorder.named("alert")))
        assert (await job_of(house, ticket.job.id)).state is JobState.REVIEW
        assert len(await house.moderators.cases(MOD, HERE)) == 1


async def test_f78_an_item_nobody_decides_about_expires_with_a_refund(tmp_path: Path) -> None:
    clock = Ahead()
    async with open_house(tmp_path, moderation=settings(held=("castle",)), clock=clock) as house:
        on_discord(house)
        ticket = await ask(house, "a castle")
        clock.ahead = 86_399
        assert await house.store.expire_items(clock.now(), 100) == 0
        clock.ahead = 86_401
        assert await house.store.expire_items(clock.now(), 100) == 1
        job = await job_of(house, ticket.job.id)
        assert job.state is JobState.CANCELLED
        assert job.reason is not None
        assert job.reason.code == "review_ran_out"
        assert "request_expired" in await events(house)


async def test_f79_rules_that_cannot_be_compiled_hold_everything_and_alert(tmp_path: Path) -> None:
    async with open_house(tmp_path, moderation=settings(blocked=("re:(?=look)",))) as house:
        ticket = await ask(house)
        assert ticket.job.state is JobState.REVIEW
        assert house.recorder.named("alert")[0]["text"] == "rules_not_compiled"
        [case] = await house.moderators.cases(MOD, HERE)
        await house.moderators.approve(MOD, HERE, case.item.id)
        assert (await job_of(house, ticket.job.id)).state is JobState.QUEUED


@dataclass
class Check:
    """An `ImageCheck` that says the same of every picture, or fails."""

    scores: Mapping[str, float] | None

    async def classify(self, image: bytes) -> Mapping[str, float]:
        assert image.startswith(b"\x89PNG")
        if self.scores is None:
            raise RuntimeError("out of memory")
        return self.scores


NUDITY = {"nudity": {Action.HOLD: 0.5, Action.BLOCK: 0.9}}


@pytest.mark.parametrize(
    ("scores", "state"),
    [
        (None, JobState.HELD),
        ({"nudity": 0.6}, JobState.HELD),
        ({"nudity": 0.95}, JobState.REJECTED),
        ({"nudity": 0.1}, JobState.DELIVERED),
    ],
)
async def test_f79_the_picture_check_decides_and_its_failure_holds(
    tmp_path: Path, scores: Mapping[str, float] | None, state: JobState
) -> None:
    checks = PictureChecks(Check(scores), NUDITY)
    async with open_house(tmp_path, moderation=SETTINGS, pictures_checked=checks) as house:
        on_discord(house)
        async with house.working():
            ticket = await ask(house)
            await until_state(house, ticket.job.id, state)
        shown = [each for each in house.chat.shown if each.pictures]
        assert bool(shown) is (state is JobState.DELIVERED)
        assert await images_today(house) == (0 if state is JobState.REJECTED else 1)


@dataclass
class Losing(Check):
    """The disk forgets every picture while the first one is looked at."""

    images: Path

    async def classify(self, image: bytes) -> Mapping[str, float]:
        self.likeness(image)
        return await super().classify(image)

    def likeness(self, image: bytes) -> str:
        for file in self.images.rglob("*"):
            if file.is_file():
                file.unlink()
        return likeness(image)


@pytest.mark.parametrize("by", ["check", "likeness"])
async def test_f79_a_picture_that_cannot_be_read_is_looked_at_by_people_and_not_drawn_again(
    tmp_path: Path, by: str
) -> None:
    losing, backend = Losing({}, tmp_path / "images"), FakeBackend()
    checks = PictureChecks(losing) if by == "check" else PictureChecks(likeness=losing.likeness)
    async with open_house(tmp_path, [backend], moderation=SETTINGS, pictures_checked=checks) as house:
        on_discord(house)
        await house.store.block_picture(GUILD, "0" * 16, AuditEvent(GUILD, MOD.key, "picture_banned", "item"))
        async with house.working():
            ticket = await ask(house, "a red fox --count 2")
            await until_state(house, ticket.job.id, JobState.HELD)
        assert len(backend.drawn) == 1
        assert house.recorder.named("alert")[0]["text"] == "image_check_failed"


# ---------------------------------------------------------------- sanctions


async def test_a_rule_with_a_timeout_strikes_and_moderators_are_immune(tmp_path: Path) -> None:
    async with open_house(tmp_path, moderation=SETTINGS) as house:
        rule = Rule("bad", "", ("badword",), action=Action.TIMEOUT, timeout_seconds=600)
        await house.moderators.add_rule(MOD, HERE, rule)
        with pytest.raises(Refused) as refused:
            await ask(house, "a badword")
        assert [each.code for each in refused.value.problems] == ["blocked_rule", "sanction_timeout"]
        with pytest.raises(Refused) as refused:
            await ask(house, "a fox")
        assert code(refused) == "blocked_timed_out"
        with pytest.raises(Refused):
            await ask(house, "a badword", MOD)
        await ask(house, "a fox", MOD)
        member = await house.store.member(GUILD, ANN.key)
        assert [strike.decision for strike in member.strikes] == [member.sanctions[0].id]
        assert member.sanctions[0].until - member.sanctions[0].at == 600


async def test_the_ladder_climbs_with_each_strike(tmp_path: Path) -> None:
    clock = Ahead()
    async with open_house(tmp_path, moderation=SETTINGS, clock=clock) as house:
        await house.moderators.add_rule(MOD, HERE, Rule("bad", "", ("badword",), action=Action.TIMEOUT))
        given: list[Sanction] = []
        for _ in range(3):
            with pytest.raises(Refused):
                await ask(house, "a badword")
            given = list((await house.store.member(GUILD, ANN.key)).sanctions)
            clock.ahead += max(given[-1].until - given[-1].at, 20) + 1
        assert [round(each.until - each.at) for each in given] == [0, 600, 3600]


async def test_s28_moderators_cannot_sanction_owners_each_other_or_themselves(tmp_path: Path) -> None:
    async with open_house(tmp_path, moderation=SETTINGS) as house:
        for target in (OWNER, MOD2, MOD):
            with pytest.raises(Refused) as refused:
                await house.moderators.ban(MOD, HERE, target, "because")
            assert code(refused) == "sanction_not_allowed"
        await house.moderators.ban(OWNER, HERE, MOD2, "abuse")
        with pytest.raises(Refused):
            await house.moderators.pause(MOD2, HERE)


async def test_s28_a_moderator_whose_roles_are_not_named_is_known_by_the_last_request(tmp_path: Path) -> None:
    async with open_house(tmp_path, moderation=SETTINGS) as house:
        await ask(house, person=MOD2)
        with pytest.raises(Refused):
            await house.moderators.ban(MOD, HERE, Person(MOD2.key), "because")


async def test_lifting_ends_every_sanction_and_says_so(tmp_path: Path) -> None:
    async with open_house(tmp_path, moderation=SETTINGS) as house:
        room = on_discord(house)
        await house.moderators.timeout(MOD, HERE, ANN, "calm down", 3600)
        await house.moderators.ban(MOD, HERE, ANN, "spam", 7200)
        assert len(await house.moderators.lift(MOD, HERE, ANN, "sorry")) == 2
        await ask(house)
        async with house.working():
            await until(lambda: len(room.notices) == 2)
        assert {words for _, words in room.notices} == {
            "Your time-out or ban was lifted. You may ask for pictures again."
        }


async def test_a_won_appeal_takes_the_sanction_and_its_strike_back(tmp_path: Path) -> None:
    async with open_house(tmp_path, moderation=SETTINGS) as house:
        rule = Rule("bad", "", ("badword",), action=Action.TIMEOUT, timeout_seconds=3600)
        await house.moderators.add_rule(MOD, HERE, rule)
        with pytest.raises(Refused) as refused:
            await ask(house, "a badword")
        decision = str(refused.value.problems[1].values["decision"])
        with pytest.raises(Refused) as refused:
            await house.moderators.appeal(BOB, HERE, decision, "let them")
        assert code(refused) == "appeal_not_yours"
        appeal = await house.moderators.appeal(ANN, DIRECT, decision, "it was a quotation")
        with pytest.raises(Refused) as refused:
            await house.moderators.appeal(ANN, HERE, decision)
        assert code(refused) == "appeal_only_one"
        [case] = await house.moderators.cases(MOD, HERE)
        assert (case.item.words, case.against and case.against.person) == ("it was a quotation", ANN.key)
        await house.moderators.approve(MOD, HERE, appeal.id)
        await ask(house)
        assert (await house.store.member(GUILD, ANN.key)).strikes == ()


async def test_an_appeal_prefers_another_moderator(tmp_path: Path) -> None:
    async with open_house(tmp_path, moderation=settings(held=("castle",))) as house:
        await ask(house, "a castle")
        [case] = await house.moderators.cases(MOD, HERE)
        await house.moderators.reject(MOD, HERE, case.item.id, "no")
        await house.moderators.appeal(ANN, HERE, case.item.id)
        await ask(house, "another castle")
        assert [each.preferred for each in await house.moderators.cases(MOD, HERE)] == [True, False]
        assert [each.preferred for each in await house.moderators.cases(MOD2, HERE)] == [True, True]


# ---------------------------------------------------------------- reports


async def test_reports_hide_a_picture_until_a_moderator_decides(tmp_path: Path) -> None:
    async with open_house(tmp_path, moderation=settings(report_threshold=2)) as house:
        room = on_discord(house)
        job = await delivered(house)
        assert await house.moderators.report(BOB, HERE, job.id, 0, "rude")
        assert not await house.moderators.report(BOB, HERE, job.id, 0, "rude")
        await house.studio.picture(HERE, job.id, 0)
        assert await house.moderators.report(CAT, HERE, job.id, 0, "very rude")
        with pytest.raises(Refused):
            await house.studio.picture(HERE, job.id, 0)
        async with house.working():
            await until(lambda: bool(room.revised))
            assert room.revised[0].pictures[0].hidden
            [case] = await house.moderators.cases(MOD, HERE)
            assert [report.person for report in case.reports] == [BOB.key, CAT.key]
            await house.moderators.approve(MOD, HERE, case.item.id)
            await until(lambda: len(room.revised) == 2)
        await house.studio.picture(HERE, job.id, 0)
        assert (await house.store.member(GUILD, BOB.key)).reporter.dismissed == 1


async def test_an_upheld_report_is_undone_by_a_won_appeal_with_its_quota(tmp_path: Path) -> None:
    async with open_house(tmp_path, moderation=settings(report_threshold=1)) as house:
        on_discord(house)
        job = await delivered(house, "a fox --count 2")
        await house.moderators.report(BOB, HERE, job.id, 1, "rude")
        [case] = await house.moderators.cases(MOD, HERE)
        await house.moderators.reject(MOD, HERE, case.item.id, "against the rules")
        assert await images_today(house) == 2
        appeal = await house.moderators.appeal(ANN, HERE, case.item.id)
        await house.moderators.approve(MOD2, HERE, appeal.id)
        await house.studio.picture(HERE, job.id, 1)
        assert await images_today(house) == 1


async def test_neither_a_muted_nor_a_foreign_nor_a_banned_reporter_hides_anything(tmp_path: Path) -> None:
    async with open_house(tmp_path, moderation=settings(report_threshold=1)) as house:
        on_discord(house)
        job = await delivered(house)
        await house.moderators.mute_reporter(MOD, HERE, BOB, "noise")
        assert await house.moderators.report(BOB, HERE, job.id, None, "rude")
        await house.studio.picture(HERE, job.id, 0)
        with pytest.raises(Refused) as refused:
            await house.moderators.report(CAT, THERE, job.id, 0, "rude")
        assert code(refused) == "unknown_request"
        await house.moderators.ban(MOD, HERE, CAT, "spam")
        with pytest.raises(Refused) as refused:
            await house.moderators.report(CAT, HERE, job.id, 0, "rude")
        assert code(refused) == "report_not_allowed"
        await house.studio.picture(HERE, job.id, 0)


async def test_a_flagged_request_is_posted_and_shown_to_the_moderators(tmp_path: Path) -> None:
    async with open_house(tmp_path, moderation=SETTINGS) as house:
        on_discord(house)
        await house.moderators.add_rule(MOD, HERE, Rule("look", "", ("castle",), action=Action.FLAG, spoiler=True))
        job = await delivered(house, "a castle")
        assert job.state is JobState.DELIVERED
        assert [note.code for note in house.chat.shown[0].job.notes] == ["spoiler"]
        [case] = await house.moderators.cases(MOD, HERE)
        assert case.item.grounds[0].rule == "look"
        await house.moderators.reject(MOD, HERE, case.item.id, "no castles")
        with pytest.raises(Refused):
            await house.studio.picture(HERE, job.id, 0)


async def test_a_banned_picture_is_not_posted_again_and_delete_bans_nothing(tmp_path: Path) -> None:
    backend = FakeBackend()
    async with open_house(tmp_path, [backend], moderation=SETTINGS) as house:
        on_discord(house)
        house.core.judge._pictures = PictureChecks(likeness=likeness, read=house.pictures.read)

        async def drawn(look: str, side: int = 64) -> Job:
            backend.plan.append(Drawn((drawing(look, side),), (1,)))
            return await delivered(house)

        await house.studio.delete(ANN, HERE, (await drawn("striped")).id)
        for job in (await drawn("striped"), await drawn("flat")):
            assert job.state is JobState.DELIVERED
            await house.moderators.report(BOB, HERE, job.id, 0, "rude")
        for case in await house.moderators.cases(MOD, HERE):
            await house.moderators.ban_pictures(MOD, HERE, case.item.id, "never again")
        assert len(await house.store.blocked_pictures(GUILD)) == 1
        assert [(await drawn(look)).state for look in ("flat", "other")] == [JobState.DELIVERED] * 2
        again = await drawn("striped", 63)
        assert (again.state, again.reason and again.reason.code) == (JobState.REJECTED, "blocked_likeness")
        assert (await events(house)).count("picture_banned") == 1


async def test_a_picture_whose_file_is_lost_can_be_banned_like_any_other(tmp_path: Path) -> None:
    async with open_house(tmp_path, moderation=SETTINGS) as house:
        on_discord(house)
        house.core.judge._pictures = PictureChecks(likeness=likeness, read=house.pictures.read)
        job = await delivered(house)
        await house.moderators.report(BOB, HERE, job.id, 0, "rude")
        for file in (tmp_path / "images").rglob("*"):
            if file.is_file():
                file.unlink()
        [case] = await house.moderators.cases(MOD, HERE)
        await house.moderators.dispatch(MOD, HERE, f"banish {case.item.id} never again")
        [picture] = await house.store.pictures_of(job.id)
        assert picture.hidden
        assert await house.store.blocked_pictures(GUILD) == []


def drawing(look: str, side: int) -> bytes:
    """A flat picture, or one of two with different shapes in them."""
    picture = Image.new("RGB", (side, side), "#404040")
    shapes = {"striped": [(0, 0, 20, side), (40, 0, 50, side)], "other": [(0, 30, side // 2, 40)], "flat": []}[look]
    for box in shapes:
        picture.paste("#e0e0e0", box)
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


# ---------------------------------------------------------------- rules


async def test_s09_a_rule_that_would_meet_much_of_the_past_starts_as_a_dry_run(tmp_path: Path) -> None:
    async with open_house(tmp_path, moderation=SETTINGS) as house:
        for number in range(30):
            await ask(house, f"a fox number {number}", Person(f"discord:user:{number + 100}"))
        wide = Rule("foxes", "", ("fox",), target=Target.PROMPT)
        simulation = await house.moderators.simulate(MOD, HERE, wide)
        assert (simulation.total, simulation.stricter) == (30, 30)
        assert (await house.moderators.add_rule(MOD, HERE, wide)).dry_run
        await ask(house, "a fox")
        for pattern in (".*", "re:.*", "", "*"):
            with pytest.raises(Refused):
                await house.moderators.add_rule(MOD, HERE, Rule("", "", (pattern,)))


async def test_rules_have_versions_and_the_house_rules_stay(tmp_path: Path) -> None:
    async with open_house(tmp_path, moderation=settings(blocked=("forbidden",))) as house:
        first = await house.moderators.add_rule(MOD, HERE, Rule("spoons", "", ("spoon",)))
        second = await house.moderators.add_rule(MOD, HERE, Rule("spoons", "", ("spoons",)))
        assert (first.version, second.version, second.author) == (1, 2, MOD.key)
        assert [rule.id for rule in await house.moderators.rules(MOD, HERE)] == ["blocked-1", "spoons"]
        assert [rule.id for rule in await house.moderators.rules(OWNER, THERE)] == ["blocked-1"]
        await house.moderators.remove_rule(MOD, HERE, "spoons")
        await ask(house, "spoons")
        for rule_id in ("spoons", "blocked-1"):
            with pytest.raises(Refused) as refused:
                await house.moderators.remove_rule(MOD, HERE, rule_id)
            assert code(refused) == "rule_unknown"
        with pytest.raises(Refused) as refused:
            await house.moderators.add_rule(MOD, HERE, Rule("blocked-1", "", ("spoon",)))
        assert code(refused) == "rule_of_the_house"


# ---------------------------------------------------------------- people's data


async def test_forgetting_is_no_way_out_of_a_ban_and_leaves_only_the_key(tmp_path: Path) -> None:
    async with open_house(tmp_path, moderation=settings(held=("castle",))) as house:
        on_discord(house)
        ticket = await ask(house, "a castle of secrets")
        [case] = await house.moderators.cases(MOD, HERE)
        await house.moderators.reject(MOD, HERE, case.item.id, "no")
        await house.moderators.ban(MOD, HERE, ANN, "spam")
        async with house.working():
            await house.settled(ticket.job.id)
        await house.studio.forget(ANN)
        with pytest.raises(Refused) as refused:
            await ask(house)
        assert code(refused) == "blocked_banned"
        assert (await house.store.member(GUILD, ANN.key)).record == ()
        assert await house.store.items_of(GUILD, case.item.job_id) == []
        found = await house.store.audit_since(GUILD, 0, 0, 100)
        assert audit.broken_at(found) is None
        assert not any("secrets" in line for line in audit.json_lines(found))


# ---------------------------------------------------------------- words


async def test_s26_the_dispatcher_answers_moderators_and_nobody_else(tmp_path: Path) -> None:
    async with open_house(tmp_path, moderation=settings(held=("castle",))) as house:
        say = house.moderators.dispatch
        assert await say(ANN, HERE, "ban 2 spam") == ["Only moderators of this community can do that."]
        assert await say(MOD, DIRECT, "ban 2 spam") == ["Only moderators of this community can do that."]
        assert await say(MOD, HERE, "/imagine-mod ban <@2> 7d spam and more") != []
        [sanction] = (await house.store.member(GUILD, BOB.key)).sanctions
        assert (sanction.reason, round(sanction.until - sanction.at)) == ("spam and more", 604800)
        ticket = await ask(house, "a castle")
        [line] = await say(MOD, HERE, "queue")
        assert "a castle" in line
        assert await say(MOD, HERE, f"approve {line.split()[0]}") == [f"{line.split()[0]} is approved."]
        assert (await job_of(house, ticket.job.id)).state is JobState.QUEUED
        assert await say(MOD, HERE, 'rule add block spoon, "tea spoon" --message No spoons. --id spoons') == [
            "Rule spoons is in force, version 1."
        ]
        assert any("spoons would block" in line for line in await say(MOD, HERE, "test a s.p.o.o.n"))
        assert "1 more strictly" in (await say(MOD, HERE, "simulate block castle"))[0]
        for text in ("nonsense", "ban", "timeout 2 spam", "mode wide", "rule add allow x", "rule add block x --wide 1"):
            [answer] = await say(MOD, HERE, text)
            assert answer
        assert len(await say(MOD, HERE, "audit")) >= 4
        for text in ("pause", "resume", "mode closed here", "mode default here", "lift 2 sorry", "record 2", "help"):
            assert await say(MOD, HERE, text)


@pytest.mark.parametrize(
    ("exempt", "groups", "channels", "everywhere"),
    [
        ("<#77>, C9 <#C8|arts>", (), ("77", "C9", "C8"), False),
        ("<@&9>, slack:group:S3 <!subteam^S4|@x>", ("discord:role:9", "slack:group:S3", "slack:group:S4"), (), False),
        ("age-restricted, 77, 77", (), ("77",), True),
    ],
)
async def test_a_rule_leaves_out_channels_roles_and_age_restricted_channels_that_its_author_names(
    tmp_path: Path, exempt: str, groups: tuple[str, ...], channels: tuple[str, ...], everywhere: bool
) -> None:
    async with open_house(tmp_path, moderation=SETTINGS) as house:
        said = f"rule add block spoon --exempt {exempt} --id spoons"
        assert await house.moderators.dispatch(MOD, HERE, said) == ["Rule spoons is in force, version 1."]
        rule = next(each for each in await house.moderators.rules(MOD, HERE) if each.id == "spoons")
        assert (rule.exempt_groups, rule.exempt_channels, rule.age_restricted_exempt) == (groups, channels, everywhere)
        [refused] = await house.moderators.dispatch(MOD, HERE, "rule add block spoon --exempt #general")
        assert refused.endswith("not #general.")


# ---------------------------------------------------------------- helpers


async def until_state(house: TestHouse, job_id: str, state: JobState) -> None:
    async with asyncio.timeout(60):
        while (await job_of(house, job_id)).state is not state:
            await asyncio.sleep(0.01)
