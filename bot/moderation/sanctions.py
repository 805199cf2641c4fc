"""Strikes and what follows from them, appeals, trust, and what a report weighs.

Everything here is computed from stored events and the time; nothing is counted up in place, so that a won appeal takes
its decision out of the history and all that followed from it is as if it had never been.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bot.conduct import (
    FOREVER,
    Item,
    ItemKind,
    RecordEvent,
    RecordKind,
    Report,
    ReporterRecord,
    Sanction,
    SanctionKind,
    Standing,
    Strike,
)
from bot.model import Problem
from bot.moderation.permissions import Act, Actor, Rank, Subject, may

MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0
LADDER = (
    (SanctionKind.WARN, 0.0),
    (SanctionKind.TIMEOUT, 10 * MINUTE),
    (SanctionKind.TIMEOUT, HOUR),
    (SanctionKind.TIMEOUT, DAY),
    (SanctionKind.TIMEOUT, 7 * DAY),
    (SanctionKind.BAN, FOREVER),
)
STRIKE_LIFE = 30 * DAY  #: a strike counts for as long
BURST = 10.0  #: seconds; strikes closer together than this count once, so that a burst does not become a ban
MAX_TIMEOUT = 28 * DAY  #: by hand, and by a rule

TRUST_START, TRUST_LEAST, TRUST_MOST = 15, 5, 40
APPROVALS_PER_TRUST, REJECTIONS_PER_TRUST = 10, 3
REPORT_DECISIONS = 100  #: a reporter's last decisions that count


@dataclass(frozen=True, slots=True)
class Step:
    """One rung of the ladder, with the seconds that it lasts."""

    kind: SanctionKind
    seconds: float


def active_strikes(strikes: Iterable[Strike], now: float) -> int:
    """How many strikes count: young enough, and a burst only once. One more strike never makes it fewer."""
    count, last = 0, -FOREVER
    for at in sorted(strike.at for strike in strikes):
        if now - STRIKE_LIFE < at <= now and at >= last + BURST:
            count, last = count + 1, at
    return count


def rung(active: int) -> Step | None:
    """What so many strikes come to. None for none."""
    if active <= 0:
        return None
    kind, seconds = LADDER[min(active, len(LADDER)) - 1]
    return Step(kind, seconds)


def automatic(
    strikes: Sequence[Strike],
    *,
    sanction_id: str,
    tenant: str,
    person: str,
    rank: Rank,
    rule: str,
    rule_seconds: float,
    now: float,
) -> Sanction | None:
    """What a rule with a time-out gives: its own time, or with 0 seconds the ladder's step. Moderators are immune.

    ``strikes`` include the one for this hit. Never longer than that.
    """
    step = rung(active_strikes(strikes, now))
    if rank >= Rank.MODERATOR or step is None:
        return None
    if rule_seconds > 0:
        step = Step(SanctionKind.TIMEOUT, rule_seconds)
    return Sanction(sanction_id, tenant, person, step.kind, now, now + step.seconds, actor=f"rule:{rule}")


def by_hand(
    actor: Actor,
    subject: Subject,
    kind: SanctionKind,
    *,
    sanction_id: str,
    seconds: float,
    reason: str,
    now: float,
) -> Sanction | Problem:
    """A moderator's sanction. A ban of 0 seconds has no end."""
    acts = {SanctionKind.WARN: Act.WARN, SanctionKind.TIMEOUT: Act.TIMEOUT, SanctionKind.BAN: Act.BAN}
    if not may(actor, acts[kind], subject):
        return Problem("sanction_not_allowed")
    if not reason.strip():
        return Problem("sanction_needs_reason")
    if kind is SanctionKind.TIMEOUT and not 0 < seconds <= MAX_TIMEOUT:
        return Problem("sanction_timeout_range", {"days": int(MAX_TIMEOUT / DAY)})
    if kind is SanctionKind.BAN and not 0 <= seconds <= FOREVER:
        return Problem("sanction_ban_range")
    length = {SanctionKind.WARN: 0.0, SanctionKind.TIMEOUT: seconds, SanctionKind.BAN: seconds or FOREVER}[kind]
    return Sanction(sanction_id, subject.tenant, subject.person, kind, now, now + length, actor.key, reason.strip())


