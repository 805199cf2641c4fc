"""What moderation asks of the outside. Each store method is one transaction, the audit events of its effects included.

Every method takes the tenant, or something that names it: nothing crosses guilds or workspaces (row S27).
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol

from bot.conduct import (
    Acquaintance,
    Case,
    Change,
    Community,
    Dossier,
    Item,
    ItemState,
    Member,
    Mode,
    Notice,
    Post,
    Report,
    Rule,
    Sanction,
    Strike,
)
from bot.model import AuditEvent, Job, Settled

Decide = Callable[[Item], tuple[Item, Change] | None]
"""From an item as stored to what becomes of it, inside the transaction. None: nothing. May raise Refused."""


class ModerationStore(Protocol):
    # -- settings and rules
    async def community(self, tenant: str) -> Community: ...

    async def community_version(self, tenant: str) -> int: ...

    async def set_mode(self, tenant: str, mode: Mode | None, channel: str, event: AuditEvent) -> None:
        """Of the whole community, or of one channel. None: as imagine.toml says."""

    async def set_paused(self, tenant: str, event: AuditEvent, *, paused: bool) -> None: ...

    async def save_rules(self, rules: Sequence[tuple[Rule, AuditEvent]]) -> list[Rule]:
        """All of them, each with its next version, or none."""

    async def remove_rule(self, tenant: str, rule_id: str, event: AuditEvent) -> Rule | None: ...

    async def past_requests(self, tenant: str, since: float, limit: int) -> list[Job]:
        """Newest first."""

    # -- members
    async def dossier(self, tenant: str, person: str, owner: str = "") -> Dossier:
        """``owner`` is of a default style, beside the person's own."""

    async def member(self, tenant: str, person: str) -> Member: ...

    async def people(self, tenant: str, words: str, since: float, now: float, limit: int) -> list[Acquaintance]:
        """Those under sanctions first, then by strikes, then by their last request after ``since``.

        ``words``: part of a name or a key, in any case.
        """

    async def names(self, persons: Sequence[str]) -> Mapping[str, str]:
        """What their platform calls them, where it said."""

    async def last_groups(self, tenant: str, person: str) -> tuple[str, ...]:
        """The roles that a person had when they last asked for something here."""

    async def sanction(self, sanction: Sanction) -> list[str]:
        """With its notice. A time-out cancels and refunds what waits, a ban also what runs: the ids of those jobs."""

    async def strike(
        self, tenant: str, person: str, strike: Strike, decide: Callable[[Sequence[Strike]], Sanction | None]
    ) -> Sanction | None:
        """Adds the strike and the sanction that ``decide`` makes of all of the person's strikes."""

    async def lift(self, tenant: str, person: str, event: AuditEvent) -> list[Sanction]: ...

    async def sanction_by_id(self, tenant: str, sanction_id: str) -> Sanction | None: ...

    async def mute_reporter(self, tenant: str, person: str, event: AuditEvent, *, muted: bool) -> None: ...

    # -- review
    async def items(self, tenant: str, limit: int) -> list[Item]:
        """To be decided, oldest first."""

    async def count_items(self, tenant: str) -> int: ...

    async def item(self, tenant: str, item_id: str) -> Item | None: ...

    async def items_of(self, tenant: str, job_id: str) -> list[Item]: ...

    async def decide(self, tenant: str, item_id: str, act: Decide, clock: str, now: float) -> Item:
        """The item as it is afterwards, with everything that follows from a decision done: request queued (at the turn
        of backend ``clock``'s clock), delivered or ended and refunded; pictures hidden or shown; appeal granted.

        Raises Conflict where the item or its job is gone, and whatever ``act`` raises.
        """

    async def expire_items(self, now: float, limit: int) -> int:
        """Requests that nobody decided about for a day: cancelled and refunded. How many there were."""

    async def report(self, reports: Sequence[Report], item: Item, threshold: float) -> bool:
        """One person's, of one result. Opens ``item`` where its picture has none open (-1: the result as a whole), and
        hides what has reached the threshold.

        False: this person reported all these pictures before.
        """

    async def reports_on(self, tenant: str, job_id: str, index: int) -> list[Report]: ...

    async def open_appeal(self, item: Item) -> Item:
        """Raises Refused where there is one against that decision."""

    async def tenant_of_decision(self, decision: str, person: str) -> str:
        """Where a decision about this very person was made; "" where there is none."""

    async def appeals_of(self, tenant: str, decision: str) -> list[Item]: ...

    async def appeals_among(self, tenant: str, decisions: Sequence[str]) -> Mapping[str, ItemState]:
        """By decision, how its appeal stands; those without one are left out."""

    # -- pictures that are not posted again
    async def block_picture(self, tenant: str, likeness: str, event: AuditEvent) -> None: ...

    async def blocked_pictures(self, tenant: str) -> list[str]: ...

    # -- what is still to be shown
    async def claim_post(self, platforms: Sequence[str], due_at: float, now: float) -> Post | None:
        """The next one, which nobody else gets before ``due_at``."""

    async def remember_post(self, post: Post, address: Mapping[str, str]) -> None: ...

    async def post_shown(self, post: Post) -> None: ...

    async def post_later(self, post: Post, due_at: float) -> None: ...

    # -- audit
    async def audit(self, event: AuditEvent) -> AuditEvent: ...

    async def newest_audit(self, tenant: str, limit: int) -> list[AuditEvent]: ...


Remember = Callable[[Mapping[str, str]], Awaitable[None]]
"""Adds to a post's address, durable before it returns."""


class ReviewRoom(Protocol):
    """A platform's part of moderation, beside `Chat`. A call may come again after a crash and shows nothing twice."""

    async def announce(self, case: Case, channel: str, address: Mapping[str, str], remember: Remember) -> None:
        """Post or update an item in ``channel``; "" or a channel that is gone: the owner or the system channel (F78).

        ``address`` is what was remembered. Raises DeliveryError; ChatGone: no moderator can be reached here at all.
        """

    async def revise(self, settled: Settled, address: Mapping[str, str], remember: Remember) -> None:
        """A delivered result's pictures changed: hidden and deleted ones go from its message, others are there again.

        ``address`` is what was remembered of the changes shown before. Raises DeliveryError.
        """

    async def notify(self, notice: Notice) -> None:
        """Tell ``notice.person``, privately, with `Appeal` where there is a decision. Raises DeliveryError."""
