"""The review queue inside a transaction: items open, change by decisions, and have their effects."""

from collections.abc import Callable
from typing import assert_never

from adapters.store import chain, conduct_rows, endings, posts, rows, turns
from adapters.store.engine import Row, Transaction
from bot.conduct import DECIDED, Change, Edit, Item, ItemKind, ItemState, PostKind, RecordKind
from bot.errors import Conflict
from bot.model import AuditEvent, JobState, Problem
from bot.moderation.events import HOUSE, opened
from bot.ports import Topic

Decide = Callable[[Item], tuple[Item, Change] | None]


async def open_item(tx: Transaction, item: Item, *, ready: bool) -> bool:
    """``ready`` False: moderators see it once its request is acknowledged. False: there is one open already."""
    stored = await tx.run("insert_item", **conduct_rows.new_item_values(item, ready=ready))
    if not stored:
        return False
    if ready:
        await _announce(tx, stored[0], item.opened_at)
    return True


async def present(tx: Transaction, job_id: str, now: float) -> None:
    """The items that waited for their request to be acknowledged."""
    for row in await tx.run("items_ready", job=job_id):
        await _announce(tx, row, now)


async def _announce(tx: Transaction, row: Row, now: float) -> None:
    await posts.touch_item(tx, row)
    await chain.append(tx, opened(conduct_rows.item(row), now))


async def decide(tx: Transaction, tenant: str, item_id: str, act: Decide, clock: str, now: float) -> Item:
    """What ``act`` makes of the item, with all that follows; its `Refused` undoes everything. Raises Conflict."""
    found = await tx.run("item", tenant=tenant, id=item_id)
    if not found:
        raise Conflict(item_id)
    before = conduct_rows.item(found[0])
    ruled = act(before)
    if ruled is None:
        return before
    item, change = ruled
    saved = await tx.run("save_item", **conduct_rows.saved_item_values(item, found[0]["revision"]))
    if not saved:
        raise Conflict(item_id)
    if change.edit:
        await _edit(tx, item.job_id, change.edit)
    if item.state in DECIDED:
        await _follow(tx, item, clock, now)
    await posts.touch_item(tx, saved[0])
    await chain.append(tx, change.event)
    return conduct_rows.item(saved[0])


async def _edit(tx: Transaction, job_id: str, edit: Edit) -> None:
    edited = await tx.run(
        "edit_request",
        job=job_id,
        request=rows.request_text(edit.request),
        lane=rows.lane(edit.candidates),
        cost=edit.cost,
        notes=rows.problems_text((Problem("edited_by_moderator"),)),
    )
    endings.show(tx, endings.one(edited, job_id))


async def _follow(tx: Transaction, item: Item, clock: str, now: float) -> None:
    match item.kind:
        case ItemKind.REQUEST | ItemKind.PICTURE:
            await _settle_request(tx, item, clock, now)
        case ItemKind.REPORT:
            await _settle_report(tx, item, now)
        case ItemKind.APPEAL:
            if item.state is ItemState.APPROVED:
                await _give_back(tx, item, now)
            await _tell(tx, item)
        case _:
            assert_never(item.kind)


async def _tell(tx: Transaction, item: Item) -> None:
    """Its author is told of the decision."""
    await posts.touch(tx, item.tenant, PostKind.OUTCOME, item.id, item.author.partition(":")[0])


async def _settle_request(tx: Transaction, item: Item, clock: str, now: float) -> None:
    if item.state is ItemState.APPROVED:
        await _let_on(tx, item, clock, now)
        return
    job = endings.one(await tx.run("job", job=item.job_id), item.job_id)
    if item.state is ItemState.REJECTED:
        reason = Problem("rejected_by_moderator", {"reason": item.reason, "decision": item.id})
        await endings.end(tx, job, JobState.REJECTED, reason, now)
        await record(tx, item, RecordKind.REJECTED, now)
    else:
        await endings.end(tx, job, JobState.CANCELLED, Problem("review_ran_out"), now)


