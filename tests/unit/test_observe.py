import asyncio
import io
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from adapters import observe
from adapters.observe import Observe, Redactor, metrics
from bot.model import Breaker, JobState
from bot.ports import Observer
from bot.settings import Secret
from tests import factories
from tests.contract.stores import open_store
from tests.contract.test_store_intake import queue
from tests.contract.test_store_turns import take
from tests.factories import NOW
from tests.unit.logging_taken_over import entries, taken_over

CANARY = "canary-7f3a9c-do-not-show"


@pytest.fixture
def logged() -> Iterator[Callable[..., io.StringIO]]:
    """``logged(console=...)`` takes the process's logging over for the test and answers the stream."""
    with ExitStack() as stack:
        redactor = Redactor([Secret(CANARY)])
        yield lambda **options: stack.enter_context(taken_over(redactor, **options))


def samples(watched: Observe) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(watched.exposition()[0].decode())
        for sample in family.samples
    }


def sample(watched: Observe, name: str, **labels: str) -> float:
    return samples(watched)[name, frozenset(labels.items())]


# -- events


def test_every_event_finds_the_metrics_it_names() -> None:
    known = {**metrics.COUNTERS, **metrics.GAUGES, **metrics.HISTOGRAMS}
    for event in observe.EVENTS.values():
        for measured in event.samples:
            assert set(measured.labels) | set(measured.fixed) == set(known[measured.metric][1])


def test_metric_names_follow_prometheus_conventions() -> None:
    for name in [*metrics.COUNTERS, *metrics.GAUGES, *metrics.HISTOGRAMS]:
        assert name.startswith("imagine_")
        assert not name.endswith(("_total", "_ms", "_milliseconds", "_count", "_sum"))
    assert all(name.endswith("_seconds") for name in metrics.HISTOGRAMS)


def test_a_job_from_question_to_answer_is_measured(logged: Callable[..., io.StringIO]) -> None:
    stream = logged()
    watched = Observe(["sketch", "hive"])
    observer: Observer = watched
    observer.event("job_received", job="j", platform="discord")
    observer.event("job_acked", job="j", platform="discord", seconds=0.2)
    observer.event("job_queued", job="j", platform="discord")
    observer.event("job_claimed", job="j", backend="hive", seconds=4.0)
    observer.event("job_drawn", job="j", backend="hive", seconds=2.0, pictures=3, dollars=0.03)
    observer.event("delivery_failed", job="j", platform="discord", detail=f"403 {CANARY}")
    assert sample(watched, "imagine_delivery_errors_total", platform="discord") == 1
    observer.event("job_delivered", job="j", platform="discord", seconds=7.0)
    assert sample(watched, "imagine_jobs_received_total", platform="discord") == 1
    assert sample(watched, "imagine_ack_seconds_bucket", platform="discord", le="0.25") == 1
    assert sample(watched, "imagine_queue_wait_seconds_sum") == 4.0
    assert sample(watched, "imagine_backend_seconds_sum", backend="hive") == 2.0
    assert sample(watched, "imagine_pictures_total", backend="hive") == 3
    assert sample(watched, "imagine_pictures_total", backend="sketch") == 0
    assert sample(watched, "imagine_spent_dollars_total", backend="hive") == 0.03
    assert sample(watched, "imagine_stage_seconds_sum", stage="total") == 7.0
    assert sample(watched, "imagine_jobs_finished_total", state="delivered", platform="discord") == 1
    assert [entry["event"] for entry in entries(stream)][-1] == "job_delivered"
    assert all(entry["job"] == "j" for entry in entries(stream))
    assert CANARY not in stream.getvalue()


