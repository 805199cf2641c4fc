"""What is particular to one provider's document."""

import asyncio
from collections.abc import AsyncIterator
from typing import ClassVar

import pytest

from adapters.backends.hive import Hive
from adapters.backends.limits import ProcessLimiter, TurnsUnknown, account_of
from bot.errors import BackendError, Broken, Busy, Down, Rejected
from bot.model import Capabilities, Drawn, Range, Size, Stage
from tests.contract.hosted import CANARY, Rig, Told, bodies, drawing, outcome, rigged
from tests.standins.providers import ImagePipeline, png
from tests.standins.stopwatch import Stopwatch
from tests.standins.wire import Reply, drip, hang, json_reply, reset

PNG = png()


pytestmark = pytest.mark.usefixtures("quick")


@pytest.fixture
async def ovh() -> AsyncIterator[Rig]:
    async with rigged("ovh") as made:
        yield made


@pytest.fixture
async def dataoorts() -> AsyncIterator[Rig]:
    async with rigged("dataoorts") as made:
        yield made


@pytest.fixture
async def hive() -> AsyncIterator[Rig]:
    async with rigged("hive") as made:
        yield made


@pytest.fixture
async def imagepipeline() -> AsyncIterator[Rig]:
    async with rigged("imagepipeline") as made:
        yield made


def test_the_documented_addresses_are_built_in() -> None:
    from adapters.backends import dataoorts, hive, imagepipeline, ovh

    assert ovh.URL == "https://stable-diffusion-xl.endpoints.kepler.ai.cloud.ovh.net/api/text2image"
    assert dataoorts.URL == "https://cloud.dataoorts.com/api/v1"
    assert hive.URL == "https://api.thehive.ai/api/v3/stabilityai/sdxl"
    assert imagepipeline.URL == "https://api.imagepipeline.io/sdxl/text2image/v1"


# -- OVH


async def test_ovh_takes_the_two_prompts_and_nothing_else(ovh: Rig) -> None:
    await outcome(ovh.backend(), ovh.drawing(negative_prompt="blur"))
    heard = ovh.api.heard[0]
    assert heard.json() == {"prompt": "a red fox", "negative_prompt": "blur"}
    assert heard.headers["authorization"] == f"Bearer {CANARY}"
    assert heard.headers["accept"] == "application/octet-stream"
    assert heard.headers["accept-encoding"] == "identity"


def test_ovh_says_what_it_cannot_do(ovh: Rig) -> None:
    size = Size(1024, 1024)
    assert ovh.backend(timeout_seconds=9.0, price_per_image=0.01).capabilities == Capabilities(
        default_size=size, sizes=(size,), at_once=64, price_per_image=0.01, charges=True, timeout_seconds=9.0
    )


# -- Dataoorts


async def test_dataoorts_gets_every_option(dataoorts: Rig) -> None:
    asked = dataoorts.drawing(negative_prompt="blur", size=Size(256, 2048), steps=20, guidance=3.5, seed=0)
    assert isinstance(await outcome(dataoorts.backend(), asked), Drawn)
    assert bodies(dataoorts.api)[0]["data"] == {
        "prompt": "a red fox",
        "negative_prompt": "blur",
        "height": 2048,
        "width": 256,
        "num_steps": 20,
        "guidance": 3.5,
        "seed": 0,
    }


def test_dataoorts_names_its_ranges_and_its_price(dataoorts: Rig) -> None:
    can = dataoorts.backend().capabilities
    assert (can.side, can.steps, can.min_prompt, can.price_per_image) == (Range(256, 2048), Range(1, 20), 2, 0.008)
    assert can.images_per_call == 1


# -- Hive


async def test_hive_gets_every_option(hive: Rig) -> None:
    asked = hive.drawing(6, negative_prompt="blur", size=Size(1344, 768), steps=60, guidance=2.0, seed=2147483647)
    drawn = await outcome(hive.backend(output_format="jpeg", output_quality=90), asked)
    assert isinstance(drawn, Drawn)
    assert bodies(hive.api) == [
        {
            "input": {
                "prompt": "a red fox",
                "negative_prompt": "blur",
                "image_size": {"width": 1344, "height": 768},
                "num_inference_steps": 60,
                "guidance_scale": 2.0,
                "num_images": 6,
                "seed": 2147483647,
                "output_format": "jpeg",
                "output_quality": 90,
            }
        }
    ]


