"""Drawing one claimed job: money, backend, pictures, and what follows when it goes wrong."""

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar, assert_never

from bot import failover, fairness, steps
from bot.conduct import Action, ItemKind, Point
from bot.errors import BackendError, Broken, Down, ImagineError, StoreBusy, StoreError
from bot.holding import Held
from bot.judging import rejected
from bot.model import AuditEvent, Drawing, Drawn, Job, JobState, Picture, Problem, Progress
from bot.moderation.verdicts import Verdict
from bot.ports import Backend, Chat, Pictures

T = TypeVar("T")

REMEMBER_PAUSES = (0.2, 1.0, 3.0)
PROGRESS_SECONDS = 0.1
"""Between two stored steps of one job."""


class JobReport:
    """The `Report` of one drawing. Only `remember` touches the disk."""

    def __init__(self, core: steps.Core, pictures: Pictures, job: Job, chat: Chat | None) -> None:
        self._core = core
        self._pictures = pictures
        self._job = job
        self._chat = chat
        self._known = Progress(job.id, 0, 0)
        self._saved_at = float("-inf")

    async def progress(self, step: int, steps: int) -> None:
        self._known = Progress(self._job.id, step, steps, self._known.previews, self._core.clock.now())
        now = self._core.clock.monotonic()
        if now - self._saved_at >= PROGRESS_SECONDS or step == steps:
            self._saved_at = now
            await self._save()

    async def preview(self, index: int, image: bytes) -> None:
        try:
            await self._pictures.preview(self._job.id, index, image)
        except (OSError, StoreError):
            return
        known = self._known
        self._known = Progress(known.job_id, known.step, known.steps, known.previews + 1, self._core.clock.now())
        await self._save()

    async def remember(self, task: str) -> None:
        stored = failover.remembered(self._job, task)
        await _patiently(lambda: self._core.store.remember_task(self._job, stored))

    async def over(self) -> None:
        """Nobody looks at a preview any more. One that stays behind is found by the sweep."""
        if self._known.previews:
            with contextlib.suppress(OSError, StoreError):
                await self._pictures.drop_previews(self._job.id)

    async def _save(self) -> None:
        with contextlib.suppress(StoreError):
            await self._core.store.save_progress(self._known)
        if self._chat is not None:
            await self._chat.progress(self._job, None, None, self._known)


async def _patiently(write: Callable[[], Awaitable[T]]) -> T:
    """A store that is busy for a moment, or restarts, must cost no paid task and no finished picture."""
    for pause in REMEMBER_PAUSES:
        with contextlib.suppress(StoreBusy):
            return await write()
        await asyncio.sleep(pause)
    return await write()


async def draw(
    core: steps.Core, pictures: Pictures, chats: Mapping[str, Chat], held: Held, rng: random.Random
) -> Job | None:
    """The job as `drawn`, or None where it went back to the queue or ended. Raises Conflict, StoreError."""
    report = JobReport(core, pictures, held.job, chats.get(held.job.platform))
    try:
        return await _draw(core, pictures, held, report, rng)
    finally:
        await report.over()


async def _draw(
    core: steps.Core, pictures: Pictures, held: Held, report: JobReport, rng: random.Random
) -> Job | None:
    job = held.job
    backend, resume = core.backends[job.backend], failover.resumable(job)
    request, notes = steps.drawing_on(core, job.request, job.seed, job.backend)
    verdict = await judged_again(core, job, Point.SPEND)
    if verdict is None:
        return None
    if not resume and not await _patiently(lambda: _afford(core, backend, request)):
        await _close_until_tomorrow(core, job)
        return None
    began, held.sent = core.clock.monotonic(), True
    try:
        drawn = await _generate(backend, request, resume, report)
        saved = await pictures.save(drawn.pictures, picture_settings(request, drawn, job.backend))
    except BackendError as error:
        await _give_back(core, job, backend, 0 if error.maybe_charged or resume else request.count)
        if error.maybe_charged:
            dollars = backend.capabilities.price_per_image * request.count
            core.observer.event("spent", job=job.id, backend=job.backend, dollars=dollars)
        await after_error(core, job, error, rng)
        return None
    seconds = core.clock.monotonic() - began
    missing = request.count - len(saved)
    await _give_back(core, job, backend, drawn.missing)
    await _went_well(core, job, request, seconds, request.count - drawn.missing)
    if missing:
        notes = (*notes, Problem("some_missing", {"missing": missing, "count": request.count}))
    return await _looked_at(core, pictures, job, saved, (*_kept(job, verdict), *notes), missing)


