"""What the moderation page shows of items, rules, people and the audit log, as plain data for the templates. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from adapters.chat.web.names import name_of
from bot.conduct import (
    Acquaintance,
    Action,
    Case,
    Ground,
    Item,
    ItemKind,
    ItemState,
    Member,
    Mode,
    Rule,
    Target,
)
from bot.mod_words import remembered, sanction_line
from bot.model import AuditEvent, Person, Picture
from bot.moderation.commands import exempt, lasting
from bot.moderation.sanctions import active_strikes, trust
from bot.moderation.starter import FIXED
from bot.replies import display, problem, say

VIEWS = ("queue", "rules", "people", "settings", "audit")
REASONS = tuple(f"moderation_reason_{number}" for number in range(1, 6))


@dataclass(frozen=True, slots=True)
class Names:
    """People as moderators read them: what their platform calls them, where it said."""

    known: Mapping[str, str] = field(default_factory=dict)

    def of(self, key: str) -> str:
        """"" where there is only the key."""
        platform, _, rest = key.partition(":")
        kind, _, name = rest.partition(":")
        if key in self.known:
            return display(self.known[key])
        match platform, kind:
            case "web", "operator":
                return display(name)
            case "web", "user":
                return name_of(key)
            case "api", "key":
                return say("moderation_api_key", name=display(name))
            case "rule", _:
                return say("moderation_rule_name", name=display(rest))
        return ""

    def whom(self, key: str) -> str:
        """In a sentence: the name with the key behind it, for two may have one name."""
        name = self.of(key)
        return f"{name} ({key})" if name and key in self.known else name or key


def keys_of(cases: Sequence[Case]) -> set[str]:
    """Everybody whom these cases name."""
    found = set[str]()
    for case in cases:
        found |= {case.item.author, case.item.claimed_by, *(each.person for each in case.reports)}
        found |= {case.against.actor} if case.against else set()
    return found - {""}


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


def card(case: Case, tenant: str, me: str, now: float, names: Names) -> Card:
    item, job = case.item, case.job
    request = job.request if job else None
    return Card(
        id=item.id,
        kind=item.kind.value,
        kind_words=say(f"item_{item.kind}"),
        author=item.author,
        author_name=display(job.origin.person.name) if job and job.origin.person.name else names.of(item.author),
        place=job.origin.place.channel if job else "",
        waiting=since(now - item.opened_at),
        prompt=display(request.prompt) if request else "",
        raw=request.prompt if request else "",
        negative=display(request.negative_prompt or "") if request else "",
        original=display(item.original),
        words=display(item.words),
        against=sanction_line(case.against, names.whom(case.against.actor)) if case.against else "",
        reasons=tuple(map(_why, item.grounds)),
        reports=tuple(f"{names.whom(each.person)}: {display(each.reason)}" for each in case.reports),
        shots=tuple(_shot(item, each, tenant) for each in case.pictures),
        status=_status(case, me, now, names),
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


def _status(case: Case, me: str, now: float, names: Names) -> str:
    item, said = case.item, []
    if item.kind is ItemKind.REPORT and not case.pictures:
        said.append(say("moderation_gone"))
    if item.state is ItemState.CLAIMED and now < item.claimed_until:
        mine = item.claimed_by == me
        said.append(say("moderation_claimed_by_you") if mine else say("mod_claimed", by=names.whom(item.claimed_by)))
    if item.required > 1:
        said.append(say("moderation_approvals", have=len(item.approvals), need=item.required))
    if not case.preferred:
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
    exempt: str
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
        exempt=exempt(rule),
        target=rule.target.value,
        category=rule.category,
        message=rule.message,
        timeout=lasting(rule.timeout_seconds),
        all_of=rule.all_of,
        dry_run=rule.dry_run,
        spoiler=rule.spoiler,
        version=rule.version,
        author=rule.author,
        fixed=rule.author == FIXED,
    )


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
    name: str
    summary: str
    sanctions: tuple[str, ...]


def record(person: Person, member: Member, now: float, names: Names) -> Record:
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
    lines = tuple(sanction_line(each, names.whom(each.actor)) for each in reversed(member.sanctions))
    return Record(person.key, names.of(person.key), summary, lines)


@dataclass(frozen=True, slots=True)
class Entry:
    """A person in the list."""

    key: str
    name: str
    facts: tuple[str, ...]
    sanctioned: bool


def entry(known: Acquaintance, names: Names) -> Entry:
    name = display(known.name) or names.of(known.key)
    return Entry(known.key, name, tuple(remembered(known)), bool(known.banned_until or known.timeout_until))


@dataclass(frozen=True, slots=True)
class AuditRow:
    seq: int
    at: str
    actor: str
    actor_key: str
    action: str
    subject: str
    reason: str


def audit_rows(events: Sequence[AuditEvent], names: Names) -> list[AuditRow]:
    return [
        AuditRow(
            event.seq,
            f"{datetime.fromtimestamp(event.at, UTC):%Y-%m-%d %H:%M:%S}",
            names.of(event.actor) or display(event.actor),
            display(event.actor),
            event.action.replace("_", " "),
            _named(event.subject, names),
            display(event.reason),
        )
        for event in events
    ]


def _named(subject: str, names: Names) -> str:
    """A person at its end with the name, for whoever reads and not for whoever exports."""
    before, _, key = subject.rpartition(" ")
    whom = names.whom(key) if key in names.known else key
    return display(f"{before} {whom}".strip())


def people_in(events: Sequence[AuditEvent]) -> set[str]:
    """Whom these events may name."""
    return {each for event in events for each in (event.actor, event.subject.rpartition(" ")[2])}
