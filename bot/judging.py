"""Verdicts on requests as they live: a community's policy and rules, loaded when they change, and people's records.

Rules compile in a thread. Where they cannot be compiled, or the filter or the picture check fails, requests are held
and the operator is told (row F79); nothing that fails here lets anything pass.
"""

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import ParamSpec, TypeVar

from bot.conduct import (
    FOREVER,
    Action,
    Community,
    Dossier,
    Item,
    ItemKind,
    ItemState,
    Member,
    Mode,
    Point,
    Policy,
    Rule,
    Sanction,
    Strike,
    Texts,
)
from bot.errors import Refused
from bot.model import AuditEvent, Job, Person, Picture, Place, Problem
from bot.moderation import sanctions, verdicts
from bot.moderation.events import actor_of
from bot.moderation.likeness import is_blocked
from bot.moderation.permissions import Actor, Rank, rank_of
from bot.moderation.rules import RuleSet, compile_rules
from bot.moderation.starter import configured, hard_set
from bot.moderation.verdicts import Verdict
from bot.ports import Clock, ImageCheck, Observer
from bot.ports_moderation import ModerationStore
from bot.settings import ModerationSettings

P = ParamSpec("P")
T = TypeVar("T")

COMPILE_SECONDS = 10.0
CHECK_SECONDS = 60.0
BENCHES = 500
"""Communities whose compiled rules are kept."""

OPERATORS = "web:operators"
"""The group of whoever came by the login link."""


BLOCKED_LIKENESS = verdicts.Reason(Action.BLOCK, "blocked_likeness")


@dataclass(frozen=True, slots=True)
class Bench:
    """A community as it is judged now. ``ruleset`` None: its rules cannot be compiled."""

    community: Community
    policy: Policy
    ruleset: RuleSet | None


@dataclass(frozen=True, slots=True)
class PictureChecks:
    """``check`` None: no classifier. ``thresholds``: label to action to the least score that causes it.

    ``likeness`` gives a picture's perceptual hash, "" for a flat one; ``read`` a stored picture by its SHA-256.
    """

    check: ImageCheck | None = None
    thresholds: Mapping[str, Mapping[Action, float]] = field(default_factory=dict)
    likeness: Callable[[bytes], str] | None = None
    read: Callable[[str], Awaitable[bytes]] | None = None


def thresholds(settings: ModerationSettings) -> Mapping[str, Mapping[Action, float]]:
    """Of imagine.toml, by label."""
    return {
        label: {
            action: limits[label]
            for action, limits in ((Action.HOLD, settings.picture_holds), (Action.BLOCK, settings.picture_blocks))
            if label in limits
        }
        for label in {**settings.picture_holds, **settings.picture_blocks}
    }


def random_id() -> str:
    return uuid.uuid4().hex


