"""The bot's way to a replica: both real, over a real socket, without a cluster; and what a cluster may do to it."""

import asyncio
import contextlib
import json
import socket
import struct
import subprocess
import sys
import textwrap
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import uvicorn
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.routing import Route

from adapters.backends.diffusers import wire as frames
from adapters.backends.ray import wire
from adapters.backends.ray.backend import RayBackend
from adapters.backends.ray.replica import Replica
from bot.errors import BackendError, Broken, Busy, Down, Rejected
from bot.model import Capabilities, Drawing, Drawn, Range, Size, Stage
from bot.ports import Backend, Report
from tests.fakes import CAPABILITIES, FakeBackend, Notes, png
from tests.standins.wire import Reply, Server, json_reply

FOX = Drawing("a red fox", Size(64, 64), 2, negative_prompt="blur", steps=4, guidance=5.0, seed=11)
INTRODUCTION = {"version": wire.VERSION, "capabilities": wire.to_plain(CAPABILITIES)}


class Painter(FakeBackend):
    """Shows a preview on the way."""

    async def generate(self, request: Drawing, resume: str, report: Report) -> Drawn:
        await report.preview(1, b"small")
        return await super().generate(request, resume, report)


async def opened(url: str, **options: object) -> RayBackend:
    """From another thread: it asks the cluster at once, which is a server of this event loop here."""
    return await asyncio.to_thread(lambda: RayBackend("cards", url=url, **options))  # type: ignore[arg-type] # as given


@contextlib.asynccontextmanager
async def serving(replica: Replica, port: int = 0) -> AsyncIterator[str]:
    listening = socket.create_server(("127.0.0.1", port))
    app = Starlette(routes=[Route("/{path:path}", replica.answer, methods=["GET", "POST"])])
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off", timeout_graceful_shutdown=1))
    server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign, assignment] # signals are pytest's
    task = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        await task


@contextlib.asynccontextmanager
async def both(painter: Backend, **options: object) -> AsyncIterator[RayBackend]:
    async with serving(Replica(painter, replicas=3)) as url:
        backend = await opened(url, **options)
        try:
            yield backend
        finally:
            await backend.close()


@contextlib.asynccontextmanager
async def strange_cluster(*answers: object, **options: object) -> AsyncIterator[RayBackend]:
    """One that introduces itself and then answers a drawing as told."""

    async def introduce(_: object) -> Reply:
        return json_reply(INTRODUCTION)

    async with Server(introduce) as server:
        backend = await opened(server.url, **options)
        server.script(*answers)  # type: ignore[arg-type] # Reply or Raw
        try:
            yield backend
        finally:
            await backend.close()


async def test_pictures_seeds_progress_and_previews_come_as_the_replica_has_them() -> None:
    painter, notes = Painter(), Notes()
    async with both(painter) as backend:
        port: Backend = backend
        drawn = await port.generate(FOX, "", notes)
        assert drawn == await FakeBackend().generate(FOX, "", _Deaf())
        assert painter.drawn == [FOX]
        assert notes.steps[-1] == (4, 4)
        assert notes.previews == [(1, b"small")]
        assert await port.probe() == ""


class _Deaf(Notes):
    async def remember(self, task: str) -> None:
        """As the fake wants it."""


async def test_it_can_what_the_cluster_can_as_often_at_once_as_there_are_replicas() -> None:
    async with both(FakeBackend(), timeout_seconds=77.0, price_per_image=0.25) as backend:
        expected = replace(CAPABILITIES, at_once=12, timeout_seconds=77.0, price_per_image=0.25)
        assert backend.capabilities == expected


async def test_a_cluster_that_comes_up_later_is_asked_again() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    backend = await opened(f"http://127.0.0.1:{port}")
    assert backend.capabilities.default_size == Size(1024, 1024)
    async with serving(Replica(FakeBackend()), port):
        backend._asked_at = float("-inf")
        async with asyncio.timeout(30):
            while backend.capabilities.default_size != Size(64, 64):
                await asyncio.sleep(0.02)
        await backend.close()