def _kept(job: Job, verdict: Verdict) -> list[Problem]:
    """What moderation has to say beside the pictures."""
    edited = [note for note in job.notes if note.code == "edited_by_moderator"]
    return [*edited, *([Problem("spoiler")] if verdict.spoiler else [])]


async def _looked_at(
    core: steps.Core,
    pictures: Pictures,
    job: Job,
    saved: Sequence[Picture],
    notes: Sequence[Problem],
    missing: int,
) -> Job | None:
    """The picture check's say; a check that fails holds the pictures (row F79)."""
    async def read(sha256: str) -> bytes:
        return await _patiently(lambda: pictures.read(sha256))

    seen = await _patiently(lambda: core.judge.look(saved, read, job.origin.place))
    if seen.action >= Action.BLOCK:
        await stop(core, job, seen)
        return None
    held = core.judge.item(job, seen, ItemKind.PICTURE) if seen.action is Action.HOLD else None
    return await _patiently(lambda: core.store.drawn(job, saved, missing, notes, core.clock.now(), held=held))


async def judged_again(core: steps.Core, job: Job, point: Point) -> Verdict | None:
    """By the rules, sanctions and modes of now: what is stricter wins (row F76). None: the job was stopped or held."""
    verdict = await core.judge.again(job, steps.texts(core, job.request), point)
    if verdict.action >= Action.BLOCK:
        await stop(core, job, verdict)
        return None
    if verdict.action is Action.HOLD:
        kind = ItemKind.REQUEST if point is Point.SPEND else ItemKind.PICTURE
        await core.store.hold(job, core.judge.item(job, verdict, kind), core.clock.now())
        core.observer.event("job_held", job=job.id, platform=job.platform)
        return None
    return verdict


async def stop(core: steps.Core, job: Job, verdict: Verdict) -> None:
    event = core.judge.event(job, verdict, "request_rejected")
    await steps.finish(core, job, JobState.REJECTED, rejected(verdict, job.id), event)


async def _generate(backend: Backend, request: Drawing, resume: str, report: JobReport) -> Drawn:
    capabilities = backend.capabilities
    try:
        async with asyncio.timeout(capabilities.timeout_seconds):
            drawn = await backend.generate(request, resume, report)
    except TimeoutError:
        seconds = capabilities.timeout_seconds
        raise Down(f"no pictures within {seconds:g} s", maybe_charged=capabilities.charges) from None
    except ImagineError:
        raise
    except Exception as error:  # a backend's bug ends one job, not the worker
        raise Broken(f"unexpected: {error!r}", maybe_charged=capabilities.charges) from error
    if not drawn.pictures or len(drawn.pictures) + drawn.missing != request.count:
        raise Down(f"{len(drawn.pictures)} pictures for {request.count}", maybe_charged=capabilities.charges)
    return drawn


def picture_settings(request: Drawing, drawn: Drawn, backend: str) -> list[Mapping[str, str]]:
    """What metadata may say of each picture: the settings, never a person, a key or a path."""
    common = {
        "prompt": request.prompt,
        "negative_prompt": request.negative_prompt or "",
        "steps": "" if request.steps is None else str(request.steps),
        "guidance": "" if request.guidance is None else f"{request.guidance:g}",
        "size": str(request.size),
        "backend": backend,
    }
    return [common | {"seed": "" if seed is None else str(seed)} for seed in drawn.seeds]