def standing(sanctions: Iterable[Sanction], record: Iterable[RecordEvent], now: float) -> Standing:
    """What verdicts ask about a person: the longest sanction of each kind in force, and approvals so far."""
    in_force = [each for each in sanctions if each.in_force(now)]
    bans = [each for each in in_force if each.kind is SanctionKind.BAN]
    timeouts = [each for each in in_force if each.kind is SanctionKind.TIMEOUT]
    told = max(bans or timeouts, key=lambda each: (each.until, each.id), default=None)
    return Standing(
        approved=sum(event.kind is RecordKind.APPROVED for event in counting(record)),
        banned_until=max((each.until for each in bans), default=0.0),
        timeout_until=max((each.until for each in timeouts), default=0.0),
        reason=told.reason if told else "",
        decision=told.id if told else "",
    )


def counting(record: Iterable[RecordEvent]) -> list[RecordEvent]:
    """The events that still count, oldest first: an overturned decision never happened."""
    events = sorted(record, key=lambda event: event.at)
    overturned = {event.decision for event in events if event.kind is RecordKind.OVERTURNED}
    return [event for event in events if event.decision not in overturned]


def trust(record: Iterable[RecordEvent]) -> int:
    """The trust number by replay (after Danbooru's upload limit): up with approvals, down faster with rejections."""
    number, approvals, rejections = TRUST_START, 0, 0
    for event in counting(record):
        if event.kind is RecordKind.APPROVED:
            approvals += 1
            if approvals % APPROVALS_PER_TRUST == 0:
                number = min(number + 1, TRUST_MOST)
        elif event.kind in {RecordKind.REJECTED, RecordKind.STRIKE}:
            rejections += 1
            if rejections % REJECTIONS_PER_TRUST == 0:
                number = max(number - 1, TRUST_LEAST)
    return number


def open_appeal(
    actor: Actor,
    subject: Subject,
    *,
    decision: str,
    decided_by: str,
    job_id: str,
    appeals: Iterable[Item],
    item_id: str,
    now: float,
) -> Item | Problem:
    """One for each decision, by the person it was about. It goes into the same queue as everything else."""
    if not may(actor, Act.APPEAL, subject):
        return Problem("appeal_not_yours")
    if any(each.decision == decision and each.tenant == subject.tenant for each in appeals):
        return Problem("appeal_only_one")
    return Item(
        id=item_id,
        tenant=subject.tenant,
        kind=ItemKind.APPEAL,
        job_id=job_id,
        author=subject.person,
        opened_at=now,
        decision=decision,
        decided_first_by=decided_by,
    )


def preferred(item: Item, moderator: str) -> bool:
    """Whether this moderator should see the appeal first: whoever decided before comes last, but may have to."""
    return item.kind is not ItemKind.APPEAL or moderator != item.decided_first_by


def report_weight(record: ReporterRecord) -> float:
    """1 for newcomers and for whoever is mostly right, towards 0 for whoever is mostly wrong, 0 for the muted."""
    if record.muted:
        return 0.0
    decided = min(record.upheld + record.dismissed, REPORT_DECISIONS)
    upheld = min(record.upheld, decided)
    return min(1.0, 2 * (upheld + 2) / (decided + 4))


def accept_report(actor: Actor, subject: Subject, new: Report) -> Report | Problem:
    """One's own picture too. Nobody in a ban reports anything."""
    if not may(actor, Act.REPORT, subject):
        return Problem("report_not_allowed")
    if not new.reason.strip():
        return Problem("report_needs_reason")
    return new


def hides(reports: Iterable[Report], threshold: float) -> bool:
    """Whether the reports on one picture hide it until a moderator decides. Votes hide, moderators decide."""
    weights = {report.person: report.weight for report in reports}
    return threshold > 0 and sum(weights.values()) >= threshold - 1e-9
