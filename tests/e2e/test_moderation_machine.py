"""Anybody does anything in any order, with restarts between: the invariants I1 to I8 hold after every step."""

import asyncio
import contextlib
import sqlite3
import tempfile
from collections import Counter, defaultdict
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from bot import showing
from bot.conduct import FOREVER, Action, ItemState, Rule
from bot.errors import Refused
from bot.judging import PictureChecks
from bot.model import FINAL_STATES, Job, JobState, Origin, Person, Place
from bot.moderation import audit
from bot.studio import Studio
from tests import factories
from tests.community import MOD, MOD2, OWNER, FakeRoom
from tests.community import settings as community_settings
from tests.fakes import FakeChat
from tests.house import TestHouse, open_house
from tests.moving import Ahead

TENANTS = ("discord:42", "discord:43")
PEOPLE = tuple(Person(f"discord:user:{number}", f"p{number}") for number in range(1, 7))
STAFF = (MOD, MOD2, OWNER)
WORDS = ("fox", "castle", "spoon", "badword")
RULES = {
    "castle": Rule("castles", "", ("castle",), action=Action.HOLD),
    "spoon": Rule("spoons", "", ("spoon",)),
    "badword": Rule("bad", "", ("badword",), action=Action.TIMEOUT, timeout_seconds=600),
}
SETTLED = {JobState.REVIEW, JobState.HELD} | FINAL_STATES
CANARY = {TENANTS[0]: "canaryofthefirst", TENANTS[1]: "canaryofthesecond"}
"""A word in everything that people and moderators of a community write: nobody of the other one may meet it."""

TOKEN = "canary-token-of-an-interaction"
"""A secret of the platform, in every reply address and nowhere else."""

tenants = st.sampled_from((TENANTS[0],) * 4 + (TENANTS[1],))  # mostly one, so that what is done there meets
people, staff = st.sampled_from(PEOPLE), st.sampled_from(STAFF)
numbers = st.integers(0, 20)
requests = st.lists(st.tuples(people, st.sampled_from(WORDS)), min_size=2, max_size=6)


class Moody:
    """A picture check that fails when told to."""

    fails = False

    async def classify(self, image: bytes) -> Mapping[str, float]:
        if self.fails:
            raise OSError("the picture check is gone")
        return {"nsfw": 0.1}