async def test_hive_hears_of_a_quality_with_jpeg_only(hive: Rig) -> None:
    assert isinstance(await outcome(hive.backend(output_format="png", output_quality=90), hive.drawing()), Drawn)
    assert bodies(hive.api)[0]["input"]["output_format"] == "png"


async def test_hive_seeds_begin_anew_beyond_the_largest(hive: Rig) -> None:
    assert isinstance(await outcome(hive.backend(), hive.drawing(7, seed=2147483647)), Drawn)
    assert [body["input"]["seed"] for body in bodies(hive.api)] == [2147483647, 5]


def test_hive_names_its_ranges(hive: Rig) -> None:
    can = hive.backend().capabilities
    assert set(can.sizes) == {Size(1344, 768), Size(1280, 960), Size(960, 1280), Size(768, 1344), Size(1024, 1024)}
    assert (can.steps, can.guidance, can.seed) == (Range(1, 60), Range(2, 12), Range(0, 2147483647))
    assert (can.images_per_call, can.requests_per_second) == (6, 5)


async def test_f20_hive_never_hears_more_than_five_requests_in_a_second() -> None:
    limiter = ProcessLimiter()
    with Stopwatch() as provider:
        url = f"http://127.0.0.1:{provider.port}/"
        backends = [Hive(name=name, key=CANARY, url=url, limiter=limiter) for name in ("one", "two")]
        answered = await asyncio.gather(*(outcome(backends[n % 2], drawing()) for n in range(12)))
        for backend in backends:
            await backend.close()
        assert all(isinstance(one, Broken) for one in answered)
        assert len(provider.arrivals) == 12
        assert provider.most_within(1.0) <= 5


async def test_f20_a_turn_that_is_too_far_off_makes_hive_busy_before_anything_is_sent(hive: Rig) -> None:
    for _ in range(100):
        await hive.limiter.take(account_of("hive", CANARY), 0.5, 60.0)
    error = await outcome(hive.backend(timeout_seconds=20.0), hive.drawing())
    assert isinstance(error, Busy)
    assert not isinstance(error, TurnsUnknown)
    assert error.retry_after is not None
    assert error.retry_after > 5
    assert hive.api.heard == []


async def test_f20_a_call_whose_turn_has_passed_waits_for_the_next_one(hive: Rig) -> None:
    """However long the connection took to open, or this process stood still, between turn and sending."""

    class Late(ProcessLimiter):
        asked = 0

        async def take(self, account: str, interval: float, patience: float) -> float:
            self.asked += bool(interval)
            wait = await super().take(account, interval, patience)
            return -5.0 if self.asked == 1 else wait

    limiter = Late()
    assert isinstance(await outcome(hive.backend(limiter=limiter), hive.drawing()), Drawn)
    assert limiter.asked >= 2, "again, if the machine stood still itself"
    assert len(hive.api.heard) == 1


async def test_f20_a_call_whose_turn_has_passed_with_none_left_is_busy_and_not_sent(hive: Rig) -> None:
    class Late(ProcessLimiter):
        answers: ClassVar = [-5.0, 1e6]

        async def take(self, account: str, interval: float, patience: float) -> float:
            return self.answers.pop(0) if interval and self.answers else 0.0

    backend = hive.backend(limiter=Late())
    error = await outcome(backend, hive.drawing())
    assert isinstance(error, Busy)
    assert not error.maybe_charged
    assert hive.api.heard == []
    assert isinstance(await outcome(backend, hive.drawing()), Drawn)


async def test_f20_a_pause_told_while_a_call_waits_for_its_turn_holds_that_call_too(hive: Rig) -> None:
    backend, account = hive.backend(timeout_seconds=20.0), account_of("hive", CANARY)
    await hive.limiter.take(account, 0.5, 60.0)
    waiting = asyncio.create_task(outcome(backend, hive.drawing()))
    await asyncio.sleep(0)
    await hive.limiter.pause(account, 600.0)
    error = await waiting
    assert isinstance(error, Busy)
    assert hive.api.heard == []


@pytest.mark.parametrize(
    ("message", "stage"),
    [
        ("Images did not pass moderation filters.", Stage.PICTURE),
        ("Prompt did not pass moderation filters.", Stage.PROMPT),
        ("Text did not pass moderation filters.", Stage.PROMPT),
        ("Refused.", Stage.UNKNOWN),
    ],
)
async def test_f25_the_stage_that_refused_is_told(hive: Rig, message: str, stage: Stage) -> None:
    hive.api.always(json_reply({"status_code": 451, "message": message}, 451))
    error = await outcome(hive.backend(), hive.drawing())
    assert isinstance(error, Rejected)
    assert error.stage is stage