async def test_a_cancelled_request_leaves_the_replica_at_once_and_one_that_is_done_is_counted() -> None:
    slow = FakeBackend(seconds=400.0)
    replica = Replica(slow)
    async with serving(replica) as url:
        backend = await opened(url)
        notes = Notes()
        task = asyncio.create_task(backend.generate(FOX, "", notes))
        async with asyncio.timeout(30):
            await notes.moved.wait()
            assert replica.introduction()["requests"] == {"drawing": 1, "ended": 0, "cancelled": 0}
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            while slow.running:
                await asyncio.sleep(0.01)
        slow.seconds = 0.0
        await backend.generate(FOX, "", Notes())
        assert replica.introduction()["requests"] == {"drawing": 0, "ended": 1, "cancelled": 1}
        await backend.close()


@pytest.mark.parametrize(
    "error",
    [
        Busy("full", retry_after=2.5),
        Busy("full"),
        Down("gone"),
        Down("the model folder is missing", until_fixed=True),
        Rejected("no", stage=Stage.PICTURE),
        Broken("a bug"),
    ],
    ids=repr,
)
async def test_every_error_of_the_engine_arrives_as_it_was(error: BackendError) -> None:
    async with both(FakeBackend(plan=[error])) as backend:
        with pytest.raises(type(error)) as caught:
            await backend.generate(FOX, "", Notes())
    names = ("detail", "retry_after", "until_fixed", "stage")
    told = {name: getattr(error, name) for name in names if hasattr(error, name)}
    assert {name: getattr(caught.value, name) for name in told} == told


async def test_a_bug_in_the_replica_ends_one_request_in_words() -> None:
    class Bug(FakeBackend):
        async def generate(self, request: Drawing, resume: str, report: Report) -> Drawn:
            raise ZeroDivisionError("oh")

    async with both(Bug()) as backend:
        with pytest.raises(Broken, match="ZeroDivisionError"):
            await backend.generate(FOX, "", Notes())


async def test_a_token_is_asked_for_and_a_wrong_one_closes_the_backend_until_it_is_mended() -> None:
    async with serving(Replica(FakeBackend(), token="right")) as url:
        for token in ("", "wrong", "righ", "right1"):
            backend = await opened(url, token=token)
            assert "IMAGINE_RAY_TOKEN" in await backend.probe()
            with pytest.raises(Down) as caught:
                await backend.generate(FOX, "", Notes())
            assert caught.value.until_fixed
            await backend.close()
        backend = await opened(url, token="right")
        assert await backend.probe() == ""
        assert len((await backend.generate(FOX, "", _Deaf())).pictures) == 2
        await backend.close()


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"drawing": {"prompt": "x"}}', b"x" * (1 << 21)], ids=len)
async def test_what_is_no_drawing_is_refused_by_the_replica(body: bytes) -> None:
    import httpx

    async with serving(Replica(FakeBackend())) as url, httpx.AsyncClient(trust_env=False) as client:
        assert (await client.post(url + "/draw", content=body)).status_code == 400
        assert (await client.get(url + "/draw")).status_code == 405


# -- what goes wrong on the way


def frame(message: dict[str, object], *blobs: bytes) -> bytes:
    return frames.pack(message, blobs)


def cut_off(after: bytes) -> object:
    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        if after:
            writer.write(b"%x\r\n%s\r\n" % (len(after), after))
        await writer.drain()

    return answer


def silent(after: bytes) -> object:
    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n" % (len(after), after))
        await writer.drain()
        await asyncio.sleep(600)

    return answer


ALIVE = frame({"what": "alive"})
DRAWN = frame({"what": "drawn", "seeds": [1, 2], "missing": 0}, png(), png())


@pytest.mark.parametrize(
    "after", [b"", ALIVE, ALIVE + DRAWN[:40], DRAWN[:-1], struct.pack(">II", 1 << 30, 0)], ids=len
)
async def test_f06_an_answer_that_breaks_off_is_a_failed_attempt(after: bytes) -> None:
    async with strange_cluster(cut_off(after)) as backend:
        with pytest.raises(Down) as caught:
            await backend.generate(FOX, "", Notes())
    assert (caught.value.until_fixed, caught.value.maybe_charged) == (False, False)


async def test_f23_a_cluster_that_says_nothing_any_more_is_given_up_before_the_whole_time_is_over() -> None:
    async with strange_cluster(silent(ALIVE), silence_seconds=0.3) as backend:
        async with asyncio.timeout(60):
            with pytest.raises(Down, match="broke off"):
                await backend.generate(FOX, "", Notes())


