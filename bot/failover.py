"""What becomes of a job, and of a backend, after an attempt. Pure: time and randomness are arguments."""

import math
from dataclasses import dataclass, replace

from bot.errors import BackendError, Broken, Busy, Down, Rejected
from bot.model import Breaker, Job, JobState, Problem

MAX_ERRORS = 5  #: failed attempts that end a job
MAX_PAID_ATTEMPTS = 2  #: attempts that may have been charged for
MAX_CRASHES = 2  #: workers that died over it
FAILURES_TO_CLOSE = 5  #: in a row
LONGEST_RETRY_AFTER = 3600.0  #: seconds; whatever a backend names, it is asked again after this
DAY = 86_400.0
_PAUSE = 5.0  #: seconds, where a busy backend names none
_FIRST_CLOSURE, _LONGEST_CLOSURE = 15.0, 600.0  #: seconds
_FIRST_PROBE = 60.0  #: seconds


@dataclass(frozen=True, slots=True)
class Retry:
    """Back to the queue at its old place. ``error`` and ``paid`` are what `Store.release` counts."""

    candidates: tuple[str, ...]
    error: bool = False
    paid: bool = False


@dataclass(frozen=True, slots=True)
class Wait:
    """Back to the queue, nothing counted: its backend is closed for a while, or until an operator mends it."""

    candidates: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class GiveUp:
    """The end: what is still reserved goes back, and the person is told the reason."""

    state: JobState
    reason: Problem


Decision = Retry | Wait | GiveUp


def after_error(error: BackendError, job: Job) -> Decision:
    """What becomes of ``job``, as it was before, after its backend raised.

    The rules are those of PROVIDERS and of faults F20 to F28. The breaker's new state, from `breaker_after`, is to be
    saved before the job is released.
    """
    if isinstance(error, Busy):
        return Wait(job.candidates)
    if isinstance(error, Rejected):
        return GiveUp(JobState.REJECTED, Problem(f"backend_rejected_{error.stage}"))
    if isinstance(error, Down):
        return _after_down(error, job)
    return GiveUp(JobState.FAILED, Problem("failed_broken"))


def _after_down(error: Down, job: Job) -> Decision:
    if job.paid_attempts + error.maybe_charged >= MAX_PAID_ATTEMPTS:
        return GiveUp(JobState.FAILED, Problem("failed_paid"))
    others = tuple(name for name in job.candidates if name != job.backend)
    if error.until_fixed:
        return Retry(others, paid=error.maybe_charged) if others else Wait(job.candidates)
    if job.errors + 1 >= MAX_ERRORS:
        return GiveUp(JobState.FAILED, Problem("failed_down"))
    return Retry(others or job.candidates, error=True, paid=error.maybe_charged)


def after_crash(job: Job, *, charges: bool) -> Decision:
    """What becomes of a job whose worker died over it; ``job.crashes`` counts that crash already.

    ``charges``: its backend may have been paid for the attempt.
    """
    if job.crashes >= MAX_CRASHES:
        return GiveUp(JobState.FAILED, Problem("failed_crash"))
    return after_stop(job, charges=charges)


def after_stop(job: Job, *, charges: bool) -> Decision:
    """What becomes of a job whose worker is to stop. A task that can be resumed is not paid for again."""
    paid = charges and not resumable(job)
    if job.paid_attempts + paid >= MAX_PAID_ATTEMPTS:
        return GiveUp(JobState.FAILED, Problem("failed_paid"))
    return Retry(job.candidates, paid=paid)


def remembered(job: Job, task: str) -> str:
    """What is stored of a task, which may outlive its backend's part in the job."""
    return task and f"{job.backend} {task}"


def resumable(job: Job) -> str:
    """What its backend has begun for it and can go on with; what another one has is no business of this one's."""
    backend, _, task = job.task.partition(" ")
    return task if backend == job.backend else ""


def breaker_after(breaker: Breaker, error: BackendError | None, now: float, jitter: float) -> Breaker:
    """The breaker after one attempt; ``error`` is None for a success, ``jitter`` is 0 to 1.

    A success never shortens a closure: it may have been under way when the backend asked for rest or lost its credit.
    """
    if isinstance(error, Busy):
        pause = _PAUSE * (1 + jitter) if error.retry_after is None else error.retry_after
        return _closed(breaker, now + min(max(0.0, pause), LONGEST_RETRY_AFTER), error.detail)
    if isinstance(error, Down):
        return _after_failure(breaker, error, now, jitter)
    if isinstance(error, Broken):
        return breaker
    still = breaker.closed_until > now
    return replace(
        breaker,
        failures=0,
        opened_times=0,
        closed_until=breaker.closed_until if still else 0.0,
        reason=breaker.reason if still else "",
    )


def _after_failure(breaker: Breaker, error: Down, now: float, jitter: float) -> Breaker:
    failed = replace(breaker, failures=breaker.failures + 1)
    if error.until_fixed:
        return _closed(failed, math.inf, error.detail)
    if failed.failures < FAILURES_TO_CLOSE or breaker.closed_until > now:
        return failed
    closure = min(_FIRST_CLOSURE * 2.0 ** min(breaker.opened_times, 10), _LONGEST_CLOSURE) * (0.5 + jitter / 2)
    return _closed(replace(failed, opened_times=breaker.opened_times + 1), now + closure, error.detail)


def _closed(breaker: Breaker, until: float, reason: str) -> Breaker:
    """Closed until then at the least; the reason that lasts longer stays."""
    return breaker if breaker.closed_until >= until else replace(breaker, closed_until=until, reason=reason)


def mended(breaker: Breaker) -> Breaker:
    """After a probe that answers. Until a drawing succeeds it is not forgotten: a probe cannot see everything."""
    return Breaker(breaker.backend, opened_times=breaker.opened_times + 1)


def probe_pause(breaker: Breaker, probes: int) -> float:
    """Seconds until a backend that is closed until somebody mends it is asked again, after ``probes`` in vain."""
    return min(_FIRST_PROBE * 2.0 ** min(breaker.opened_times + probes, 10), _LONGEST_CLOSURE)


def over_budget(breaker: Breaker, now: float) -> Breaker:
    """Closed for the rest of the UTC day: the money of the day is spent."""
    return _closed(breaker, (now // DAY + 1) * DAY, "the daily budget is spent")
