"""What moderators do, and the people they decide about: every permission checked, every effect one transaction.

`moderators.Moderators` is what surfaces are given.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from bot import showing, steps
from bot.conduct import (
    DECIDED,
    LONGEST_APPEAL,
    Acquaintance,
    Action,
    Case,
    Change,
    Edit,
    Item,
    ItemKind,
    ItemState,
    Member,
    Point,
    Report,
    Sanction,
    SanctionKind,
)
from bot.errors import Conflict, Refused
from bot.governing import Governing
from bot.model import Job, JobState, Person, Picture, Place, Problem
from bot.moderation import review, sanctions
from bot.moderation.events import decided
from bot.moderation.permissions import Act, Actor, Rank, Subject, may
from bot.moderation.review import Ruling

DECISION = re.compile(r"[0-9A-Za-z_-]{1,64}")
_Act = Callable[[Item, Actor, float], Ruling]


@dataclass(frozen=True, slots=True)
class _Decision:
    """What an appeal is against."""

    person: str
    by: str
    job_id: str = ""


class Moderating(Governing):
    # -- anybody

    async def report(self, actor: Person, place: Place, job_id: str, index: int | None, reason: str) -> bool:
        """``index`` None: every picture of the result. False: this person reported it before."""
        job = await self._job_here(place, job_id)
        if job.state is not JobState.DELIVERED:
            raise Refused(Problem("unknown_request"))
        shown = [each for each in await self._core.store.pictures_of(job_id) if not each.deleted]
        wanted = [each.index for each in shown if index is None or each.index == index]
        if not wanted:
            raise Refused(Problem("unknown_request"))
        known = await self._judge.actor(actor, place)
        member = await self._judge.member(place.tenant, actor.key)
        weight = sanctions.report_weight(member.reporter)
        now = self._core.clock.now()
        made = [Report(place.tenant, job_id, each, actor.key, reason.strip(), now, weight) for each in wanted]
        subject = Subject(place.tenant, job.origin.person.key)
        for each in made:
            accepted = sanctions.accept_report(known, subject, each)
            if isinstance(accepted, Problem):
                raise Refused(accepted)
        about = wanted[0] if len(wanted) == 1 else -1
        item = Item(self._judge.new_id(), place.tenant, ItemKind.REPORT, job.id, subject.person, now, index=about)
        return await self._store.report(made, item, self._judge.settings.report_threshold)

    async def appeal(self, actor: Person, place: Place, decision: str, reason: str = "") -> Item:
        """Against a decision about the actor. ``decision`` is the value of that name in the `Problem` they were told:
        of a refused or rejected request (`job.reason.values`), or of a sanction. A direct message reaches the
        decisions of every community, about oneself.
        """
        tenant = place.tenant
        if not DECISION.fullmatch(decision):
            raise Refused(Problem("appeal_unknown"))
        if place.private:
            tenant = await self._store.tenant_of_decision(decision, actor.key) or tenant
        about = await self._decision(tenant, decision)
        if about is None:
            raise Refused(Problem("appeal_unknown"))
        known = await self._judge.actor(actor, place)
        made = sanctions.open_appeal(
            known,
            Subject(tenant, about.person),
            decision=decision,
            decided_by=about.by,
            job_id=about.job_id,
            appeals=await self._store.appeals_of(tenant, decision),
            item_id=self._judge.new_id(),
            now=self._core.clock.now(),
        )
        if isinstance(made, Problem):
            raise Refused(made)
        return await self._store.open_appeal(replace(made, words=reason.strip()[:LONGEST_APPEAL]))

    async def _decision(self, tenant: str, decision: str) -> _Decision | None:
        """A sanction, an item of the queue, or a request that a rule ended."""
        sanction = await self._store.sanction_by_id(tenant, decision)
        if sanction:
            return _Decision(sanction.person, sanction.actor)
        item = await self._store.item(tenant, decision)
        if item and item.state is ItemState.REJECTED and item.kind is not ItemKind.APPEAL:
            return _Decision(item.author, item.decided_by, item.job_id)
        job = await self._core.store.job(decision)
        if job and job.origin.place.tenant == tenant and job.state is JobState.REJECTED:
            return _Decision(job.origin.person.key, "", job.id)
        return None

    # -- review

    async def is_moderator(self, actor: Person, place: Place) -> bool:
        known = await self._judge.actor(actor, place)
        return known.rank >= Rank.MODERATOR and not known.banned

    async def cases(self, actor: Person, place: Place, limit: int = 50) -> list[Case]:
        """Open ones, oldest first; an actor's own last decisions under appeal come after the others."""
        known = await self._permitted(actor, place, Act.AUDIT)
        items = await self._store.items(place.tenant, limit)
        found = [await self._case(known, item) for item in items if self._may_look(known, item)]
        return sorted(found, key=lambda case: not case.preferred)

    async def count(self, actor: Person, place: Place) -> int:
        await self._permitted(actor, place, Act.AUDIT)
        return await self._store.count_items(place.tenant)

    async def case(self, actor: Person, place: Place, item_id: str) -> Case:
        known = await self._permitted(actor, place, Act.AUDIT)
        return await self._case(known, await self._item(place, known, item_id))

    async def picture(self, actor: Person, place: Place, item_id: str, index: int) -> Picture:
        """One of a case's, for its preview."""
        case = await self.case(actor, place, item_id)
        for picture in case.pictures:
            if picture.index == index:
                return picture
        raise Refused(Problem("unknown_request"))

    async def claim(self, actor: Person, place: Place, item_id: str) -> Case:
        return await self._decide(actor, place, item_id, "claimed", review.claim)

    async def approve(self, actor: Person, place: Place, item_id: str) -> Case:
        """`case.item.state` is `approved`, or still open where more approvals are needed. For a report: the picture
        stays; for an appeal: it is won.
        """
        return await self._decide(actor, place, item_id, "approved", review.approve)

    async def reject(self, actor: Person, place: Place, item_id: str, reason: str) -> Case:
        """For a report: the picture goes; for an appeal: it is lost."""

        def rejecting(item: Item, known: Actor, now: float) -> Ruling:
            return review.reject(item, known, reason, now)

        return await self._decide(actor, place, item_id, "rejected", rejecting)

    async def ban_pictures(self, actor: Person, place: Place, item_id: str, reason: str) -> Case:
        """Rejects, and pictures that look like these are not posted again here. Flat ones are never compared."""
        case = await self.case(actor, place, item_id)
        likenesses = await self._judge.likenesses(case.pictures)
        after = await self.reject(actor, place, item_id, reason)
        for likeness in likenesses:
            event = self._event(actor, place, "picture_banned", f"item:{item_id} likeness:{likeness}", reason)
            await self._store.block_picture(place.tenant, likeness, event)
        return after

    async def edit(self, actor: Person, place: Place, item_id: str, prompt: str) -> Case:
        """Puts another prompt into a held request and approves that. Both texts are kept, the person is told."""
        known = await self._permitted(actor, place, Act.AUDIT)
        item = await self._item(place, known, item_id)
        job = await self._core.store.job(item.job_id)
        if item.kind is not ItemKind.REQUEST or job is None:
            raise Refused(Problem("review_edit_requests_only"))
        request = steps.asked(self._core, replace(job.request, prompt=prompt))
        verdict = await self._judge.judge(
            job.origin.person, job.origin.place, steps.texts(self._core, request), Point.SPEND
        )
        if verdict.action >= Action.BLOCK:
            raise Refused(*(reason.problem for reason in verdict.decisive))
        plan = steps.plan(self._core, request, job.seed)
        grounds = {ground.key: ground for ground in (*item.grounds, *(each.ground for each in verdict.decisive))}

        def editing(item: Item, known: Actor, now: float) -> Ruling:
            edited = review.edit(item, known, now)
            if edited.problem:
                return edited
            original = item.original or job.request.prompt
            return review.approve(replace(edited.item, original=original, grounds=tuple(grounds.values())), known, now)

        return await self._decide(actor, place, item_id, "edited", editing, Edit(request, plan.candidates, plan.cost))

    async def _decide(
        self, actor: Person, place: Place, item_id: str, action: str, rule: _Act, edit: Edit | None = None
    ) -> Case:
        known = await self._judge.actor(actor, place)
        now = self._core.clock.now()
        item = await self._store.item(place.tenant, item_id)
        if item is None:
            raise Refused(Problem("review_gone" if known.rank >= Rank.MODERATOR else "review_not_allowed"))

        def act(stored: Item) -> tuple[Item, Change] | None:
            ruling = rule(stored, known, now)
            if ruling.problem:
                raise Refused(ruling.problem)
            return ruling.item, Change(decided(stored, ruling.item, actor.key, action, now), edit)

        try:
            after = await self._store.decide(place.tenant, item_id, act, await self._clock(item, edit), now)
        except Conflict:
            raise Refused(Problem("review_gone")) from None
        if after.state in DECIDED:
            self._core.observer.event("review_decided", state=after.state, seconds=now - after.opened_at)
        return await self._case(known, after)

    async def _clock(self, item: Item, edit: Edit | None) -> str:
        job = await self._core.store.job(item.job_id) if item.kind is ItemKind.REQUEST else None
        if job and edit:
            job = replace(job, candidates=edit.candidates)
        return steps.clock_backend(self._core, job) if job else ""

    async def _item(self, place: Place, known: Actor, item_id: str) -> Item:
        item = await self._store.item(place.tenant, item_id)
        if item is None or not self._may_look(known, item):
            raise Refused(Problem("review_gone"))
        return item

    def _may_look(self, known: Actor, item: Item) -> bool:
        """No preview of the hard category for ordinary moderators."""
        return not item.hard or known.rank is Rank.OWNER

    async def _case(self, known: Actor, item: Item) -> Case:
        return await showing.case_of(self._core, item, known.key)

    # -- people

    async def warn(self, actor: Person, place: Place, target: Person, reason: str) -> Sanction:
        return await self._sanction(actor, place, target, SanctionKind.WARN, reason, 0.0)

    async def timeout(self, actor: Person, place: Place, target: Person, reason: str, seconds: float) -> Sanction:
        return await self._sanction(actor, place, target, SanctionKind.TIMEOUT, reason, seconds)

    async def ban(
        self, actor: Person, place: Place, target: Person, reason: str, seconds: float = 0.0
    ) -> Sanction:
        """0 seconds: without end. Their waiting requests here are cancelled and refunded."""
        return await self._sanction(actor, place, target, SanctionKind.BAN, reason, seconds)

    async def _sanction(
        self, actor: Person, place: Place, target: Person, kind: SanctionKind, reason: str, seconds: float
    ) -> Sanction:
        known, subject = await self._judge.actor(actor, place), await self._subject(place, target)
        made = sanctions.by_hand(
            known,
            subject,
            kind,
            sanction_id=self._judge.new_id(),
            seconds=seconds,
            reason=reason[:500],
            now=self._core.clock.now(),
        )
        if isinstance(made, Problem):
            raise Refused(made)
        cancelled = await self._store.sanction(made)
        self._core.observer.event("sanctioned", kind=kind, cancelled=len(cancelled))
        return made

    async def lift(self, actor: Person, place: Place, target: Person, reason: str) -> Sequence[Sanction]:
        """Ends every time-out and ban in force; returns those."""
        await self._over(actor, place, target, Act.LIFT)
        return await self._store.lift(place.tenant, target.key, self._event(actor, place, "lift", target.key, reason))

    async def mute_reporter(
        self, actor: Person, place: Place, target: Person, reason: str, *, muted: bool = True
    ) -> None:
        await self._over(actor, place, target, Act.MUTE_REPORTER)
        action = "reporter_muted" if muted else "reporter_unmuted"
        event = self._event(actor, place, action, target.key, reason)
        await self._store.mute_reporter(place.tenant, target.key, event, muted=muted)

    async def member(self, actor: Person, place: Place, target: Person) -> Member:
        await self._permitted(actor, place, Act.AUDIT)
        return await self._judge.member(place.tenant, target.key)

    async def people(self, actor: Person, place: Place, words: str = "", limit: int = 50) -> list[Acquaintance]:
        """Whom this community knows: those under sanctions first. ``words``: part of a name or a key."""
        await self._permitted(actor, place, Act.AUDIT)
        now = self._core.clock.now()
        return await self._store.people(place.tenant, words.strip()[:100], now - sanctions.STRIKE_LIFE, now, limit)

    async def names(self, actor: Person, place: Place, keys: Iterable[str]) -> Mapping[str, str]:
        """What people's platforms call them, for whoever may see their keys here."""
        await self._permitted(actor, place, Act.AUDIT)
        return await self._store.names(sorted(set(keys)))

    async def _over(self, actor: Person, place: Place, target: Person, act: Act) -> None:
        if not may(await self._judge.actor(actor, place), act, await self._subject(place, target)):
            raise Refused(Problem("sanction_not_allowed"))

    async def _subject(self, place: Place, target: Person) -> Subject:
        return Subject(place.tenant, target.key, await self._judge.rank_of_target(target, place))

    # -- inside

    async def _job_here(self, place: Place, job_id: str) -> Job:
        """Nothing crosses guilds or workspaces: a foreign id is an unknown one."""
        job = await self._core.store.job(job_id)
        if job is None or job.origin.place.tenant != place.tenant:
            raise Refused(Problem("unknown_request"))
        return job
