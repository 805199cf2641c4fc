"""What both halves use: the collaborators, the backends' health, and the decisions about one job that are shared."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import partial

from bot import command, fairness, quota, routing
from bot.conduct import Texts
from bot.errors import BackendError, Broken, Busy, Down, Rejected
from bot.judging import Judge
from bot.model import (
    AuditEvent,
    Breaker,
    Capabilities,
    Drawing,
    ImageRequest,
    Job,
    JobState,
    Problem,
    QuotaSettings,
    Speed,
    Style,
)
from bot.ports import Backend, Clock, Observer, Store
from bot.replies import say

DELIVERY_DEADLINE = 24 * 3600.0
"""A drawn picture is tried to be posted for a day; its file is kept for `/imagine-status` after that."""

DELIVERY_PAUSES = (1.0, 2.0, 5.0, 15.0, 60.0, 300.0)
"""Seconds between delivery attempts; the last one repeats."""


SWITCH_SECONDS = 1.0


class Health:
    """Breakers and speeds of the backends, remembered in the store so that they outlive a restart."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._breakers: dict[str, Breaker] = {}
        self._speeds: dict[str, Speed] = {}

    async def load(self) -> None:
        self._breakers = {breaker.backend: breaker for breaker in await self._store.breakers()}
        self._speeds = {speed.backend: speed for speed in await self._store.speeds()}

    def breaker(self, backend: str) -> Breaker:
        return self._breakers.get(backend, Breaker(backend))

    def speed(self, backend: str) -> Speed | None:
        return self._speeds.get(backend)

    def is_closed(self, backend: str, now: float) -> bool:
        return self.breaker(backend).closed_until > now

    def first_open(self, candidates: Sequence[str], now: float) -> str | None:
        return next((name for name in candidates if not self.is_closed(name, now)), None)

    async def keep(self, breaker: Breaker) -> None:
        if breaker != self.breaker(breaker.backend):
            self._breakers[breaker.backend] = breaker
            await self._store.save_breaker(breaker)

    async def measured(self, backend: str, megapixel_steps: float, seconds: float) -> None:
        known = self.speed(backend) or replace(fairness.ASSUMED_SPEED, backend=backend)
        self._speeds[backend] = fairness.measured(known, megapixel_steps, seconds)
        await self._store.save_speed(self._speeds[backend])


class Switch(StrEnum):
    """What an operator can turn on, on the operators' page."""

    PAUSED = "paused"  #: no new request is taken
    DRAINING = "draining"  #: nothing is begun; what is being drawn is finished and delivered


async def is_on(store: Store, switch: Switch) -> bool:
    """Raises StoreError."""
    return bool(await store.meta(f"switch:{switch}"))


