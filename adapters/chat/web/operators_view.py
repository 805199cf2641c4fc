"""What the operators' page shows, as plain data for its template. Pure."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from bot import quota
from bot.model import Breaker, Capabilities, Job, JobState, Place, Problem, Progress, QuotaSettings, Speed
from bot.model import Person as Known
from bot.programs import PersonToday, Trouble
from bot.replies import display, problem, say

LONGEST_WORDS = 160


@dataclass(frozen=True, slots=True)
class Backend:
    name: str
    open: bool
    state: str
    running: int
    at_once: int
    speed: str
    money: str
    share: float | None  #: of its budget, 0 to 1


@dataclass(frozen=True, slots=True)
class AtWork:
    job: str
    prompt: str
    person: str
    backend: str
    what: str
    since: str
    step: int
    steps: int  #: 0: not known


@dataclass(frozen=True, slots=True)
class Waiting:
    prompt: str
    person: str
    since: str


@dataclass(frozen=True, slots=True)
class Guest:
    name: str
    key: str
    images: str
    waiting: int
    running: int


@dataclass(frozen=True, slots=True)
class Mishap:
    at: str
    clock: str
    words: str


def backend(
    name: str,
    breaker: Breaker,
    speed: Speed | None,
    running: int,
    offered: Capabilities,
    spent: float,
    cap: float,
    now: float,
) -> Backend:
    return Backend(
        name=name,
        open=breaker.closed_until <= now,
        state=_state(breaker, now),
        running=running,
        at_once=offered.at_once,
        speed=_speed(speed),
        money=_money(offered, spent, cap),
        share=min(1.0, spent / cap) if cap else None,
    )


def _state(breaker: Breaker, now: float) -> str:
    if breaker.closed_until <= now:
        return say("operators_open")
    reason = display(breaker.reason)
    if math.isinf(breaker.closed_until):
        return say("operators_closed_for_good", reason=reason)
    return say("operators_closed", wait=_seconds(breaker.closed_until - now), reason=reason)


def _speed(speed: Speed | None) -> str:
    if speed is None or not speed.samples:
        return say("operators_speed_unknown")
    return say("operators_speed_value", value=f"{speed.megapixel_steps:.3g}")


def _money(offered: Capabilities, spent: float, cap: float) -> str:
    if offered.charges and not offered.price_per_image:
        return say("operators_no_price")
    if cap:
        return say("operators_money_of", spent=f"{spent:.2f}", cap=f"{cap:.2f}")
    if not offered.price_per_image and not spent:
        return say("operators_free")
    return say("operators_money_value", spent=f"{spent:.2f}")


def at_work(job: Job, progress: Progress | None, now: float) -> AtWork:
    step, steps = (progress.step, progress.steps) if progress and job.state is JobState.RUNNING else (0, 0)
    if job.state is not JobState.RUNNING:
        what = say("operators_delivering")
    elif progress and progress.loading:
        what = say("operators_loading")
    elif steps:
        what = say("operators_step", step=step, steps=steps)
    else:
        what = say("operators_starting")
    return AtWork(
        job=job.id,
        prompt=words(job.request.prompt),
        person=named(job),
        backend=job.backend,
        what=what,
        since=_seconds(now - job.started_at),
        step=step,
        steps=steps,
    )


def waiting(job: Job, now: float) -> Waiting:
    return Waiting(words(job.request.prompt), named(job), _seconds(now - job.created_at))


def guest(person: PersonToday, settings: QuotaSettings) -> Guest:
    """The limit is that of the person's own tiers; what roles add is only known when they ask."""
    tenant = person.key.partition(":")[0]
    limits = quota.limits_of(Known(person.key), Place(tenant, ""), settings)
    used = person.usage.images_today
    limit = limits.images_per_day
    return Guest(
        name=display(person.name) or person.key,
        key=person.key,
        images=say("operators_of", used=used, limit=limit) if limit else str(used),
        waiting=person.usage.waiting,
        running=person.usage.running,
    )


def mishaps(failures: Sequence[Job], troubles: Sequence[Trouble], limit: int) -> list[Mishap]:
    """Of the whole house what ended badly, of this process what it met, newest first; each thing once."""
    ended = [(job.finished_at, _ending(job)) for job in failures]
    met = [(trouble.at, _trouble(trouble)) for trouble in troubles]
    newest = sorted([*ended, *met], key=lambda each: each[0], reverse=True)
    last: dict[str, float] = {}
    for at, text in newest:
        last.setdefault(text, at)
    times = Counter(text for _, text in newest)
    return [_mishap(at, _repeated(text, times[text])) for text, at in list(last.items())[:limit]]


def _repeated(text: str, times: int) -> str:
    return say("operators_times", words=text, n=times) if times > 1 else text


def _ending(job: Job) -> str:
    reason = problem(job.reason or Problem("failed_broken"))
    return say("operators_request_ended", person=named(job), reason=reason)


def _trouble(trouble: Trouble) -> str:
    values = {"detail": "", "text": "", "reason": "", "kind": "", "seconds": "", "event": trouble.event, "backend": "?"}
    shown = values | {name: display(str(value))[:300] for name, value in trouble.values.items()}
    code = f"trouble_{trouble.event}"
    return say(code if code in TROUBLES else "trouble_other", **shown)


TROUBLES = frozenset(
    f"trouble_{event}"
    for event in (
        "backend_error", "backend_closed", "delivery_failed", "store_error", "lease_lost", "recovered", "loop_stalled",
        "alert",
    )
)  # fmt: skip


def _mishap(at: float, text: str) -> Mishap:
    moment = datetime.fromtimestamp(at, UTC)
    return Mishap(moment.isoformat(timespec="seconds"), f"{moment:%H:%M:%S}", text)


def named(job: Job) -> str:
    person = job.origin.person
    return display(person.name) or person.key


def words(text: str) -> str:
    flat = " ".join(text.split())
    return display(flat if len(flat) <= LONGEST_WORDS else f"{flat[:LONGEST_WORDS]}…")


def _seconds(seconds: float) -> str:
    whole = max(0, round(seconds))
    if whole < 120:
        return say("span_seconds", n=whole)
    return say("span_minutes", n=whole // 60) if whole < 7200 else say("span_hours", n=whole // 3600)


def depth(depths: Mapping[str, int], *states: JobState) -> int:
    return sum(depths.get(state, 0) for state in states)