class Moderation(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = tempfile.TemporaryDirectory()
        self.clock = Ahead()
        self.stack = AsyncExitStack()
        self.chat = FakeChat("discord", on_deliver=self._deliver)
        self.posted: Counter[str] = Counter()
        self.wrongly: list[Job] = []
        self.in_force: dict[str, set[str]] = {tenant: set() for tenant in TENANTS}
        self.approved: set[str] = set()
        self.check = Moody()
        self.columns: dict[str, list[str]] = {}
        self.looking: sqlite3.Connection | None = None
        self.ended: dict[str, str] = {}
        self.longest: dict[str, float] = {}
        self.events: Counter[str] = Counter()
        self.house: TestHouse = self.runner.run(self._open())

    async def _open(self) -> TestHouse:
        rules = community_settings(report_threshold=1)
        checks = PictureChecks(check=self.check, thresholds={"nsfw": {Action.HOLD: 0.5}})
        folder = Path(self.folder.name)
        opening = open_house(folder, moderation=rules, clock=self.clock, pictures_checked=checks)
        house = await self.stack.enter_async_context(opening)
        house.chat, house.rooms = self.chat, {"discord": FakeRoom()}
        house.studio = Studio(house.core, house.pictures)  # the house's own begins with the same ids after a restart
        await house.studio.drop_unacknowledged()
        return house

    def teardown(self) -> None:
        self._look_away()
        self.runner.run(self.stack.aclose())
        self.runner.close()
        self.folder.cleanup()

    def do(self, work: Any) -> Any:
        """What it returns, or None where it was refused."""

        async def tried() -> Any:
            with contextlib.suppress(Refused):
                return await work

        return self.runner.run(tried())

    def _deliver(self, job: Job) -> None:
        """Notes what was posted although a rule of this moment stops it and no moderator let it pass."""
        if job.state is not JobState.DELIVERING and job.state is not JobState.DRAWN:
            return
        self.posted[job.id] += 1
        stopped = set(job.request.prompt.split()) & self.in_force[job.origin.place.tenant]
        if stopped and not (stopped == {"castle"} and job.id in self.approved):
            self.wrongly.append(job)

    @invariant()
    def i4_nothing_is_posted_that_the_rules_in_force_stop(self) -> None:
        assert self.wrongly == []

    # -- what people do

    @initialize()
    def a_rule_from_the_start(self) -> None:
        self.a_rule_is_added(TENANTS[0], "castle", OWNER)

    @rule(tenant=tenants, asked=requests, again=st.booleans())
    def people_ask(self, tenant: str, asked: list[tuple[Person, str]], again: bool) -> None:
        for person, word in asked:
            self.do(self._ask(tenant, person, word, again))
            kept = [each for each in self._member(tenant, person).sanctions if each.actor == "rule:bad"]
            self.longest |= {each.id: 600.0 for each in kept}

    async def _ask(self, tenant: str, person: Person, word: str, again: bool) -> None:
        key = factories.job().key
        for _ in range(1 + again):
            origin = Origin(person, Place(tenant, "7"), {"token": TOKEN})
            ticket = await self.house.studio.submit(origin, f"a {word} {CANARY[tenant]}", key)
        await self.house.studio.acknowledged(ticket.job.id, {})

    @rule(tenant=tenants, asked=requests, who=staff)
    def a_rule_comes_while_they_wait(self, tenant: str, asked: list[tuple[Person, str]], who: Person) -> None:
        self.people_ask(tenant, asked, again=False)
        for word in sorted({word for _, word in asked} & set(RULES)):
            self.a_rule_is_added(tenant, word, who)
        self.the_worker_works()

    @rule()
    def the_worker_works(self) -> None:
        self.runner.run(self._work())

    async def _work(self) -> None:
        worker = self.house.worker()
        while True:
            held = await worker._claim()
            if held is not None:
                worker._start(held, worker._draw)
            elif not await worker._claim_delivery():
                break
            await asyncio.gather(*(held.task for held in worker._held.values()))
        while await showing.show_next(self.house.core, self.house.rooms):
            pass

    @rule()
    def the_picture_check_breaks_or_is_mended(self) -> None:
        self.check.fails = not self.check.fails

    @rule(tenant=tenants, who=staff, number=numbers, what=st.sampled_from(["claim", "approve", "reject", "edit"]))
    def somebody_decides(self, tenant: str, who: Person, number: int, what: str) -> None:
        place = Place(tenant, "staff")
        cases = self.do(self.house.moderators.cases(who, place)) or []
        if not cases:
            return
        case = cases[number % len(cases)]
        canary = CANARY[tenant]
        words = {"claim": (), "approve": (), "reject": (f"no {canary}",), "edit": (f"a fox {canary}",)}[what]
        done = self.do(getattr(self.house.moderators, what)(who, place, case.item.id, *words))
        if done and done.item.state is ItemState.APPROVED and done.item.kind in {"request", "picture"}:
            self.approved.add(done.item.job_id)

    @rule(tenant=tenants, who=staff, member=people, days=st.sampled_from([0.01, 0.01, 1.0, 0.0]))
    def somebody_is_banned(self, tenant: str, who: Person, member: Person, days: float) -> None:
        place = Place(tenant, "staff")
        made = self.do(self.house.moderators.ban(who, place, member, f"spam {CANARY[tenant]}", days * 86400.0))
        if made:
            self.longest[made.id] = days * 86400.0 or FOREVER

    @rule(tenant=tenants, who=staff, member=people, minutes=st.sampled_from([1.0, 60.0]))
    def somebody_is_timed_out(self, tenant: str, who: Person, member: Person, minutes: float) -> None:
        place, seconds = Place(tenant, "staff"), minutes * 60
        made = self.do(self.house.moderators.timeout(who, place, member, f"calm down {CANARY[tenant]}", seconds))
        if made:
            self.longest[made.id] = seconds

    @rule(tenant=tenants, who=staff, member=people)
    def somebody_is_forgiven(self, tenant: str, who: Person, member: Person) -> None:
        self.do(self.house.moderators.lift(who, Place(tenant, "staff"), member, "sorry"))

    @rule(tenant=tenants, word=st.sampled_from(tuple(RULES)), who=staff)
    def a_rule_is_added(self, tenant: str, word: str, who: Person) -> None:
        saved = self.do(self.house.moderators.add_rule(who, Place(tenant, "staff"), RULES[word]))
        if saved:  # one that would have met much of the last week starts as a dry run
            change = self.in_force[tenant].discard if saved.dry_run else self.in_force[tenant].add
            change(word)

    @rule(tenant=tenants, word=st.sampled_from(tuple(RULES)), who=staff)
    def a_rule_is_removed(self, tenant: str, word: str, who: Person) -> None:
        if self.do(self.house.moderators.remove_rule(who, Place(tenant, "staff"), RULES[word].id)):
            self.in_force[tenant].discard(word)

    @precondition(lambda self: self.posted)
    @rule(tenant=tenants, person=people, number=numbers, index=st.sampled_from([0, None]))
    def somebody_reports(self, tenant: str, person: Person, number: int, index: int | None) -> None:
        job_id = sorted(self.posted)[number % len(self.posted)]
        self.do(self.house.moderators.report(person, Place(tenant, "7"), job_id, index, f"rude {CANARY[tenant]}"))

    @rule(tenant=tenants, person=people)
    def somebody_appeals(self, tenant: str, person: Person) -> None:
        who = f"author = '{person.key}' AND tenant = '{tenant}' AND state = 'rejected' AND kind <> 'appeal'"
        rejected = [item for (item,) in self._rows(f"SELECT id FROM items WHERE {who}")]
        given = [sanction.id for sanction in self._member(tenant, person).sanctions]
        for decision in [*rejected[-1:], *given[-1:]]:
            asked = self.house.moderators.appeal(person, Place(tenant, "7"), decision, f"please {CANARY[tenant]}")
            self.do(asked)

    @rule(hours=st.sampled_from([0.1, 1.0, 25.0]))
    def time_passes(self, hours: float) -> None:
        self.clock.ahead += hours * 3600
        self.runner.run(self.house.store.expire_items(self.clock.now(), 100))

    @rule()
    def it_is_restarted(self) -> None:
        self._look_away()
        self.runner.run(self.stack.aclose())
        self.house = self.runner.run(self._open())

    # -- what must hold

    def _member(self, tenant: str, person: Person) -> Any:
        return self.runner.run(self.house.store.member(tenant, person.key))

    def _rows(self, query: str) -> list[tuple[Any, ...]]:
        if self.looking is None:
            self.looking = sqlite3.connect(Path(self.folder.name) / "imagine.db")
        return self.looking.execute(query).fetchall()

    def _look_away(self) -> None:
        if self.looking is not None:
            self.looking.close()
            self.looking = None

    @invariant()
    def i2_no_result_is_posted_twice(self) -> None:
        assert all(count == 1 for count in self.posted.values())

    @invariant()
    def i1_what_ended_stays_ended(self) -> None:
        for job, state in self._rows("SELECT id, state FROM jobs"):
            assert self.ended.get(job, state) == state
            if JobState(state) in FINAL_STATES:
                self.ended[job] = state

    @rule()
    def i1_after_a_day_everything_has_ended_and_been_told(self) -> None:
        self.the_worker_works()
        assert {JobState(state) for (state,) in self._rows("SELECT state FROM jobs")} <= SETTLED
        self.time_passes(25.0)
        self.the_worker_works()
        assert self._rows("SELECT id, state FROM jobs WHERE told = 0") == []
        assert {JobState(state) for (state,) in self._rows("SELECT state FROM jobs")} <= FINAL_STATES

    @invariant()
    def i5_no_word_of_one_community_is_met_in_the_other(self) -> None:
        for tenant, canary in CANARY.items():
            (other,) = set(TENANTS) - {tenant}
            for table in [table for table, columns in self._tables().items() if "tenant" in columns]:
                assert not self._holds(f"SELECT * FROM {table} WHERE tenant = '{other}'", canary), table
            seen = self.runner.run(self._seen_by_staff(other))
            assert canary not in seen

    async def _seen_by_staff(self, tenant: str) -> str:
        place, moderators = Place(tenant, "staff"), self.house.moderators
        cases = await moderators.cases(OWNER, place)
        people = [await moderators.member(OWNER, place, person) for person in PEOPLE]
        return repr([cases, people, await moderators.audit(OWNER, place), await moderators.rules(OWNER, place)])

    @invariant()
    def i5_no_secret_leaves_the_reply_address_and_no_prompt_the_rows_that_are_deleted_in_time(self) -> None:
        for table, columns in self._tables().items():
            listed = ", ".join(f'"{column}"' for column in columns if column != "address")
            assert not self._holds(f"SELECT {listed} FROM {table}", TOKEN), table
        said = repr(self.house.recorder.events)
        assert TOKEN not in said
        for word in WORDS:
            assert f"a {word}" not in said
            assert not self._holds("SELECT * FROM audit", f"a {word}")

    def _holds(self, query: str, canary: str) -> bool:
        return any(canary in str(value) for row in self._rows(query) for value in row)

    def _tables(self) -> dict[str, list[str]]:
        """Their columns."""
        if not self.columns:
            for (table,) in self._rows("SELECT name FROM sqlite_master WHERE type = 'table'"):
                self.columns[table] = [name for _, name, *_ in self._rows(f"PRAGMA table_info({table})")]
        return self.columns

    @invariant()
    def i3_what_ended_gave_back_what_it_reserved(self) -> None:
        ledger: dict[str, dict[str, int]] = defaultdict(dict)
        for job, kind, images in self._rows("SELECT job, kind, images FROM ledger"):
            ledger[job][kind] = images
        for job, state, images in self._rows("SELECT id, state, images FROM jobs"):
            found = ledger[job]
            assert found["reserve"] == images
            settled = found.get("commit", 0) + found.get("refund", 0)
            assert settled == (images if JobState(state) in FINAL_STATES else 0)
            assert (state == "delivered") == (found.get("commit", 0) > 0)
            assert found.get("restore", 0) <= found.get("commit", 0)
        assert self._rows("SELECT 1 FROM allowances WHERE reserved < 0 OR spent < 0") == []
        assert self._rows("SELECT 1 FROM people WHERE waiting < 0 OR running < 0") == []

    @invariant()
    def i6_the_chains_are_whole_and_every_effect_has_its_event(self) -> None:
        for tenant in TENANTS:
            events = self.runner.run(self.house.store.audit_since(tenant, 0, 0, 100_000))
            assert audit.broken_at(events) is None
            text = "\n".join(f"{event.action} {event.subject}" for event in events)
            for item, state in self._rows(f"SELECT id, state FROM items WHERE tenant = '{tenant}' AND ready = 1"):
                assert f"item:{item}" in text
                decided = state in {"approved", "rejected", "expired"}
                assert not decided or text.count(f"item:{item} ") >= 2
            kinds = Counter(event.action for event in events)
            given = self._rows(f"SELECT kind, count(*) FROM sanctions WHERE tenant = '{tenant}' GROUP BY kind")
            assert all(kinds[kind] == count for kind, count in given)
            assert kinds["rule_saved"] == self._rows(f"SELECT count(*) FROM rules WHERE tenant = '{tenant}'")[0][0]

    @invariant()
    def i7_no_row_crosses_communities(self) -> None:
        for table in ("items", "reports", "ledger"):
            crossing = f"SELECT 1 FROM {table} AS t JOIN jobs AS j ON j.id = t.job WHERE t.tenant <> j.tenant"
            assert self._rows(crossing) == []

    @invariant()
    def i8_no_sanction_is_longer_than_was_said(self) -> None:
        for sanction, at, until in self._rows("SELECT id, at, until FROM sanctions"):
            assert until - at <= self.longest[sanction] + 1e-6


TestModeration = Moderation.TestCase
TestModeration.settings = settings(
    max_examples=12, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
)
