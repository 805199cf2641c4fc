"""`imagine-bot draw --backend NAME` and `imagine-bot check` against each provider's stand-in."""

import asyncio
import json
import sqlite3
import subprocess
import urllib.request
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from PIL import Image

from tests import program
from tests.contract.hosted import CANARY, KINDS, WITH_URLS, Rig, rigged
from tests.standins.providers import ImagePipeline
from tests.standins.wire import Reply, Server, json_reply

STORE = """
[store]
url = "sqlite:///data/imagine.db"
images = "data/images"
[web]
port = {port}
"""
BACKEND = """
[backends.{name}]
kind = "{kind}"
url = "{url}"
key_env = "{key_env}"
{hosts}
"""
KEYS = {"RIGHT_KEY": CANARY, "WRONG_KEY": f"{CANARY}-not"}


def configure(folder: Path, rig: Rig, backends: Mapping[str, tuple[str, str]]) -> int:
    """``backends``: name to url and the key's variable."""
    port = program.free_port()
    hosts = f'image_hosts = ["{rig.cdn.host}"]' if rig.kind in WITH_URLS else ""
    tables = [
        BACKEND.format(name=name, kind=rig.kind, url=url, key_env=key_env, hosts=hosts)
        for name, (url, key_env) in backends.items()
    ]
    (folder / "imagine.toml").write_text(STORE.format(port=port) + "".join(tables))
    return port


