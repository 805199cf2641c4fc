"""Who may do what to whom, decided at the moment of the click from roles looked up then (rows S23, S26 to S28)."""

from dataclasses import dataclass
from enum import IntEnum, StrEnum

from bot.conduct import Policy
from bot.model import Person, Place


class Rank(IntEnum):
    """A person's standing in one community. Nobody acts upward or on an equal."""

    MEMBER = 0
    MODERATOR = 1
    OWNER = 2


class Act(StrEnum):
    # one's own, or what is shown to everybody
    CANCEL = "cancel"
    AGAIN = "again"
    VARY = "vary"
    DELETE = "delete"
    REPORT = "report"
    SHARE = "share"
    APPEAL = "appeal"
    # review
    CLAIM = "claim"
    APPROVE = "approve"
    REJECT = "reject"
    EDIT = "edit"
    # people
    WARN = "warn"
    TIMEOUT = "timeout"
    BAN = "ban"
    LIFT = "lift"
    MUTE_REPORTER = "mute_reporter"
    # the community
    RULE_ADD = "rule_add"
    RULE_REMOVE = "rule_remove"
    RULE_TEST = "rule_test"
    RULE_SIMULATE = "rule_simulate"
    MODE = "mode"
    PAUSE = "pause"
    AUDIT = "audit"


#: What a moderator may do to other people's requests and pictures as well as the owner to theirs.
OWN_OR_MODERATED = frozenset({Act.CANCEL, Act.DELETE})
OWN = frozenset({Act.SHARE, Act.APPEAL})
#: A request of the actor's own, after somebody's public picture.
ANYBODY = frozenset({Act.AGAIN, Act.VARY})
BANNED_MAY = frozenset({Act.CANCEL, Act.DELETE, Act.APPEAL})
REVIEW = frozenset({Act.CLAIM, Act.APPROVE, Act.REJECT, Act.EDIT})
SANCTIONS = frozenset({Act.WARN, Act.TIMEOUT, Act.BAN, Act.LIFT, Act.MUTE_REPORTER})
COMMUNITY = frozenset({Act.RULE_ADD, Act.RULE_REMOVE, Act.RULE_TEST, Act.RULE_SIMULATE, Act.MODE, Act.PAUSE, Act.AUDIT})


@dataclass(frozen=True, slots=True)
class Actor:
    """Who clicks, as known at the click."""

    key: str
    tenant: str  #: where the click comes from; a direct message has its own, of which nobody is a moderator
    rank: Rank = Rank.MEMBER
    banned: bool = False
    private: bool = False  #: in a direct message


@dataclass(frozen=True, slots=True)
class Subject:
    """What or whom the act is about."""

    tenant: str
    person: str = ""  #: whose request, picture, decision or self it is
    rank: Rank = Rank.MEMBER  #: of that person
    hard: bool = False  #: of the category that only owners look into


def rank_of(policy: Policy, person: Person, place: Place) -> Rank:
    """Direct messages have no moderators, and no community's role counts in another."""
    if place.private or place.tenant != policy.tenant:
        return Rank.MEMBER
    keys = {person.key, *person.groups}
    if not keys.isdisjoint(policy.owners):
        return Rank.OWNER
    return Rank.MEMBER if keys.isdisjoint(policy.moderators) else Rank.MODERATOR


def is_moderator(policy: Policy, person: Person, place: Place) -> bool:
    return rank_of(policy, person, place) >= Rank.MODERATOR


def may(actor: Actor, act: Act, subject: Subject) -> bool:
    """Whether the act is the actor's to do. Nothing crosses communities, except to one's own in a direct message."""
    own = actor.key == subject.person
    if actor.tenant != subject.tenant:
        reachable = BANNED_MAY if actor.banned else OWN | OWN_OR_MODERATED | ANYBODY
        return own and actor.private and act in reachable
    if actor.banned:
        return own and act in BANNED_MAY
    if act in OWN | ANYBODY:
        return own or act in ANYBODY
    if act is Act.REPORT:
        return True
    moderator = actor.rank >= Rank.MODERATOR and not actor.private
    if act in OWN_OR_MODERATED:
        return own or moderator
    return moderator and _may_moderate(actor, act, subject, own=own)


def _may_moderate(actor: Actor, act: Act, subject: Subject, *, own: bool) -> bool:
    if act in REVIEW:
        return not own and (not subject.hard or actor.rank is Rank.OWNER)
    if act in SANCTIONS:
        return not own and actor.rank > subject.rank
    return act in COMMUNITY
