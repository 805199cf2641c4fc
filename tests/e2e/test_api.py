"""The HTTP API as programs meet it: the real server, the real store, the official client."""

import asyncio
import base64
import io
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
import pytest_asyncio
from PIL import Image

from adapters.chat.web.api.work import drop_lost
from bot.errors import Down, Rejected
from bot.model import Breaker, JobState, Person, Place, QuotaSettings, Stage, Tier
from bot.steps import Switch, Switches
from tests.fakes import FakeBackend
from tests.house import TestHouse, open_house
from tests.programs import Mode, ask, job_in, jobs_of, new_key, official, plain, served
from tests.web import PatientBackend, Site, open_site

PROMPT = "a red fox in snow"
PLACE = Place("api", "v1")
OPERATOR = Person("web:operator:night", groups=("web:operators",))


@pytest_asyncio.fixture
async def house(tmp_path: Path) -> AsyncIterator[TestHouse]:
    async with open_house(tmp_path) as opened:
        yield opened


@pytest_asyncio.fixture
async def site(house: TestHouse) -> AsyncIterator[Site]:
    async with open_site(house) as opened:
        yield opened


@pytest_asyncio.fixture
async def client(site: Site) -> AsyncIterator[Any]:
    async with official(site, await new_key(site.house)) as made:
        yield made


def size_of(picture: bytes) -> tuple[int, int]:
    with Image.open(io.BytesIO(picture)) as image:
        return image.size


# -- pictures


async def test_the_official_client_gets_the_pictures_it_asks_for(client: Any, house: TestHouse) -> None:
    answer = await client.images.generate(prompt=PROMPT, n=3, size="64x64", extra_body={"seed": 5, "steps": 7})
    assert [size_of(base64.b64decode(each.b64_json)) for each in answer.data] == [(64, 64)] * 3
    assert [each.seed for each in answer.data] == [5, 6, 7]
    assert (answer.size, answer.output_format, answer.model) == ("64x64", "png", "sketch")
    [job] = await jobs_of(house)
    assert (job.state, job.request.steps, job.origin.person.key) == (JobState.DELIVERED, 7, "api:key:ci")


async def test_a_link_holds_without_a_key_and_for_that_picture_only(client: Any, site: Site) -> None:
    answer = await client.images.generate(prompt=PROMPT, n=2, response_format="url")
    first, second = (str(each.url) for each in answer.data or [])
    async with httpx.AsyncClient(trust_env=False) as anybody:
        assert size_of((await anybody.get(first)).content) == (64, 64)
        swapped = second.partition("?")[0] + "?" + first.partition("?")[2]
        for forged in (swapped, first.replace("until=1", "until=2"), first[:-1], first.partition("?")[0]):
            assert (await anybody.get(forged)).status_code == 404
        await site.house.store.revoke_api_key("ci", 1.0)
        assert (await anybody.get(first)).status_code == 404


async def test_s38_a_link_expires(client: Any, site: Site) -> None:
    url = str((await client.images.generate(prompt=PROMPT, response_format="url")).data[0].url)
    until = int(httpx.URL(url).params["until"])
    assert 0 < until - site.house.core.clock.now() <= 12 * 3600


async def test_a_size_nobody_has_goes_to_the_nearest_and_the_answer_says_so(client: Any) -> None:
    answer = await client.images.generate(prompt=PROMPT, size="16384x16384")
    assert "16384x16384" in answer.notes[0]
    assert "2048x2048" in answer.notes[0]


async def test_the_models_are_the_backends(client: Any) -> None:
    assert [model.id async for model in client.models.list()] == ["sketch"]
    assert (await client.models.retrieve("sketch")).object == "model"
    with pytest.raises(openai.NotFoundError, match="sketch"):
        await client.models.retrieve("nothing")


# -- streams


