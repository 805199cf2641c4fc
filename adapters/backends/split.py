"""One request as several calls: what each call draws, what was already paid for, and what to make of the outcomes."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from adapters.backends.http import pause_after
from bot.errors import BackendError, Broken, Busy, Down, Rejected
from bot.model import Drawing, Drawn
from bot.ports import Report

#: Of one request; other people's requests run beside it.
CALLS_AT_ONCE = 4
MAX_SEED = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Call:
    """The pictures ``first`` to ``first + count - 1`` of a request, drawn with one seed."""

    first: int
    count: int
    seed: int | None


Draw = Callable[[Call], Awaitable[Sequence[bytes]]]
Outcome = Sequence[bytes] | BackendError


def split(request: Drawing, per_call: int) -> tuple[Call, ...]:
    """A call that begins with picture i has seed + i, begun anew at 0 beyond the largest seed."""
    return tuple(
        Call(
            first,
            min(per_call, request.count - first),
            None if request.seed is None else (request.seed + first) % (MAX_SEED + 1),
        )
        for first in range(0, request.count, per_call)
    )


def given(**fields: object) -> dict[str, object]:
    """The fields that have a value: what was left out stays out of a body."""
    return {field: value for field, value in fields.items() if value is not None}


async def draw_all(calls: Sequence[Call], draw: Draw, *, deadline: float, report: Report) -> Drawn:
    """Runs the calls side by side. A call that came too early is repeated if others already drew, and were paid.

    Some good pictures are an answer; with none, raises the BackendError that matters most.
    """
    outcomes: dict[Call, Outcome] = {}
    total = sum(call.count for call in calls)
    await _round(calls, draw, outcomes, report, total)
    clock = asyncio.get_running_loop().time
    while any(isinstance(outcome, Sequence) for outcome in outcomes.values()):
        early = {call: outcome for call, outcome in outcomes.items() if isinstance(outcome, Busy)}
        wait = max((pause_after(error) for error in early.values()), default=0.0)
        if not early or clock() + wait >= deadline:
            break
        await asyncio.sleep(wait)
        await _round(tuple(early), draw, outcomes, report, total)
    return settle(calls, outcomes)


async def _round(calls: Sequence[Call], draw: Draw, outcomes: dict[Call, Outcome], report: Report, total: int) -> None:
    gate = asyncio.Semaphore(CALLS_AT_ONCE)
    closed: list[BackendError] = []

    async def run(call: Call) -> None:
        async with gate:
            if closed:
                outcomes[call] = closed[0]
                return
            try:
                outcomes[call] = await draw(call)
            except BackendError as error:
                outcomes[call] = error
                if ends_everything(error):
                    closed.append(error)
                return
        drawn = sum(len(outcome) for outcome in outcomes.values() if isinstance(outcome, Sequence))
        await report.progress(drawn, total)

    async with asyncio.TaskGroup() as group:
        for call in calls:
            group.create_task(run(call))


def ends_everything(error: BackendError) -> bool:
    """Whether the calls not yet begun would only meet the same answer."""
    return not isinstance(error, Down) or error.until_fixed


def settle(calls: Sequence[Call], outcomes: Mapping[Call, Outcome]) -> Drawn:
    """The pictures in order. A refusal by moderation is one for the whole request. Raises BackendError."""
    errors = [outcome for outcome in outcomes.values() if isinstance(outcome, BackendError)]
    pictures: list[bytes] = []
    seeds: list[int | None] = []
    for call in calls:
        outcome = outcomes[call]
        if isinstance(outcome, Sequence):
            kept = outcome[: call.count]
            pictures += kept
            seeds += [call.seed] * len(kept)
    if errors and (not pictures or any(isinstance(error, Rejected) for error in errors)):
        worst = min(errors, key=_weight)
        worst.maybe_charged = worst.maybe_charged or bool(pictures) or any(error.maybe_charged for error in errors)
        raise worst
    return Drawn(tuple(pictures), tuple(seeds), sum(call.count for call in calls) - len(pictures))


def _weight(error: BackendError) -> int:
    if isinstance(error, Rejected):
        return 0
    if isinstance(error, Broken):
        return 2
    if isinstance(error, Down):
        return 1 if error.until_fixed else 3
    return 4


class Paid:
    """What a provider began for a request, by the first picture of each call; durable through `report.remember`.

    What another backend remembered is not taken up.
    """

    def __init__(self, backend: str, resume: str, report: Report) -> None:
        self._backend = backend
        self._report = report
        self._calls = _parse(backend, resume)
        self._turn = asyncio.Lock()

    def task(self, call: Call) -> str:
        """The provider's id, or "" where it is not known."""
        return self._calls.get(str(call.first), ("", ()))[0]

    def urls(self, call: Call) -> tuple[str, ...]:
        return self._calls.get(str(call.first), ("", ()))[1]

    async def remember(self, call: Call, task: str = "", urls: Sequence[str] = ()) -> None:
        self._calls[str(call.first)] = (task, tuple(urls))
        await self._tell()

    async def forget(self, call: Call) -> None:
        """The next attempt asks, and pays, anew."""
        if self._calls.pop(str(call.first), None) is not None:
            await self._tell()

    async def _tell(self) -> None:
        async with self._turn:
            calls = {first: {"id": task, "urls": list(urls)} for first, (task, urls) in self._calls.items()}
            await self._report.remember(json.dumps({"backend": self._backend, "calls": calls}) if calls else "")


def _parse(backend: str, resume: str) -> dict[str, tuple[str, tuple[str, ...]]]:
    try:
        kept = json.loads(resume or "{}")
        if kept.get("backend") != backend:
            return {}
        return {first: (str(one["id"]), tuple(map(str, one["urls"]))) for first, one in kept["calls"].items()}
    except (ValueError, AttributeError, KeyError, TypeError):
        return {}
