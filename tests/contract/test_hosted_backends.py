"""What every hosted backend promises, each against a stand-in written from its provider's document."""

import asyncio
from typing import Any

import pytest

from bot.errors import BackendError, Broken, Busy, Down, Rejected
from bot.model import Drawn, Stage
from tests.contract.hosted import CANARY, Rig, Told, bodies, outcome, rigged
from tests.standins.wire import Reply, hang, json_reply, say

pytestmark = pytest.mark.usefixtures("quick")


# -- what it draws


async def test_it_draws_the_pictures_asked_for_and_nothing_more_is_paid(rig: Rig) -> None:
    report = Told()
    drawn = await rig.backend().generate(rig.drawing(3), "", report)
    assert len(drawn.pictures) == 3
    assert len(set(drawn.pictures)) == 3
    assert drawn.missing == 0
    assert len(drawn.seeds) == 3
    assert rig.provider.paid == 3
    assert report.steps[-1] == (3, 3)


async def test_ten_pictures_are_split_over_calls_with_seeds_of_their_own(rig: Rig) -> None:
    backend = rig.backend()
    drawn = await backend.generate(rig.drawing(10), "", Told())
    assert len(drawn.pictures) == 10
    assert rig.provider.paid == 10
    per_call = backend.capabilities.images_per_call
    assert len(bodies(rig.api)) == -(-10 // per_call)
    if backend.capabilities.seed:
        said = sorted(seeds_in(bodies(rig.api)))
        assert said == [7 + first for first in range(0, 10, per_call)]
        assert list(drawn.seeds) == [7 + i // per_call * per_call for i in range(10)]


def seeds_in(said: Any) -> list[int]:
    return [{**body, **body.get("input", {}), **body.get("data", {})}["seed"] for body in said]


async def test_three_people_are_drawn_for_side_by_side(rig: Rig) -> None:
    backend = rig.backend()
    assert backend.capabilities.at_once >= 3
    inside = asyncio.Barrier(3)

    async def meet(writer: asyncio.StreamWriter) -> None:
        await inside.wait()
        await say([b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"])(writer)

    rig.api.script(meet, meet, meet)
    outcomes = await asyncio.wait_for(asyncio.gather(*(outcome(backend, rig.drawing()) for _ in range(3))), 20)
    assert all(isinstance(one, Broken) for one in outcomes)


async def test_what_the_person_left_out_is_left_out_of_the_body(rig: Rig) -> None:
    await rig.backend().generate(rig.drawing(), "", Told())
    expected: dict[str, Any] = {
        "ovh": {"prompt": "a red fox"},
        "dataoorts": {
            "model": "stabilityai/stable-diffusion-xl-base-1.0",
            "data": {"prompt": "a red fox", "width": 1024, "height": 1024, "seed": 7},
        },
        "hive": {"input": {"prompt": "a red fox", "num_images": 1, "seed": 7}},
        "imagepipeline": {
            "model_id": "d961a274-658c-4889-8c1a-bf85416cb1c1",
            "prompt": "a red fox",
            "samples": 1,
            "width": 768,
            "height": 768,
            "seed": 7,
        },
    }
    assert bodies(rig.api) == [expected[rig.kind]]


async def test_a_hundred_letters_of_any_script_arrive_as_they_are(rig: Rig) -> None:
    prompt = 'лиса 狐狸 🦊 "quoted" \\ \n' * 5
    await rig.backend().generate(rig.drawing(prompt=prompt, negative_prompt="flou é"), "", Told())
    body = bodies(rig.api)[0]
    fields = body.get("data") or body.get("input") or body
    assert (fields["prompt"], fields["negative_prompt"]) == (prompt, "flou é")


async def test_cancelling_ends_the_call_at_once(rig: Rig) -> None:
    rig.api.always(hang)
    task = asyncio.create_task(rig.backend().generate(rig.drawing(2), "", Told()))
    await rig.api.has_heard(1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, 20)


# -- statuses

UNTIL_FIXED = (401, 402, 403, 404, 405)


@pytest.mark.parametrize("status", UNTIL_FIXED)
async def test_f26_a_wrong_key_or_no_credit_closes_the_backend_and_is_asked_once(rig: Rig, status: int) -> None:
    rig.api.always(json_reply({"message": f"no: {CANARY}"}, status))
    error = await outcome(rig.backend(), rig.drawing())
    assert isinstance(error, Down)
    assert error.until_fixed
    assert not error.maybe_charged
    assert len(rig.api.heard) == 1


@pytest.mark.parametrize("status", [400, 422])
async def test_f27_what_it_cannot_do_is_broken_and_asked_once(rig: Rig, status: int) -> None:
    rig.api.always(json_reply({"detail": "prompt: field required"}, status))
    error = await outcome(rig.backend(), rig.drawing())
    assert isinstance(error, Broken)
    assert "field required" in error.detail
    assert len(rig.api.heard) == 1


@pytest.mark.parametrize("status", [408, 409, 500, 502, 503])
async def test_f21_trouble_that_charges_nothing_is_tried_three_times_and_then_down(rig: Rig, status: int) -> None:
    rig.api.always(Reply(status, b"<html>sorry</html>"))
    error = await outcome(rig.backend(), rig.drawing())
    assert isinstance(error, Down)
    assert not error.until_fixed
    assert not error.maybe_charged
    assert len(rig.api.heard) == 3


async def test_f21_one_hiccup_goes_unnoticed(rig: Rig) -> None:
    rig.api.script(Reply(503), Reply(500))
    drawn = await outcome(rig.backend(), rig.drawing())
    assert isinstance(drawn, Drawn)
    assert rig.provider.paid == 1


async def test_f22_a_gateway_timeout_may_have_been_charged_and_is_asked_once(rig: Rig) -> None:
    rig.api.always(Reply(504))
    error = await outcome(rig.backend(), rig.drawing())
    assert isinstance(error, Down)
    assert error.maybe_charged
    assert len(rig.api.heard) == 1


async def test_f20_429_is_busy_and_names_its_time(rig: Rig) -> None:
    rig.api.always(Reply(429, b"{}", {"Retry-After": "7"}))
    error = await outcome(rig.backend(), rig.drawing())
    assert isinstance(error, Busy)
    assert error.retry_after == 7
    assert len(rig.api.heard) == 1


async def test_f20_429_without_a_time_is_busy_too(rig: Rig) -> None:
    rig.api.always(Reply(429))
    error = await outcome(rig.backend(), rig.drawing())
    assert isinstance(error, Busy)
    assert error.retry_after is None


async def test_f20_while_a_key_is_told_to_wait_nobody_uses_it(rig: Rig) -> None:
    rig.api.script(Reply(429, b"", {"Retry-After": "60"}))
    backend = rig.backend()
    await outcome(backend, rig.drawing())
    error = await outcome(backend, rig.drawing())
    assert isinstance(error, Busy)
    assert error.retry_after is not None
    assert 50 < error.retry_after <= 60
    assert len(rig.api.heard) == 1


async def test_f20_in_the_middle_of_a_split_request_the_rest_is_asked_for_later(rig: Rig) -> None:
    count = rig.backend().capabilities.images_per_call + 1

    async def refuse_late(writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.05)
        await say([b"HTTP/1.1 429 Too Many\r\nRetry-After: 0.2\r\nContent-Length: 0\r\n\r\n"])(writer)

    rig.api.script(refuse_late)
    drawn = await outcome(rig.backend(), rig.drawing(count))
    assert isinstance(drawn, Drawn)
    assert len(drawn.pictures) == count


async def test_f25_451_is_rejected_and_never_asked_again(rig: Rig) -> None:
    rig.api.always(json_reply({"status_code": 451, "message": "Images did not pass moderation filters."}, 451))
    error = await outcome(rig.backend(), rig.drawing())
    assert isinstance(error, Rejected)
    assert error.stage is (Stage.PICTURE if rig.kind == "hive" else Stage.UNKNOWN)
    assert len(rig.api.heard) == 1


@pytest.mark.parametrize("status", range(400, 600))
async def test_every_status_has_a_translation(status: int) -> None:
    async with rigged("dataoorts") as rig:
        rig.api.always(Reply(status))
        error = await outcome(rig.backend(), rig.drawing())
    assert type(error) in {Busy, Down, Rejected, Broken}
    assert isinstance(error, BackendError)
    assert error.detail.startswith(str(status))


async def test_a_redirect_of_the_call_is_not_followed(rig: Rig) -> None:
    rig.api.always(Reply(307, b"", {"Location": rig.cdn.url + "/elsewhere"}))
    error = await outcome(rig.backend(), rig.drawing())
    assert isinstance(error, Down)
    assert not rig.cdn.heard


# -- probe


async def test_a_probe_of_what_works_says_nothing_and_spends_nothing(rig: Rig) -> None:
    assert await rig.backend().probe() == ""
    assert rig.provider.paid == 0


async def test_a_probe_tells_a_wrong_key_from_a_missing_one(rig: Rig) -> None:
    wrong = await rig.backend(key="wrong", key_env="MY_KEY").probe()
    assert "refuses the key (401)" in wrong
    assert "MY_KEY" in wrong
    for key in ("", "  ", "kéy", "two\nlines"):
        missing = await rig.backend(key=key, key_env="MY_KEY").probe()
        assert "has no usable key" in missing
        assert "MY_KEY" in missing


async def test_a_probe_tells_no_credit(rig: Rig) -> None:
    for status in (402, 405) if rig.kind == "hive" else (402,):
        rig.api.script(json_reply({"message": "paused"}, status))
        assert "credit" in await rig.backend().probe()


async def test_a_probe_tells_a_wrong_url(rig: Rig) -> None:
    assert "url" in await rig.backend(url=rig.api.url + "/elsewhere").probe()
    rig.api.script(Reply(200, b"<html>Welcome"))
    assert "url" in await rig.backend().probe()
    rig.api.script(Reply(301, b"", {"Location": "https://example.com"}))
    assert "url" in await rig.backend().probe()


async def test_a_probe_tells_no_network_and_trouble(rig: Rig) -> None:
    assert "cannot be reached" in await rig.backend(url="http://nowhere.invalid/api").probe()
    assert "cannot be reached" in await rig.backend(url="http://127.0.0.1:1/api").probe()
    rig.api.script(Reply(503))
    assert "trouble of its own (503)" in await rig.backend().probe()
    rig.api.script(Reply(429))
    assert await rig.backend().probe() == ""
