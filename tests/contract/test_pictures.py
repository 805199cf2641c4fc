"""What the pictures promise, in a folder and in a bucket."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from adapters.images import decode
from adapters.images.files import KeptPictures
from adapters.images.s3 import S3Shelf
from adapters.images.shelf import DiskShelf, Shelf
from bot.errors import Down
from bot.ports import Pictures
from tests.fakes import png
from tests.standins import s3

JOB = "0123456789abcdef" * 2
OUTSIDE = "../../outside"


@dataclass
class Kept:
    """``names`` are all that lie there, as "place/name"."""

    pictures: KeptPictures
    shelf: Shelf
    names: Callable[[], Awaitable[set[str]]]

    async def spoil(self, sha256: str) -> bytes:
        """Changes its last byte; returns what it was."""
        data = await self.shelf.read(sha256[:2], f"{sha256}.png")
        await self.shelf.write(sha256[:2], f"{sha256}.png", data[:-1] + b"\x00")
        return data


@pytest.fixture(params=["folder", "bucket", "bucket with prefix"])
async def kept(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Kept]:
    if request.param == "folder":
        folder = tmp_path / "images"
        shelf: Shelf = DiskShelf(folder)

        async def names() -> set[str]:
            return {str(each.relative_to(folder)) for each in folder.rglob("*") if each.is_file()}
    else:
        bucket = await s3.bucket("of/the-bot/" if "prefix" in request.param else "")
        shelf = in_bucket = S3Shelf(bucket)

        async def names() -> set[str]:
            client = await in_bucket._opened()
            listed = await client.list_objects_v2(Bucket=bucket.name)
            keys = [each["Key"] for each in listed.get("Contents", ())]
            assert all(key.startswith(bucket.prefix) for key in keys)
            return {key.removeprefix(bucket.prefix) for key in keys}

    pictures = KeptPictures(shelf, metadata=True)
    yield Kept(pictures, shelf, names)
    await pictures.close()


async def test_a_saved_picture_is_read_back_and_is_the_port(kept: Kept) -> None:
    port: Pictures = kept.pictures
    saved = await port.save([png("red"), png("blue")], [{"seed": "7"}, {"seed": "8"}])
    assert [(one.index, one.seed, one.width, one.media_type) for one in saved] == [
        (0, 7, 64, "image/png"),
        (1, 8, 64, "image/png"),
    ]
    data = await port.read(saved[1].sha256)
    assert len(data) == saved[1].size_bytes
    assert decode(data).getpixel((5, 5)) == (0, 0, 255)


async def test_s32_files_are_named_by_their_hash_alone(kept: Kept) -> None:
    [saved] = await kept.pictures.save([png()], [{"prompt": "../../etc/passwd"}])
    assert await kept.names() == {f"{saved.sha256[:2]}/{saved.sha256}.png"}


NO_HASHES = ["", "..", OUTSIDE, "/etc/passwd", "A" * 64, "a" * 63, "a" * 64 + "\n", "a" * 64 + "/."]


@pytest.mark.parametrize("name", NO_HASHES)
async def test_s32_a_name_that_is_no_hash_is_no_picture(kept: Kept, name: str) -> None:
    for work in (kept.pictures.read(name), kept.pictures.delete(name), kept.pictures.thumb(name, 128)):
        with pytest.raises(FileNotFoundError):
            await work


@pytest.mark.parametrize("job", ["", OUTSIDE, "a" * 31, "A" * 32, JOB + "\n"])
async def test_s32_a_job_id_that_is_none_reaches_no_file(kept: Kept, job: str) -> None:
    pictures = kept.pictures
    for work in (pictures.preview(job, 0, png()), pictures.read_preview(job, 0), pictures.drop_previews(job)):
        with pytest.raises(FileNotFoundError):
            await work


async def test_f24_the_good_pictures_of_a_partial_answer_are_kept_with_their_place(kept: Kept) -> None:
    settings = [{"seed": "1"}, {"seed": "2"}, {"seed": "3"}]
    saved = await kept.pictures.save([b"<html>", png(), b""], settings)
    assert [(one.index, one.seed) for one in saved] == [(1, 2)]
    with pytest.raises(Down) as caught:
        await kept.pictures.save([b"<html>", b""], [{}, {}])
    assert caught.value.maybe_charged


async def test_f68_a_missing_or_changed_file_is_not_found(kept: Kept) -> None:
    [saved] = await kept.pictures.save([png()], [{}])
    data = await kept.spoil(saved.sha256)
    with pytest.raises(FileNotFoundError):
        await kept.pictures.read(saved.sha256)
    await kept.pictures.delete(saved.sha256)
    with pytest.raises(FileNotFoundError):
        await kept.pictures.read(saved.sha256)
    [again] = await kept.pictures.save([png()], [{}])
    assert again == saved
    assert await kept.pictures.read(saved.sha256) == data


async def test_deleting_takes_the_thumbnails_along_and_may_be_repeated(kept: Kept) -> None:
    [saved] = await kept.pictures.save([png()], [{}])
    await kept.pictures.thumb(saved.sha256, 128)
    assert len(await kept.names()) == 2
    await kept.pictures.delete(saved.sha256)
    await kept.pictures.delete(saved.sha256)
    assert await kept.names() == set()


async def test_a_thumbnail_is_made_once_and_made_anew_when_it_was_cut_off(kept: Kept) -> None:
    [saved] = await kept.pictures.save([png(side=600)], [{}])
    first, second = await asyncio.gather(*(kept.pictures.thumb(saved.sha256, 200) for _ in range(2)))
    assert first == second
    assert decode(first).size == (256, 256)
    place, name = f"thumbs/{saved.sha256[:2]}", f"{saved.sha256}-256.webp"
    assert f"{place}/{name}" in await kept.names()
    await kept.shelf.write(place, name, png("green"))
    assert await kept.pictures.thumb(saved.sha256, 256) == first
    await kept.shelf.write(place, name, b"")
    assert await kept.pictures.thumb(saved.sha256, 256) == first


async def test_fit_and_the_contact_sheet_run_on_saved_pictures(kept: Kept) -> None:
    noise = BytesIO()
    Image.effect_noise((200, 200), 50).save(noise, "PNG")
    [saved] = await kept.pictures.save([noise.getvalue()], [{}])
    data = await kept.pictures.read(saved.sha256)
    smaller, media_type, changed = await kept.pictures.fit(data, 30_000)
    assert (media_type, changed, decode(smaller).size) == ("image/webp", True, (200, 200))
    assert decode(await kept.pictures.contact_sheet([saved.sha256] * 3)).width > 1000


async def test_f07_a_file_that_no_row_knows_is_swept_once_it_is_old(kept: Kept) -> None:
    known_one, orphan = await kept.pictures.save([png("red"), png("green")], [{}] * 2)
    await kept.pictures.thumb(orphan.sha256, 128)
    await kept.pictures.preview(JOB, 0, png())
    await kept.shelf.write("ab", "notes.txt", b"an operator's")

    async def known(names: Sequence[str]) -> Collection[str]:
        return {known_one.sha256} & set(names)

    assert await kept.pictures.sweep_orphans(known, time.time() - 3600) == 0
    assert len(await kept.names()) == 5
    assert await kept.pictures.sweep_orphans(known, time.time() + 60) == 1
    assert await kept.names() == {f"{known_one.sha256[:2]}/{known_one.sha256}.png", "ab/notes.txt"}


async def test_f07_a_thumbnail_that_a_cut_off_deletion_left_is_swept_and_that_of_a_kept_picture_is_not(
    kept: Kept,
) -> None:
    known_one, gone = await kept.pictures.save([png("red"), png("green")], [{}] * 2)
    for each in (known_one, gone):
        await kept.pictures.thumb(each.sha256, 128)
    await kept.shelf.remove(gone.sha256[:2], [f"{gone.sha256}.png"])  # and then the process was killed

    async def known(names: Sequence[str]) -> Collection[str]:
        return {known_one.sha256} & set(names)

    await kept.pictures.sweep_orphans(known, time.time() - 3600)
    assert len(await kept.names()) == 3
    await kept.pictures.sweep_orphans(known, time.time() + 60)
    folder = known_one.sha256[:2]
    assert await kept.names() == {
        f"{folder}/{known_one.sha256}.png",
        f"thumbs/{folder}/{known_one.sha256}-128.webp",
    }


async def test_f07_what_is_saved_again_while_the_store_is_asked_stays(kept: Kept) -> None:
    [saved] = await kept.pictures.save([png()], [{}])
    before = time.time() + 1
    while time.time() < before + 1.1:  # a bucket's clock has whole seconds
        await asyncio.sleep(0.1)

    async def known(names: Sequence[str]) -> Collection[str]:
        """A worker saves the same picture at this moment; its row is not committed yet."""
        assert saved.sha256 in names
        await kept.pictures.save([png()], [{}])
        return ()

    await kept.pictures.sweep_orphans(known, before)
    assert len(await kept.pictures.read(saved.sha256)) == saved.size_bytes


async def test_a_preview_is_overwritten_read_and_dropped(kept: Kept) -> None:
    for data in (png("red"), png("blue")):
        await kept.pictures.preview(JOB, 2, data)
    assert await kept.pictures.read_preview(JOB, 2) == (png("blue"), "image/png")
    await kept.pictures.preview(JOB, 2, b"<script>")
    assert await kept.pictures.read_preview(JOB, 2) == (png("blue"), "image/png")
    await kept.pictures.drop_previews(JOB)
    with pytest.raises(FileNotFoundError):
        await kept.pictures.read_preview(JOB, 2)


async def test_there_is_room(kept: Kept) -> None:
    assert await kept.pictures.free_bytes() > os.statvfs("/tmp").f_bsize
