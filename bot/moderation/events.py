"""The audit events of what moderation does, in one vocabulary. They name people by their keys and hold no prompt."""

from bot.conduct import FOREVER, Item, ItemKind, ItemState, Sanction
from bot.model import AuditEvent

HOUSE = "imagine-bot"  #: acts where no person did


def actor_of(rule: str) -> str:
    """Of what a rule did, or, where it has no name, the house."""
    return f"rule:{rule}" if rule else HOUSE


def opened(item: Item, now: float) -> AuditEvent:
    """Something came into the queue: by whom or what is its first ground."""
    first = item.grounds[0] if item.grounds else None
    actor = item.author if item.kind is ItemKind.APPEAL else actor_of(first.rule if first else "")
    reason = first.code if first else ""
    return AuditEvent(item.tenant, actor, f"{item.kind}_opened", _subject(item), reason, after=item.state, at=now)


def decided(before: Item, after: Item, actor: str, action: str, now: float) -> AuditEvent:
    """A claim, an approval, a rejection, an edit or an expiry."""
    reason = after.reason if after.state is ItemState.REJECTED else ""
    return AuditEvent(
        tenant=after.tenant,
        actor=actor,
        action=f"{after.kind}_{action}",
        subject=_subject(after),
        reason=reason,
        before=before.state,
        after=after.state,
        at=now,
    )


def sanctioned(sanction: Sanction) -> AuditEvent:
    until = "lifted" if sanction.until == FOREVER else f"{sanction.until:.0f}"
    return AuditEvent(
        tenant=sanction.tenant,
        actor=sanction.actor,
        action=sanction.kind,
        subject=sanction.person,
        reason=sanction.reason,
        after=f"{sanction.id} until {until}",
        at=sanction.at,
    )


def _subject(item: Item) -> str:
    about = f"decision:{item.decision}" if item.kind is ItemKind.APPEAL else f"job:{item.job_id}"
    return f"item:{item.id} {about} {item.author}"
