"""Quota inside a transaction. Every change of an allowance has its ledger row, unique by job and kind."""

from adapters.store.engine import Row, Transaction
from bot import quota
from bot.errors import Refused
from bot.model import Limits, NewJob, Problem


async def admit(tx: Transaction, new: NewJob) -> int:
    """One more waiting job, and its images reserved on the person's and the tenant's day. Returns that UTC day.

    Raises Refused; the transaction must then be rolled back.
    """
    person, limits = new.job.origin.person, new.limits
    admitted = await tx.run(
        "admit_person",
        person=person.key,
        name=person.name,
        day=new.day,
        running_limit=limits.running,
        waiting_limit=limits.waiting,
    )
    if not admitted:
        raise Refused(Problem("quota_waiting", {"limit": limits.waiting}))
    day = int(admitted[0]["day"])
    for owner, allowed, code in _owners(new, limits):
        await _reserve(tx, new, day, owner, allowed, code)
    return day


def _owners(new: NewJob, limits: Limits) -> list[tuple[str, int, str]]:
    """A tenant without a cap has no row, at which all its people would wait for each other."""
    owners = [(new.job.origin.person.key, limits.images_per_day, "quota_day")]
    if limits.tenant_images_per_day:
        owners.append((new.job.origin.place.tenant, limits.tenant_images_per_day, "quota_tenant_day"))
    return owners


async def _reserve(tx: Transaction, new: NewJob, day: int, owner: str, allowed: int, code: str) -> None:
    images = new.job.request.count
    if await tx.run("reserve", owner=owner, day=day, images=images, allowed=allowed):
        return
    known = await tx.run("allowance", owner=owner, day=day)
    left = max(0, allowed - (known[0]["reserved"] + known[0]["spent"] if known else 0))
    hours = quota.reset_hours(new.job.created_at)
    raise Refused(Problem(code, {"count": images - left, "left": left, "limit": allowed, "hours": hours}))


async def settle(tx: Transaction, job: Row, *, spent: int, now: float) -> None:
    """Ends a reservation: ``spent`` images are paid, the rest goes back to the day it was reserved on. Once only."""
    refunded = job["images"] - spent
    rows: list[Row] = []
    for kind, images in (("commit", spent), ("refund", refunded)):
        if images:
            rows += await tx.run("write_ledger", job=job["id"], kind=kind, images=images, at=now)
    if sum(row["images"] for row in rows) != job["images"]:
        return
    change = {"day": job["day"], "reserved": job["images"], "spent": spent}
    await tx.run("settle_allowance", owner=job["person"], **change)
    await tx.run("settle_tenant", owner=job["tenant"], **change)
