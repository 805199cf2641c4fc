"""A bucket's faults, caused on the wire, and what an operator is told of them."""

import asyncio
import socket
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from adapters import check, configuration
from adapters.factory import build_shelf
from adapters.images.files import KeptPictures
from adapters.images.s3 import Bucket, S3Shelf
from adapters.images.shelf import DiskShelf
from bot import replies
from bot.errors import SettingsError, StoreBroken, StoreBusy, StoreError, StoreFull
from bot.model import JobState
from bot.settings import StoreSettings
from tests.contract.stores import open_store
from tests.fakes import FakeBackend
from tests.house import house_on
from tests.standins import s3
from tests.standins.wire import Heard, Raw, Reply, Server

KEY = "AKIDCANARY"
SECRET = "canary-secret"


def said(status: int, code: str) -> Reply:
    body = f"<Error><Code>{code}</Code><Message>as told</Message></Error>".encode()
    return Reply(status, body, {"Content-Type": "application/xml"})


class Passing:
    """Passes everything on to a real server, until it is told to answer something else."""

    def __init__(self, target: str) -> None:
        self.instead: Reply | Raw | None = None
        self._client = httpx.AsyncClient(base_url=target, trust_env=False)

    async def __call__(self, heard: Heard) -> Reply | Raw:
        if self.instead is not None:
            return self.instead
        unwanted = {"host", "content-length", "expect", "connection"}
        headers = {name: value for name, value in heard.headers.items() if name not in unwanted}
        answer = await self._client.request(heard.method, heard.path, headers=headers, content=heard.body)
        kept = {name: value for name, value in answer.headers.items() if name not in {"content-length", "connection"}}
        return Reply(answer.status_code, answer.content, kept)

    async def close(self) -> None:
        await self._client.aclose()


@pytest.fixture
async def broken_server() -> AsyncIterator[Server]:
    async def nothing(_: Heard) -> Reply:
        return Reply(500)

    async with Server(nothing) as server:
        yield server


def at(url: str, *, patience: float = 0.0, silence: float = 10.0) -> S3Shelf:
    bucket = Bucket("pictures", "", url, s3.REGION, KEY, SECRET)
    return S3Shelf(bucket, patience=patience, silence=silence, tries=1)


ANSWERS = [
    (said(403, "AccessDenied"), StoreBroken),
    (said(403, "InvalidAccessKeyId"), StoreBroken),
    (said(403, "SignatureDoesNotMatch"), StoreBroken),
    (said(404, "NoSuchBucket"), StoreBroken),
    (said(400, "InvalidRequest"), StoreBroken),
    (said(500, "InternalError"), StoreBusy),
    (said(503, "SlowDown"), StoreBusy),
    (Reply(502, b"<html>bad gateway</html>"), StoreBusy),
    (said(429, "TooManyRequests"), StoreBusy),
    (said(507, "XMinioStorageFull"), StoreFull),
    (said(403, "QuotaExceeded"), StoreFull),
]


@pytest.mark.parametrize(("answer", "kind"), ANSWERS, ids=[f"{each.status} {kind.__name__}" for each, kind in ANSWERS])
async def test_f65_f67_each_answer_is_sorted_by_what_to_do_next(
    broken_server: Server, answer: Reply, kind: type[StoreError]
) -> None:
    shelf = at(broken_server.url)
    broken_server.always(answer)
    for work in (
        shelf.write("ab", "x", b"y", synced=True),
        shelf.read("ab", "x"),
        shelf.remove("ab", ["x"]),
        shelf.places(),
        shelf.stale("ab", 0.0),
    ):
        with pytest.raises(kind) as caught:
            await work
        assert "s3://pictures" in str(caught.value)
        assert SECRET not in str(caught.value)
    await shelf.close()


async def test_nobody_there_and_a_server_that_says_nothing_are_busy(broken_server: Server) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    nobody = at(f"http://127.0.0.1:{port}")
    with pytest.raises(StoreBusy, match=str(port)):
        await nobody.read("ab", "x")
    await nobody.close()
    slow = at(broken_server.url, silence=0.2)
    broken_server.always(Reply(200, b"x", delay=600))
    with pytest.raises(StoreBusy):
        await slow.read("ab", "x")
    await slow.close()


