"""What the moderation page shows of items, rules, people and the audit log, as plain data for the templates. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from bot.conduct import FOREVER, Action, Case, Ground, Item, ItemKind, ItemState, Member, Mode, Rule, Sanction, Target
from bot.model import AuditEvent, Person, Picture
from bot.moderation.sanctions import active_strikes, trust
from bot.moderation.verdicts import moment
from bot.replies import display, problem, say

VIEWS = ("queue", "rules", "people", "settings", "audit")
REASONS = tuple(f"moderation_reason_{number}" for number in range(1, 6))


@dataclass(frozen=True, slots=True)
class Shot:
    address: str
    alt: str
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Card:
    """One item of the queue."""

    id: str
    kind: str
    kind_words: str
    author: str
    author_name: str
    place: str
    waiting: str
    prompt: str
    raw: str  #: the prompt as the form to edit holds it
    negative: str
    original: str
    words: str
    against: str
    reasons: tuple[str, ...]
    reports: tuple[str, ...]
    shots: tuple[Shot, ...]
    status: str
    editable: bool
    claimable: bool
    approve: str
    reject: str


def card(case: Case, tenant: str, me: str, now: float) -> Card:
    item, job = case.item, case.job
    request = job.request if job else None
    return Card(
        id=item.id,
        kind=item.kind.value,
        kind_words=say(f"item_{item.kind}"),
        author=item.author,
        author_name=display(job.origin.person.name) if job and job.origin.person.name else "",
        place=job.origin.place.channel if job else "",
        waiting=since(now - item.opened_at),
        prompt=display(request.prompt) if request else "",
        raw=request.prompt if request else "",
        negative=display(request.negative_prompt or "") if request else "",
        original=display(item.original),
        words=display(item.words),
        against=sanction_line(case.against) if case.against else "",
        reasons=tuple(map(_why, item.grounds)),
        reports=tuple(f"{each.person}: {display(each.reason)}" for each in case.reports),
        shots=tuple(_shot(item, each, tenant) for each in case.pictures),
        status=_status(item, me, now, preferred=case.preferred),
        editable=item.kind is ItemKind.REQUEST,
        claimable=item.state is ItemState.OPEN,
        approve=say(f"moderation_approve_{item.kind}"),
        reject=say(f"moderation_reject_{item.kind}"),
    )


def _why(ground: Ground) -> str:
    """A ground in words for moderators; the sentences of `Case.reasons` speak to whoever asked."""
    if ground.rule:
        return say("moderation_why_rule", rule=ground.rule, category=ground.category)
    if ground.code in {"held_new_member", "held_review_all"}:
        return say(f"moderation_why_{ground.code}")
    return problem(ground.problem)


def _shot(item: Item, picture: Picture, tenant: str) -> Shot:
    address = f"/moderation/pictures/{tenant}/{item.id}/{picture.index}"
    return Shot(address, say("moderation_preview", number=picture.index + 1), picture.width, picture.height)


def _status(item: Item, me: str, now: float, *, preferred: bool) -> str:
    said = []
    if item.state is ItemState.CLAIMED and now < item.claimed_until:
        mine = item.claimed_by == me
        said.append(say("moderation_claimed_by_you") if mine else say("mod_claimed", by=item.claimed_by))
    if item.required > 1:
        said.append(say("moderation_approvals", have=len(item.approvals), need=item.required))
    if not preferred:
        said.append(say("moderation_not_preferred"))
    return " · ".join(said)


def since(seconds: float) -> str:
    minutes = max(0, int(seconds // 60))
    if minutes < 60:
        return say("moderation_minutes", n=minutes)
    return say("moderation_hours", n=minutes // 60)


@dataclass(frozen=True, slots=True)
class RuleRow:
    id: str
    action: str
    patterns: str
    allow: str
    target: str
    category: str
    message: str
    timeout: str
    all_of: bool
    dry_run: bool
    spoiler: bool
    version: int
    author: str
    fixed: bool  #: stands in imagine.toml


def rule_row(rule: Rule) -> RuleRow:
    return RuleRow(
        id=rule.id,
        action=rule.action.name.lower(),
        patterns="\n".join(rule.patterns),
        allow=", ".join(rule.allow),
        target=rule.target.value,
        category=rule.category,
        message=rule.message,
        timeout=_lasting(rule.timeout_seconds),
        all_of=rule.all_of,
        dry_run=rule.dry_run,
        spoiler=rule.spoiler,
        version=rule.version,
        author=rule.author,
        fixed=rule.author == "imagine.toml",
    )


def _lasting(seconds: float) -> str:
    """As `commands.duration` reads it."""
    whole = int(seconds)
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if whole and whole % size == 0:
            return f"{whole // size}{unit}"
    return f"{whole}s" if whole else ""


def choices() -> dict[str, list[str]]:
    return {
        "actions": [action.name.lower() for action in reversed(Action) if action is not Action.ALLOW],
        "targets": [target.value for target in reversed(Target)],
        "modes": [mode.value for mode in Mode],
    }


@dataclass(frozen=True, slots=True)
class Record:
    """A person as the moderators know them."""

    person: str
    summary: str
    sanctions: tuple[str, ...]


def record(person: Person, member: Member, now: float) -> Record:
    approved = sum(event.kind == "approved" for event in member.record)
    rejected = sum(event.kind == "rejected" for event in member.record)
    summary = say(
        "moderation_record",
        strikes=active_strikes(member.strikes, now),
        trust=trust(member.record),
        approved=approved,
        rejected=rejected,
        muted=say("moderation_muted") if member.reporter.muted else "",
    )
    return Record(person.key, summary, tuple(sanction_line(each) for each in reversed(member.sanctions)))


def sanction_line(sanction: Sanction) -> str:
    until = say("mod_without_end") if sanction.until == FOREVER else moment(sanction.until)
    state = say("mod_was_lifted") if sanction.lifted else until
    return f"{sanction.kind.value} · {state} · {sanction.actor} · {display(sanction.reason)}"


@dataclass(frozen=True, slots=True)
class AuditRow:
    seq: int
    at: str
    actor: str
    action: str
    subject: str
    reason: str


def audit_rows(events: Sequence[AuditEvent]) -> list[AuditRow]:
    return [
        AuditRow(
            event.seq,
            f"{datetime.fromtimestamp(event.at, UTC):%Y-%m-%d %H:%M:%S}",
            display(event.actor),
            event.action.replace("_", " "),
            display(event.subject),
            display(event.reason),
        )
        for event in events
    ]