@pytest.mark.parametrize(("status", "kind"), [(451, Rejected), (429, Busy), (405, Down), (400, Broken), (503, Down)])
async def test_f25_f26_hive_means_the_status_in_the_body_whatever_http_says(
    hive: Rig, status: int, kind: type[BackendError]
) -> None:
    hive.api.always(json_reply({"status_code": status, "message": "Images did not pass moderation filters."}, 200))
    error = await outcome(hive.backend(), hive.drawing())
    assert isinstance(error, kind)
    assert not error.maybe_charged
    assert len(hive.api.heard) == 1 or status == 503


async def test_f25_one_refused_call_of_a_split_request_refuses_it(hive: Rig) -> None:
    hive.api.script(json_reply({"status_code": 451, "message": "Images did not pass moderation filters."}, 451))
    error = await outcome(hive.backend(), hive.drawing(8))
    assert isinstance(error, Rejected)


# -- ImagePipeline


async def test_imagepipeline_gets_every_option(imagepipeline: Rig) -> None:
    backend = imagepipeline.backend(
        model_id="m-1", refiner=True, scheduler="UniPCMultistepScheduler", safety_checker=False, strength=0.0
    )
    asked = imagepipeline.drawing(
        4, negative_prompt="blur", size=Size(512, 768), steps=30, guidance=7.5, seed=12345
    )
    assert isinstance(await outcome(backend, asked), Drawn)
    assert imagepipeline.api.heard[0].headers["api-key"] == CANARY
    assert bodies(imagepipeline.api) == [
        {
            "model_id": "m-1",
            "prompt": "a red fox",
            "negative_prompt": "blur",
            "num_inference_steps": 30,
            "refiner": True,
            "samples": 4,
            "guidance_scale": 7.5,
            "width": 512,
            "height": 768,
            "safety_checker": False,
            "scheduler": "UniPCMultistepScheduler",
            "seed": 12345,
            "strength": 0.0,
        }
    ]


def test_imagepipeline_names_its_ranges(imagepipeline: Rig) -> None:
    can = imagepipeline.backend().capabilities
    assert (can.steps, can.guidance, can.side.high) == (Range(1, 100), Range(1, 20), 768)
    assert (can.images_per_call, can.max_tokens) == (4, 75)


def slow(rig: Rig, patience: int) -> ImagePipeline:
    assert isinstance(rig.provider, ImagePipeline)
    rig.provider.patience = patience
    return rig.provider


async def test_f28_a_pending_task_is_polled_with_the_key_until_it_is_there(imagepipeline: Rig) -> None:
    slow(imagepipeline, 3)
    report = Told()
    drawn = await imagepipeline.backend(poll_seconds=1.0).generate(imagepipeline.drawing(4), "", report)
    assert len(drawn.pictures) == 4
    polls = [heard for heard in imagepipeline.api.heard if heard.method == "GET"]
    assert [poll.path for poll in polls] == ["/sdxl/text2image/v1/status/task-1"] * 3
    assert all(poll.headers["api-key"] == CANARY for poll in polls)
    assert polls[2].at - polls[1].at > polls[1].at - polls[0].at
    assert "task-1" in report.tasks[0]


async def test_f28_the_id_is_remembered_before_the_first_poll(imagepipeline: Rig) -> None:
    slow(imagepipeline, 1)
    order: list[str] = []

    class Watching(Told):
        async def remember(self, task: str) -> None:
            await super().remember(task)
            order.append(f"remembered after {len(imagepipeline.api.heard)}")

    await imagepipeline.backend().generate(imagepipeline.drawing(), "", Watching())
    assert order == ["remembered after 1"]


async def test_f28_pending_for_ever_ends_at_the_deadline_and_is_not_paid_twice(imagepipeline: Rig) -> None:
    provider = slow(imagepipeline, 10**9)
    hurried, report = imagepipeline.backend(timeout_seconds=2.0), Told()
    for _ in range(2):
        resume = report.tasks[-1] if report.tasks else ""
        with pytest.raises(Down) as caught:
            await asyncio.wait_for(hurried.generate(imagepipeline.drawing(), resume, report), 30)
        assert caught.value.maybe_charged
    provider.patience = 1
    drawn = await imagepipeline.backend().generate(imagepipeline.drawing(), report.tasks[-1], report)
    assert len(drawn.pictures) == 1
    assert provider.paid == 1


