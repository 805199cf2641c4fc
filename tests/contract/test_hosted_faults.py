"""What every hosted backend makes of faults on the wire, of urls that lead astray, and of secrets echoed."""

import asyncio
import json
import logging
import traceback

import pytest

from adapters.backends import preflight
from bot.errors import BackendError, Down
from bot.model import Drawn
from tests.contract.hosted import CANARY, Rig, Told, outcome
from tests.standins.providers import png
from tests.standins.wire import Raw, Reply, cut_off, drip, endless, hang, reset, say

PNG = png()


pytestmark = pytest.mark.usefixtures("quick")


# -- the wire


async def test_f21_a_refused_connection_charges_nothing(rig: Rig) -> None:
    error = await outcome(rig.backend(url="http://127.0.0.1:1/api"), rig.drawing())
    assert isinstance(error, Down)
    assert not error.maybe_charged


async def test_f21_a_name_that_does_not_exist_charges_nothing(rig: Rig) -> None:
    error = await outcome(rig.backend(url="http://nowhere.invalid/api"), rig.drawing())
    assert isinstance(error, Down)
    assert not error.maybe_charged


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/", "no url", "http://[::1", "http:///x"])
async def test_a_url_that_is_none_is_down_until_fixed(rig: Rig, url: str) -> None:
    error = await outcome(rig.backend(url=url), rig.drawing())
    assert isinstance(error, Down)
    assert error.until_fixed
    assert await rig.backend(url=url).probe()


async def test_f22_a_reset_after_sending_may_have_been_charged(rig: Rig) -> None:
    rig.api.always(reset)
    error = await outcome(rig.backend(), rig.drawing())
    assert isinstance(error, Down)
    assert error.maybe_charged
    assert len(rig.api.heard) == 1


@pytest.mark.parametrize("fault", ["hang", "drip the head", "drip the body"])
async def test_f23_neither_silence_nor_a_drip_outlives_the_deadline(rig: Rig, fault: str) -> None:
    faults: dict[str, Raw] = {
        "hang": hang,
        "drip the head": drip(PNG, headers=True, pause=1.0),
        "drip the body": drip(PNG + bytes(1000)),
    }
    rig.api.always(faults[fault])
    error = await asyncio.wait_for(outcome(rig.backend(timeout_seconds=1.5), rig.drawing()), 30)
    assert isinstance(error, Down)
    assert error.maybe_charged
    assert len(rig.api.heard) == 1


BAD_BODIES = {
    "html": b"<!doctype html><title>Welcome</title>",
    "json error": b'{"error": "model is loading"}',
    "empty": b"",
    "gif": b"GIF89a" + bytes(50),
    "svg": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
    "cut off": PNG[:-8],
    "wrong json": b"[1, 2, 3]",
    "a name twice": b'{"status": "SUCCESS", "status": "PENDING", "id": "x"}',
    "nan": b'{"output": NaN}',
    "deep": b"[" * 100_000,
    "no pictures": b'{"output": [], "status": "SUCCESS", "download_urls": []}',
    "pictures of another type": b'{"output": {"url": 1}, "status": "SUCCESS", "download_urls": "http://x"}',
    "urls of another type": b'{"output": [{"url": 7}, 7], "status": "SUCCESS", "download_urls": [7, null]}',
    "no status": b'{"id": null}',
}


@pytest.mark.parametrize("body", BAD_BODIES.values(), ids=BAD_BODIES)
async def test_s14_s41_f24_a_body_that_is_no_answer_is_down_and_may_have_been_charged(rig: Rig, body: bytes) -> None:
    rig.api.always(Reply(200, body, {"Content-Type": "image/png"}))
    error = await outcome(rig.backend(), rig.drawing())
    assert isinstance(error, Down)
    assert error.maybe_charged
    assert not error.until_fixed
    assert len(rig.api.heard) == 1