async def test_a_request_that_waits_for_a_replica_keeps_its_place_and_no_attempt_is_counted() -> None:
    async with strange_cluster(Reply(200, delay=600), timeout_seconds=1.0, silence_seconds=0.1) as backend:
        with pytest.raises(Busy, match="no replica"):
            await backend.generate(FOX, "", Notes())


async def test_f23_a_replica_that_only_says_it_is_alive_is_given_up_when_the_time_is_over() -> None:
    async with both(FakeBackend(seconds=400.0), timeout_seconds=0.5) as backend:
        with pytest.raises(Down, match=r"not drawn within 0\.5 s"):
            await backend.generate(FOX, "", Notes())


async def test_f21_a_cluster_that_cannot_be_reached_is_busy_so_the_request_keeps_its_place() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    backend = await opened(f"http://127.0.0.1:{port}")
    with pytest.raises(Busy) as caught:
        await backend.generate(FOX, "", Notes())
    assert caught.value.retry_after
    line = await backend.probe()
    assert str(port) in line
    assert "cannot be reached" in line
    await backend.close()


@pytest.mark.parametrize(
    ("status", "kind", "until_fixed"),
    [
        (503, Busy, None),
        (429, Busy, None),
        (500, Down, False),
        (502, Down, False),
        (401, Down, True),
        (404, Busy, None),
        (405, Down, True),
        (302, Down, False),
        (400, Broken, None),
        (422, Broken, None),
    ],
)
async def test_each_status_is_sorted_by_what_to_do_next(
    status: int, kind: type[BackendError], until_fixed: bool | None
) -> None:
    async with strange_cluster(Reply(status, b"No deployments\nsecret-token here"), token="secret-token") as backend:
        with pytest.raises(kind) as caught:
            await backend.generate(FOX, "", Notes())
    assert getattr(caught.value, "until_fixed", None) == until_fixed
    assert "secret-token" not in caught.value.detail


NONSENSE = [
    {"what": "drawn"},
    {"what": "drawn", "seeds": ["x"], "missing": 0},
    {"what": "progress", "step": "much"},
    {"what": "failed", "kind": "Rejected", "detail": "", "stage": "never"},
    {},
]


@pytest.mark.parametrize("message", NONSENSE, ids=json.dumps)
async def test_f24_nonsense_in_an_answer_is_a_failed_attempt(message: dict[str, object]) -> None:
    async with strange_cluster(Reply(200, frame(message))) as backend:
        with pytest.raises(Down):
            await backend.generate(FOX, "", Notes())


@pytest.mark.parametrize(
    "answer",
    [Reply(200, b"<html>"), json_reply({"version": 99}), json_reply([]), Reply(404, b"no such route")],
    ids=["page", "other version", "list", "nothing there"],
)
async def test_check_tells_something_else_at_the_address_from_a_replica(answer: Reply) -> None:
    async with strange_cluster(answer) as backend:
        assert "serve run" in await backend.probe()


sides = st.integers(1, 4096)
ranges = st.builds(lambda low, high: Range(low, low + high), sides, sides)
sizes = st.builds(Size, sides, sides)


@given(
    st.builds(
        Capabilities,
        default_size=sizes,
        sizes=st.lists(sizes, max_size=3).map(tuple),
        side=ranges,
        steps=st.none() | ranges,
        guidance=st.none() | ranges,
        seed=st.none() | ranges,
        max_tokens=st.none() | sides,
    )
)
def test_capabilities_survive_the_wire(capabilities: Capabilities) -> None:
    assert wire.from_plain(json.loads(json.dumps(wire.to_plain(capabilities)))) == capabilities


def test_neither_ray_nor_torch_is_imported_where_people_are_answered() -> None:
    code = """
        import sys
        from adapters.factory import build_backend
        from bot.settings import BackendSettings
        build_backend(BackendSettings("cards", "ray", url="http://127.0.0.1:1/"))
        assert not {"ray", "torch", "diffusers", "starlette"} & set(sys.modules), "heavy"
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
        check=False,
    )
    assert (done.returncode, done.stderr.count("Traceback")) == (0, 0), done.stderr