async def test_a_stream_sends_partial_pictures_and_then_the_finished_ones(tmp_path: Path) -> None:
    backend = PatientBackend()
    async with served(tmp_path, backend) as site, official(site, await new_key(site.house)) as client:
        events = []
        async for event in await client.images.generate(prompt=PROMPT, stream=True, n=2, size="64x64"):
            events.append(event)
            backend.go.set()
    kinds = [(event.type.removeprefix("image_generation."), event.index) for event in events]
    assert kinds == [("partial_image", 0), ("completed", 0), ("completed", 1)]
    assert size_of(base64.b64decode(events[0].b64_json)) == (32, 32)
    assert size_of(base64.b64decode(events[1].b64_json)) == (64, 64)
    assert (events[0].partial_image_index, events[1].usage.total_tokens) == (0, 0)


async def test_without_partial_images_a_stream_has_the_finished_one_alone(client: Any) -> None:
    stream = await client.images.generate(prompt=PROMPT, stream=True, partial_images=0)
    assert [event.type async for event in stream] == ["image_generation.completed"]


async def test_a_stream_that_fails_ends_with_an_error(tmp_path: Path) -> None:
    backend = FakeBackend(plan=[Rejected("no", stage=Stage.PROMPT)], seconds=0.2)
    async with served(tmp_path, backend) as site, official(site, await new_key(site.house)) as client:
        with pytest.raises(openai.APIError, match="moderation refused the prompt"):
            async for _ in await client.images.generate(prompt=PROMPT, stream=True):
                pass


async def test_a_stream_that_is_asked_for_again_ends_with_an_error_where_its_picture_is_lost(site: Site) -> None:
    streamed = {"prompt": PROMPT, "stream": True}
    async with plain(site, await new_key(site.house)) as client:
        assert b"image_generation.completed" in (await ask(client, streamed, "k")).content
        [job] = await jobs_of(site.house)
        [picture] = await site.house.store.pictures_of(job.id)
        await site.house.pictures.delete(picture.sha256)
        async with asyncio.timeout(5):
            again = await ask(client, streamed, "k")
    assert b'"internal_error"' in again.content


# -- refusals


async def test_only_a_key_in_use_is_let_in(site: Site) -> None:
    key = await new_key(site.house)
    for wrong in ("x", "imagine_nothing", key[:-1], key + "x"):
        async with plain(site, wrong) as client:
            answer = await ask(client)
            assert (answer.status_code, answer.json()["error"]["code"]) == (401, "invalid_api_key")
            assert answer.headers["www-authenticate"].startswith("Bearer")
            assert (await client.get("/v1/models", headers={"authorization": ""})).status_code == 401
    async with plain(site, key) as client:
        assert (await client.get("/v1/models")).status_code == 200
        await site.house.store.revoke_api_key("ci", 1.0)
        assert (await client.get("/v1/models")).status_code == 401
        assert (await ask(client)).status_code == 401


@pytest.mark.parametrize(
    ("fields", "param", "words"),
    [
        ({"n": 11}, "n", "1 to 10"),
        ({"n": 0}, "n", "1 to 10"),
        ({"n": "2"}, "n", "whole number"),
        ({"n": 1.5}, "n", "whole number"),
        ({"n": True}, "n", "whole number"),
        ({"steps": 10**400}, "steps", "1 to 100"),
        ({"guidance": 99}, "guidance", "1 to 20"),
        ({"seed": -1}, "seed", "0 to 2147483647"),
        ({"size": "64*64"}, "size", "1024x1024"),
        ({"size": ""}, "size", "1024x1024"),
        ({"size": "16385x64"}, "size", "up to 16384"),
        ({"prompt": " "}, "prompt", "in words"),
        ({"prompt": 5}, "prompt", "text"),
        ({"prompt": "x" * 2001}, "prompt", "2000"),
        ({"prompt": "a\u0000b"}, "prompt", "NUL"),
        ({"model": "nothing"}, "model", "no such model. There are: sketch"),
        ({"style": "noir"}, "style", "No styles"),
        ({"response_format": "gif"}, "response_format", "b64_json"),
        ({"output_format": "webp"}, "output_format", "png"),
        ({"partial_images": 4}, "partial_images", "0 to 3"),
        ({"colour": "red"}, "colour", "no parameter"),
    ],
)
async def test_s07_a_wrong_parameter_is_named_with_its_range_and_costs_nothing(
    site: Site, fields: dict[str, object], param: str, words: str
) -> None:
    async with plain(site, await new_key(site.house)) as client:
        answer = await ask(client, {"prompt": PROMPT, **fields})
    error = answer.json()["error"]
    assert (answer.status_code, error["param"], error["type"]) == (400, param, "invalid_request_error")
    assert words in error["message"]
    assert await jobs_of(site.house) == []


