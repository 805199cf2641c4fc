import asyncio
import io
import json
import logging
import sys
import threading
import urllib.parse
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from adapters import observe
from adapters.observe import Observe, Redactor, metrics
from bot.model import JobState
from bot.ports import Observer
from bot.settings import Secret

CANARY = "canary-7f3a9c-do-not-show"
AWKWARD = "zwölf\"Anführungs'zeichen\\und\tmehr é"

HANDED_IN = [
    "Bearer abcdefgh12345678",
    "Authorization: Basic abcdefgh12345678",
    "xoxb-111111-222222-abcdefghij",
    "xapp-1-A0B1C2-333333-0123456789abcdef",
    "xoxe.xoxp-1-Mi0yLTEyMzQ1",
    "MTIzNDU2Nzg5MDEyMzQ1Njc4OQ.Gabcde.abcdefghijklmnopqrstuvwxyz012345",
    "https://discord.com/api/v10/webhooks/123456789/aW50ZXJhY3Rpb246dG9rZW4/messages/@original",
    "https://discord.com/api/v10/interactions/987654321/aW50ZXJhY3Rpb246dG9rZW4/callback",
    "https://hooks.slack.com/commands/T1/2/aW50ZXJhY3Rpb246dG9rZW4",
    "{'API-Key': 'aW50ZXJhY3Rpb246dG9rZW4'}",
    "wss://wss.slack.com/link/?ticket=aW50ZXJhY3Rpb246dG9rZW4&app_id=1",
    "postgresql://me:aW50ZXJhY3Rpb246dG9rZW4@db/imagine",
]
GIVEAWAYS = [
    "abcdefgh12345678",
    "111111-222222",
    "333333-0123456789abcdef",
    "Mi0yLTEyMzQ1",
    "abcdefghijklmnopqrstuvwxyz012345",
    "aW50ZXJhY3Rpb246dG9rZW4",
]


@pytest.fixture
def logged() -> Iterator[Callable[..., io.StringIO]]:
    """Takes the process's logging over for one test: ``logged(console=...)`` answers the stream."""
    root = logging.getLogger()
    before = (root.handlers[:], root.level, sys.excepthook, threading.excepthook)

    def start(**options: Any) -> io.StringIO:
        stream = io.StringIO()
        observe.configure(Redactor([Secret(CANARY), Secret(AWKWARD)]), stream=stream, **options)
        return stream

    yield start
    root.handlers[:], sys.excepthook, threading.excepthook = before[0], before[2], before[3]
    root.setLevel(before[1])
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()


def entries(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def samples(watched: Observe) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(watched.metrics.exposition().decode())
        for sample in family.samples
    }


def sample(watched: Observe, name: str, **labels: str) -> float:
    return samples(watched)[name, frozenset(labels.items())]


# -- redaction


class Holder:
    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return f"Holder({self.text!r})"


class Broken:
    def __repr__(self) -> str:
        raise ValueError(CANARY)


secret = st.sampled_from([CANARY, AWKWARD])
planted = st.builds("{}{}{}".format, st.text(max_size=10), secret, st.text(max_size=10))
leaf = (
    st.none()
    | st.integers()
    | st.floats()
    | st.text()
    | planted
    | planted.map(str.encode)
    | planted.map(ValueError)
    | planted.map(Holder)
    | planted.map(json.dumps)
    | planted.map(urllib.parse.quote)
    | st.builds(Broken)
)
nested = st.recursive(
    leaf,
    lambda inner: (
        st.lists(inner) | st.tuples(inner) | st.dictionaries(st.text() | planted | planted.map(str.encode), inner)
    ),
)


@given(nested)
def test_s19_a_planted_secret_never_comes_through_however_deep(value: Any) -> None:
    written = json.dumps(Redactor([Secret(CANARY), Secret(AWKWARD)]).value(value))
    for spelling in (CANARY, AWKWARD, json.dumps(AWKWARD)[1:-1], json.dumps(json.dumps(AWKWARD))[2:-2]):
        assert spelling not in written


@pytest.mark.parametrize("text", HANDED_IN)
def test_s19_s20_tokens_that_the_bot_is_handed_are_masked_by_their_form(text: str) -> None:
    masked = Redactor().text(f"request to {text} failed")
    assert "[redacted]" in masked
    assert masked.startswith("request to ")
    assert masked.endswith(" failed")
    for giveaway in GIVEAWAYS:
        assert giveaway not in masked


@pytest.mark.parametrize(
    "name", ["token", "Authorization", "api_key", "API-Key", "signing_secret", "Cookie", "password"]
)
def test_s19_what_is_named_like_a_secret_is_masked_whatever_it_is(name: str) -> None:
    assert Redactor().value({"headers": {name: "quite ordinary"}}) == {"headers": {name: "[redacted]"}}


@pytest.mark.parametrize(
    "text", ["a fox in the snow", "basic shapes", "11111111-2222", "https://example.com/a?b=c", "sqlite:///data/x.db"]
)
def test_ordinary_text_is_left_alone(text: str) -> None:
    assert Redactor([Secret("x")]).text(text) == text