async def test_f28_trouble_while_polling_is_sat_out(imagepipeline: Rig) -> None:
    provider = slow(imagepipeline, 1)
    pending = json_reply({"status": "PENDING", "id": "task-1"})
    unknown = json_reply({"status": "QUEUED"})
    early = Reply(429, b"", {"Retry-After": "0"})
    trouble = (Reply(404), Reply(503), reset, Reply(200, b"<html>"), unknown, early, pending)

    class Scripting(Told):
        async def remember(self, task: str) -> None:
            imagepipeline.api.script(*trouble)

    drawn = await imagepipeline.backend().generate(imagepipeline.drawing(), "", Scripting())
    assert len(drawn.pictures) == 1
    assert provider.paid == 1
    assert len(imagepipeline.api.heard) == 1 + len(trouble) + 1


async def test_f26_a_key_refused_while_polling_is_down_until_fixed(imagepipeline: Rig) -> None:
    imagepipeline.api.script(json_reply({"status": "PENDING", "id": 7}), Reply(401))
    error = await outcome(imagepipeline.backend(), imagepipeline.drawing())
    assert isinstance(error, Down)
    assert error.until_fixed
    assert error.maybe_charged
    assert imagepipeline.api.heard[1].path.endswith("/status/7")


async def test_a_task_id_cannot_lead_the_poll_elsewhere(imagepipeline: Rig) -> None:
    imagepipeline.api.script(json_reply({"status": "PENDING", "id": "../../x?y#z"}), json_reply({"status": "FAILURE"}))
    await outcome(imagepipeline.backend(), imagepipeline.drawing())
    assert imagepipeline.api.heard[1].path == "/sdxl/text2image/v1/status/..%2F..%2Fx%3Fy%23z"


@pytest.mark.parametrize("polled", [True, False])
async def test_a_failure_says_why_and_the_next_attempt_asks_anew(imagepipeline: Rig, polled: bool) -> None:
    if polled:
        imagepipeline.api.script(json_reply({"status": "PENDING", "id": "t"}))
    imagepipeline.api.script(json_reply({"status": "FAILURE", "message": "no GPU"}))
    backend, report = imagepipeline.backend(), Told()
    error = await outcome(backend, imagepipeline.drawing(), report)
    assert isinstance(error, Down)
    assert not error.until_fixed
    assert "no GPU" in error.detail
    resume = report.tasks[-1] if report.tasks else ""
    assert len((await backend.generate(imagepipeline.drawing(), resume, report)).pictures) == 1


@pytest.mark.parametrize("message", ["NSFW content detected", "flagged by the safety checker"])
async def test_f25_a_failure_for_reasons_of_safety_is_a_rejection(imagepipeline: Rig, message: str) -> None:
    imagepipeline.api.always(json_reply({"status": "FAILURE", "error": message}))
    error = await outcome(imagepipeline.backend(), imagepipeline.drawing())
    assert isinstance(error, Rejected)
    assert error.stage is Stage.PICTURE


async def test_f29_an_expired_url_is_asked_for_once_more(imagepipeline: Rig) -> None:
    provider = slow(imagepipeline, 1)
    imagepipeline.cdn.script(Reply(403))
    drawn = await outcome(imagepipeline.backend(), imagepipeline.drawing())
    assert isinstance(drawn, Drawn)
    assert provider.asked == {"task-1": 2}
    imagepipeline.cdn.always(Reply(403))
    error = await outcome(imagepipeline.backend(), imagepipeline.drawing())
    assert isinstance(error, Down)
    assert provider.asked["task-2"] == 2


# -- pictures, whoever made them


async def test_a_drip_within_the_deadline_ends_at_the_minimum_rate(
    hive: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    from adapters.backends import http

    monkeypatch.setattr(http, "GRACE_SECONDS", 0.1)
    hive.cdn.always(drip(PNG + bytes(100_000)))
    error = await asyncio.wait_for(outcome(hive.backend(timeout_seconds=400.0), hive.drawing()), 60)
    assert isinstance(error, Down)


async def test_the_deadline_keeps_what_is_there_by_then(hive: Rig) -> None:
    hive.cdn.script(hang)
    drawn = await outcome(hive.backend(timeout_seconds=4.0), hive.drawing(3))
    assert isinstance(drawn, Drawn)
    assert (len(drawn.pictures), drawn.missing) == (2, 1)


@pytest.mark.parametrize("entry", ["", "a b:c", "https://cdn.example.com", "host/path", "user@host", "host:port"])
def test_an_image_host_that_is_none_is_refused(hive: Rig, entry: str) -> None:
    with pytest.raises(ValueError):
        hive.backend(image_hosts=(entry,))
