import asyncio
import io
import json
import logging
import re
import sys
import urllib.parse
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from adapters import observe
from adapters.observe import Redactor, logs
from bot.settings import Secret
from tests.unit.logging_taken_over import entries, taken_over

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
    """``logged(console=...)`` takes the process's logging over for the test and answers the stream."""
    with ExitStack() as stack:
        redactor = Redactor([Secret(CANARY), Secret(AWKWARD)])
        yield lambda **options: stack.enter_context(taken_over(redactor, **options))


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
    assert all(re.match(r"\d\d:\d\d:\d\d |  \| ", line) for line in lines)
    assert sum(not line.startswith("  | ") for line in lines) == 3


@given(st.text())
def test_s31_any_text_is_one_json_line(text: str) -> None:
    with taken_over(Redactor()) as stream:
        structlog.get_logger("imagine").info("said", text=text)
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


def test_a_line_for_people_is_short(logged: Callable[..., io.StringIO]) -> None:
    stream = logged(console=True)
    with logs.correlated("0a637a39918d476ab0fce3ff927c9518"):
        structlog.get_logger("imagine").info("job_drawn", job="0a637a39918d476ab0fce3ff927c9518", seconds=2.17826)
    words = stream.getvalue().split()
    assert re.fullmatch(r"\d\d:\d\d:\d\d", words[0])
    assert words[-2:] == ["job='0a637a39'", "seconds=2.178"]
    assert len(words) < 8
