"""What the core tells as events becomes log lines and metrics here, by one table.

`logs` is how lines leave, `redaction` what never does, `metrics` the names that Prometheus reads.
"""

import asyncio
import logging
import math
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field

import structlog

from adapters.observe.logs import configure, correlated
from adapters.observe.metrics import CONTENT_TYPE, Metrics
from adapters.observe.redaction import Redactor
from bot.errors import ImagineError
from bot.model import FINAL_STATES, Breaker, JobState
from bot.ports import Observer, Store
from bot.programs import Trouble
from bot.settings import Settings

__all__ = [
    "EVENTS",
    "Observe",
    "Redactor",
    "configure",
    "correlated",
    "loop_lag_watchdog",
    "start",
    "store_watchdog",
]

MOST_RECENT = 40  # things that went wrong
UNFINISHED = tuple(state.value for state in JobState if state not in FINAL_STATES)
STALL = 0.5  # seconds of lag that are worth a log line


@dataclass(frozen=True)
class Sample:
    """One measurement: ``value`` names the event's value to take, ``otherwise`` is taken where it has none."""

    metric: str
    value: str = ""
    labels: tuple[str, ...] = ()
    otherwise: float | None = None
    fixed: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Event:
    level: int | None = logging.INFO  #: None: counted only
    samples: tuple[Sample, ...] = ()


def _count(metric: str, *labels: str, **fixed: str) -> Sample:
    return Sample(metric, "n", labels, 1.0, fixed)


def _seconds(metric: str, *labels: str, **fixed: str) -> Sample:
    return Sample(metric, "seconds", labels, None, fixed)


def _stage(name: str) -> Sample:
    return _seconds("imagine_stage_seconds", stage=name)


EVENTS: Mapping[str, Event] = {
    "job_received": Event(samples=(_count("imagine_jobs_received", "platform"),)),
    "job_acked": Event(samples=(_seconds("imagine_ack_seconds", "platform"),)),
    "job_queued": Event(),
    "job_held": Event(samples=(_count("imagine_jobs_held", "platform"),)),
    "job_claimed": Event(samples=(_seconds("imagine_queue_wait_seconds"), _stage("queue"))),
    "job_drawn": Event(
        samples=(
            _seconds("imagine_backend_seconds", "backend"),
            Sample("imagine_pictures", "pictures", ("backend",)),
            Sample("imagine_spent_dollars", "dollars", ("backend",)),
            _stage("draw"),
        )
    ),
    "job_delivered": Event(samples=(_count("imagine_jobs_finished", "platform", state="delivered"), _stage("total"))),
    "job_finished": Event(samples=(_count("imagine_jobs_finished", "state", "platform"),)),
    "spent": Event(None, (Sample("imagine_spent_dollars", "dollars", ("backend",)),)),
    "backend_error": Event(logging.WARNING, (_count("imagine_backend_errors", "backend", "kind"),)),
    "backend_closed": Event(logging.WARNING),
    "backend_opened": Event(),
    "delivery_failed": Event(logging.WARNING, (_count("imagine_delivery_errors", "platform"),)),
    "lease_lost": Event(logging.WARNING, (_count("imagine_leases_lost"),)),
    "recovered": Event(logging.WARNING, (_count("imagine_jobs_recovered"),)),
    "swept": Event(samples=(_count("imagine_pictures_swept"),)),
    "store_error": Event(logging.ERROR, (_count("imagine_store_errors"),)),
    "loop_lag": Event(None, (_seconds("imagine_event_loop_lag_seconds"),)),
    "loop_stalled": Event(logging.WARNING),
    "alert": Event(logging.ERROR, (_count("imagine_alerts"),)),
}