async def _went_well(core: steps.Core, job: Job, request: Drawing, seconds: float, pictures: int) -> None:
    """What is learnt from it. A store that cannot take that must cost no picture."""
    capabilities = core.backends[job.backend].capabilities
    dollars = capabilities.price_per_image * pictures
    core.observer.event(
        "job_drawn", job=job.id, backend=job.backend, seconds=seconds, pictures=pictures, dollars=dollars
    )
    before = core.health.breaker(job.backend)
    after = failover.breaker_after(before, None, core.clock.now(), 0.0)
    with _unimportant(core, job):
        await core.health.keep(after)
        if before.opened_times and not after.closed_until:
            core.observer.event("backend_opened", backend=job.backend)
        if not failover.resumable(job):  # else it was begun long before
            await core.health.measured(job.backend, fairness.work(request, capabilities), seconds)


@contextlib.contextmanager
def _unimportant(core: steps.Core, job: Job) -> Iterator[None]:
    """For what only makes later decisions better."""
    try:
        yield
    except StoreError as error:
        core.observer.event("store_error", job=job.id, detail=str(error))


async def after_error(core: steps.Core, job: Job, error: BackendError, rng: random.Random) -> None:
    now = core.clock.now()
    core.observer.event(
        "backend_error", job=job.id, backend=job.backend, kind=steps.error_kind(error), detail=error.detail
    )
    before = core.health.breaker(job.backend)
    jitter = rng.random()
    breaker = failover.breaker_after(before, error, now, jitter)
    with _unimportant(core, job):
        await core.health.keep(breaker)
    if breaker.closed_until > now and breaker.closed_until != before.closed_until:
        core.observer.event("backend_closed", backend=job.backend, until=breaker.closed_until, reason=breaker.reason)
    await follow(core, job, failover.after_error(error, job))


async def after_crash(core: steps.Core, job: Job) -> None:
    backend = core.backends.get(job.backend)
    await follow(core, job, failover.after_crash(job, charges=bool(backend and backend.capabilities.charges)))


async def interrupted(core: steps.Core, held: Held) -> None:
    """Its worker stops in the middle. Each stop would pay anew, were it not counted. Raises Conflict, StoreError."""
    job, charges = held.job, held.sent and core.backends[held.job.backend].capabilities.charges
    if charges and (stored := await core.store.job(job.id)):
        job = replace(job, task=stored.task)  # begun by this very attempt
    await follow(core, job, failover.after_stop(job, charges=charges))


async def follow(core: steps.Core, job: Job, decision: failover.Decision) -> None:
    """Carries a decision about a running job out."""
    now = core.clock.now()
    match decision:
        case failover.Retry(candidates, error, paid):
            await core.store.release(job, candidates, now, error=error, paid=paid)
        case failover.Wait(candidates):
            await core.store.release(job, candidates, now)
        case failover.GiveUp(state, reason):
            event = _by_provider(job, reason, now) if state is JobState.REJECTED else None
            await steps.finish(core, job, state, reason, event)
        case _:
            assert_never(decision)


def _by_provider(job: Job, reason: Problem, now: float) -> AuditEvent:
    """A provider's own moderation is a verdict like ours, and stands in the log like ours."""
    subject = f"job:{job.id} {job.origin.person.key}"
    actor = f"backend:{job.backend}"
    return AuditEvent(job.origin.place.tenant, actor, "request_rejected", subject, reason.code, at=now)


async def _afford(core: steps.Core, backend: Backend, request: Drawing) -> bool:
    price = backend.capabilities.price_per_image * request.count
    if not price:
        return True
    return await core.store.spend(backend.name, core.day(), price, core.budgets.get(backend.name, 0.0))


async def _give_back(core: steps.Core, job: Job, backend: Backend, images: int) -> None:
    if images and backend.capabilities.price_per_image:
        with _unimportant(core, job):
            await core.store.spend(backend.name, core.day(), -backend.capabilities.price_per_image * images, 0.0)


async def _close_until_tomorrow(core: steps.Core, job: Job) -> None:
    breaker = failover.over_budget(core.health.breaker(job.backend), core.clock.now())
    await core.health.keep(breaker)
    core.observer.event("backend_closed", backend=job.backend, until=breaker.closed_until, reason=breaker.reason)
    await core.store.release(job, job.candidates, core.clock.now())