async def test_everything_that_is_wrong_comes_at_once(site: Site) -> None:
    async with plain(site, await new_key(site.house)) as client:
        answer = await ask(client, {"prompt": PROMPT, "n": 20, "steps": 1000, "guidance": 50})
    assert {each["param"] for each in answer.json()["error"]["details"]} == {"n", "steps", "guidance"}


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"prompt": NaN}', b"[" * 50_000, b"\xff\xfe", b'"a fox"'])
async def test_a_body_that_is_no_object_is_refused(site: Site, body: bytes) -> None:
    async with plain(site, await new_key(site.house)) as client:
        answer = await client.post(
            "/v1/images/generations", content=body, headers={"content-type": "application/json"}
        )
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "not_json")


async def test_half_a_pair_of_surrogates_is_refused(site: Site) -> None:
    async with plain(site, await new_key(site.house)) as client:
        for field in ("prompt", "style", "negative_prompt", "x\\ud800"):
            answer = await client.post(
                "/v1/images/generations",
                content=b'{"prompt": "a fox", "%s": "a\\ud800"}' % field.encode(),
                headers={"content-type": "application/json"},
            )
            assert answer.status_code == 400


async def test_a_large_body_is_refused_before_it_is_read(site: Site) -> None:
    key = await new_key(site.house)
    reader, writer = await asyncio.open_connection("127.0.0.1", site.port)
    head = f"POST /v1/images/generations HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n"
    writer.write(f"{head}Content-Type: application/json\r\nContent-Length: 5000000\r\n\r\n".encode())
    await writer.drain()
    assert b" 413 " in await asyncio.wait_for(reader.readline(), 5)
    writer.close()
    async with plain(site, key) as client:

        async def endless() -> AsyncIterator[bytes]:
            for _ in range(100):
                yield b" " * 1000

        answer = await client.post(
            "/v1/images/generations", content=endless(), headers={"content-type": "application/json"}
        )
        assert (answer.status_code, answer.json()["error"]["code"]) == (413, "body_too_large")


async def test_what_is_not_there_is_answered_in_the_same_shape(site: Site) -> None:
    async with plain(site, await new_key(site.house)) as client:
        for method, path, status in (
            ("GET", "/v1/nothing", 404),
            ("GET", "/v1/images/generations", 405),
            ("DELETE", "/v1/models", 405),
            ("GET", "/v1/images/x/0", 404),
        ):
            answer = await client.request(method, path)
            assert (answer.status_code, set(answer.json())) == (status, {"error"})
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert (await client.get("/v1/images/generations")).headers["allow"] == "POST"


async def test_a_prompt_that_a_provider_refuses_is_403(tmp_path: Path) -> None:
    backend = FakeBackend(plan=[Rejected("no", stage=Stage.PROMPT)])
    async with served(tmp_path, backend) as site, official(site, await new_key(site.house)) as client:
        with pytest.raises(openai.PermissionDeniedError) as caught:
            await client.images.generate(prompt=PROMPT)
    assert (caught.value.code, caught.value.param) == ("content_policy_violation", "prompt")


