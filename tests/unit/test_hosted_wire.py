"""The pure half of the hosted backends' wire."""

import base64
import json
from contextlib import suppress
from email.utils import formatdate
from urllib.parse import quote

import httpx
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from adapters.backends.http import (
    RETRY_AFTER_CAP,
    Answer,
    decode_object,
    excerpt,
    failure,
    is_sendable,
    picture_complaint,
    redact,
    retry_after,
)
from bot.errors import BackendError, Broken, Busy, Down, Rejected
from tests.standins.providers import png

NOW = 1_790_000_000.0
KEYS = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=8, max_size=60)

EXPECTED: dict[int, type[BackendError]] = {
    400: Broken,
    401: Down,
    402: Down,
    403: Down,
    404: Down,
    405: Down,
    408: Down,
    409: Down,
    422: Broken,
    429: Busy,
    451: Rejected,
    500: Down,
    502: Down,
    503: Down,
    504: Down,
}


def failed(status: int, body: bytes = b"", **headers: str) -> BackendError:
    return failure(Answer(status, httpx.Headers(headers), body), "the-key", NOW)


@pytest.mark.parametrize(("status", "kind"), EXPECTED.items())
def test_a_documented_status_has_its_own_translation(status: int, kind: type[BackendError]) -> None:
    error = failed(status)
    assert type(error) is kind
    if isinstance(error, Down):
        assert error.until_fixed is (status in {401, 402, 403, 404, 405})
        assert error.maybe_charged is (status == 504)


@given(st.integers(100, 999).filter(lambda status: not 200 <= status < 300), st.binary(max_size=300))
def test_every_status_and_body_has_a_translation(status: int, body: bytes) -> None:
    error = failed(status, body)
    assert type(error) in {Busy, Down, Rejected, Broken}
    assert len(error.detail) <= 205
    assert "\n" not in error.detail


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("", None),
        ("0", 0.0),
        ("7", 7.0),
        (" 7 ", 7.0),
        ("1.5", 1.5),
        ("99999", RETRY_AFTER_CAP),
        ("9" * 5000, None),
        ("-3", None),
        ("٣", None),
        ("1e3", None),
        ("soon", None),
        (formatdate(NOW + 90, usegmt=True), 90.0),
        (formatdate(NOW - 90, usegmt=True), 0.0),
        (formatdate(NOW + 10**6, usegmt=True), RETRY_AFTER_CAP),
        ("Wed, 32 Foo 2026 99:99:99 GMT", None),
    ],
)
def test_f20_retry_after_is_read_in_both_forms(value: str | None, seconds: float | None) -> None:
    assert retry_after(value, NOW) == seconds


@given(st.text())
def test_f20_no_retry_after_breaks_the_reading(value: str) -> None:
    seconds = retry_after(value, NOW)
    assert seconds is None or 0 <= seconds <= RETRY_AFTER_CAP


@given(KEYS, st.text(max_size=250), st.text(max_size=50))
def test_s19_a_key_is_redacted_in_every_form_it_is_echoed_in(key: str, before: str, after: str) -> None:
    forms = (key, json.dumps(key)[1:-1], quote(key, safe=""), base64.b64encode(key.encode()).decode())
    for form in forms:
        assume(form not in before + after)
        assume(form not in f"{before}[key]{after}")
        said = redact(before + form + after, key)
        assert form not in said
        assert form[:8] not in excerpt((("." * 195) + form).encode(), key)


def test_s19_whatever_stands_after_bearer_is_redacted() -> None:
    said = redact("authorization: Bearer abc.def, api-key: xyz", "other")
    assert "abc.def" not in said
    assert "xyz" not in said


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        (png(), ""),
        (b"\xff\xd8\xff\xe0 picture \xff\xd9", ""),
        (b"RIFF\x08\0\0\0WEBPVP8 ", ""),
        (b"", "an empty answer in place of a picture"),
        (png()[:-8], "a picture that is cut off"),
        (b"\xff\xd8\xff\xe0 picture", "a picture that is cut off"),
        (b"RIFF\xff\0\0\0WEBPVP8 ", "a picture that is cut off"),
        (b"GIF89a", "no PNG, JPEG or WebP"),
        (b"II*\0", "no PNG, JPEG or WebP"),
        (b"8BPS", "no PNG, JPEG or WebP"),
        (b"<svg", "no PNG, JPEG or WebP"),
        (b'{"error": 1}', "no PNG, JPEG or WebP"),
    ],
)
def test_s14_s15_only_the_bytes_say_what_a_picture_is(body: bytes, complaint: str) -> None:
    assert picture_complaint(body) == complaint


NO_OBJECTS = (b"", b"{", b"[]", b"3", b'{"a":1,"a":2}', b'{"a":NaN}', b"[" * 10**5, b'{"a":' * 10**5)


@pytest.mark.parametrize("body", NO_OBJECTS)
def test_s41_what_is_no_plain_json_object_is_down(body: bytes) -> None:
    with pytest.raises(Down) as caught:
        decode_object(body, "the-key")
    assert caught.value.maybe_charged


@given(st.binary(max_size=200) | st.text().map(lambda text: json.dumps({"a": text, "b": [text]}).encode()))
def test_s41_no_bytes_break_the_decoding(body: bytes) -> None:
    with suppress(Down):
        assert isinstance(decode_object(body, "the-key"), dict)


@pytest.mark.parametrize(("key", "good"), [("abc", True), ("", False), ("a b", False), ("a\n", False), ("é", False)])
def test_only_a_key_that_fits_into_a_header_is_sent(key: str, good: bool) -> None:
    assert is_sendable(key) is good