class Observe:
    """The Observer of this program. An event that is not in the table is logged and not counted."""

    def __init__(self, backends: Iterable[str] = (), redactor: Redactor | None = None) -> None:
        self.redactor = redactor or Redactor()  #: to teach it a secret that was made after the start
        self._metrics = Metrics(backends)
        self._log = structlog.get_logger("imagine")
        self._recent: deque[Trouble] = deque(maxlen=MOST_RECENT)
        self._closed_until = dict.fromkeys(backends, 0.0)

    def event(self, name: str, **values: object) -> None:
        try:
            known = EVENTS.get(name, Event())
            if known.level is not None:
                with self.about(str(values["job"])) if values.get("job") else nullcontext():
                    self._log.log(known.level, name, **values)
                if known.level >= logging.WARNING:
                    self._recent.append(Trouble(time.time(), name, self.redactor.value(values)))
            for sample in known.samples:
                self._record(sample, values)
            self._follow_backend(name, values)
        except Exception:
            logging.getLogger("imagine").exception("unobservable %s", name)

    def about(self, job_id: str) -> AbstractContextManager[str]:
        return correlated(job_id)

    def recent(self) -> Sequence[Trouble]:
        """What went wrong lately in this process, newest first, without secrets."""
        return tuple(reversed(self._recent))

    def queue(self, depths: Mapping[str, int]) -> None:
        """`Store.depths`: how many jobs are in each unfinished state; a state that is not there has none."""
        for state in dict.fromkeys([*UNFINISHED, *depths]):
            self._metrics.record("imagine_queue_jobs", depths.get(state, 0), {"state": state})

    def stuck(self, deliveries: int) -> None:
        """`Store.deliveries_stuck`."""
        self._metrics.record("imagine_deliveries_stuck", deliveries, {})

    def breakers(self, breakers: Iterable[Breaker]) -> None:
        """`Store.breakers`: what every process knows about the backends."""
        for breaker in breakers:
            self._closed_until[breaker.backend] = breaker.closed_until

    def exposition(self) -> tuple[bytes, str]:
        """What `GET /metrics` answers, and its media type."""
        now = time.time()
        for backend, until in self._closed_until.items():
            self._metrics.record("imagine_backend_closed", float(until > now), {"backend": backend})
        return self._metrics.exposition(), CONTENT_TYPE

    def _record(self, sample: Sample, values: Mapping[str, object]) -> None:
        value = values.get(sample.value, sample.otherwise)
        if isinstance(value, (int, float)):
            labels = {label: str(values.get(label, "")) for label in sample.labels}
            self._metrics.record(sample.metric, float(value), {**labels, **sample.fixed})

    def _follow_backend(self, name: str, values: Mapping[str, object]) -> None:
        """A closed backend opens by itself when its time is over, and nobody says so."""
        if name in {"backend_closed", "backend_opened", "job_drawn"}:
            until = values.get("until", math.inf) if name == "backend_closed" else 0.0
            self._closed_until[str(values.get("backend", ""))] = (
                float(until) if isinstance(until, (int, float)) else math.inf
            )


def start(settings: Settings, environ: Mapping[str, str]) -> Observe:
    """Takes the process's logging over; IMAGINE_LOG=console for people, else JSON."""
    redactor = Redactor(settings.secrets)
    configure(redactor, console=environ.get("IMAGINE_LOG", "") == "console")
    return Observe(settings.backends, redactor)


async def loop_lag_watchdog(
    observer: Observer, every: float = 0.25, clock: Callable[[], float] = time.monotonic
) -> None:
    """Measures, until it is cancelled, how late the event loop is (F71)."""
    while True:
        planned = clock() + every
        await asyncio.sleep(every)
        lag = max(0.0, clock() - planned)
        observer.event("loop_lag", seconds=lag)
        if lag >= STALL:
            observer.event("loop_stalled", seconds=round(lag, 3))


async def store_watchdog(observe: Observe, store: Store, every: float = 5.0) -> None:
    """Keeps the gauges of what the store knows fresh, until it is cancelled: other machines change it too."""
    while True:
        try:
            observe.queue(await store.depths())
            observe.stuck(await store.deliveries_stuck())
            observe.breakers(await store.breakers())
        except ImagineError as error:
            observe.event("store_error", detail=str(error))
        await asyncio.sleep(every)