@pytest.mark.parametrize(("mode", "prompt"), [("review-all", PROMPT), ("new-members", PROMPT), ("open", "a castle")])
async def test_a_request_that_a_moderator_would_see_is_cancelled(tmp_path: Path, mode: Mode, prompt: str) -> None:
    async with served(tmp_path, mode=mode) as site, official(site, await new_key(site.house)) as client:
        for stream in (False, True):
            with pytest.raises(openai.PermissionDeniedError) as caught:
                await client.images.generate(prompt=prompt, stream=stream)
            assert caught.value.code == "held_for_review"
        assert {job.state for job in await jobs_of(site.house)} == {JobState.CANCELLED}
        assert (await site.house.store.usage("api:key:ci", site.house.core.day())).images_today == 0
        assert await site.house.moderators.cases(OPERATOR, PLACE) == []


async def test_what_a_rule_or_the_mode_forbids_is_403(tmp_path: Path) -> None:
    async with served(tmp_path) as site, official(site, await new_key(site.house)) as client:
        with pytest.raises(openai.PermissionDeniedError) as caught:
            await client.images.generate(prompt="a forbidden fox")
        assert (caught.value.code, caught.value.param) == ("content_policy_violation", "prompt")
        assert await jobs_of(site.house) == []
    async with served(tmp_path / "closed", mode="closed") as site, official(site, await new_key(site.house)) as client:
        with pytest.raises(openai.PermissionDeniedError) as caught:
            await client.images.generate(prompt=PROMPT)
        assert caught.value.code == "blocked_closed"


async def test_a_key_has_a_persons_quota_and_tiers(tmp_path: Path) -> None:
    quota = QuotaSettings(images_per_day=2, tiers=(Tier("big", images_per_day=3, members=("api:key:big",)),))
    async with open_house(tmp_path, quota=quota) as house, open_site(house) as site:
        async with official(site, await new_key(house)) as client:
            with pytest.raises(openai.RateLimitError) as caught:
                await client.images.generate(prompt=PROMPT, n=3)
            await client.images.generate(prompt=PROMPT, n=2)
        assert caught.value.code == "insufficient_quota"
        assert 0 < int(caught.value.response.headers["retry-after"]) <= 86_400
        async with official(site, await new_key(house, "big")) as client:
            assert len((await client.images.generate(prompt=PROMPT, n=3)).data or []) == 3


async def test_more_waiting_requests_than_allowed_are_429(tmp_path: Path) -> None:
    quota = QuotaSettings(waiting=1)
    async with served(tmp_path, quota=quota, working=False) as site, plain(site, await new_key(site.house)) as client:
        first = asyncio.create_task(ask(client))
        await job_in(site.house, JobState.QUEUED)
        answer = await ask(client)
        assert (answer.status_code, answer.json()["error"]["code"]) == (429, "rate_limit_exceeded")
        assert int(answer.headers["retry-after"]) > 0
        first.cancel()


@pytest.mark.parametrize(("until", "retry"), [(40.0, range(30, 41)), (float("inf"), range(60, 61))])
async def test_while_every_backend_is_closed_the_answer_is_503(site: Site, until: float, retry: range) -> None:
    house = site.house
    await house.core.health.keep(Breaker("sketch", 9, house.core.clock.now() + until, "down"))
    async with official(site, await new_key(house)) as client:
        with pytest.raises(openai.InternalServerError) as caught:
            await client.images.generate(prompt=PROMPT)
        assert [model.available async for model in client.models.list()] == [False]
    assert caught.value.status_code == 503
    assert int(caught.value.response.headers["retry-after"]) in retry
    assert await jobs_of(house) == []