async def _let_on(tx: Transaction, item: Item, clock: str, now: float) -> None:
    if item.kind is ItemKind.REQUEST:
        job = endings.one(await tx.run("queue_reviewed", job=item.job_id, now=now), item.job_id)
        await turns.join(tx, job, clock)
    else:
        job = endings.one(await tx.run("let_through", job=item.job_id), item.job_id)
        tx.signal(Topic.WORK)
    endings.show(tx, job)
    await record(tx, item, RecordKind.APPROVED, now)


async def _settle_report(tx: Transaction, item: Item, now: float) -> None:
    upheld = item.state is ItemState.REJECTED
    await tx.run(
        "decide_reports",
        tenant=item.tenant,
        job=item.job_id,
        position=item.index,
        outcome="upheld" if upheld else "dismissed",
    )
    await hide(tx, item, hidden=upheld)
    if item.index < 0:  # about all of them, so also what single ones were reported for
        for other in await tx.run("withdraw_other_reports", job=item.job_id, id=item.id, now=now):
            await posts.touch_item(tx, other)
    if upheld:
        await record(tx, item, RecordKind.REJECTED, now)
        await _tell(tx, item)


async def hide(tx: Transaction, item: Item, *, hidden: bool) -> None:
    """Also where the platform shows them. -1 means every picture of the result."""
    if await tx.run("hide_pictures", job=item.job_id, position=item.index, hidden=int(hidden)):
        for job in await tx.run("job", job=item.job_id):
            await posts.touch_pictures(tx, job)
        tx.signal(Topic.FEED)


async def record(tx: Transaction, item: Item, kind: RecordKind, now: float) -> None:
    await tx.run("insert_record", tenant=item.tenant, person=item.author, kind=kind, decision=item.id, at=now)


async def _give_back(tx: Transaction, appeal: Item, now: float) -> None:
    """What the decision took: the sanction, its strike, the trust, the quota, the pictures' place."""
    against = {"tenant": appeal.tenant, "decision": appeal.decision}
    await tx.run("lift_sanction", tenant=appeal.tenant, id=appeal.decision)
    await tx.run("take_strikes_back", **against)
    await tx.run("insert_record", **against, person=appeal.author, kind=RecordKind.OVERTURNED, at=now)
    for row in await tx.run("item", tenant=appeal.tenant, id=appeal.decision):
        decided = conduct_rows.item(row)
        if decided.kind is ItemKind.REPORT:
            where = {"tenant": decided.tenant, "job": decided.job_id, "position": decided.index}
            await tx.run("overturn_reports", **where)
            await hide(tx, decided, hidden=False)
            await _restore(tx, decided, now)


async def _restore(tx: Transaction, decided: Item, now: float) -> None:
    """The allowance that the hidden pictures had cost goes back to its day, once."""
    found = await tx.run("job", job=decided.job_id)
    paid = await tx.run("committed", job=decided.job_id)
    if not found or not paid:
        return
    images = paid[0]["images"] if decided.index < 0 else 1
    for row in await tx.run("write_ledger", job=decided.job_id, kind="restore", images=images, at=now):
        change = {"day": paid[0]["day"], "reserved": 0, "spent": -row["images"]}
        await tx.run("settle_allowance", owner=found[0]["person"], **change)
        await tx.run("settle_tenant", owner=decided.tenant, **change)


async def cancel_all(
    tx: Transaction, tenant: str, person: str, reason: Problem, now: float, *, running: bool
) -> list[str]:
    """A banned person's requests that wait or run (row F77), those that wait of one who is timed out.

    What is being drawn or drawn is judged once more at its delivery.
    """
    cancelled = []
    for job in await tx.run("unfinished_jobs_of_member", tenant=tenant, person=person):
        if not running and job["state"] in {JobState.RUNNING, JobState.HELD}:
            continue
        if await endings.cancel(tx, job, reason, now):
            cancelled.append(job["id"])
            await chain.append(
                tx, AuditEvent(tenant, HOUSE, "request_cancelled", f"job:{job['id']}", reason.code, at=now)
            )
    return cancelled