def test_a_backend_that_fails_shows_why_and_that_it_is_closed(logged: Callable[..., io.StringIO]) -> None:
    stream = logged()
    watched = Observe(["hive"])
    watched.event("backend_error", job="j", backend="hive", kind="down", detail="405")
    watched.event("backend_closed", backend="hive", until=float("inf"), reason="no credit")
    assert sample(watched, "imagine_backend_errors_total", backend="hive", kind="down") == 1
    assert sample(watched, "imagine_backend_closed", backend="hive") == 1
    watched.event("backend_opened", backend="hive")
    assert sample(watched, "imagine_backend_closed", backend="hive") == 0
    watched.event("backend_closed", backend="hive", until=time.time() - 1, reason="over already")
    assert sample(watched, "imagine_backend_closed", backend="hive") == 0
    watched.breakers([Breaker("hive", closed_until=time.time() + 60)])
    assert sample(watched, "imagine_backend_closed", backend="hive") == 1
    assert [entry["level"] for entry in entries(stream)] == [
        "warning",
        "warning",
        "info",
        "warning",
    ]


def test_the_queue_shows_every_unfinished_state_and_forgets_none() -> None:
    watched = Observe()
    watched.queue({"queued": 3, "held": 1})
    watched.queue({"queued": 2})
    assert sample(watched, "imagine_queue_jobs", state="queued") == 2
    assert sample(watched, "imagine_queue_jobs", state="held") == 0
    assert sample(watched, "imagine_queue_jobs", state="running") == 0
    assert ("imagine_queue_jobs", frozenset({("state", JobState.FAILED.value)})) not in samples(watched)


@given(
    st.sampled_from([*observe.EVENTS, "unheard_of"]),
    st.dictionaries(
        st.sampled_from(["seconds", "backend", "job", "event", "level", "x"]),
        st.none() | st.text() | st.floats() | st.lists(st.integers()),
    ),
)
def test_an_event_never_raises(name: str, values: dict[str, Any]) -> None:
    logging.getLogger("imagine").disabled = True
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    try:
        Observe().event(name, **values)
    finally:
        logging.getLogger("imagine").disabled = False
        structlog.reset_defaults()


async def watched_for(watched: Observe, looks: int, step: float) -> None:
    """Runs the watchdog until it has looked ``looks`` times at a clock that goes on by ``step`` seconds each time."""
    now, enough = 0.0, asyncio.Event()

    def clock() -> float:
        nonlocal now, looks
        now, looks = now + step, looks - 1
        if not looks:
            enough.set()
        return now

    watching = asyncio.create_task(observe.loop_lag_watchdog(watched, 0.001, clock))
    await enough.wait()
    await asyncio.sleep(0)
    watching.cancel()


async def test_f71_a_stalled_event_loop_is_measured_and_logged(logged: Callable[..., io.StringIO]) -> None:
    stream = logged()
    watched = Observe()
    await watched_for(watched, 4, 0.7)
    assert sample(watched, "imagine_event_loop_lag_seconds_bucket", le="0.5") == 0
    assert sample(watched, "imagine_event_loop_lag_seconds_bucket", le="1.0") == 2
    assert entries(stream)[0]["event"] == "loop_stalled"


async def test_f71_a_loop_that_keeps_time_logs_nothing(logged: Callable[..., io.StringIO]) -> None:
    stream = logged()
    watched = Observe()
    await watched_for(watched, 6, 0.0)
    assert sample(watched, "imagine_event_loop_lag_seconds_count") == 3
    assert stream.getvalue() == ""


async def test_the_gauges_show_what_the_store_holds(tmp_path: Path) -> None:
    async with open_store("sqlite", tmp_path) as store:
        await store.submit(factories.new())
        await queue(store, factories.job())
        await store.deliver_later(await store.drawn(await take(store), [], 0, [], NOW), NOW + 60)
        await store.save_breaker(Breaker("hive", closed_until=time.time() + 60))
        watched = Observe(["hive"])
        watching = asyncio.create_task(observe.store_watchdog(watched, store, 60.0))
        async with asyncio.timeout(60):
            while ("imagine_queue_jobs", frozenset({("state", "received")})) not in samples(watched):
                await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)
        watching.cancel()
    assert sample(watched, "imagine_queue_jobs", state="received") == 1
    assert sample(watched, "imagine_deliveries_stuck") == 1
    assert sample(watched, "imagine_backend_closed", backend="hive") == 1
