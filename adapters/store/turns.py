"""The fair order inside a transaction: joining, taking the next turn, leaving. `bot.fairness` decides the tags."""

from collections.abc import Iterable

from adapters.store import rows
from adapters.store.engine import Row, Transaction
from bot import fairness
from bot.ports import Choose, Topic

CATCH_UP_SECONDS = 60.0
"""How much service a person held back by their running limit may have in hand when freed."""


async def join(tx: Transaction, job: Row, clock: str) -> None:
    """A newly queued job goes behind its person's others, and not before the clock of the backend it would go to."""
    turn = {"person": job["person"], "lane": job["lane"]}
    known = await tx.run("turn", **turn)
    finish = known[0]["finish"] if known else 0.0
    tag = fairness.start_tag(finish, await _clock(tx, clock))
    await tx.run("set_tag", job=job["id"], tag=tag)
    if not known:
        await tx.run("know_lane", lane=job["lane"])
    after = fairness.finish_tag(tag, job["cost"], job["weight"])
    await tx.run("join_line", **turn, job=job["id"], tag=tag, at=job["created_at"], finish=after)
    tx.signal(Topic.WORK)


async def rejoin(tx: Transaction, job: Row) -> None:
    """A job that comes back keeps its tag, also in another lane."""
    turn = {"person": job["person"], "lane": job["lane"]}
    known = await tx.run("turn", **turn)
    finish = max(known[0]["finish"] if known else 0.0, job["tag"])
    await tx.run("know_lane", lane=job["lane"])
    await tx.run("join_line", **turn, job=job["id"], tag=job["tag"], at=job["created_at"], finish=finish)
    await tx.run("next_of_turn", **turn)
    tx.signal(Topic.WORK)


async def leave(tx: Transaction, job: Row) -> None:
    """After a job stopped being queued for another reason than its turn."""
    await tx.run("next_of_turn", person=job["person"], lane=job["lane"])


def drawn_by(lanes: Iterable[str], choose: Choose) -> dict[str, str]:
    """For each lane that one of the free backends may have: which."""
    chosen = {lane: choose(rows.candidates(lane)) for lane in lanes}
    return {lane: backend for lane, backend in chosen.items() if backend is not None}


async def take(tx: Transaction, lanes: Iterable[str], choose: Choose) -> tuple[str, str] | None:
    """The next job that one of the free backends may have, and which; its person's turn is used up."""
    backend_of = drawn_by(lanes, choose)
    if not backend_of:
        return None
    found = await tx.run("next_turn", lanes=rows.text(list(backend_of)))
    if not found:
        return None
    turn = found[0]
    started = await tx.run("start_running", person=turn["person"])
    if not started:
        # The limit was lowered since the turn was opened.
        await tx.run("close_turns", person=turn["person"])
        return None
    if started[0]["full"]:
        await tx.run("close_turns", person=turn["person"])
    return turn["head_job"], backend_of[turn["lane"]]


async def advance(tx: Transaction, job: Row) -> None:
    """The last step of a claim, because others that claim may have to wait for it."""
    await tx.run("advance_clock", backend=job["backend"], tag=job["tag"])


async def stop_running(tx: Transaction, job: Row, *, waiting: bool) -> None:
    """The person has a running job less; their turns open again."""
    await tx.run("stop_running", person=job["person"], waiting=int(waiting))
    clock = await _clock(tx, job["backend"])
    floor = fairness.floor_of_turn(0.0, clock, CATCH_UP_SECONDS)
    opened = await tx.run("open_turns", person=job["person"], floor=floor)
    tx.signal(Topic.WORK, everywhere=any(turn["head_job"] for turn in opened))


async def _clock(tx: Transaction, backend: str) -> float:
    return float((await tx.run("clock", backend=backend))[0]["tag"])
