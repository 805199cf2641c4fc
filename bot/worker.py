"""The way out: claim a job in fair order, draw it, deliver it, settle it.

Every job a worker has is leased and carries an attempt number; a write with an old number is a `Conflict`, so a worker
that lost its lease can finish nothing. After `drawn` a crash delivers again and never draws again.
"""

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from bot import drawing, showing, steps
from bot.conduct import Action, ItemKind, Point
from bot.errors import ChatBusy, ChatGone, Conflict, DeliveryError, ImagineError, StoreBusy, StoreError
from bot.holding import Held
from bot.mending import ROUND_SECONDS, Mending
from bot.model import FINAL_STATES, Job, JobState, Problem, Settled
from bot.ports import Chat, Pictures, Topic, Wakeup
from bot.ports_moderation import ReviewRoom
from bot.telling import Telling
from bot.under_way import UnderWay

LEASE_SECONDS = 7.5
BEAT_SECONDS = 2.0
POLL_SECONDS = 1.0
"""Behind every wake-up there is a slow poll."""

LINE_SECONDS = 5.0
"""Between two rounds of telling waiting people their position."""

DRAIN_SECONDS = 4.0
"""For deliveries under way after SIGTERM; the whole process has seven."""

LATE_CLAIM = LEASE_SECONDS / 4
"""Seconds. Where no heartbeat succeeds, work stops three quarters of a lease after the last one, which may be as new as
a claim's answer: the lease of a claim that took longer than this may be over before that."""

CLAIM_SECONDS = 1.0
"""For claims under way after SIGTERM: a job whose claim is not awaited keeps a lease that nobody gives back."""


