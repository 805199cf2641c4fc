"""Each transaction that every request goes through, in its usual case, as one call: see `engine.Whole`.

The functions are in the migrations of PostgreSQL; what they do step by step is in `jobs`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict

from adapters.store import rows, turns
from adapters.store.endings import show
from adapters.store.engine import Row, Transaction, Whole
from bot.model import Job, NewJob, Picture, Problem
from bot.ports import Choose, Topic


def submit(new: NewJob) -> Whole[tuple[Job, bool]]:
    """A new key, and quota left."""
    limits = new.limits

    def values() -> dict[str, object]:
        return rows.job_values(new.job, new.day) | {
            "name": new.job.origin.person.name,
            "running_limit": limits.running,
            "waiting_limit": limits.waiting,
            "allowed": limits.images_per_day,
            "tenant_allowed": limits.tenant_images_per_day,
        }

    return Whole("whole_submit", values, lambda _, row: (rows.job(row), True))


def acknowledge(job_id: str, address: Mapping[str, str], clock: str, now: float) -> Whole[Job]:
    """To the queue, from `received`."""

    def read(tx: Transaction, row: Row) -> Job:
        tx.signal(Topic.WORK)
        show(tx, row)
        return rows.job(row)

    def values() -> dict[str, object]:
        return {"job": job_id, "address": rows.text(dict(address)), "clock": clock, "now": now}

    return Whole("whole_acknowledge", values, read, repeatable=True)


def claim(
    lanes: Sequence[str], choose: Choose, worker: str, lease_until: float, now: float
) -> Whole[Job | None] | None:
    """Of the lanes that are all there are. None: no free backend draws any of them."""
    backend_of = turns.drawn_by(lanes, choose)
    if not backend_of:
        return None

    def read(tx: Transaction, row: Row) -> Job:
        show(tx, row)
        return rows.job(row)

    def values() -> dict[str, object]:
        return {
            "lanes": rows.text(list(backend_of)),
            "backends": rows.text(list(backend_of.values())),
            "lanes_known": len(lanes),
            "worker": worker,
            "lease_until": lease_until,
            "now": now,
        }

    return Whole("whole_claim", values, read)


def drawn(
    job: Job, pictures: Sequence[Picture], missing: int, notes: Sequence[Problem], now: float
) -> Whole[Job]:
    def read(tx: Transaction, row: Row) -> Job:
        tx.signal(Topic.WORK, everywhere=row["freed"])
        show(tx, row)
        return rows.job(row)

    def values() -> dict[str, object]:
        return {
            "job": job.id,
            "attempt": job.attempt,
            "missing": missing,
            "notes": rows.problems_text(notes),
            "pictures": rows.text([asdict(picture) | {"position": picture.index} for picture in pictures]),
            "now": now,
            "catch_up": turns.CATCH_UP_SECONDS,
        }

    return Whole("whole_drawn", values, read, repeatable=True)


def delivered(job: Job, now: float) -> Whole[tuple[Job, bool]]:
    """True: its progress is forgotten too."""

    def read(tx: Transaction, row: Row) -> tuple[Job, bool]:
        show(tx, row)
        return rows.job(row), True

    def values() -> dict[str, object]:
        return {"job": job.id, "attempt": job.attempt, "now": now}

    return Whole("whole_delivered", values, read, repeatable=True)
