"""How a job ends without pictures, whoever ends it, inside a transaction."""

from collections.abc import Sequence

from adapters.store import ledger, posts, rows, turns
from adapters.store.engine import Row, Transaction
from bot.errors import Conflict
from bot.model import FINAL_STATES, JobState, Problem
from bot.ports import Topic


def one(found: Sequence[Row], job_id: str) -> Row:
    if not found:
        raise Conflict(job_id)
    return found[0]


def show(tx: Transaction, job: Row) -> None:
    if job["platform"] in {"web", "api"}:
        tx.signal(Topic.FEED)


async def end(tx: Transaction, before: Row, state: JobState, reason: Problem, now: float) -> Row:
    """To a final state: the quota goes back, the line moves up, the review queue forgets it."""
    fence = {"job": before["id"], "attempt": before["attempt"]}
    ended = await tx.run("set_finished", **fence, state=state, reason=rows.problem_text(reason), now=now)
    job = one(ended, before["id"])
    if before["state"] == JobState.RUNNING:
        await turns.stop_running(tx, job, waiting=False)
    elif before["state"] in {JobState.RECEIVED, JobState.REVIEW, JobState.QUEUED}:
        await tx.run("stop_waiting", person=job["person"])
        await turns.leave(tx, job)
    await ledger.settle(tx, job, spent=0, now=now)
    if before["review"] or before["state"] == JobState.HELD:
        for item in await tx.run("withdraw_items", job=job["id"], now=now):
            await posts.touch_item(tx, item)
    tx.signal(Topic.WORK)
    show(tx, job)
    return job


async def cancel(tx: Transaction, job: Row, reason: Problem, now: float) -> bool:
    """Waiting or held: ended. Running: flagged. Else: False, and nothing changed."""
    state = JobState(job["state"])
    if state is JobState.RUNNING:
        flagged = await tx.run("request_cancel", job=job["id"], reason=rows.problem_text(reason))
        tx.signal(Topic.CANCEL)
        show(tx, job)
        return bool(flagged)
    if state in FINAL_STATES or state in {JobState.DRAWN, JobState.DELIVERING}:
        return False
    await end(tx, job, JobState.CANCELLED, reason, now)
    return True