@pytest.mark.parametrize(
    "fault",
    [
        cut_off(PNG, 30),
        endless(PNG[:30]),
        endless(PNG[:30], announced=30 * 2**20),
        say([b"no http at all\r\n\r\n"]),
        say([b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\n\x1f\x8b\x08"]),
    ],
    ids=["cut off", "endless", "announced as too large", "no http", "packed"],
)
async def test_s12_s17_a_broken_transfer_is_down_and_may_have_been_charged(rig: Rig, fault: Raw) -> None:
    rig.api.always(fault)
    error = await outcome(rig.backend(), rig.drawing())
    assert isinstance(error, Down)
    assert error.maybe_charged
    assert len(rig.api.heard) == 1


async def test_f24_of_a_partial_answer_the_good_pictures_are_kept(rig: Rig) -> None:
    rig.spoil_pictures(Reply(200, b"<html>"))
    drawn = await outcome(rig.backend(), rig.drawing(4))
    assert isinstance(drawn, Drawn)
    assert (len(drawn.pictures), len(drawn.seeds), drawn.missing) == (3, 3, 1)


# -- answers with urls


async def test_f24_fewer_pictures_than_asked_are_delivered_and_the_rest_is_missing(url_rig: Rig) -> None:
    address = url_rig.cdn.url
    url_rig.cdn.always(Reply(200, PNG))
    url_rig.api.script(url_rig.answer_urls(f"{address}/1", f"{address}/2"))
    drawn = await outcome(url_rig.backend(), url_rig.drawing(4))
    assert isinstance(drawn, Drawn)
    assert (len(drawn.pictures), drawn.missing) == (2, 2)


async def test_more_pictures_than_asked_are_not_even_fetched(url_rig: Rig) -> None:
    url_rig.cdn.always(Reply(200, PNG))
    url_rig.api.script(url_rig.answer_urls(*(f"{url_rig.cdn.url}/{n}" for n in range(9))))
    drawn = await outcome(url_rig.backend(), url_rig.drawing(2))
    assert isinstance(drawn, Drawn)
    assert len(drawn.pictures) == len(url_rig.cdn.heard) == 2


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:1/x",
        "https://127.0.0.1/x",
        "https://127.1/x",
        "https://0x7f000001/x",
        "https://2130706433/x",
        "https://[::1]/x",
        "https://[::ffff:127.0.0.1]/x",
        "https://[64:ff9b::7f00:1]/x",
        "https://[2002:7f00:1::]/x",
        "https://169.254.169.254/latest/meta-data",
        "https://10.0.0.1/x",
        "https://100.64.0.1/x",
        "https://localhost/x",
        "http://example.com/x",
        "file:///etc/passwd",
        "data:image/png;base64,AAAA",
        "https://user:pass@127.0.0.1/x",
        "https:///x",
        "//x",
        "",
        "https://" + "a" * 300 + "/x",
        "https://exa mple/\0",
    ],
)
@pytest.mark.parametrize("listed", [True, False])
async def test_s10_a_foreign_url_is_never_asked(url_rig: Rig, url: str, listed: bool) -> None:
    url_rig.api.script(url_rig.answer_urls(url))
    backend = url_rig.backend() if listed else url_rig.backend(image_hosts=())
    error = await outcome(backend, url_rig.drawing())
    assert isinstance(error, Down)
    assert error.maybe_charged
    assert not url_rig.cdn.heard


async def test_s10_only_a_listed_port_may_be_plain_and_private(url_rig: Rig) -> None:
    url_rig.api.script(url_rig.answer_urls(url_rig.api.url + "/secret"))
    error = await outcome(url_rig.backend(), url_rig.drawing())
    assert isinstance(error, Down)
    assert [heard.path for heard in url_rig.api.heard] == [url_rig.provider.path]


@pytest.mark.parametrize("target", ["https://127.0.0.1/x", "file:///etc/passwd", "http://169.254.169.254/", "//[::1]/"])
async def test_s11_a_redirect_to_a_private_place_is_refused(url_rig: Rig, target: str) -> None:
    url_rig.cdn.always(Reply(302, b"", {"Location": target}))
    error = await outcome(url_rig.backend(), url_rig.drawing())
    assert isinstance(error, Down)
    assert len(url_rig.cdn.heard) == 1


async def test_s11_two_redirects_are_followed_and_three_are_not(url_rig: Rig) -> None:
    first, second = Reply(302, b"", {"Location": "/1"}), Reply(307, b"", {"Location": f"{url_rig.cdn.url}/2"})
    url_rig.cdn.script(first, second, Reply(200, PNG))
    drawn = await outcome(url_rig.backend(), url_rig.drawing())
    assert isinstance(drawn, Drawn)
    assert drawn.pictures == (PNG,)
    url_rig.cdn.always(first)
    assert isinstance(await outcome(url_rig.backend(), url_rig.drawing()), Down)
    assert len(url_rig.cdn.heard) == 6


PICTURE_FAULTS: dict[str, Raw | Reply] = {
    "hang": hang,
    "drip": drip(PNG + bytes(1000)),
    "reset": reset,
    "cut off": cut_off(PNG, 20),
    "endless": endless(PNG[:20]),
    "html": Reply(200, b"<html>"),
    "empty": Reply(200),
    "gif": Reply(200, b"GIF89a...."),
    "expired": Reply(403),
    "gone": Reply(404),
    "error": Reply(500),
    "packed": Reply(200, PNG, {"Content-Encoding": "gzip"}),
}


