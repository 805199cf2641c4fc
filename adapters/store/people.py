"""What is kept of people, for how long, and the audit trail, inside a transaction."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import replace

from adapters.store.engine import Transaction
from bot.model import AuditEvent
from bot.ports import Topic

FEED_KEPT = 100_000
"""Changes a page may lag behind before it loads anew."""


async def delete_pictures(tx: Transaction, job_id: str) -> list[str]:
    marked = await tx.run("mark_pictures_deleted", job=job_id)
    tx.signal(Topic.FEED)
    return await _unused(tx, (row["sha256"] for row in marked))


async def forget(tx: Transaction, person: str, day: int) -> list[str]:
    files: list[str] = []
    for row in await tx.run("finished_jobs_of", person=person):
        files += await _delete_job(tx, row["id"])
    await tx.run("delete_messages_of", person=person)
    await tx.run("delete_reports_of", person=person)
    await tx.run("forget_person", person=person)
    await tx.run("delete_turns_of", person=person)
    await tx.run("delete_allowances_of", person=person, day=day)
    await tx.run("delete_idle_person", person=person)
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


async def _delete_job(tx: Transaction, job_id: str) -> list[str]:
    pictures = await tx.run("pictures_of", job=job_id)
    for table in ("pictures", "ledger", "feed", "messages", "reports"):
        await tx.run(f"delete_job_{table}", job=job_id)
    await tx.run("delete_job", job=job_id)
    return [row["sha256"] for row in pictures]


async def _unused(tx: Transaction, files: Iterable[str]) -> list[str]:
    return [name for name in dict.fromkeys(files) if not await tx.run("picture_still_used", sha256=name)]


async def append_audit(tx: Transaction, event: AuditEvent) -> AuditEvent:
    last = await tx.run("last_audit")
    seq, previous = (last[0]["seq"] + 1, last[0]["hash"]) if last else (1, "")
    chained = replace(event, seq=seq, previous_hash=previous, hash="")
    chained = replace(chained, hash=chain_hash(chained))
    await tx.run("insert_audit", **{name: getattr(chained, name) for name in AuditEvent.__slots__})
    return chained


def chain_hash(event: AuditEvent) -> str:
    """SHA-256 over every field but the hash itself, the previous event's hash included."""
    fields = [getattr(event, name) for name in AuditEvent.__slots__ if name != "hash"]
    return hashlib.sha256(json.dumps(fields, ensure_ascii=False).encode()).hexdigest()
