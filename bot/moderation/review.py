"""The review queue as a pure machine: an item, an act and the time give a ruling. The first decision wins.

open → claimed → approved | rejected | expired. A claim keeps others out for ten minutes; an item nobody decides about
expires after a day. Several approvals count by different people, and the author is never one of them.
"""

from dataclasses import dataclass, replace
from enum import StrEnum

from bot.conduct import DECIDED, Item, ItemState
from bot.model import Problem
from bot.moderation.permissions import Act, Actor, Subject, may

CLAIM_SECONDS = 600.0
ITEM_SECONDS = 86400.0


class Effect(StrEnum):
    """What the caller now has to do."""

    NOTHING = "nothing"
    CLAIMED = "claimed"
    COUNTED = "counted"  #: one approval of several
    APPROVED = "approved"  #: let the request go on
    REJECTED = "rejected"  #: refund, and tell the person why
    EDITED = "edited"  #: judge the new text, keep both
    EXPIRED = "expired"  #: refund, and tell the person


@dataclass(frozen=True, slots=True)
class Ruling:
    item: Item
    effect: Effect = Effect.NOTHING
    problem: Problem | None = None  #: for whoever acted; nothing happened


def claim(item: Item, actor: Actor, now: float) -> Ruling:
    if problem := _hindrance(item, actor, Act.CLAIM, now):
        return Ruling(item, problem=problem)
    claimed = replace(item, state=ItemState.CLAIMED, claimed_by=actor.key, claimed_until=now + CLAIM_SECONDS)
    return Ruling(claimed, Effect.CLAIMED)


def approve(item: Item, actor: Actor, now: float) -> Ruling:
    if problem := _hindrance(item, actor, Act.APPROVE, now):
        return Ruling(item, problem=problem)
    if actor.key in item.approvals:
        return Ruling(item, problem=Problem("review_already_yours", {"missing": item.required - len(item.approvals)}))
    approvals = (*item.approvals, actor.key)
    if len(approvals) < item.required:
        return Ruling(_unclaimed(replace(item, approvals=approvals)), Effect.COUNTED)
    return Ruling(_decided(replace(item, approvals=approvals), ItemState.APPROVED, actor.key, now), Effect.APPROVED)


def reject(item: Item, actor: Actor, reason: str, now: float) -> Ruling:
    if problem := _hindrance(item, actor, Act.REJECT, now):
        return Ruling(item, problem=problem)
    if not reason.strip():
        return Ruling(item, problem=Problem("review_needs_reason"))
    rejected = _decided(replace(item, reason=reason.strip()), ItemState.REJECTED, actor.key, now)
    return Ruling(rejected, Effect.REJECTED)


def edit(item: Item, actor: Actor, now: float) -> Ruling:
    """The text was changed: whoever approved the old one has not approved the new one."""
    if problem := _hindrance(item, actor, Act.EDIT, now):
        return Ruling(item, problem=problem)
    return Ruling(replace(item, approvals=()), Effect.EDITED)


def expire(item: Item, now: float) -> Ruling:
    """Called as time goes by: ends claims and, after a day, the item. Never approves anything (row F78)."""
    if item.state in DECIDED:
        return Ruling(item)
    if item.expires and now >= item.opened_at + ITEM_SECONDS:
        return Ruling(_decided(item, ItemState.EXPIRED, "", now), Effect.EXPIRED)
    if item.state is ItemState.CLAIMED and now >= item.claimed_until:
        return Ruling(_unclaimed(item))
    return Ruling(item)


def _hindrance(item: Item, actor: Actor, act: Act, now: float) -> Problem | None:
    if not may(actor, act, Subject(item.tenant, item.author, hard=item.hard)):
        own = actor.key == item.author and actor.tenant == item.tenant
        return Problem("review_own" if own else "review_not_allowed")
    if item.state in DECIDED:
        return Problem("review_decided", {"state": item.state.value, "by": item.decided_by, "reason": item.reason})
    if item.expires and now >= item.opened_at + ITEM_SECONDS:
        return Problem("review_expired")
    if item.state is ItemState.CLAIMED and now < item.claimed_until and item.claimed_by != actor.key:
        return Problem("review_claimed", {"by": item.claimed_by, "minutes": _minutes(item.claimed_until - now)})
    return None


def _minutes(seconds: float) -> int:
    return max(1, round(seconds / 60))


def _unclaimed(item: Item) -> Item:
    return replace(item, state=ItemState.OPEN, claimed_by="", claimed_until=0.0)


def _decided(item: Item, state: ItemState, by: str, now: float) -> Item:
    return replace(_unclaimed(item), state=state, decided_by=by, decided_at=now)