class Judge:
    def __init__(
        self,
        store: ModerationStore,
        settings: ModerationSettings,
        clock: Clock,
        observer: Observer,
        pictures: PictureChecks | None = None,
        ids: Callable[[], str] = random_id,
    ) -> None:
        """``ids``: of what moderators decide about; 32 hexadecimal digits, never the same again."""
        self.new_id = ids
        self.store = store
        self.settings = settings
        self._clock = clock
        self._observer = observer
        self._pictures = pictures or PictureChecks()
        self._benches: dict[str, Bench] = {}
        self._loading: dict[str, asyncio.Lock] = {}

    # -- communities

    async def bench(self, tenant: str, version: int | None = None) -> Bench:
        """As stored now, or as it was with ``version`` or is since. Raises StoreError."""
        if version is None:
            version = await self.store.community_version(tenant)
        known = self._benches.get(tenant)
        if known and known.community.version == version:
            return known
        async with self._loading.setdefault(tenant, asyncio.Lock()):
            known = self._benches.get(tenant)
            if known is None or known.community.version < version:
                known = await self._load(tenant)
                self._benches.pop(tenant, None)
                self._benches[tenant] = known
                if len(self._benches) > BENCHES:
                    oldest = next(iter(self._benches))
                    del self._benches[oldest]
                    self._loading.pop(oldest, None)
            return known

    async def _load(self, tenant: str) -> Bench:
        community = await self.store.community(tenant)
        try:
            ruleset = await self.compiled(self.rules(community), stored=True)
        except Exception as error:  # noqa: BLE001 - fail closed, whatever it was
            self._observer.event("alert", text="rules_not_compiled", tenant=tenant, detail=repr(error))
            ruleset = None
        return Bench(community, self.policy(community), ruleset)

    async def prepare(self) -> None:
        """Compiles what every community has, or the first request would wait for it."""
        await asyncio.to_thread(hard_set)

    async def compiled(self, rules: Sequence[Rule], *, stored: bool = False) -> RuleSet:
        """Raises Refused with what is wrong with them, TimeoutError."""
        async with asyncio.timeout(COMPILE_SECONDS):
            return await asyncio.to_thread(compile_rules, rules, stored=stored)

    async def aside(self, work: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
        """Off the event loop."""
        return await asyncio.to_thread(work, *arguments, **named)

    def rules(self, community: Community) -> list[Rule]:
        """Those of imagine.toml and those that moderators added."""
        return [*configured(community.tenant, self.settings.blocked, self.settings.held), *community.rules]

    def policy(self, community: Community) -> Policy:
        tenant, said = community.tenant, self.settings
        named = {
            place.removeprefix(f"{tenant}:"): Mode(mode)
            for place, mode in said.channels.items()
            if place.startswith(f"{tenant}:")
        }
        return Policy(
            tenant=tenant,
            mode=community.mode or Mode(said.mode),
            channel_modes={**named, **community.channel_modes},
            trusted_after=said.trusted_after,
            trusted_groups={key: frozenset(categories) for key, categories in said.trusted.items()},
            moderators=frozenset(said.moderators),
            owners=frozenset({OPERATORS, f"{tenant.partition(':')[0]}:owners"}),
            required_approvals={"": said.required_approvals},
            report_threshold=said.report_threshold,
            paused=community.paused,
        )

    def review_channel(self, tenant: str) -> str:
        return self.settings.review_channels.get(tenant, "")

    # -- people

    def rank(self, person: Person, place: Place) -> Rank:
        """From the roles of the moment."""
        return rank_of(self.policy(Community(place.tenant)), person, place)

    async def rank_of_target(self, person: Person, place: Place) -> Rank:
        """Of somebody who is spoken of: by the roles that the platform names, or had when they last asked."""
        known = await self.store.last_groups(place.tenant, person.key)
        whole = replace(person, groups=(*person.groups, *known))
        return self.rank(whole, replace(place, private=False))

    async def actor(self, person: Person, place: Place) -> Actor:
        known = await self.store.dossier(place.tenant, person.key)
        now = self._clock.now()
        standing = sanctions.standing(known.sanctions, (), now)
        return Actor(
            key=person.key,
            tenant=place.tenant,
            rank=self.rank(person, place),
            banned=now < standing.banned_until,
            private=place.private,
        )

    async def member(self, tenant: str, person: str) -> Member:
        return await self.store.member(tenant, person)

    # -- verdicts

    async def again(self, job: Job, texts: Texts, point: Point) -> Verdict:
        """Of a job under way, by the rules, sanctions and modes of now, less what moderators let pass for it."""
        approved = await self._approved(job) if job.review else frozenset[tuple[str, str, int]]()
        origin = job.origin
        return await self.judge(origin.person, origin.place, texts, point, approved=approved)

    async def judge(
        self,
        person: Person,
        place: Place,
        texts: Texts,
        point: Point,
        known: Dossier | None = None,
        approved: frozenset[tuple[str, str, int]] = frozenset(),
    ) -> Verdict:
        """``known``: what was read of them just now; ``approved``: the keys of grounds that moderators let pass.

        Raises Refused where the community is paused and this is new.
        """
        known = known or await self.store.dossier(place.tenant, person.key)
        bench = await self.bench(place.tenant, known.version)
        if bench.policy.paused and point is Point.SUBMIT:
            raise Refused(Problem("community_paused"))
        now = self._clock.now()
        verdict = verdicts.judge(
            texts,
            person,
            place,
            policy=bench.policy,
            standing=sanctions.standing(known.sanctions, known.record, now),
            ruleset=bench.ruleset,
            point=point,
            now=now,
            approved=approved,
        )
        if any(reason.code == "held_filter_failed" for reason in verdict.reasons):
            self._observer.event("alert", text="filter_failed", tenant=place.tenant)
        return verdict

    async def _approved(self, job: Job) -> frozenset[tuple[str, str, int]]:
        items = await self.store.items_of(job.origin.place.tenant, job.id)
        return frozenset(
            ground.key for item in items if item.state is ItemState.APPROVED for ground in item.grounds
        )

    async def look(
        self, pictures: Sequence[Picture], read: Callable[[str], Awaitable[bytes]], place: Place
    ) -> Verdict:
        """At drawn pictures. One that cannot be read, a check that fails or takes too long: people look first."""
        verdict = verdicts.ALLOWED
        blocked = await self.store.blocked_pictures(place.tenant) if self._pictures.likeness else []
        if blocked:
            verdict |= verdicts.fold([await self._compare(read(each.sha256), blocked) for each in pictures])
        if self._pictures.check is not None:
            verdict |= verdicts.fold([await self._look(read(each.sha256)) for each in pictures])
        return verdict

    async def _compare(self, reading: Awaitable[bytes], blocked: Sequence[str]) -> Verdict:
        assert self._pictures.likeness
        try:
            found = await asyncio.to_thread(self._pictures.likeness, await reading)
        except Exception as error:  # noqa: BLE001 - fail closed, whatever it was
            self._observer.event("alert", text="image_check_failed", detail=repr(error))
            return verdicts.picture_verdict(None, {})
        return verdicts.one(BLOCKED_LIKENESS) if is_blocked(found, blocked) else verdicts.ALLOWED

    async def likenesses(self, pictures: Sequence[Picture]) -> list[str]:
        """Of stored pictures; flat ones are left out, and those whose file is missing or damaged."""
        if self._pictures.likeness is None or self._pictures.read is None:
            return []
        images = []
        for picture in pictures:
            with suppress(FileNotFoundError):
                images.append(await self._pictures.read(picture.sha256))
        found = [await asyncio.to_thread(self._pictures.likeness, image) for image in images]
        return [each for each in found if each]

    async def _look(self, reading: Awaitable[bytes]) -> Verdict:
        assert self._pictures.check
        scores: Mapping[str, float] | None = None
        try:
            async with asyncio.timeout(CHECK_SECONDS):
                scores = await self._pictures.check.classify(await reading)
        except Exception as error:  # noqa: BLE001 - fail closed, whatever it was
            self._observer.event("alert", text="image_check_failed", detail=repr(error))
        return verdicts.picture_verdict(scores, self._pictures.thresholds)

    # -- what follows

    def item(self, job: Job, verdict: Verdict, kind: ItemKind) -> Item:
        """Of a verdict that holds, or that flags (a report by the rule)."""
        place = job.origin.place
        return Item(
            id=self.new_id(),
            tenant=place.tenant,
            kind=kind,
            job_id=job.id,
            author=job.origin.person.key,
            opened_at=self._clock.now(),
            category=verdict.category,
            required=self._required(place.tenant, verdict.category, kind),
            grounds=tuple(reason.ground for reason in verdict.decisive),
        )

    def _required(self, tenant: str, category: str, kind: ItemKind) -> int:
        return self.policy(Community(tenant)).approvals(category) if kind is not ItemKind.REPORT else 1

    def event(self, job: Job, verdict: Verdict, action: str) -> AuditEvent:
        """That a verdict stopped a request. No prompt stands in it."""
        person, place = job.origin.person, job.origin.place
        first = verdict.decisive[0]
        subject = f"job:{job.id} {person.key}"
        return AuditEvent(place.tenant, actor_of(first.rule), action, subject, first.code, at=self._clock.now())

    async def refuse(self, job: Job, verdict: Verdict) -> Refused:
        """For a blocked new request: audited, and punished where a rule says so. To be raised."""
        problems = [reason.problem for reason in verdict.decisive]
        if any(reason.rule for reason in verdict.decisive):
            await self.store.audit(self.event(job, verdict, "request_refused"))
        if verdict.action is Action.TIMEOUT and (sanction := await self._strike(job, verdict)):
            problems.append(sanction_problem(sanction))
        return Refused(*problems)

    async def _strike(self, job: Job, verdict: Verdict) -> Sanction | None:
        person, place = job.origin.person, job.origin.place
        rank = self.rank(person, replace(place, private=False))
        if rank >= Rank.MODERATOR:
            return None
        now, decision = self._clock.now(), self.new_id()
        by = verdict.decisive[0]

        def decide(strikes: Sequence[Strike]) -> Sanction | None:
            sanction = sanctions.automatic(
                strikes,
                sanction_id=decision,
                tenant=place.tenant,
                person=person.key,
                rank=rank,
                rule=by.rule,
                rule_seconds=verdict.timeout_seconds,
                now=now,
            )
            return sanction and replace(sanction, reason=by.message or by.rule)

        return await self.store.strike(place.tenant, person.key, Strike(decision, now, decision), decide)


def sanction_problem(sanction: Sanction) -> Problem:
    """What the person is told of a new sanction: its reason, its end, and what an appeal names."""
    endless = sanction.until == FOREVER
    code = f"sanction_{sanction.kind}" + ("_endless" if endless else "")
    until = "" if endless else verdicts.moment(sanction.until)
    return Problem(code, {"reason": sanction.reason, "until": until, "decision": sanction.id})


def rejected(verdict: Verdict, decision: str) -> Problem:
    """Why a request that was under way ends, as its person is told."""
    reason = verdict.decisive[0].problem
    return Problem(reason.code, {**reason.values, "decision": reason.values.get("decision", decision)})

