"""One verdict from everything that has a say: sanctions, the community's mode, its rules, what the pictures show.

A verdict is the set of its reasons; joining two is the union, and the strictest reason decides. So verdicts form a
join-semilattice: order, repetition and grouping of the judges make no difference.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import reduce

from bot.conduct import FOREVER, HARD, Action, Ground, Mode, Point, Policy, Standing, Texts, said
from bot.model import Person, Place, Problem
from bot.moderation.normalise import TABLES
from bot.moderation.permissions import is_moderator
from bot.moderation.rules import Hit, RuleSet, Scene, looks, match
from bot.moderation.starter import hard_set


@dataclass(frozen=True, slots=True, order=True)
class Reason:
    """``code`` is a sentence of replies.py; ``rule`` and ``version`` name the rule, its message is the author's own."""

    action: Action
    code: str
    category: str = ""
    rule: str = ""
    version: int = 0
    message: str = ""
    until: float = 0.0  #: of a sanction in force
    timeout_seconds: float = 0.0  #: that the rule gives with Action.TIMEOUT
    spoiler: bool = False
    dry_run: bool = False  #: would have been, and does nothing
    decision: str = ""  #: the sanction in force, for an appeal

    @property
    def key(self) -> tuple[str, str, int]:
        """What an approval remembers: a changed rule is a new reason."""
        return self.ground.key

    @property
    def ground(self) -> Ground:
        return Ground(self.code, self.rule, self.version, self.category, self.message)

    @property
    def problem(self) -> Problem:
        """For replies.py; the rule's own message is the author's and comes beside it."""
        until = moment(self.until) if 0 < self.until < FOREVER else ""
        values = {"rule": self.rule, "category": self.category, "reason": self.message, "until": until}
        return Problem(said(self.code, self.message), values | ({"decision": self.decision} if self.decision else {}))


@dataclass(frozen=True, slots=True)
class Verdict:
    reasons: frozenset[Reason] = frozenset()
    tables: int = TABLES  #: version of the normaliser

    def __or__(self, other: "Verdict") -> "Verdict":
        return Verdict(self.reasons | other.reasons, max(self.tables, other.tables))

    @property
    def acting(self) -> frozenset[Reason]:
        return frozenset(reason for reason in self.reasons if not reason.dry_run)

    @property
    def action(self) -> Action:
        return max((reason.action for reason in self.acting), default=Action.ALLOW)

    @property
    def decisive(self) -> tuple[Reason, ...]:
        """The reasons of the action, in a fixed order: what the person is told."""
        return tuple(sorted(reason for reason in self.acting if reason.action == self.action))

    @property
    def spoiler(self) -> bool:
        return any(reason.spoiler for reason in self.acting)

    @property
    def hidden(self) -> bool:
        """No preview for ordinary moderators, and nobody's trust or approval lifts it."""
        return any(reason.category == HARD for reason in self.acting)

    @property
    def timeout_seconds(self) -> float:
        return max((reason.timeout_seconds for reason in self.acting), default=0.0)

    @property
    def category(self) -> str:
        """The one that decides how many approvals are needed."""
        return HARD if self.hidden else next((reason.category for reason in self.decisive if reason.category), "")


ALLOWED = Verdict()


def moment(at: float) -> str:
    """As people read it."""
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M} UTC"


def one(reason: Reason) -> Verdict:
    return Verdict(frozenset((reason,)))


def fold(verdicts: Iterable[Verdict]) -> Verdict:
    return reduce(Verdict.__or__, verdicts, ALLOWED)


def judge(
    texts: Texts,
    person: Person,
    place: Place,
    *,
    policy: Policy,
    standing: Standing,
    ruleset: RuleSet | None,
    point: Point,
    now: float,
    approved: frozenset[tuple[str, str, int]] = frozenset(),
) -> Verdict:
    """The verdict under the rules, sanctions and channel of this moment. Never raises.

    ``ruleset`` None: the community's rules cannot be compiled, so everything is held. ``approved`` are the keys of
    reasons that a moderator has already let pass for this request.
    """
    moderator = is_moderator(policy, person, place)
    verdict = fold(
        (
            _standing(standing, now),
            _mode(policy, place, standing, moderator=moderator),
            _rules(texts, person, place, ruleset),
        )
    )
    if point is not Point.SUBMIT:
        verdict = Verdict(frozenset(map(_without_timeout, verdict.reasons)), verdict.tables)
    return _after(verdict, approved, _trusted_with(policy, person))


