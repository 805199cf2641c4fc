"""The nouns of moderation, as `model` has those of drawing. Frozen plain data, standard library only."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum


class Action(IntEnum):
    """What to do with a request. The strictest of several wins."""

    ALLOW = 0
    FLAG = 1  #: post it and tell the moderators
    HOLD = 2  #: wait for a moderator
    BLOCK = 3
    TIMEOUT = 4  #: block it, and the person for a while


class Mode(StrEnum):
    OPEN = "open"  #: rules only
    NEW_MEMBERS = "new-members"  #: the first few requests of a person wait for approval
    REVIEW_ALL = "review-all"
    CLOSED = "closed"  #: moderators only


class Target(StrEnum):
    PROMPT = "prompt"
    NEGATIVE = "negative"
    BOTH = "both"


class Point(StrEnum):
    """Where in its life a request is judged: rules, sanctions and the channel may change in between."""

    SUBMIT = "submit"
    SPEND = "spend"
    DRAWN = "drawn"
    DELIVERY = "delivery"


HARD = "minors"
"""The category that no setting softens: sexual content with minors."""


@dataclass(frozen=True, slots=True)
class Rule:
    """Patterns are words with wildcards (``cat*``, ``*cat``, ``*cat*``, ``wild*card``), or RE2 after ``re:``."""

    id: str
    tenant: str
    patterns: tuple[str, ...]
    action: Action = Action.BLOCK
    all_of: bool = False  #: every pattern must match; each word pattern may list alternatives: ``knife|gun``
    allow: tuple[str, ...] = ()  #: words and phrases that are taken out of the text before this rule looks
    target: Target = Target.BOTH
    category: str = ""
    message: str = ""  #: to the person
    timeout_seconds: float = 0.0  #: with Action.TIMEOUT; 0: what the ladder of strikes says
    spoiler: bool = False  #: pictures go out behind a spoiler
    dry_run: bool = False  #: is matched and reported, never acts
    exempt_channels: tuple[str, ...] = ()
    exempt_groups: tuple[str, ...] = ()
    age_restricted_exempt: bool = False  #: does not apply in age-restricted channels
    version: int = 1
    author: str = ""


@dataclass(frozen=True, slots=True)
class Texts:
    """Everything of one request that can carry words: the person's own and, where a style was applied, the result."""

    prompts: tuple[str, ...]
    negatives: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Policy:
    """How one guild or workspace wants to be moderated."""

    tenant: str
    mode: Mode = Mode.OPEN
    channel_modes: Mapping[str, Mode] = field(default_factory=dict)
    trusted_after: int = 3  #: approved requests
    trusted_groups: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Group key to the categories whose holds do not stop its members. A mode's hold has the mode as category."""
    moderators: frozenset[str] = frozenset()  #: keys of people and groups
    owners: frozenset[str] = frozenset()  #: likewise; moderators cannot touch them
    required_approvals: Mapping[str, int] = field(default_factory=dict)  #: by category; "" is everything else
    report_threshold: float = 3.0

    def mode_in(self, channel: str) -> Mode:
        return self.channel_modes.get(channel, self.mode)

    def approvals(self, category: str) -> int:
        return self.required_approvals.get(category, self.required_approvals.get("", 1))


@dataclass(frozen=True, slots=True)
class Standing:
    """What a community remembers about a person, as far as verdicts need it."""

    approved: int = 0
    timeout_until: float = 0.0
    banned_until: float = 0.0  #: infinity: until it is lifted
    reason: str = ""  #: of the sanction in force


class SanctionKind(StrEnum):
    WARN = "warn"
    TIMEOUT = "timeout"
    BAN = "ban"


@dataclass(frozen=True, slots=True)
class Sanction:
    id: str
    tenant: str
    person: str
    kind: SanctionKind
    at: float
    until: float  #: a warning ends when it begins; infinity for a ban without end
    actor: str  #: "rule:ID" where it was automatic
    reason: str = ""
    lifted: bool = False

    def in_force(self, now: float) -> bool:
        return not self.lifted and now < self.until


@dataclass(frozen=True, slots=True)
class Strike:
    id: str
    at: float
    decision: str  #: what it was given for; a won appeal takes both back


class RecordKind(StrEnum):
    APPROVED = "approved"
    REJECTED = "rejected"
    STRIKE = "strike"
    OVERTURNED = "overturned"  #: the decision named by it never counted


@dataclass(frozen=True, slots=True)
class RecordEvent:
    """One entry of a person's record; replaying them all gives the trust number."""

    kind: RecordKind
    decision: str
    at: float


@dataclass(frozen=True, slots=True)
class Report:
    """One person's complaint about one picture. At most one each."""

    tenant: str
    job_id: str
    index: int
    person: str
    reason: str
    at: float
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class ReporterRecord:
    upheld: int = 0  #: of the last hundred decided
    dismissed: int = 0
    muted: bool = False


class ItemKind(StrEnum):
    REQUEST = "request"  #: held before anything was spent
    PICTURE = "picture"  #: held after drawing
    REPORT = "report"
    APPEAL = "appeal"


class ItemState(StrEnum):
    OPEN = "open"
    CLAIMED = "claimed"
    APPROVED = "approved"
    REJECTED = "rejected"
    EXPIRED = "expired"


DECIDED = frozenset({ItemState.APPROVED, ItemState.REJECTED, ItemState.EXPIRED})


@dataclass(frozen=True, slots=True)
class Item:
    """Something in the review queue."""

    id: str
    tenant: str
    kind: ItemKind
    job_id: str
    author: str  #: whose request it is: never decides about it
    opened_at: float
    category: str = ""
    required: int = 1  #: approvals by different people
    state: ItemState = ItemState.OPEN
    claimed_by: str = ""
    claimed_until: float = 0.0
    approvals: tuple[str, ...] = ()
    decided_by: str = ""
    decided_at: float = 0.0
    reason: str = ""
    decision: str = ""  #: an appeal's: the decision it is against
    decided_first_by: str = ""  #: an appeal's: who made that decision; another moderator is preferred

    @property
    def hard(self) -> bool:
        return self.category == HARD


FOREVER = math.inf
