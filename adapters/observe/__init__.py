"""What the core tells as events becomes log lines and metrics here, by one table."""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import structlog

from adapters.observe.logs import configure, correlated
from adapters.observe.metrics import CONTENT_TYPE, Metrics
from adapters.observe.redaction import Redactor
from bot.model import FINAL_STATES, JobState
from bot.ports import Observer

__all__ = ["CONTENT_TYPE", "EVENTS", "Event", "Observe", "Redactor", "Sample", "configure", "correlated", "watch_loop"]

MOST_STUCK = 10_000  # job ids remembered
UNFINISHED = tuple(state.value for state in JobState if state not in FINAL_STATES)
STALL = 0.5  # seconds of lag that are worth a log line


@dataclass(frozen=True)
class Sample:
    """One measurement of an event: ``value`` names the event's value to take, "" counts 1."""

    metric: str
    value: str = ""
    labels: tuple[str, ...] = ()
    fixed: Mapping[str, str] = field(default_factory=dict)
    constant: float = 1.0  #: what is recorded where ``value`` is ""


@dataclass(frozen=True)
class Event:
    level: int | None = logging.INFO  #: None: counted only
    samples: tuple[Sample, ...] = ()


def _stage(name: str) -> Sample:
    return Sample("imagine_stage_seconds", "seconds", fixed={"stage": name})


EVENTS: Mapping[str, Event] = {
    "job_received": Event(samples=(Sample("imagine_jobs_received", labels=("platform",)),)),
    "job_acked": Event(samples=(Sample("imagine_ack_seconds", "seconds", ("platform",)),)),
    "job_queued": Event(),
    "job_held": Event(samples=(Sample("imagine_jobs_held", labels=("platform",)),)),
    "job_claimed": Event(samples=(Sample("imagine_queue_wait_seconds", "seconds"), _stage("queue"))),
    "job_drawn": Event(
        samples=(
            Sample("imagine_backend_seconds", "seconds", ("backend",)),
            Sample("imagine_pictures", "pictures", ("backend",)),
            Sample("imagine_spent_dollars", "dollars", ("backend",)),
            _stage("draw"),
        )
    ),
    "job_delivered": Event(
        samples=(
            Sample("imagine_jobs_finished", labels=("platform",), fixed={"state": "delivered"}),
            _stage("total"),
        )
    ),
    "job_finished": Event(samples=(Sample("imagine_jobs_finished", labels=("state", "platform")),)),
    "spent": Event(None, (Sample("imagine_spent_dollars", "dollars", ("backend",)),)),
    "backend_error": Event(logging.WARNING, (Sample("imagine_backend_errors", labels=("backend", "kind")),)),
    "backend_closed": Event(logging.WARNING, (Sample("imagine_backend_closed", labels=("backend",)),)),
    "backend_opened": Event(samples=(Sample("imagine_backend_closed", labels=("backend",), constant=0.0),)),
    "delivery_failed": Event(logging.WARNING, (Sample("imagine_delivery_errors", labels=("platform",)),)),
    "lease_lost": Event(logging.WARNING, (Sample("imagine_leases_lost"),)),
    "recovered": Event(logging.WARNING, (Sample("imagine_jobs_recovered"),)),
    "swept": Event(samples=(Sample("imagine_pictures_swept", "n"),)),
    "store_error": Event(logging.ERROR, (Sample("imagine_store_errors"),)),
    "loop_lag": Event(None, (Sample("imagine_event_loop_lag_seconds", "seconds"),)),
    "loop_stalled": Event(logging.WARNING),
    "alert": Event(logging.ERROR, (Sample("imagine_alerts"),)),
}


class Observe:
    """The Observer of this program. An event that is not in the table is logged and not counted."""

    def __init__(self, backends: Iterable[str] = ()) -> None:
        self.metrics = Metrics(backends)
        self._log = structlog.get_logger("imagine")
        self._stuck: set[str] = set()

    def event(self, name: str, **values: object) -> None:
        try:
            known = EVENTS.get(name, Event())
            if known.level is not None:
                self._log.log(known.level, name, **values)
            for sample in known.samples:
                self._record(sample, values)
            self._remember_stuck(name, str(values.get("job", "")))
        except Exception:
            logging.getLogger("imagine").exception("unobservable %s", name)

    def queue(self, depths: Mapping[str, int]) -> None:
        """`Store.depths`: how many jobs are in each unfinished state; a state that is not there has none."""
        for state in dict.fromkeys([*UNFINISHED, *depths]):
            self.metrics.record("imagine_queue_jobs", depths.get(state, 0), {"state": state})

    def _record(self, sample: Sample, values: Mapping[str, object]) -> None:
        value = values.get(sample.value) if sample.value else sample.constant
        if isinstance(value, (int, float)):
            labels = {label: str(values.get(label, "")) for label in sample.labels}
            self.metrics.record(sample.metric, float(value), {**labels, **sample.fixed})

    def _remember_stuck(self, name: str, job: str) -> None:
        if name == "delivery_failed" and len(self._stuck) < MOST_STUCK:
            self._stuck.add(job)
        elif name in {"job_delivered", "job_finished"}:
            self._stuck.discard(job)
        self.metrics.record("imagine_deliveries_stuck", len(self._stuck), {})


async def watch_loop(observer: Observer, every: float = 0.25, clock: Callable[[], float] = time.monotonic) -> None:
    """Measures, until it is cancelled, how late the event loop is (F71)."""
    while True:
        planned = clock() + every
        await asyncio.sleep(every)
        lag = max(0.0, clock() - planned)
        observer.event("loop_lag", seconds=lag)
        if lag >= STALL:
            observer.event("loop_stalled", seconds=round(lag, 3))