async def test_a_backend_that_stays_down_is_502_and_not_worth_asking_again(tmp_path: Path) -> None:
    backend = FakeBackend(plan=[Down("no", until_fixed=True)])
    spare = FakeBackend("spare", plan=[Down("no", maybe_charged=True), Down("no", maybe_charged=True)])
    spare.capabilities = replace(spare.capabilities, charges=True)
    async with served(tmp_path, backend, spare) as site, official(site, await new_key(site.house)) as client:
        with pytest.raises(openai.InternalServerError) as caught:
            await client.images.generate(prompt=PROMPT)
    assert (caught.value.status_code, caught.value.response.headers["x-should-retry"]) == (502, "false")


async def test_a_paused_bot_takes_nothing_new(site: Site) -> None:
    house = site.house
    await Switches(house.store, house.core.clock).turn(Switch.PAUSED, on=True)
    async with official(site, await new_key(house)) as client:
        with pytest.raises(openai.InternalServerError, match="paused"):
            await client.images.generate(prompt=PROMPT)


# -- the same request twice


async def test_the_same_key_and_body_give_the_same_result(site: Site) -> None:
    async with plain(site, await new_key(site.house)) as client:
        first, second = await ask(client, once="k"), await ask(client, once="k")
        other = await ask(client, {"prompt": "a blue cat"}, once="k")
        assert (first.status_code, first.content) == (200, second.content)
        assert (other.status_code, other.json()["error"]["param"]) == (422, "Idempotency-Key")
        assert len(await jobs_of(site.house)) == 1
        reordered = await ask(client, {"size": "64x64", "prompt": "a red fox"}, once="k")
        assert reordered.content == first.content


async def test_what_was_answered_is_answered_again_while_nothing_new_is_taken(site: Site) -> None:
    house = site.house
    async with plain(site, await new_key(house)) as client:
        first = await ask(client, once="k")
        await Switches(house.store, house.core.clock).turn(Switch.PAUSED, on=True)
        await house.core.health.keep(Breaker("sketch", 9, float("inf"), "down"))
        await asyncio.sleep(1.1)
        assert (await ask(client)).status_code == 503
        again = await ask(client, once="k")
        assert (again.status_code, again.content) == (200, first.content)
        assert (await ask(client, {"prompt": "a cat"}, once="k")).status_code == 422


async def test_twenty_at_once_with_one_key_are_one_request(site: Site) -> None:
    async with plain(site, await new_key(site.house)) as client:
        answers = await asyncio.gather(*(ask(client, once="k") for _ in range(20)))
    assert {(each.status_code, each.content) for each in answers} == {(200, answers[0].content)}
    assert len(await jobs_of(site.house)) == 1


async def test_an_idempotency_key_belongs_to_its_owner(site: Site) -> None:
    for name in ("ci", "other"):
        async with plain(site, await new_key(site.house, name)) as client:
            assert (await ask(client, once="k")).status_code == 200
            assert len(await jobs_of(site.house, name)) == 1