@dataclass(slots=True)
class Worker:
    core: steps.Core
    pictures: Pictures
    chats: Mapping[str, Chat]
    name: str
    alone: bool = False  #: no other worker can be alive: leases found at the start are dead ones
    rng: random.Random = field(default_factory=random.SystemRandom)
    deliveries_at_once: int = 8
    rooms: Mapping[str, ReviewRoom] = field(default_factory=dict)  #: by platform
    _held: dict[str, Held] = field(default_factory=dict)
    _under_way: dict[asyncio.Task[None], Held] = field(default_factory=dict)  #: those too that lost their job
    _stopping: bool = False
    _claims: UnderWay = field(default_factory=UnderWay)
    _last_beat: float = 0.0
    _mending: Mending = field(init=False)
    _telling: Telling = field(init=False)
    _switches: steps.Switches = field(init=False)
    _work_to_draw: Wakeup = field(init=False)
    _work_to_deliver: Wakeup = field(init=False)
    _work_to_post: Wakeup = field(init=False)
    _cancels: Wakeup = field(init=False)

    def __post_init__(self) -> None:
        store = self.core.store
        self._mending = Mending(self.core)
        self._telling = Telling(self.core, self.chats, self.name, alone=self.alone)
        self._switches = steps.Switches(store, self.core.clock)
        self._work_to_draw, self._work_to_deliver, self._work_to_post = (store.subscribe(Topic.WORK) for _ in range(3))
        self._cancels = store.subscribe(Topic.CANCEL)

    async def run(self, stop: asyncio.Event) -> None:
        """Until ``stop`` is set; then leases are released within seconds."""
        self._last_beat = self.core.clock.monotonic()
        with self._store_may_fail():  # then the leases run out in time
            await self._recover(all_workers=self.alone)
        loops = [
            asyncio.create_task(self._forever(each))
            for each in (
                self._draw_loop,
                self._deliver_loop,
                self._beat_loop,
                self._recover_loop,
                self._line_loop,
                self._post_loop,
                self._forget_loop,
                self._mend_loop,
            )
        ]
        try:
            await stop.wait()
        finally:
            self._stopping = True
            await self._drain()
            for loop in loops:
                loop.cancel()
            await asyncio.gather(*loops, return_exceptions=True)

    async def _forever(self, loop: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await loop()
            except StoreError as error:
                self.core.observer.event("store_error", detail=str(error))
            except Exception as error:  # noqa: BLE001 - a loop that ends stops the bot without a word
                self.core.observer.event("alert", text="worker_loop_failed", detail=repr(error))
            await asyncio.sleep(POLL_SECONDS)

    # -- drawing

    async def _draw_loop(self) -> None:
        while not self._stopping:
            with self._claims.one():
                held = await self._claim()
                if held is not None:
                    self._start(held, self._draw)
            if held is None:
                await self._work_to_draw.wait(POLL_SECONDS)

    async def _claim(self) -> Held | None:
        now, asked = self.core.clock.now(), self.core.clock.monotonic()
        busy: dict[str, int] = {}
        for held in self._held.values():
            if held.drawing:
                busy[held.job.backend] = busy.get(held.job.backend, 0) + 1

        def choose(candidates: tuple[str, ...]) -> str | None:
            name = self.core.health.first_open([each for each in candidates if each in self.core.backends], now)
            return name if name and busy.get(name, 0) < self.core.backends[name].capabilities.at_once else None

        if all(busy.get(name, 0) >= backend.capabilities.at_once for name, backend in self.core.backends.items()):
            return None
        if await self._switches.on(steps.Switch.DRAINING):
            return None
        job = await self.core.store.claim(self.name, choose, now + LEASE_SECONDS, now)
        if job is None:
            return None
        self.core.observer.event("job_claimed", job=job.id, backend=job.backend, seconds=now - job.queued_at)
        return Held(job, drawing=True, asked=asked)

    async def _draw(self, held: Held) -> None:
        drawn = await drawing.draw(self.core, self.pictures, self.chats, held, self.rng)
        if drawn is not None and drawn.state is JobState.DRAWN:
            held.job, held.drawing = drawn, False
            self._work_to_draw.wake()
            await self._deliver(held)

    # -- delivering

    async def _deliver_loop(self) -> None:
        while not self._stopping:
            started = False
            if sum(not held.drawing for held in self._held.values()) < self.deliveries_at_once:
                with self._claims.one():
                    started = await self._claim_delivery()
            if not started:
                await self._work_to_deliver.wait(POLL_SECONDS)

    async def _claim_delivery(self) -> bool:
        store, clock = self.core.store, self.core.clock
        for claim, work in ((store.claim_delivery, self._deliver), (store.claim_untold, self._tell)):
            now, asked = clock.now(), clock.monotonic()
            job = await claim(self.name, now + LEASE_SECONDS, now)
            if job is not None:
                self._start(Held(job, drawing=False, asked=asked), work)
                return True
        return False

    async def _deliver(self, held: Held) -> None:
        job, now = held.job, self.core.clock.now
        verdict = await drawing.judged_again(self.core, job, Point.DELIVERY)
        if verdict is None:
            return
        if verdict.spoiler and not any(note.code == "spoiler" for note in job.notes):
            job = replace(job, notes=(*job.notes, Problem("spoiler")))
        try:
            await self._show(job)
        except ChatBusy as error:
            await self._deliver_later(job, error)
        except ChatGone as error:
            self.core.observer.event("delivery_failed", job=job.id, platform=job.platform, detail=error.detail)
            await steps.finish(self.core, job, JobState.UNDELIVERABLE, Problem("undeliverable"))
        else:
            flag = self.core.judge.item(job, verdict, ItemKind.REPORT) if verdict.action is Action.FLAG else None
            done = await self.core.store.delivered(job, now(), flag)
            self.core.observer.event(
                "job_delivered", job=job.id, platform=job.platform, seconds=now() - job.created_at, state=done.state
            )

    async def _deliver_later(self, job: Job, error: ChatBusy) -> None:
        now = self.core.clock.now()
        self.core.observer.event("delivery_failed", job=job.id, platform=job.platform, detail=error.detail)
        pause = steps.delivery_pause(job.deliveries, job.drawn_at or job.finished_at, now, error.retry_after)
        if pause is not None:
            await self.core.store.deliver_later(job, now + pause)
        elif job.state in FINAL_STATES:
            await self.core.store.told(job)
        else:
            await steps.finish(self.core, job, JobState.UNDELIVERABLE, Problem("undeliverable"))

    async def _tell(self, held: Held) -> None:
        """A request that ended without pictures: the person hears why."""
        job = held.job
        try:
            await self._show(job)
        except ChatBusy as error:
            await self._deliver_later(job, error)
        except ChatGone as error:
            self.core.observer.event("delivery_failed", job=job.id, platform=job.platform, detail=error.detail)
            await self.core.store.told(job)
        else:
            await self.core.store.told(job)

    async def _show(self, job: Job) -> None:
        """Raises DeliveryError, and nothing else whatever the adapter does."""
        chat = self.chats.get(job.platform)
        if chat is None:
            raise ChatGone(f"{job.platform} is not configured any more")

        async def remember(address: Mapping[str, str]) -> None:
            await self.core.store.remember_address(job, address)

        pictures = await self.core.store.pictures_of(job.id) if job.drawn_at and job.state not in FINAL_STATES else []
        try:
            await chat.deliver(Settled(job, tuple(pictures)), remember)
        except (DeliveryError, Conflict, StoreError):
            raise
        except Exception as error:
            self.core.observer.event("alert", text="delivery_bug", job=job.id, detail=repr(error))
            raise ChatBusy(f"unexpected: {error!r}") from error

    # -- leases

    def _start(self, held: Held, work: Callable[[Held], Awaitable[None]]) -> None:
        """A job whose store's answer was lost may have gone on without us, and come back to us."""
        if held.job.id in self._held:
            self._held[held.job.id].end()
        held.task = asyncio.create_task(self._guard(held, work), name=held.job.id)
        self._held[held.job.id] = held
        self._under_way[held.task] = held
        held.task.add_done_callback(self._under_way.pop)

    async def _guard(self, held: Held, work: Callable[[Held], Awaitable[None]]) -> None:
        job_id, held.begun = held.job.id, True
        try:
            if held.ending or not await self._is_mine_still(held):
                await self._let_go(held)
                return
            with self.core.observer.about(job_id):
                await work(held)
        except asyncio.CancelledError:
            await self._let_go(held)
        except Conflict:
            self.core.observer.event("lease_lost", job=job_id)
        except ImagineError as error:
            self.core.observer.event("store_error", job=job_id, detail=str(error))
        except Exception as error:  # noqa: BLE001 - the lease runs out and the job is tried again, counted as a crash
            self.core.observer.event("alert", text="job_failed", job=job_id, detail=repr(error))
        finally:
            if self._held.get(job_id) is held:
                del self._held[job_id]
            self._work_to_draw.wake()
            self._work_to_deliver.wake()

    async def _is_mine_still(self, held: Held) -> bool:
        """Where the claim's answer took so long that the lease may have run out, it is extended before the work."""
        if self.core.clock.monotonic() - held.asked < LATE_CLAIM:
            return True
        try:
            lease_until = self.core.clock.now() + LEASE_SECONDS
            alive = await self.core.store.heartbeat(self.name, lease_until, [held.job.id])
        except StoreError:
            return False
        return alive.get(held.job.id, (0, False))[0] == held.job.attempt

    async def _let_go(self, held: Held) -> None:
        """After a cancel by the person, or a drain."""
        with contextlib.suppress(Conflict, StoreError):
            if held.cancelled:
                job = await self.core.store.job(held.job.id)
                reason = (job and job.reason) or Problem("cancelled_by_you")
                await steps.finish(self.core, held.job, JobState.CANCELLED, reason)
            elif held.drawing:
                await drawing.interrupted(self.core, held)
            else:
                await self.core.store.let_go(held.job)

    async def _beat_loop(self) -> None:
        while True:
            await self._beat()
            await self._cancels.wait(BEAT_SECONDS)

    async def _beat(self) -> None:
        """Extends the leases; ends what was cancelled or lost, and everything where the store cannot be reached."""
        mine = dict(self._held)
        asked = self.core.clock.monotonic()
        if mine:
            alive = await self._extended(mine, asked)
        self._last_beat = asked
        for job_id, held in mine.items():
            attempt, cancel = alive.get(job_id, (0, False))
            if held.task.done() or self._held.get(job_id) is not held:
                continue
            if job_id not in alive and not held.missed:
                held.missed = True
            elif attempt != held.job.attempt:
                self.core.observer.event("lease_lost", job=job_id)
                held.end()
            elif cancel and held.drawing and not held.ending:
                held.cancelled = True
                held.end()

    async def _extended(self, mine: Mapping[str, Held], asked: float) -> Mapping[str, tuple[int, bool]]:
        """The heartbeat. Well before the leases run out unextended, the work stops. Raises StoreError."""
        deadline = self._last_beat + LEASE_SECONDS * 0.75
        lease_until = self.core.clock.now() + LEASE_SECONDS
        try:
            async with asyncio.timeout(max(0.5, deadline - asked)):
                return await self.core.store.heartbeat(self.name, lease_until, mine.keys())
        except (StoreError, TimeoutError) as error:
            if self.core.clock.monotonic() >= deadline:
                for held in mine.values():
                    held.end()
            raise StoreBusy(f"no heartbeat: {error!r}") from error

    async def _recover_loop(self) -> None:
        while True:
            await asyncio.sleep(BEAT_SECONDS / 2)
            await self._recover(all_workers=False)

    async def _recover(self, *, all_workers: bool) -> None:
        """Takes up what dead workers had; never what it is at work on itself, which a clock set ahead makes expire."""
        for job in await self.core.store.expired(self.core.clock.now(), all_workers=all_workers):
            mine = self._held.get(job.id)
            if mine and mine.job.attempt == job.attempt:
                continue
            with contextlib.suppress(Conflict), self._store_may_fail():
                await self._take_up(job)
                self.core.observer.event("recovered", job=job.id, state=job.state)

    @contextlib.contextmanager
    def _store_may_fail(self) -> Iterator[None]:
        try:
            yield
        except StoreError as error:
            self.core.observer.event("store_error", detail=str(error))

    async def _take_up(self, job: Job) -> None:
        if job.state is not JobState.RUNNING:
            await self.core.store.let_go(job, expired=True)
            return
        crashed = await self.core.store.crashed(job, self.name, self.core.clock.now() + LEASE_SECONDS)
        if crashed.cancel_requested:
            await steps.finish(self.core, crashed, JobState.CANCELLED, crashed.reason or Problem("cancelled_by_you"))
        else:
            await drawing.after_crash(self.core, crashed)

    async def _drain(self) -> None:
        await self._claims.over(CLAIM_SECONDS)
        for held in self._under_way.values():
            if held.drawing:
                held.end()
        if self._under_way:
            await asyncio.wait(list(self._under_way), timeout=DRAIN_SECONDS)
        late = list(self._under_way.values())
        for held in late:
            held.end()
        await asyncio.gather(*(held.task for held in late), return_exceptions=True)

    async def _forget_loop(self) -> None:
        """Whoever asked to be forgotten while a request was being drawn or told is forgotten once it is."""
        while True:
            for name in await self.core.store.forget_ended():
                await self.pictures.delete(name)
            await asyncio.sleep(POLL_SECONDS)

    async def _mend_loop(self) -> None:
        while not self._stopping:
            await self._mending.look()
            await asyncio.sleep(ROUND_SECONDS)

    # -- people who wait

    async def _line_loop(self) -> None:
        while not self._stopping:
            await asyncio.sleep(LINE_SECONDS)
            await self._telling.look()

    # -- moderation

    async def _post_loop(self) -> None:
        while not self._stopping:
            if not await showing.show_next(self.core, self.rooms):
                await self._work_to_post.wait(POLL_SECONDS)
