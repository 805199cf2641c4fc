"""The nouns of moderation, as `model` has those of drawing. Frozen plain data that can be stored and read back."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum

from bot.model import AuditEvent, ImageRequest, Job, Picture, Problem


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
    paused: bool = False

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
    decision: str = ""  #: that sanction's id: what an appeal names


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
    WITHDRAWN = "withdrawn"  #: the request ended without a decision, as when its author cancelled it


DECIDED = frozenset({ItemState.APPROVED, ItemState.REJECTED, ItemState.EXPIRED, ItemState.WITHDRAWN})


@dataclass(frozen=True, slots=True)
class Ground:
    """Why a request is held. An approval lets exactly this pass: a changed rule is a new ground."""

    code: str  #: a sentence of replies.py
    rule: str = ""
    version: int = 0
    category: str = ""
    message: str = ""  #: the rule author's

    @property
    def key(self) -> tuple[str, str, int]:
        return self.code, self.rule, self.version

    @property
    def problem(self) -> Problem:
        values = {"rule": self.rule, "category": self.category, "reason": self.message}
        return Problem(said(self.code, self.message), values)


def said(code: str, message: str) -> str:
    """The sentence that carries a rule author's own message, where there is one."""
    return f"{code}_said" if message and code.endswith("_rule") else code


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
    index: int = -1  #: a report's: which picture; -1: the request as a whole
    grounds: tuple[Ground, ...] = ()
    words: str = ""  #: an appeal's: what the person says
    original: str = ""  #: the prompt before a moderator changed it

    @property
    def hard(self) -> bool:
        return self.category == HARD

    @property
    def expires(self) -> bool:
        """A request waits for a day at most; what is posted already waits until somebody decides."""
        return self.kind in {ItemKind.REQUEST, ItemKind.PICTURE}


@dataclass(frozen=True, slots=True)
class Community:
    """What a guild or workspace set at run time. ``version`` grows with every change."""

    tenant: str
    version: int = 0
    mode: Mode | None = None  #: None: as imagine.toml says; likewise for a channel that is not named
    channel_modes: Mapping[str, Mode] = field(default_factory=dict)
    paused: bool = False
    rules: tuple[Rule, ...] = ()


@dataclass(frozen=True, slots=True)
class Member:
    """A person's whole record in one community."""

    sanctions: tuple[Sanction, ...] = ()
    strikes: tuple[Strike, ...] = ()
    record: tuple[RecordEvent, ...] = ()
    reporter: ReporterRecord = ReporterRecord()


@dataclass(frozen=True, slots=True)
class Acquaintance:
    """Somebody whom a community knows: who asked lately, or was ever struck, sanctioned or muted there."""

    key: str
    name: str = ""
    requests: int = 0  #: lately
    asked_at: float = 0.0
    strikes: int = 0  #: that count
    banned_until: float = 0.0  #: infinity: without end
    timeout_until: float = 0.0
    muted: bool = False


@dataclass(frozen=True, slots=True)
class Dossier:
    """All that the store says about somebody who asks for something, read at once.

    ``defaults``: the options that the person and the channel have set, by owner.
    """

    version: int = 0  #: of the community's rules and settings
    sanctions: tuple[Sanction, ...] = ()
    record: tuple[RecordEvent, ...] = ()
    defaults: Mapping[str, str] = field(default_factory=dict)
    paused: bool = False  #: the house takes nothing new


class PostKind(StrEnum):
    ITEM = "item"  #: an item of the queue in the review channel
    PICTURES = "pictures"  #: a delivered result whose pictures were hidden, shown again or deleted
    NOTICE = "notice"  #: a sanction, to the person
    OUTCOME = "outcome"  #: what was decided about a report or an appeal, to its item's author


@dataclass(frozen=True, slots=True)
class Post:
    """Something a platform has still to show. ``revision`` grows whenever what it shows changed."""

    tenant: str
    kind: PostKind
    subject: str  #: the id of the item, job or sanction
    revision: int
    address: Mapping[str, str] = field(default_factory=dict)  #: the chat adapter's own plain data
    tries: int = 0


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that a person is told privately. ``id`` and ``text`` together are told once."""

    id: str
    tenant: str
    person: str
    text: str
    decision: str = ""  #: what `Appeal` beside it is against; "": nothing to appeal


@dataclass(frozen=True, slots=True)
class Edit:
    """A request in a moderator's words, with who can draw that and what it costs."""

    request: ImageRequest
    candidates: tuple[str, ...]
    cost: float


@dataclass(frozen=True, slots=True)
class Change:
    """What a decision changes beside its item, all in one transaction."""

    event: AuditEvent
    edit: Edit | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """An item of the review queue with everything that a moderator looks at.

    ``pictures`` are for blurred previews: the drawn ones of a held picture, the reported one of a report.
    """

    item: Item
    job: Job | None = None  #: None: deleted meanwhile, or none: an appeal against a sanction
    pictures: tuple[Picture, ...] = ()
    reports: tuple[Report, ...] = ()
    against: Sanction | None = None  #: an appeal's, where it is against one
    preferred: bool = True  #: False: an appeal against this moderator's own decision; another one should take it

    @property
    def original(self) -> str:
        """The prompt before a moderator changed it, "" where nobody did."""
        return self.item.original

    @property
    def reasons(self) -> tuple[Problem, ...]:
        """Why it is here, for replies.py."""
        return tuple(ground.problem for ground in self.item.grounds)


FOREVER = math.inf
LONGEST_APPEAL = 1000  #: characters