def test_a_secret_learnt_later_is_masked_from_then_on() -> None:
    redactor = Redactor()
    redactor.learn(Secret(CANARY))
    assert redactor.text(f"a{CANARY}b") == "a[redacted]b"


def test_a_secret_of_digits_is_masked_as_a_number_too() -> None:
    assert Redactor([Secret("123456")]).value([123456, 12, True]) == ["[redacted]", 12, True]


def test_endless_and_enormous_values_end() -> None:
    endless: list[Any] = []
    endless.append(endless)
    masked = Redactor().value([endless, 1 << 20_000, "x" * 100_000, float("nan")])
    assert len(json.dumps(masked, allow_nan=False)) < 20_000


# -- logs


def fail(text: str) -> None:
    raise ValueError(text)


@pytest.mark.parametrize("console", [False, True])
def test_s19_no_way_into_the_log_shows_a_secret(logged: Callable[..., io.StringIO], console: bool) -> None:
    stream = logged(console=console)
    ours, theirs = structlog.get_logger("imagine"), logging.getLogger("some.library")
    ours.warning(f"with {CANARY}", **{CANARY: CANARY}, deep={"a": [{"b": CANARY}]}, secret=Secret(CANARY))
    theirs.error("calling %s with %r", f"https://x/?key={CANARY}", {"h": CANARY})
    theirs.error("%d", CANARY)
    logging.getLogger(f"named.{CANARY}").error("x")
    logging.getLogger("httpx").setLevel(logging.DEBUG)
    logging.getLogger("httpx").info("GET https://x/webhooks/1/unmasked-path")
    try:
        fail(f"inside {CANARY}")
    except ValueError:
        ours.exception("ours")
        theirs.exception("theirs")
    sys.excepthook(*_caught(CANARY))
    written = stream.getvalue()
    assert CANARY not in written
    assert "unmasked-path" not in written
    assert written.count("ValueError: [redacted]") + written.count("ValueError: inside [redacted]") == 3
    assert "unloggable" in written


def _caught(text: str) -> Any:
    try:
        fail(text)
    except ValueError:
        return sys.exc_info()


HOSTILE = ["a\nb", "a\r\nb", "\x1b[2J\x1b[31mred", "a\u2028b\u2029c", "\x00\x07\x85", "\u202egnp.exe", "\ud800"]


@pytest.mark.parametrize("text", HOSTILE)
def test_s31_hostile_text_stays_inside_one_json_line(logged: Callable[..., io.StringIO], text: str) -> None:
    stream = logged()
    structlog.get_logger("imagine").info(text, prompt=text, **{text: [text]})
    logging.getLogger("library").warning("%s", text)
    written = stream.getvalue()
    assert written.count("\n") == 2
    assert written.isascii()
    assert written.replace("\n", "").isprintable()
    assert [entry["event"] for entry in entries(stream)] == [text, text]
    assert entries(stream)[0]["prompt"] == text


@pytest.mark.parametrize("text", HOSTILE)
def test_s31_on_a_console_hostile_text_begins_no_line_and_moves_no_cursor(
    logged: Callable[..., io.StringIO], text: str
) -> None:
    stream = logged(console=True)
    structlog.get_logger("imagine").info(text, prompt=text, **{text: [text]})
    logging.getLogger(f"library{text}").warning("%s", text)
    try:
        fail(text)
    except ValueError:
        logging.getLogger("library").exception("failed")
    lines = stream.getvalue().split("\n")[:-1]
    assert all(line.isprintable() for line in lines)
    assert all(line.startswith(("20", "  | ")) for line in lines)
    assert sum(line.startswith("20") for line in lines) == 3


@given(st.text())
def test_s31_any_text_is_one_json_line(text: str) -> None:
    stream = io.StringIO()
    root = logging.getLogger()
    handlers, level, hooks = root.handlers[:], root.level, (sys.excepthook, threading.excepthook)
    try:
        observe.configure(Redactor(), stream=stream)
        structlog.get_logger("imagine").info("said", text=text)
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
        sys.excepthook, threading.excepthook = hooks
        logging.captureWarnings(capture=False)
        structlog.reset_defaults()
    assert stream.getvalue().count("\n") == 1
    assert isinstance(entries(stream)[0]["text"], str)


async def test_lines_of_one_request_carry_its_correlation_and_no_other(logged: Callable[..., io.StringIO]) -> None:
    stream = logged()

    async def request(name: str) -> None:
        with observe.correlated(name) as correlation:
            await asyncio.sleep(0)
            logging.getLogger("library").warning("inside %s", correlation)

    await asyncio.gather(request("a"), request("b"))
    logging.getLogger("library").warning("outside")
    assert [entry.get("correlation") for entry in entries(stream)] == ["a", "b", None]
    with observe.correlated() as made:
        assert len(made) == 8


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
    assert sample(watched, "imagine_deliveries_stuck") == 1
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
    assert sample(watched, "imagine_deliveries_stuck") == 0
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
    assert [entry["level"] for entry in entries(stream)] == ["warning", "warning", "info"]


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
    st.dictionaries(st.sampled_from(["seconds", "backend", "job", "event", "level", "x"]), nested),
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

    watching = asyncio.create_task(observe.watch_loop(watched, 0.001, clock))
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
