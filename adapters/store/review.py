"""The review queue, reports and appeals as the core asks for them. Every method is one transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

from adapters.store import chain, conduct_rows, endings, posts, queue, rows, turns
from adapters.store.engine import Transaction
from adapters.store.shelf import Shelf
from bot.conduct import Change, Item, ItemState, Post, PostKind, Report
from bot.errors import Refused
from bot.model import AuditEvent, Job, JobState, Problem
from bot.moderation import review as machine
from bot.moderation import sanctions
from bot.moderation.events import HOUSE, decided
from bot.ports_moderation import Decide


class Review(Shelf):
    # -- items

    async def items(self, tenant: str, limit: int) -> list[Item]:
        async with self._engine.read() as tx:
            return [conduct_rows.item(row) for row in await tx.run("items_to_decide", tenant=tenant, limit=limit)]

    async def count_items(self, tenant: str) -> int:
        async with self._engine.read() as tx:
            return int((await tx.run("count_items", tenant=tenant))[0]["items"])

    async def item(self, tenant: str, item_id: str) -> Item | None:
        async with self._engine.read() as tx:
            found = await tx.run("item", tenant=tenant, id=item_id)
            return conduct_rows.item(found[0]) if found else None

    async def items_of(self, tenant: str, job_id: str) -> list[Item]:
        async with self._engine.read() as tx:
            return [conduct_rows.item(row) for row in await tx.run("items_of_job", tenant=tenant, job=job_id)]

    async def decide(self, tenant: str, item_id: str, act: Decide, clock: str, now: float) -> Item:
        async with self._engine.write() as tx:
            return await queue.decide(tx, tenant, item_id, act, clock, now)

    async def hold(self, job: Job, item: Item, now: float) -> Job:
        async with self._engine.write() as tx:
            if job.state is JobState.RUNNING:
                row = endings.one(await tx.run("hold_running", job=job.id, attempt=job.attempt), job.id)
                await turns.stop_running(tx, row, waiting=True)
            else:
                row = endings.one(await tx.run("hold_drawn", job=job.id, attempt=job.attempt), job.id)
            await queue.open_item(tx, replace(item, opened_at=now), ready=True)
            endings.show(tx, row)
            return rows.job(row)

    async def expire_items(self, now: float, limit: int) -> int:
        ended = 0
        async with self._engine.write() as tx:
            for row in await tx.run("items_to_expire", before=now - machine.ITEM_SECONDS, limit=limit):
                after = await queue.decide(tx, row["tenant"], row["id"], partial(_expired, now), "", now)
                ended += after.state is ItemState.EXPIRED
        return ended

    # -- reports

    async def report(self, reports: Sequence[Report], item: Item, threshold: float) -> bool:
        async with self._engine.write() as tx:
            fresh = [each for each in reports if await tx.run("insert_report", **_picture(each), **_complaint(each))]
            if not fresh:
                return False
            if not await queue.open_item(tx, item, ready=True):
                where = {"tenant": item.tenant, "job": item.job_id, "position": item.index}
                for row in await tx.run("open_report", **where):
                    await posts.touch_item(tx, row)
            for each in fresh:
                await _count(tx, each, item, threshold)
            return True

    async def reports_on(self, tenant: str, job_id: str, index: int) -> list[Report]:
        async with self._engine.read() as tx:
            found = await tx.run("reports_on", tenant=tenant, job=job_id, position=index)
            return [conduct_rows.report(row) for row in found]

    # -- appeals

    async def open_appeal(self, item: Item) -> Item:
        async with self._engine.write() as tx:
            if not await queue.open_item(tx, item, ready=True):
                raise Refused(Problem("appeal_only_one"))
            return item

    async def tenant_of_decision(self, decision: str, person: str) -> str:
        async with self._engine.read() as tx:
            found = await tx.run("tenant_of_decision", id=decision, person=person)
            return str(found[0]["tenant"]) if found else ""

    async def appeals_among(self, tenant: str, decisions: Sequence[str]) -> Mapping[str, ItemState]:
        async with self._engine.read() as tx:
            found = await tx.run("appeals_among", tenant=tenant, decisions=rows.text(list(decisions)))
            return {row["decision"]: ItemState(row["state"]) for row in found}

    async def appeals_of(self, tenant: str, decision: str) -> list[Item]:
        async with self._engine.read() as tx:
            return [conduct_rows.item(row) for row in await tx.run("appeals_of", tenant=tenant, decision=decision)]

    # -- what is still to be shown

    async def claim_post(self, platforms: Sequence[str], due_at: float, now: float) -> Post | None:
        among = rows.text(list(platforms))
        async with self._engine.read() as reading:
            if not await reading.run("any_post", platforms=among, now=now):
                return None
        async with self._engine.write() as tx:
            found = await tx.run("claim_post", platforms=among, due_at=due_at, now=now)
            return conduct_rows.post(found[0]) if found else None

    async def remember_post(self, post: Post, address: Mapping[str, str]) -> None:
        async with self._engine.write() as tx:
            await tx.run("remember_post", **_key(post), address=rows.text(dict(address)))

    async def post_shown(self, post: Post) -> None:
        async with self._engine.write() as tx:
            await tx.run("post_shown", **_key(post), revision=post.revision)

    async def post_later(self, post: Post, due_at: float) -> None:
        async with self._engine.write() as tx:
            await tx.run("post_later", **_key(post), due_at=due_at)


async def _count(tx: Transaction, report: Report, item: Item, threshold: float) -> None:
    """Hides its picture where it was one too many."""
    found = await tx.run("reports_on", **_picture(report))
    if sanctions.hides([conduct_rows.report(row) for row in found if not row["outcome"]], threshold):
        await queue.hide(tx, replace(item, index=report.index), hidden=True)
    subject = f"job:{report.job_id} picture:{report.index}"
    await chain.append(tx, AuditEvent(report.tenant, report.person, "report", subject, at=report.at))


def _picture(report: Report) -> dict[str, object]:
    return {"tenant": report.tenant, "job": report.job_id, "position": report.index}


def _complaint(report: Report) -> dict[str, object]:
    return {"person": report.person, "reason": report.reason, "at": report.at, "weight": report.weight}


def _key(post: Post) -> dict[str, object]:
    return {"tenant": post.tenant, "kind": PostKind(post.kind), "subject": post.subject}


def _expired(now: float, item: Item) -> tuple[Item, Change] | None:
    """None where somebody was quicker: a moderator, or another process that expires what it finds."""
    ruling = machine.expire(item, now)
    if ruling.effect is not machine.Effect.EXPIRED:
        return None
    return ruling.item, Change(decided(item, ruling.item, HOUSE, "expired", now))
