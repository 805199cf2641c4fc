"""The way out, with a real store and real files: drawing, delivering, failing, draining."""

import asyncio
import math
import sqlite3
import time
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from bot.errors import Broken, Busy, ChatBusy, ChatGone, Conflict, Down, Refused, Rejected, StoreBusy
from bot.mending import STRANDED_SECONDS, Mending
from bot.model import Breaker, Drawing, Drawn, Job, JobState, Limits, Problem, QuotaSettings, Stage
from bot.ports import Report, Topic
from bot.worker import BEAT_SECONDS, LATE_CLAIM, LEASE_SECONDS, POLL_SECONDS
from tests import factories
from tests.fakes import CAPABILITIES, FakeBackend, png
from tests.house import UNLIMITED, open_house
from tests.moving import Ahead, Stopped
from tests.waiting import until


async def test_a_request_is_drawn_and_delivered_once(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house, house.working():
        ticket = await house.ask("a red fox --count 2 --seed 5")
        job = await house.settled(ticket.job.id)
        assert job.state is JobState.DELIVERED
        [shown] = house.chat.shown
        assert [picture.seed for picture in shown.pictures] == [5, 6]
        assert (await house.pictures.read(shown.pictures[0].sha256)).startswith(b"\x89PNG")


async def test_sixty_requests_of_twenty_people_are_each_delivered_once(tmp_path: Path) -> None:
    async with open_house(tmp_path, [FakeBackend(capabilities=replace(CAPABILITIES, at_once=8))]) as house:
        tickets = [await house.ask(name=f"p{number % 20}") for number in range(60)]
        async with house.working(house.worker("w1"), house.worker("w2", alone=False)):
            for ticket in tickets:
                await house.settled(ticket.job.id, 60)
        assert sorted(each.job.id for each in house.chat.shown) == sorted(ticket.job.id for ticket in tickets)


async def test_a_backend_that_draws_one_at_a_time_is_never_left_idle_while_somebody_waits(tmp_path: Path) -> None:
    backend = FakeBackend(capabilities=replace(CAPABILITIES, at_once=1))
    async with open_house(tmp_path, [backend]) as house:
        tickets = [await house.ask(name=f"p{number}") for number in range(60)]
        began = time.monotonic()
        async with house.working():
            for ticket in tickets:
                await house.settled(ticket.job.id, 60)
        assert time.monotonic() - began < len(tickets) * POLL_SECONDS / 3  # that is: nobody waited for the slow poll


async def test_s25_fifty_presses_of_cancel_end_a_running_job_once_and_refund_it(tmp_path: Path) -> None:
    backend = FakeBackend(seconds=30)
    async with open_house(tmp_path, [backend]) as house, house.working():
        ticket = await house.ask()
        while not backend.running:
            await asyncio.sleep(0.01)
        person, place = factories.person(), factories.origin().place
        began = time.monotonic()
        await asyncio.gather(*(house.studio.cancel(person, place, ticket.job.id) for _ in range(50)))
        job = await house.settled(ticket.job.id)
        assert job.state is JobState.CANCELLED
        assert time.monotonic() - began < 20
        assert len(house.chat.shown) == 1
        assert (await house.store.usage(person.key, house.core.day())).images_today == 0
        with pytest.raises(Refused):
            await house.studio.cancel(person, place, ticket.job.id)


async def test_f20_a_busy_backend_keeps_the_job_queued_and_costs_no_attempt(tmp_path: Path) -> None:
    backend = FakeBackend(plan=[Busy("429", retry_after=0.2)])
    async with open_house(tmp_path, [backend]) as house, house.working():
        job = await house.settled((await house.ask()).job.id)
        assert (job.state, job.errors) == (JobState.DELIVERED, 0)


async def test_f21_a_dead_backend_fails_over_to_the_next(tmp_path: Path) -> None:
    dead, alive = FakeBackend("hive", plan=[Down("refused")]), FakeBackend("ovh")
    async with open_house(tmp_path, [dead, alive]) as house, house.working():
        job = await house.settled((await house.ask()).job.id)
        assert (job.state, job.backend, job.errors) == (JobState.DELIVERED, "ovh", 1)


async def test_f21_a_backend_that_stays_down_fails_the_job_and_refunds(tmp_path: Path) -> None:
    async with open_house(tmp_path, [FakeBackend(plan=[Down("refused")] * 99)]) as house:
        house.core.health.is_closed = lambda *_: False  # type: ignore[method-assign] # the pauses are tested elsewhere
        async with house.working():
            job = await house.settled((await house.ask("a fox --count 3")).job.id)
        assert (job.state, job.errors) == (JobState.FAILED, 4)
        assert (await house.store.usage("web:user:ann", house.core.day())).images_today == 0
        assert house.chat.shown[0].job.reason is not None


async def test_f22_two_attempts_that_may_have_been_paid_end_the_job(tmp_path: Path) -> None:
    paid = replace(CAPABILITIES, charges=True)
    backend = FakeBackend(capabilities=paid, plan=[Down("timeout", maybe_charged=True)] * 9)
    async with open_house(tmp_path, [backend]) as house, house.working():
        job = await house.settled((await house.ask()).job.id)
        assert job.state is JobState.FAILED
        assert len(backend.drawn) == 2
        assert backend.drawn[0].seed == backend.drawn[1].seed


async def test_f23_a_hanging_backend_is_given_up_at_its_deadline(tmp_path: Path) -> None:
    slow = FakeBackend("slow", capabilities=replace(CAPABILITIES, timeout_seconds=0.2), seconds=60)
    async with open_house(tmp_path, [slow, FakeBackend("quick")]) as house, house.working():
        job = await house.settled((await house.ask()).job.id)
        assert (job.state, job.backend) == (JobState.DELIVERED, "quick")


async def test_f24_a_partial_answer_is_delivered_in_part_and_refunded_in_part(tmp_path: Path) -> None:
    answer = Drawn((png("red"), b"<html>no</html>"), (1, 2), missing=1)
    async with open_house(tmp_path, [FakeBackend(plan=[answer])]) as house, house.working():
        job = await house.settled((await house.ask("a fox --count 3")).job.id)
        assert (job.state, job.missing) == (JobState.DELIVERED, 2)
        assert job.notes[-1].code == "some_missing"
        assert (await house.store.usage("web:user:ann", house.core.day())).images_today == 1


async def test_f24_an_answer_that_is_no_picture_is_the_backends_fault(tmp_path: Path) -> None:
    answer = Drawn((b"<html>no</html>",), (1,))
    first, second = FakeBackend("a", plan=[answer]), FakeBackend("b")
    async with open_house(tmp_path, [first, second]) as house, house.working():
        job = await house.settled((await house.ask()).job.id)
        assert (job.state, job.backend) == (JobState.DELIVERED, "b")


async def test_f25_a_moderation_refusal_goes_to_no_other_backend(tmp_path: Path) -> None:
    hive, ovh = FakeBackend("hive", plan=[Rejected("451", stage=Stage.PROMPT)]), FakeBackend("ovh")
    async with open_house(tmp_path, [hive, ovh]) as house, house.working():
        job = await house.settled((await house.ask()).job.id)
        assert job.state is JobState.REJECTED
        assert ovh.drawn == []


async def test_f26_a_backend_without_credit_is_closed_until_an_operator_acts(tmp_path: Path) -> None:
    hive, ovh = FakeBackend("hive", plan=[Down("405", until_fixed=True)]), FakeBackend("ovh")
    async with open_house(tmp_path, [hive, ovh]) as house:
        async with house.working():
            for _ in range(3):
                job = await house.settled((await house.ask()).job.id)
                assert job.backend == "ovh"
        assert len(hive.drawn) == 1
        assert len(house.recorder.named("backend_closed")) == 1


async def test_f26_a_backend_that_was_mended_is_used_by_whoever_starts_after_that(tmp_path: Path) -> None:
    hive, ovh = FakeBackend("hive", plan=[Down("401", until_fixed=True)], trouble="wrong key"), FakeBackend("ovh")
    async with open_house(tmp_path, [hive, ovh]) as house:
        for trouble, used in (("wrong key", "ovh"), ("", "hive")):
            hive.trouble = trouble
            async with house.working():
                async with asyncio.timeout(60):
                    while not trouble and not house.recorder.named("backend_opened"):
                        await asyncio.sleep(0.01)
                job = await house.settled((await house.ask()).job.id)
                assert (job.state, job.backend) == (JobState.DELIVERED, used)


async def test_f26_a_backend_that_is_mended_while_the_bot_runs_is_found_by_asking_it(tmp_path: Path) -> None:
    clock = Stopped()
    hive = FakeBackend("hive")
    async with open_house(tmp_path, [hive], clock=clock) as house:
        mending = Mending(house.core)
        await house.core.health.keep(Breaker("hive", closed_until=math.inf))
        for trouble, seconds, closed in (("", 0, True), ("no credit", 61, True), ("", 100, True), ("", 25, False)):
            hive.trouble = trouble
            clock.seconds += seconds
            await mending.look()
            assert house.core.health.is_closed("hive", clock.now()) is closed


async def test_a_request_whose_backends_were_all_removed_ends_refunded_and_told(tmp_path: Path) -> None:
    clock = Ahead()
    async with open_house(tmp_path, [FakeBackend("old")], clock=clock) as house:
        ticket = await house.ask()
    new = FakeBackend("new")
    async with open_house(tmp_path, [new], clock=clock) as house:
        clock.ahead = STRANDED_SECONDS - 60  # for so long an older process may just not know it yet
        await Mending(house.core).look()
        job = await house.store.job(ticket.job.id)
        assert job is not None
        assert job.state is JobState.QUEUED
        clock.ahead = STRANDED_SECONDS + 60
        other = await house.ask(name="bob")
        async with house.working():
            job = await house.settled(ticket.job.id)
            assert (await house.settled(other.job.id)).state is JobState.DELIVERED
        assert (job.state, job.reason) == (JobState.FAILED, Problem("failed_no_backend"))
        usage = await house.store.usage("web:user:ann", house.core.day())
        assert (usage.images_today, usage.waiting) == (0, 0)
        assert await house.store.line(10) == []


async def test_a_request_that_one_of_the_configured_backends_can_draw_waits_for_it(tmp_path: Path) -> None:
    clock = Ahead()
    async with open_house(tmp_path, [FakeBackend("old"), FakeBackend("kept")], clock=clock) as house:
        ticket = await house.ask()
    async with open_house(tmp_path, [FakeBackend("kept")], clock=clock) as house:
        clock.ahead = 2 * STRANDED_SECONDS
        await Mending(house.core).look()
        async with house.working():
            assert (await house.settled(ticket.job.id)).backend == "kept"


async def test_f27_a_request_that_cannot_be_done_fails_at_once(tmp_path: Path) -> None:
    async with open_house(tmp_path, [FakeBackend(plan=[Broken("422")])]) as house, house.working():
        job = await house.settled((await house.ask()).job.id)
        assert (job.state, job.errors) == (JobState.FAILED, 0)


async def test_f30_while_every_backend_is_closed_requests_wait_with_their_quota_reserved(tmp_path: Path) -> None:
    backend = FakeBackend(plan=[Busy("429", retry_after=1.0)])
    async with open_house(tmp_path, [backend]) as house, house.working():
        first = await house.ask()
        while not house.recorder.named("backend_closed"):
            await asyncio.sleep(0.01)
        second = await house.ask()
        assert second.job.state is JobState.QUEUED
        assert [note.code for note in second.notes] == ["backends_closed"]
        assert (await house.store.usage("web:user:ann", house.core.day())).images_today == 2
        for ticket in (first, second):
            assert (await house.settled(ticket.job.id)).state is JobState.DELIVERED


async def test_s30_a_budget_of_a_day_closes_its_backend_until_tomorrow(tmp_path: Path) -> None:
    priced = FakeBackend("hosted", capabilities=replace(CAPABILITIES, price_per_image=0.4, charges=True))
    local = FakeBackend("local")
    async with open_house(tmp_path, [priced, local]) as house:
        house.core = replace(house.core, budgets={"hosted": 1.0})
        async with house.working():
            backends = [(await house.settled((await house.ask()).job.id)).backend for _ in range(4)]
        assert backends == ["hosted", "hosted", "local", "local"]
        [spent] = await house.store.spending(house.core.day())
        assert spent.dollars == pytest.approx(0.8)


async def test_s30_a_task_of_another_backend_lets_nobody_draw_past_the_budget(tmp_path: Path) -> None:
    paid = replace(CAPABILITIES, price_per_image=0.4, charges=True)
    hive = FakeBackend("hive", capabilities=paid, plan=[Down("the pictures cannot be fetched", maybe_charged=True)])
    pipeline = FakeBackend("pipeline", capabilities=paid)
    async with open_house(tmp_path, [hive, pipeline]) as house, house.working():
        job = await house.settled((await house.ask()).job.id)
        assert (job.state, job.backend, pipeline.resumed) == (JobState.DELIVERED, "pipeline", [""])
        spent = {each.backend: each.dollars for each in await house.store.spending(house.core.day())}
        assert spent == pytest.approx({"hive": 0.4, "pipeline": 0.4})


async def test_f28_what_was_begun_before_is_resumed_unpaid_and_says_nothing_of_the_speed(tmp_path: Path) -> None:
    paid = replace(CAPABILITIES, price_per_image=0.4, charges=True)
    troubles = [Down("no answer", maybe_charged=True), Busy("429", retry_after=0.1)]
    backend = FakeBackend(capabilities=paid, plan=[*troubles])
    async with open_house(tmp_path, [backend]) as house, house.working():
        job = await house.settled((await house.ask()).job.id)
        assert (job.state, backend.resumed) == (JobState.DELIVERED, ["", "task-1", "task-2"])
        assert [each.dollars for each in await house.store.spending(house.core.day())] == pytest.approx([0.4])
        assert await house.store.speeds() == []


async def test_f43_a_busy_chat_gets_the_result_later_and_only_once(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        house.chat.plan = [ChatBusy("429", retry_after=0.1)]
        async with house.working():
            job = await house.settled((await house.ask()).job.id)
        assert (job.state, job.deliveries) == (JobState.DELIVERED, 1)
        assert len(house.chat.shown) == 1
        assert len(house.recorder.named("job_drawn")) == 1


async def test_f47_a_place_that_is_gone_refunds(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        house.chat.plan = [ChatGone("channel deleted"), ChatGone("no DM either")]
        async with house.working():
            job = await house.settled((await house.ask()).job.id)
        assert job.state is JobState.UNDELIVERABLE
        assert (await house.store.usage("web:user:ann", house.core.day())).images_today == 0


async def test_f12_a_stopped_worker_gives_its_jobs_back_and_the_next_one_goes_on(tmp_path: Path) -> None:
    backend = FakeBackend(seconds=30)
    async with open_house(tmp_path, [backend]) as house:
        async with house.working():
            ticket = await house.ask()
            while not backend.running:
                await asyncio.sleep(0.01)
            began = time.monotonic()
        assert time.monotonic() - began < 20
        job = await house.store.job(ticket.job.id)
        assert job is not None
        assert (job.state, job.crashes, job.errors) == (JobState.QUEUED, 0, 0)
        backend.seconds = 0
        async with house.working():
            assert (await house.settled(ticket.job.id)).state is JobState.DELIVERED


async def test_f12_stopping_the_worker_in_paid_calls_again_and_again_ends_the_job(tmp_path: Path) -> None:
    backend = FakeBackend(seconds=30, capabilities=replace(CAPABILITIES, charges=True))
    async with open_house(tmp_path, [backend]) as house:
        ticket = await house.ask()
        for state in (JobState.QUEUED, JobState.FAILED):
            async with house.working():
                await until(lambda: backend.running)
            job = await house.store.job(ticket.job.id)
            assert job is not None
            assert (job.state, job.paid_attempts) == (state, 1)
        assert len(backend.drawn) == 2
        assert (await house.store.usage("web:user:ann", house.core.day())).images_today == 0


async def test_f12_a_cancel_in_a_paid_call_is_still_a_cancel(tmp_path: Path) -> None:
    backend = FakeBackend(seconds=30, capabilities=replace(CAPABILITIES, charges=True))
    async with open_house(tmp_path, [backend]) as house, house.working():
        ticket = await house.ask()
        await until(lambda: backend.running)
        await house.studio.cancel(factories.person(), factories.origin().place, ticket.job.id)
        assert (await house.settled(ticket.job.id)).state is JobState.CANCELLED


@dataclass
class Early(FakeBackend):
    """It remembers its task before it waits for the pictures."""

    async def generate(self, request: Drawing, resume: str, report: Report) -> Drawn:
        if not resume:
            await report.remember("begun")
        return await super().generate(request, resume, report)


async def test_f28_stopping_a_worker_whose_task_can_be_resumed_costs_nothing(tmp_path: Path) -> None:
    backend = Early(seconds=30, capabilities=replace(CAPABILITIES, charges=True))
    async with open_house(tmp_path, [backend]) as house:
        ticket = await house.ask()
        for _ in range(3):
            async with house.working():
                await until(lambda: backend.running)
        job = await house.store.job(ticket.job.id)
        assert job is not None
        assert (job.state, job.paid_attempts, backend.resumed) == (JobState.QUEUED, 0, ["", "begun", "begun"])


async def test_f10_a_claim_that_was_answered_late_is_extended_before_anything_is_drawn(tmp_path: Path) -> None:
    backend = FakeBackend(seconds=60)
    async with open_house(tmp_path, [backend]) as house:
        ticket = await house.ask()
        other = sqlite3.connect(tmp_path / "imagine.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        async with house.working():
            await asyncio.sleep(LATE_CLAIM + 0.1)
            other.execute("ROLLBACK")
            await until(lambda: backend.running)
            [[lease_until]] = other.execute("SELECT lease_until FROM jobs WHERE id = ?", [ticket.job.id]).fetchall()
            assert lease_until > time.time() + LEASE_SECONDS - 1
        other.close()


async def test_f69_a_clock_set_ahead_makes_no_worker_take_itself_for_dead(tmp_path: Path) -> None:
    backend, clock = FakeBackend(seconds=3 * BEAT_SECONDS), Ahead()
    async with open_house(tmp_path, [backend], clock=clock) as house, house.working():
        ticket = await house.ask()
        while not backend.running:
            await asyncio.sleep(0.01)
        clock.ahead = 3600.0
        job = await house.settled(ticket.job.id)
        assert (job.state, job.crashes) == (JobState.DELIVERED, 0)
        assert house.recorder.named("recovered") == house.recorder.named("lease_lost") == []
        assert len(house.chat.shown) == 1


async def test_f06_a_cancel_found_with_a_dead_workers_lease_undoes_nothing_that_was_drawn_after_all(
    tmp_path: Path,
) -> None:
    async with open_house(tmp_path) as house:
        ticket, now = await house.ask(), house.core.clock.now()
        assert await house.store.claim("w9", lambda candidates: candidates[0], now + 8, now)
        await house.store.cancel(ticket.job.id, Problem("cancelled_by_you"), now)
        [seen] = await house.store.expired(now, all_workers=True)
        await house.store.drawn(seen, [factories.picture()], 0, [], now)
        with pytest.raises(Conflict):
            await house.worker()._take_up(seen)
        job = await house.store.job(seen.id)
        assert job
        assert job.state is JobState.DRAWN


async def test_f02_a_request_that_is_acknowledged_while_it_is_looked_for_as_lost_goes_on(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        made = factories.job()
        ticket = await house.studio.submit(factories.origin(), "a red fox", made.key)

        async def arrived(job: Job) -> None:
            await house.studio.acknowledged(job.id, {})

        assert await house.studio.drop_unacknowledged(arrived=arrived) == 1
        async with house.working():
            assert (await house.settled(ticket.job.id)).state is JobState.DELIVERED


async def test_the_running_limit_of_a_person_leaves_room_for_others(tmp_path: Path) -> None:
    backend = FakeBackend(seconds=0.3)
    async with open_house(tmp_path, [backend], replace(UNLIMITED, running=1)) as house, house.working():
        heavy = [await house.ask(name="heavy") for _ in range(5)]
        light = await house.ask(name="light")
        job = await house.settled(light.job.id)
        waiting = await house.store.jobs_of("web:user:heavy", 10, active_only=True)
        assert job.state is JobState.DELIVERED
        assert len(waiting) >= 3
        for ticket in heavy:
            await house.settled(ticket.job.id)


async def test_a_ticket_tells_position_and_eta(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        tickets = [await house.ask(name=f"p{number}") for number in range(3)]
        assert [ticket.position for ticket in tickets] == [1, 2, 3]
        assert all(ticket.eta_seconds for ticket in tickets)


async def test_the_quota_is_refused_in_words_that_hold_numbers(tmp_path: Path) -> None:
    async with open_house(tmp_path, quota=QuotaSettings(images_per_day=3, running=1, waiting=0)) as house:
        await house.ask("a fox --count 2")
        with pytest.raises(Refused) as refused:
            await house.ask("a fox --count 2")
        assert refused.value.problems[0].values["left"] == 1
        assert Limits(images_per_day=3).images_per_day == refused.value.problems[0].values["limit"]


async def test_again_takes_a_new_seed_and_stays_inside_its_tenant(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        first = await house.ask("a fox --seed 5")
        again = await house.studio.again(factories.origin("bob"), first.job.id, "again-1")
        assert again.job.request == replace(first.job.request, seed=None)
        assert again.job.seed != 5
        with pytest.raises(Refused):
            await house.studio.again(factories.origin("bob", tenant="discord:1"), first.job.id, "again-2")


async def test_s23_only_the_owner_or_a_moderator_cancels(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        ticket = await house.ask()
        with pytest.raises(Refused) as refused:
            await house.studio.cancel(factories.person("eve"), factories.origin().place, ticket.job.id)
        assert refused.value.problems[0].code == "not_yours"


async def test_a_loop_that_is_started_again_waits_once(tmp_path: Path) -> None:
    """After each error of the store; a second subscription would be woken for nothing, and kept for ever."""
    async with open_house(tmp_path) as house:
        worker = house.worker()
        subscribed: list[Topic] = []
        house.store.subscribe = subscribed.append  # type: ignore[method-assign, assignment] # counted
        broken = 0

        async def break_twice(*_: object, **__: object) -> None:
            nonlocal broken
            broken += 1
            raise StoreBusy("the database is away")

        house.store.claim, claim = break_twice, house.store.claim  # type: ignore[method-assign]
        async with house.working(worker):
            while broken < 2:
                await asyncio.sleep(0.02)
            house.store.claim = claim  # type: ignore[method-assign]
            assert (await house.settled((await house.ask()).job.id, 30)).state is JobState.DELIVERED
        assert subscribed == []


class Showing(FakeBackend):
    """Shows a preview before the picture."""

    async def generate(self, request: Drawing, resume: str, report: Report) -> Drawn:
        await report.preview(0, png())
        return await super().generate(request, resume, report)


async def test_previews_go_with_the_drawing_that_they_showed(tmp_path: Path) -> None:
    async with open_house(tmp_path, [Showing(seconds=0.4)]) as house, house.working():
        ticket = await house.ask()
        await until(lambda: list((tmp_path / "images" / "previews").glob("*")))
        await house.settled(ticket.job.id)
        assert not list((tmp_path / "images" / "previews").glob("*"))