def picture_verdict(
    scores: Mapping[str, float] | None, thresholds: Mapping[str, Mapping[Action, float]]
) -> Verdict:
    """What a picture check's scores mean: label to action to the least score that causes it. None: the check failed."""
    if scores is None:
        return one(Reason(Action.HOLD, "held_check_failed"))
    return fold(
        one(Reason(action, f"{_VERBS[action]}_picture", category=label))
        for label, score in scores.items()
        for action in _reached(score, thresholds.get(label, {}))
    )


_VERBS = {Action.FLAG: "flagged", Action.HOLD: "held", Action.BLOCK: "blocked", Action.TIMEOUT: "blocked"}


def _reached(score: float, limits: Mapping[Action, float]) -> list[Action]:
    """A score that is no number reaches everything."""
    reached = [action for action, least in limits.items() if action is not Action.ALLOW and not score < least]
    return [max(reached)] if reached else []


def _standing(standing: Standing, now: float) -> Verdict:
    if now < standing.banned_until:
        code = "blocked_banned" if standing.banned_until == FOREVER else "blocked_banned_until"
        return _sanctioned(code, standing, standing.banned_until)
    if now < standing.timeout_until:
        return _sanctioned("blocked_timed_out", standing, standing.timeout_until)
    return ALLOWED


def _sanctioned(code: str, standing: Standing, until: float) -> Verdict:
    return one(Reason(Action.BLOCK, code, message=standing.reason, until=until, decision=standing.decision))


def _mode(policy: Policy, place: Place, standing: Standing, *, moderator: bool) -> Verdict:
    mode = policy.mode_in(place.channel)
    if mode is Mode.CLOSED and not moderator:
        return one(Reason(Action.BLOCK, "blocked_closed", category=mode))
    if mode is Mode.REVIEW_ALL:
        return one(Reason(Action.HOLD, "held_review_all", category=mode))
    if mode is Mode.NEW_MEMBERS and not moderator and standing.approved < policy.trusted_after:
        return one(Reason(Action.HOLD, "held_new_member", category=mode))
    return ALLOWED


def _rules(texts: Texts, person: Person, place: Place, ruleset: RuleSet | None) -> Verdict:
    """Row F79: whatever goes wrong in the filter means that people look at the request."""
    scene = Scene(place.channel, person.groups, place.age_restricted)
    try:
        request = looks(texts)
        hits = [*match(hard_set(), request, scene), *(match(ruleset, request, scene) if ruleset else ())]
    except Exception:  # noqa: BLE001 - fail closed, whatever it was
        return one(Reason(Action.HOLD, "held_filter_failed"))
    broken = ALLOWED if ruleset else one(Reason(Action.HOLD, "held_filter_failed"))
    return fold([broken, *(one(_reason(hit)) for hit in hits)])


def _reason(hit: Hit) -> Reason:
    rule = hit.rule
    return Reason(
        action=hit.action,
        code="flagged_near" if hit.near else f"{_VERBS[hit.action]}_rule",
        category=rule.category,
        rule=rule.id,
        version=rule.version,
        message=rule.message,
        timeout_seconds=rule.timeout_seconds if hit.action is Action.TIMEOUT else 0.0,
        spoiler=rule.spoiler,
        dry_run=rule.dry_run and rule.category != HARD,
    )


def _without_timeout(reason: Reason) -> Reason:
    """A rule that came after the request blocks it, and punishes nobody for it."""
    if reason.action is not Action.TIMEOUT:
        return reason
    return Reason(
        Action.BLOCK,
        reason.code,
        reason.category,
        reason.rule,
        reason.version,
        reason.message,
        spoiler=reason.spoiler,
        dry_run=reason.dry_run,
    )


def _trusted_with(policy: Policy, person: Person) -> frozenset[str]:
    keys = {person.key, *person.groups}
    return frozenset[str]().union(*(policy.trusted_groups[key] for key in keys & policy.trusted_groups.keys()))


def _after(verdict: Verdict, approved: frozenset[tuple[str, str, int]], trusted_with: frozenset[str]) -> Verdict:
    """Approval and trust lift holds, not their spoilers; never a block, never the hard category.

    Trust lifts no failed filter.
    """

    def lifted(reason: Reason) -> bool:
        if reason.action is not Action.HOLD or reason.category == HARD:
            return False
        return reason.key in approved or (reason.category != "" and reason.category in trusted_with)

    kept = (reason for reason in verdict.reasons if not lifted(reason))
    spoilers = (replace(reason, action=Action.ALLOW) for reason in verdict.reasons if lifted(reason) and reason.spoiler)
    return Verdict(frozenset((*kept, *spoilers)), verdict.tables)