async def test_a_picture_that_is_cut_off_on_the_way_is_busy_and_not_missing(broken_server: Server) -> None:
    async def cut_off(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nabc")
        await writer.drain()

    broken_server.always(cut_off)
    shelf = at(broken_server.url)
    with pytest.raises(StoreBusy):
        await shelf.read("ab", "x")
    await shelf.close()


async def test_without_a_key_anywhere_it_is_broken_and_says_so(
    broken_server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    shelf = S3Shelf(Bucket("pictures", "", broken_server.url, s3.REGION))
    with pytest.raises(StoreBroken, match="credentials"):
        await shelf.read("ab", "x")
    await shelf.close()


async def test_a_bucket_that_is_missing_is_no_missing_picture() -> None:
    there = await s3.bucket()
    shelf = S3Shelf(replace(there, name=there.name + "-not"))
    with pytest.raises(StoreBroken, match="no such bucket"):
        await shelf.read("ab", "x")
    await shelf.close()


async def test_more_than_a_page_of_files_is_listed() -> None:
    shelf = S3Shelf(await s3.bucket("p/"))
    names = {f"{number:04d}" for number in range(1010)}
    client = await shelf._opened()
    for start in range(0, 1010, 50):
        batch = sorted(names)[start : start + 50]
        await asyncio.gather(*(client.put_object(Bucket=shelf._bucket.name, Key=f"p/ab/{n}", Body=b"") for n in batch))
    assert set(await shelf.stale("ab", time.time() + 60)) == names
    assert await shelf.places() == ["ab"]
    await shelf.close()


async def test_a_storage_that_is_gone_for_a_moment_costs_no_picture_and_delivers_late(tmp_path: Path) -> None:
    bucket, storage = await s3.bucket(), Passing(s3.endpoint())
    backend = FakeBackend()
    async with Server(storage) as server, open_store("sqlite", tmp_path) as store:
        shelf = S3Shelf(replace(bucket, endpoint=server.url))
        async with house_on(store, tmp_path, [backend], pictures=KeptPictures(shelf)) as house:
            storage.instead = said(503, "SlowDown")
            async with house.working():
                drawn = await house.ask("a fox")
                while not (backend.drawn and any(each.method == "PUT" for each in server.heard)):
                    await asyncio.sleep(0.02)
                storage.instead = None
                job = await house.settled(drawn.job.id, 60)
        assert (job.state, job.crashes, len(backend.drawn)) == (JobState.DELIVERED, 0, 1)
        [shown] = house.chat.shown
        pictures = KeptPictures(S3Shelf(bucket))
        assert len(await pictures.read(shown.pictures[0].sha256)) == shown.pictures[0].size_bytes
        await pictures.close()
    await storage.close()


async def test_deleting_and_forgetting_take_the_objects_away(tmp_path: Path) -> None:
    bucket = await s3.bucket("bot/")
    shelf = S3Shelf(bucket)
    async with (
        open_store("sqlite", tmp_path) as store,
        house_on(store, tmp_path, [FakeBackend()], pictures=KeptPictures(shelf)) as house,
        house.working(),
    ):
        jobs = [await house.settled((await house.ask(f"a fox {n}", "ann")).job.id, 30) for n in range(2)]
        assert len(await shelf.places()) == 2
        files = await store.delete_pictures(jobs[0].id)
        for name in files:
            await house.pictures.delete(name)
        assert len(await shelf.places()) == 1
        for name in await store.forget("web:user:ann", house.core.day(), time.time()):
            await house.pictures.delete(name)
        assert await shelf.places() == []


CONFIGURATION = """
[store]
url = "sqlite:///{folder}/imagine.db"
images = "s3://{bucket}/of/the-bot/"
images_endpoint = "{endpoint}"
images_region = "eu-central-1"
"""


async def findings(tmp_path: Path, bucket: str, endpoint: str) -> dict[str, tuple[str, bool]]:
    path = tmp_path / "imagine.toml"
    path.write_text(CONFIGURATION.format(folder=tmp_path, bucket=bucket, endpoint=endpoint))
    settings = configuration.load(path, {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET})
    assert settings.store.bucket == (bucket, "of/the-bot/")
    return {found.what: (found.text, found.ok) async for found in check.findings(settings, path)}


async def test_check_says_that_a_bucket_can_be_used_and_leaves_nothing_in_it(tmp_path: Path) -> None:
    bucket = await s3.bucket()
    found = await findings(tmp_path, bucket.name, s3.endpoint())
    assert found["images"] == (f"s3://{bucket.name}/of/the-bot can be written, read and deleted from", True)
    shelf = S3Shelf(bucket)
    assert await shelf.places() == []
    await shelf.close()


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (said(404, "NoSuchBucket"), "there is no such bucket"),
        (said(403, "AccessDenied"), "403 AccessDenied"),
        (said(500, "InternalError"), "500 InternalError"),
    ],
    ids=["missing", "denied", "broken"],
)
async def test_check_says_what_is_wrong_with_a_bucket(
    tmp_path: Path, broken_server: Server, answer: Reply, words: str
) -> None:
    broken_server.always(answer)
    text, ok = (await findings(tmp_path, "pictures", broken_server.url))["images"]
    assert (words in text, "AWS_ACCESS_KEY_ID" in text, SECRET in text, ok) == (True, True, False, False)


def test_half_a_key_and_a_strange_address_are_findings(tmp_path: Path) -> None:
    path = tmp_path / "imagine.toml"
    path.write_text('[store]\nimages = "s3://pictures"\n')
    with pytest.raises(SettingsError, match="settings_bucket_half"):
        configuration.load(path, {"AWS_ACCESS_KEY_ID": KEY})
    for images in ("gs://pictures", "s3://", "s3://Pictures", "s3://pictures?x=1", "s3://pictures//x", "http://x/"):
        path.write_text(f'[store]\nimages = "{images}"\n')
        with pytest.raises(SettingsError, match="settings_images"):
            configuration.load(path, {})


def test_a_bucket_without_the_extra_is_one_line_that_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "adapters.images.s3")
    monkeypatch.setitem(sys.modules, "aiobotocore.config", None)
    with pytest.raises(SettingsError) as caught:
        build_shelf(StoreSettings(images="s3://pictures"))
    assert "pip install 'imagine-bot[s3]'" in replies.problem(caught.value.findings[0])


def test_a_folder_needs_no_client_of_a_bucket(tmp_path: Path) -> None:
    assert isinstance(build_shelf(StoreSettings(images=str(tmp_path / "images"))), DiskShelf)
    assert isinstance(build_shelf(StoreSettings(images="s3://pictures")), S3Shelf)