async def test_after_a_restart_the_same_key_gives_the_same_result(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house, open_site(house) as site:
        key = await new_key(house)
        async with plain(site, key) as client:
            first = await ask(client, once="k")
    backend = FakeBackend(plan=[Down("it is not asked again")])
    async with open_house(tmp_path, [backend]) as house, open_site(house) as site, plain(site, key) as client:
        again = await ask(client, once="k")
        assert (again.status_code, again.content) == (200, first.content)
        assert (await ask(client, {"prompt": "other"}, once="k")).status_code == 422
    assert backend.drawn == []


async def test_a_request_cut_off_by_a_stop_is_drawn_after_the_restart(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house, open_site(house, working=False) as site:
        key = await new_key(house)
        async with plain(site, key) as client:
            cut = asyncio.create_task(ask(client, once="k"))
            lost = asyncio.create_task(ask(client))
            while len(await jobs_of(house)) < 2 or (await jobs_of(house))[0].state is not JobState.QUEUED:
                await asyncio.sleep(0.01)
            site.stop.set()
            for answer in (await cut, await lost):
                assert (answer.status_code, answer.json()["error"]["code"]) == (503, "api_stopping")
                assert int(answer.headers["retry-after"]) > 0
            states = sorted(job.state for job in await jobs_of(house))
            assert states == [JobState.CANCELLED, JobState.QUEUED]
    async with open_house(tmp_path) as house, open_site(house) as site, plain(site, key) as client:
        assert (await ask(client, once="k")).status_code == 200


async def test_a_request_lost_between_storing_and_acknowledging_is_asked_anew(site: Site) -> None:
    async with plain(site, await new_key(site.house)) as client:
        studio: Any = site.house.studio
        acknowledged, studio.acknowledged = studio.acknowledged, _never  # as if it crashed between the two
        with pytest.raises(httpx.HTTPError):
            await client.post(
                "/v1/images/generations", json={"prompt": "a boat"}, headers={"idempotency-key": "k"}, timeout=0.5
            )
        studio.acknowledged = acknowledged
        assert await studio.drop_unacknowledged() == 1
        assert (await ask(client, {"prompt": "a boat"}, once="k")).status_code == 200


async def _never(*_: object) -> None:
    await asyncio.sleep(60)


async def test_after_a_crash_only_what_can_be_come_back_for_is_drawn(tmp_path: Path) -> None:
    async with served(tmp_path, working=False) as site, plain(site, await new_key(site.house)) as client:
        asking = [asyncio.create_task(ask(client, once=once)) for once in ("", "k")]
        while [job.state for job in await jobs_of(site.house)] != [JobState.QUEUED] * 2:
            await asyncio.sleep(0.01)
        assert await drop_lost(site.house.store, 1.0) == 1
        assert await drop_lost(site.house.store, 1.0) == 0
        states = {("/once/" in job.key): job.state for job in await jobs_of(site.house)}
        assert states == {True: JobState.CANCELLED, False: JobState.QUEUED}
        for each in asking:
            each.cancel()


async def test_deleted_pictures_are_gone_for_the_same_key(site: Site) -> None:
    async with plain(site, await new_key(site.house)) as client:
        await ask(client, once="k")
        [job] = await jobs_of(site.house)
        await site.house.studio.delete(job.origin.person, job.origin.place, job.id)
        answer = await ask(client, once="k")
    assert (answer.status_code, answer.json()["error"]["code"]) == (410, "gone")


# -- hanging up


@pytest.mark.parametrize("stream", [False, True])
async def test_who_hangs_up_cancels_unless_they_can_come_back(tmp_path: Path, stream: bool) -> None:
    backend = PatientBackend()
    async with open_house(tmp_path, [backend]) as house, open_site(house) as site:
        for name, once in (("gone", ""), ("back", "k")):
            async with plain(site, await new_key(house, name)) as client:
                asking = asyncio.create_task(_asked(client, {"prompt": PROMPT, "stream": stream}, once))
                await job_in(house, JobState.RUNNING, name=name)
                asking.cancel()
                await asyncio.gather(asking, return_exceptions=True)
        cancelled = await job_in(house, name="gone")
        assert cancelled.state is JobState.CANCELLED
        backend.go.set()
        assert (await job_in(house, name="back")).state is JobState.DELIVERED


async def _asked(client: httpx.AsyncClient, body: dict[str, object], once: str) -> None:
    headers = {"idempotency-key": once} if once else {}
    async with client.stream("POST", "/v1/images/generations", json=body, headers=headers) as answer:
        async for _ in answer.aiter_bytes():
            pass


# -- the document


async def test_the_document_names_the_ranges_of_this_house(site: Site) -> None:
    async with httpx.AsyncClient(trust_env=False) as anybody:
        document = json.loads((await anybody.get(f"{site.url}/openapi.json")).content)
    request = document["components"]["schemas"]["Request"]["properties"]
    assert (request["steps"]["minimum"], request["steps"]["maximum"]) == (1, 100)
    assert request["model"]["enum"] == ["sketch", None]
    assert document["servers"] == [{"url": site.url}]