async def call(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Nothing that the program writes, wherever, may hold a key."""
    done = await asyncio.to_thread(program.call, *arguments, cwd=folder, env=KEYS, seconds=60)
    files = [file.read_bytes() for file in folder.rglob("*") if file.is_file()]
    for written in (done.stdout, done.stderr, *(data.decode("latin-1") for data in files)):
        assert CANARY[:14] not in written
    return done


@pytest.mark.parametrize("kind", KINDS)
async def test_draw_with_a_named_backend_pays_for_what_it_writes(kind: str, tmp_path: Path) -> None:
    async with rigged(kind) as rig:
        configure(tmp_path, rig, {"first": (rig.api.url + "/elsewhere", "RIGHT_KEY"), "named": (rig.url, "RIGHT_KEY")})
        size = "512x512" if kind == "imagepipeline" else "1024x1024"
        done = await call(tmp_path, "draw", f"a fox --count 2 --size {size}", "--backend", "named", "-o", "out")
        assert done.returncode == 0, done.stderr
        assert rig.provider.paid == 2
        assert {heard.path for heard in rig.api.heard} == {rig.provider.path}
    for line in done.stdout.splitlines():
        with Image.open(tmp_path / line) as image:
            assert f"{image.width}x{image.height}" == size
    assert len(list((tmp_path / "out").glob("*.png"))) == 2


@pytest.mark.parametrize("kind", KINDS)
async def test_check_tells_a_wrong_key_no_credit_no_network_and_a_wrong_url_apart_for_nothing(
    kind: str, tmp_path: Path
) -> None:
    async def paused(_: object) -> Reply:
        return json_reply({"message": "out of credit"}, 402)

    async with rigged(kind) as rig, Server(paused) as poor:
        backends = {
            "good": (rig.url, "RIGHT_KEY"),
            "stranger": (rig.url, "WRONG_KEY"),
            "poor": (poor.url + rig.provider.path, "RIGHT_KEY"),
            "unplugged": ("http://127.0.0.1:1/", "RIGHT_KEY"),
            "lost": (rig.api.url + "/elsewhere", "RIGHT_KEY"),
            "keyless": (rig.url, "NO_KEY"),
        }
        configure(tmp_path, rig, backends)
        done = await call(tmp_path, "check")
        assert rig.provider.paid == 0
    lines = [line for line in done.stdout.splitlines() if "backend " in line]
    said = {line.split(":")[0].split()[-1]: line for line in lines}
    assert done.returncode == 1
    assert said["good"].startswith("ok")
    expected = {
        "stranger": "refuses the key",
        "poor": "out of credit",
        "unplugged": "cannot be reached",
        "lost": "Check the configured `url`",
        "keyless": "NO_KEY",
    }
    for name, words in expected.items():
        assert said[name].startswith("FAIL")
        assert words in said[name]
    assert len({said[name].split(": ", 1)[1] for name in said}) == len(backends)


async def test_f20_draw_beside_a_running_bot_keeps_the_pause_that_its_key_was_told(tmp_path: Path) -> None:
    """The small command takes its turns from the bot that has the store."""
    async with rigged("hive") as rig:
        port = configure(tmp_path, rig, {"hive": (rig.url, "RIGHT_KEY")})
        rig.api.script(Reply(429, b"{}", {"Retry-After": "3000"}))
        async with running(tmp_path, port):
            for _ in range(2):
                done = await call(tmp_path, "draw", "a fox", "--backend", "hive", "-o", "out")
                assert done.returncode == 1
                assert "busy" in done.stderr
                assert done.stderr.count("\n") == 1
        assert len(rig.api.heard) == 1
        after = await call(tmp_path, "draw", "a fox", "--backend", "hive", "-o", "out")
        assert after.returncode == 1
        assert len(rig.api.heard) == 1


async def test_draw_without_the_store_calls_no_provider_and_says_why(tmp_path: Path) -> None:
    async with rigged("ovh") as rig:
        configure(tmp_path, rig, {"ovh": (rig.url, "RIGHT_KEY")})
        (tmp_path / "data").write_text("no folder")
        done = await call(tmp_path, "draw", "a fox", "-o", "out")
        assert done.returncode == 1
        assert done.stderr.count("\n") == 1
        assert rig.api.heard == []
        checked = await call(tmp_path, "check")
        assert checked.returncode == 1
        assert [line[:4] for line in checked.stdout.splitlines() if "backend ovh" in line] == ["ok  "]


async def test_f06_f28_after_kill_9_polling_goes_on_and_nothing_is_paid_twice(tmp_path: Path) -> None:
    async with rigged("imagepipeline") as rig:
        assert isinstance(rig.provider, ImagePipeline)
        rig.provider.patience = 10**9
        port = configure(tmp_path, rig, {"pipe": (rig.url, "RIGHT_KEY")})
        made = await call(tmp_path, "api-key", "create", "tests")
        key = made.stdout.split()[-1]
        async with running(tmp_path, port) as bot:
            asked = asyncio.create_task(asyncio.to_thread(ask, port, key))
            async with asyncio.timeout(60):
                while not any(rig.provider.asked.values()):
                    await asyncio.sleep(0.02)
            bot.process.kill()
            with pytest.raises(OSError):
                await asked
        rig.provider.patience = 1
        async with running(tmp_path, port):
            async with asyncio.timeout(60):
                while await asyncio.to_thread(states, tmp_path) != ["delivered"]:
                    await asyncio.sleep(0.05)
        assert rig.provider.paid == 1
        assert len([heard for heard in rig.api.heard if heard.method == "POST"]) == 1


@asynccontextmanager
async def running(folder: Path, port: int) -> AsyncIterator[program.Program]:
    """With this event loop free meanwhile: the providers' stand-ins live in it."""
    manager = program.running(folder, "run", port=port, env=KEYS)
    bot = await asyncio.to_thread(manager.__enter__)
    try:
        yield bot
    finally:
        await asyncio.to_thread(manager.__exit__, None, None, None)


def ask(port: int, key: str) -> None:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/v1/images/generations",
        json.dumps({"prompt": "a fox", "size": "512x512"}).encode(),
        {"authorization": f"Bearer {key}", "content-type": "application/json", "idempotency-key": "once"},
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        answer.read()


def states(folder: Path) -> list[str]:
    connection = sqlite3.connect(f"file:{folder / 'data' / 'imagine.db'}?mode=ro", uri=True)
    try:
        return [state for (state,) in connection.execute("SELECT state FROM jobs")]
    finally:
        connection.close()