class Switches:
    """Remembered in the store, so that they hold in every process and after a restart."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._known: dict[Switch, tuple[float, bool]] = {}

    async def on(self, switch: Switch) -> bool:
        """As it was at most SWITCH_SECONDS ago. Raises StoreError."""
        looked, value = self._known.get(switch, (float("-inf"), False))
        now = self._clock.monotonic()
        if now - looked >= SWITCH_SECONDS:
            value = await is_on(self._store, switch)
            self._known[switch] = (now, value)
        return value

    async def turn(self, switch: Switch, event: AuditEvent | None = None, *, on: bool) -> None:
        """Raises StoreError."""
        await self._store.set_meta(f"switch:{switch}", "on" if on else "", event)
        self._known.pop(switch, None)


@dataclass(frozen=True, slots=True)
class Core:
    """The collaborators of both halves."""

    store: Store
    backends: Mapping[str, Backend]
    order: tuple[str, ...]  #: of routing
    clock: Clock
    observer: Observer
    health: Health
    quota: QuotaSettings = field(default_factory=QuotaSettings)
    styles: Mapping[str, Style] = field(default_factory=dict)
    budgets: Mapping[str, float] = field(default_factory=dict)  #: dollars a day, by backend; none: no cap
    judge: Judge = field(kw_only=True)
    has_room: Callable[[], bool] = lambda: True  #: on the disk, for one more request

    def capabilities(self) -> Mapping[str, Capabilities]:
        return {name: backend.capabilities for name, backend in self.backends.items()}

    def day(self) -> int:
        return quota.day_of(self.clock.now())


@dataclass(frozen=True, slots=True)
class Plan:
    """A request as the house would draw it now."""

    candidates: tuple[str, ...]
    cost: float
    notes: tuple[Problem, ...] = field(default_factory=tuple)
    closed: Problem | None = None  #: why it cannot be drawn just now


def objections(core: Core, request: ImageRequest) -> tuple[Problem, ...]:
    """Why no backend of the house can do it."""
    return routing.objections(request, core.capabilities(), core.order, core.styles)


def asked(core: Core, request: ImageRequest | str) -> ImageRequest:
    """Every problem at once: of the words, of the names in them, and of what the backends can do. Raises Refused."""
    options, further = command.options_for(core.capabilities()), partial(objections, core)
    if isinstance(request, str):
        return command.parse(request, options, further)
    return command.tidied(request, options, further)


def plan(core: Core, request: ImageRequest, seed: int | None) -> Plan:
    """Raises Refused where no backend can do it."""
    capabilities = core.capabilities()
    candidates = routing.candidates(request, capabilities, core.order, core.styles)
    first = core.health.first_open(candidates, core.clock.now()) or candidates[0]
    drawing, notes = drawing_on(core, request, seed, first)
    cost = fairness.cost(drawing, capabilities[first], core.health.speed(first))
    closed = all_closed(core, candidates)
    return Plan(candidates, cost, notes, closed)


def all_closed(core: Core, candidates: Sequence[str]) -> Problem | None:
    """None where one of them is open."""
    seconds = min(core.health.breaker(name).closed_until for name in candidates) - core.clock.now()
    if seconds <= 0:
        return None
    if math.isinf(seconds):
        return Problem("backends_closed_until_fixed")
    whole = max(1, math.ceil(seconds))
    return Problem("backends_closed", {"seconds": whole, "wait": _spoken(whole)})


def _spoken(seconds: int) -> str:
    for unit, length in (("span_hours", 3600), ("span_minutes", 60)):
        if seconds >= 2 * length:
            return say(unit, n=math.ceil(seconds / length))
    return say("span_seconds", n=seconds)


def drawing_on(
    core: Core, request: ImageRequest, seed: int | None, backend: str
) -> tuple[Drawing, tuple[Problem, ...]]:
    style = core.styles.get(request.style) if request.style else None
    drawing, notes = routing.drawing(request, style, core.backends[backend].capabilities, seed)
    return drawing, (*routing.passed_over(request, style, core.capabilities(), core.order, backend), *notes)


def clock_backend(core: Core, job: Job) -> str:
    """Whose virtual clock a job joins: the backend that it would go to now."""
    return core.health.first_open(job.candidates, core.clock.now()) or job.candidates[0]


def texts(core: Core, request: ImageRequest) -> Texts:
    """Everything with words: as the person wrote it, and with the style applied."""
    prompt, negative = routing.styled(request, core.styles.get(request.style or ""))
    prompts = dict.fromkeys((request.prompt, prompt))
    negatives = dict.fromkeys((request.negative_prompt or "", negative or ""))
    return Texts(tuple(prompts), tuple(text for text in negatives if text))


async def finish(core: Core, job: Job, state: JobState, reason: Problem, event: AuditEvent | None = None) -> None:
    """The end of a job without pictures, or without a way to post them. Raises Conflict, StoreError."""
    await core.store.finish(job, state, reason, core.clock.now(), event)
    core.observer.event("job_finished", job=job.id, state=state, reason=reason.code, platform=job.platform)


def was_lost(job: Job) -> bool:
    """A crash caught it before it was acknowledged, so that its person asks again."""
    return job.state is JobState.CANCELLED and job.reason is not None and job.reason.code == "never_acknowledged"


def delivery_pause(deliveries: int, drawn_at: float, now: float, retry_after: float | None) -> float | None:
    """Seconds until the next attempt; None: give up."""
    if now - drawn_at > DELIVERY_DEADLINE:
        return None
    usual = DELIVERY_PAUSES[min(deliveries, len(DELIVERY_PAUSES) - 1)]
    return max(usual, retry_after or 0.0)


def error_kind(error: BackendError) -> str:
    """One of the four, whatever finer class a backend raised."""
    kinds = (Busy, Rejected, Broken, Down, BackendError)
    return next(kind.__name__.lower() for kind in kinds if isinstance(error, kind))


async def standings(core: Core) -> Mapping[str, fairness.Standing]:
    """One pass over the line: position and ETA of everybody who is counted."""
    line = await core.store.line(fairness.LONGEST_LINE)
    if not line:
        return {}
    now = core.clock.now()
    running = (await core.store.depths()).get("running", 0)
    typical = sum(turn.cost for turn in line) / len(line)
    open_slots = sum(
        backend.capabilities.at_once for name, backend in core.backends.items() if not core.health.is_closed(name, now)
    )
    found = fairness.standings(line, running * typical / 2, open_slots)
    if await is_on(core.store, Switch.DRAINING):
        return {job: replace(each, eta_seconds=None) for job, each in found.items()}
    return found
