"""What is kept of people, and for how long, inside a transaction."""

from collections.abc import Iterable

from adapters.store import chain, posts
from adapters.store.engine import Transaction
from bot.model import AuditEvent
from bot.moderation.sanctions import STRIKE_LIFE
from bot.ports import Topic

FEED_KEPT = 100_000
"""Changes a page may lag behind before it loads anew."""


async def delete_pictures(tx: Transaction, job_id: str, event: AuditEvent | None) -> list[str]:
    again = await _drawn_again(tx, job_id)
    marked = await tx.run("mark_pictures_deleted", job=job_id)
    await tx.run("delete_job_shared_pictures", job=job_id)
    if marked:
        for job in await tx.run("job", job=job_id):
            await posts.touch_pictures(tx, job)
        if event:
            await chain.append(tx, event)
    tx.signal(Topic.FEED)
    return [] if again else await _unused(tx, (row["sha256"] for row in marked))


async def forget(tx: Transaction, person: str, day: int, now: float) -> list[str]:
    """Sanctions in force and strikes that count stay: forgetting is no way out of a ban."""
    files = await _begin_forgetting(tx, person, now)
    await tx.run("delete_messages_of", person=person)
    await tx.run("delete_reports_of", person=person)
    await tx.run("forget_records", person=person)
    await tx.run("forget_old_sanctions", person=person, before=now)
    await tx.run("forget_old_strikes", person=person, before=now - STRIKE_LIFE)
    await tx.run("forget_person", person=person)
    await tx.run("delete_default_options", owner=person)
    await tx.run("delete_turns_of", person=person)
    await tx.run("delete_allowances_of", person=person, day=day)
    await tx.run("delete_idle_person", person=person)
    tx.signal(Topic.FEED)
    return files


async def forget_community(tx: Transaction, tenant: str, now: float) -> list[str]:
    """Requests and pictures; rules, sanctions and the audit trail stay, in case it comes back."""
    return await _begin_forgetting(tx, tenant, now)


async def _begin_forgetting(tx: Transaction, owner: str, now: float) -> list[str]:
    await tx.run("begin_forgetting", owner=owner, at=now)
    return await forget_ended(tx)


async def forget_ended(tx: Transaction) -> list[str]:
    """Of those who are being forgotten, the requests that ended since and whose end was told."""
    files: list[str] = []
    for owner in await tx.run("forgotten"):
        whose = {"owner": owner["owner"], "until": owner["at"]}
        for row in [*await tx.run("told_jobs_of", **whose), *await tx.run("told_jobs_in", **whose)]:
            files += await _delete_job(tx, row["id"])
        if await tx.run("end_forgetting", **whose):
            await tx.run("delete_turns_of", person=owner["owner"])
            await tx.run("delete_idle_person", person=owner["owner"])
    if files:
        tx.signal(Topic.FEED)
    return await _unused(tx, files)


async def sweep(tx: Transaction, before: float, limit: int, day: int) -> list[str] | None:
    old = await tx.run("jobs_past", before=before, limit=limit)
    if not old:
        await tx.run("delete_old_messages", before=before)
        await tx.run("delete_old_feed", keep=FEED_KEPT)
        await tx.run("delete_old_allowances", day=day)
        await tx.run("delete_idle_turns")
        return None
    files: list[str] = []
    for row in old:
        files += await _delete_job(tx, row["id"])
    return await _unused(tx, files)


async def drop_served(tx: Transaction, now: float, before: float) -> None:
    """Strikes and sanctions that count no more and ended before, in which time they could be appealed."""
    before = min(before, now - STRIKE_LIFE)
    await tx.run("delete_old_strikes", before=before)
    for sanction in await tx.run("delete_old_sanctions", before=before):
        appeals = await tx.run("delete_appeal", tenant=sanction["tenant"], decision=sanction["id"])
        for gone in (sanction, *appeals):
            await tx.run("delete_posts_about", subject=gone["id"])


async def _delete_job(tx: Transaction, job_id: str) -> list[str]:
    again = await _drawn_again(tx, job_id)
    pictures = await tx.run("pictures_of", job=job_id)
    for table in ("posts", "items", "shared_pictures", "pictures", "ledger", "feed", "messages", "reports"):
        await tx.run(f"delete_job_{table}", job=job_id)
    await tx.run("delete_job", job=job_id)
    return [] if again else [row["sha256"] for row in pictures]


async def _drawn_again(tx: Transaction, job_id: str) -> bool:
    """Whether another request is being drawn from a seed of this one: it may have saved the same files, and has no rows
    yet. They stay for it; without it the sweep of orphans finds them.

    Asked before the rows are looked at: a request that is no longer being drawn has its rows by then.
    """
    return bool(await tx.run("drawn_again", job=job_id))


async def _unused(tx: Transaction, files: Iterable[str]) -> list[str]:
    return [name for name in dict.fromkeys(files) if not await tx.run("picture_still_used", sha256=name)]