@pytest.mark.parametrize("fault", PICTURE_FAULTS.values(), ids=PICTURE_FAULTS)
async def test_s12_s13_s15_f29_a_picture_that_cannot_be_fetched_is_down(url_rig: Rig, fault: Raw | Reply) -> None:
    url_rig.cdn.always(fault)
    error = await asyncio.wait_for(outcome(url_rig.backend(timeout_seconds=3.0), url_rig.drawing()), 30)
    assert isinstance(error, Down)
    assert error.maybe_charged
    assert url_rig.provider.paid == 1


async def test_a_picture_is_fetched_again_when_its_host_stumbles(url_rig: Rig) -> None:
    url_rig.cdn.script(reset, Reply(502))
    drawn = await outcome(url_rig.backend(), url_rig.drawing())
    assert isinstance(drawn, Drawn)
    assert url_rig.provider.paid == 1


async def test_after_a_crash_while_fetching_nothing_is_paid_twice(url_rig: Rig) -> None:
    url_rig.cdn.always(hang)
    report = Told()
    task = asyncio.create_task(url_rig.backend().generate(url_rig.drawing(7), "", report))
    await url_rig.cdn.has_heard(7)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    url_rig.cdn.always(None)
    drawn = await url_rig.backend().generate(url_rig.drawing(7), report.tasks[-1], Told())
    assert len(drawn.pictures) == 7
    assert url_rig.provider.paid == 7


async def test_what_another_backend_remembered_is_not_taken_up(url_rig: Rig) -> None:
    report = Told()
    await url_rig.backend(name="other").generate(url_rig.drawing(), "", report)
    for resume in (report.tasks[-1], "{", "[]", '{"backend": "hive"}', '{"backend": "imagepipeline", "calls": 3}'):
        assert len((await url_rig.backend().generate(url_rig.drawing(), resume, Told())).pictures) == 1
    assert url_rig.provider.paid == 6


# -- secrets

ECHO = json.dumps({"message": "bad key", "headers": {"Authorization": f"Bearer {CANARY}", "API-Key": CANARY}}).encode()
LEAKY: dict[str, Raw | Reply] = {
    **{str(code): Reply(code, ECHO) for code in (400, 401, 402, 403, 404, 405, 408, 409, 422, 429, 451, 500, 503)},
    "200": Reply(200, ECHO),
    "failure": Reply(200, json.dumps({"status": "FAILURE", "message": f"nsfw {CANARY}"}).encode()),
    "cut inside the key": Reply(500, b"x" * 190 + CANARY.encode()),
    "reset": reset,
    "hang": hang,
    "cut off": cut_off(ECHO, 100),
    "no http": say([CANARY.encode() + b"\r\n\r\n"]),
    "bad header": say([b"HTTP/1.1 200 OK\r\n" + CANARY.encode() + b"\r\n\r\n"]),
}


@pytest.mark.parametrize("fault", LEAKY.values(), ids=LEAKY)
async def test_s19_no_key_is_in_any_log_error_reply_or_task(
    rig: Rig,
    fault: Raw | Reply,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(preflight, "PROBE_SECONDS", 0.3)
    caplog.set_level(logging.DEBUG)
    rig.api.always(fault)
    report = Told()
    backend = rig.backend(timeout_seconds=0.2)
    error = await outcome(backend, rig.drawing(), report)
    assert isinstance(error, BackendError)
    said = [error.detail, str(error), repr(error), *traceback.format_exception(error), await backend.probe()]
    said += [*report.tasks, caplog.text, *capfd.readouterr(), repr(backend), repr(getattr(backend, "_wire", ""))]
    assert CANARY[:12] not in "\n".join(said)


async def test_no_cookie_is_kept_between_two_peoples_requests(rig: Rig) -> None:
    backend = rig.backend()
    rig.api.script(Reply(400, b"", {"Set-Cookie": "who=first; Path=/"}))
    await outcome(backend, rig.drawing())
    await outcome(backend, rig.drawing())
    assert "cookie" not in rig.api.heard[1].headers


async def test_s19_a_key_is_sent_to_the_provider_alone(url_rig: Rig) -> None:
    await url_rig.backend().generate(url_rig.drawing(2), "", Told())
    assert all(CANARY not in json.dumps(dict(heard.headers)) for heard in url_rig.cdn.heard)
