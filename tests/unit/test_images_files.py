"""The picture files and the child processes, on a real disk, with faults caused for real."""

import asyncio
import os
import signal
import stat
import subprocess
import sys
import textwrap
import time
from collections.abc import AsyncIterator, Collection, Iterator, Sequence
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from adapters.images import decode, pixels
from adapters.images.files import FilePictures
from adapters.images.sandbox import Sandbox
from bot.errors import Down, StoreBroken, StoreFull
from tests.waiting import until

JOB = "0123456789abcdef" * 2


def png(colour: str = "red", side: int = 64) -> bytes:
    out = BytesIO()
    Image.new("RGB", (side, side), colour).save(out, "PNG")
    return out.getvalue()


@pytest.fixture
async def pictures(tmp_path: Path) -> AsyncIterator[FilePictures]:
    files = FilePictures(tmp_path / "images", metadata=True)
    yield files
    await files.close()


def file_of(pictures: FilePictures, sha256: str) -> Path:
    return pictures._folder / sha256[:2] / f"{sha256}.png"


def children() -> set[int]:
    """Of every thread of this process."""
    return {int(one) for file in Path("/proc/self/task").glob("*/children") for one in file.read_text().split()}


def half_written(folder: Path) -> list[Path]:
    return list(folder.rglob(".tmp-*"))


async def nothing_known(names: Sequence[str]) -> Collection[str]:
    return ()


async def test_s18_metadata_stays_out_unless_it_is_switched_on(tmp_path: Path, pictures: FilePictures) -> None:
    plain = FilePictures(tmp_path / "plain")
    [without] = await plain.save([png()], [{"prompt": "canary"}])
    [with_text] = await pictures.save([png()], [{"prompt": "canary"}])
    assert b"canary" not in await plain.read(without.sha256)
    assert b"canary" in await pictures.read(with_text.sha256)
    await plain.close()


async def test_s32_files_are_private_and_named_by_their_hash_alone(pictures: FilePictures) -> None:
    [saved] = await pictures.save([png()], [{"prompt": "../../etc/passwd"}])
    path = file_of(pictures, saved.sha256)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert [one for one in pictures._folder.rglob("*") if one.is_file()] == [path]


async def test_s32_a_link_in_place_of_a_file_or_folder_is_not_followed(pictures: FilePictures, tmp_path: Path) -> None:
    [saved] = await pictures.save([png()], [{}])
    path = file_of(pictures, saved.sha256)
    elsewhere = tmp_path / "elsewhere"
    path.rename(elsewhere)
    path.symlink_to(elsewhere)
    with pytest.raises(FileNotFoundError):
        await pictures.read(saved.sha256)
    path.unlink()
    path.parent.rename(tmp_path / "folder")
    elsewhere.rename(tmp_path / "folder" / path.name)
    path.parent.symlink_to(tmp_path / "folder")
    with pytest.raises(FileNotFoundError):
        await pictures.read(saved.sha256)
    with pytest.raises(StoreBroken):
        await pictures.save([png()], [{}])


async def test_s32_a_pipe_in_place_of_a_file_is_not_waited_for(pictures: FilePictures) -> None:
    [saved] = await pictures.save([png()], [{}])
    path = file_of(pictures, saved.sha256)
    path.unlink()
    os.mkfifo(path)
    async with asyncio.timeout(60):
        with pytest.raises(FileNotFoundError):
            await pictures.read(saved.sha256)


async def test_f68_a_missing_or_changed_file_is_not_found(pictures: FilePictures) -> None:
    [saved] = await pictures.save([png()], [{}])
    path = file_of(pictures, saved.sha256)
    data = path.read_bytes()
    path.write_bytes(data[:-1] + b"\x00")
    with pytest.raises(FileNotFoundError):
        await pictures.read(saved.sha256)
    path.unlink()
    with pytest.raises(FileNotFoundError):
        await pictures.read(saved.sha256)
    [again] = await pictures.save([png()], [{}])
    assert again == saved
    assert await pictures.read(saved.sha256) == data


async def test_a_thumbnail_is_made_once_and_made_anew_when_it_was_cut_off(pictures: FilePictures) -> None:
    [saved] = await pictures.save([png(side=600)], [{}])
    first, second = await asyncio.gather(*(pictures.thumb(saved.sha256, 200) for _ in range(2)))
    assert first == second
    assert decode(first).size == (256, 256)
    [path] = (pictures._folder / "thumbs").rglob("*.webp")
    made = path.stat().st_ino
    await pictures.thumb(saved.sha256, 256)
    assert path.stat().st_ino == made
    path.write_bytes(b"")
    assert await pictures.thumb(saved.sha256, 256) == first


async def test_f07_a_file_that_no_row_knows_is_swept_once_it_is_old(pictures: FilePictures) -> None:
    kept, orphan, young = await pictures.save([png("red"), png("green"), png("blue")], [{}] * 3)
    await pictures.thumb(orphan.sha256, 128)
    half = file_of(pictures, orphan.sha256).parent / ".tmp-0123"
    half.write_bytes(b"half")
    await pictures.preview(JOB, 0, png())
    [preview] = (pictures._folder / "previews").iterdir()
    long_ago = time.time() - 7200
    for path in (file_of(pictures, kept.sha256), file_of(pictures, orphan.sha256), half, preview):
        os.utime(path, (long_ago, long_ago))

    async def known(names: Sequence[str]) -> Collection[str]:
        return {kept.sha256} & set(names)

    assert await pictures.sweep_orphans(known, time.time() - 3600) == 1
    left = {one for one in pictures._folder.rglob("*") if one.is_file()}
    assert left == {file_of(pictures, kept.sha256), file_of(pictures, young.sha256)}


async def test_f07_saving_an_orphan_again_makes_it_young(pictures: FilePictures) -> None:
    [saved] = await pictures.save([png()], [{}])
    os.utime(file_of(pictures, saved.sha256), (1, 1))
    await pictures.save([png()], [{}])
    assert await pictures.sweep_orphans(nothing_known, time.time() - 3600) == 0


async def test_f65_the_free_space_is_that_of_the_disk(pictures: FilePictures) -> None:
    facts = os.statvfs(pictures._folder)
    assert abs(await pictures.free_bytes() - facts.f_bavail * facts.f_frsize) < 1 << 30


FULL_DISK = textwrap.dedent("""
    import asyncio, resource, sys
    from pathlib import Path
    from adapters.images.files import FilePictures
    from bot.errors import StoreFull

    async def main():
        pictures = FilePictures(Path(sys.argv[1]))
        image = Path(sys.argv[2]).read_bytes()
        await pictures.save([image], [{}])
        resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
        try:
            await pictures.save([Path(sys.argv[3]).read_bytes()], [{}])
        except StoreFull as error:
            print("full", error)
        await pictures.preview("a" * 32, 0, Path(sys.argv[3]).read_bytes())
        await pictures.close()

    asyncio.run(main())
""")


def test_f65_a_write_that_finds_no_space_leaves_nothing_half_written(tmp_path: Path) -> None:
    small, large = tmp_path / "small.png", tmp_path / "large.png"
    small.write_bytes(png())
    Image.effect_noise((100, 100), 50).save(large)
    folder = tmp_path / "images"
    command = [sys.executable, "-c", FULL_DISK, str(folder), str(small), str(large)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.startswith("full")
    assert len([one for one in folder.rglob("*") if one.is_file()]) == 1


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "tiny"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder)]
    if os.geteuid() or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("mounting a file system needs root and the right to mount")
    yield folder
    subprocess.run(["umount", folder], check=True)


async def test_f65_a_full_disk_is_told_and_what_is_there_stays_readable(tiny_disk: Path) -> None:
    pictures = FilePictures(tiny_disk / "images")
    try:
        [first] = await pictures.save([png()], [{}])
        noise = BytesIO()
        Image.effect_noise((800, 800), 50).save(noise, "PNG")
        with pytest.raises(StoreFull):
            await pictures.save([noise.getvalue()], [{}])
        assert len(await pictures.read(first.sha256)) == first.size_bytes
        assert await pictures.free_bytes() > 100_000
    finally:
        await pictures.close()


async def test_no_child_starts_before_there_is_work_and_none_outlives_the_pictures(tmp_path: Path) -> None:
    before = children()
    pictures = FilePictures(tmp_path)
    assert children() == before
    await pictures.save([png()] * 5, [{}] * 5)
    assert 0 < len(children() - before) <= 2
    await pictures.close()
    assert children() == before


async def test_a_child_that_is_killed_is_replaced_and_nobody_notices(tmp_path: Path) -> None:
    before = children()
    pictures = FilePictures(tmp_path, sandbox=Sandbox(workers=1))
    await pictures.save([png()], [{}])
    [child] = children() - before
    os.kill(child, signal.SIGKILL)
    assert len(await pictures.save([png("blue")], [{}])) == 1
    [other] = children() - before
    assert other != child
    await pictures.close()


async def test_children_ignore_the_signals_that_end_the_bot(tmp_path: Path) -> None:
    before = children()
    pictures = FilePictures(tmp_path, sandbox=Sandbox(workers=1))
    await pictures.save([png()], [{}])
    [child] = children() - before
    os.kill(child, signal.SIGTERM)
    os.kill(child, signal.SIGINT)
    await pictures.save([png()], [{}])
    assert children() - before == {child}
    await pictures.close()


KILLED = textwrap.dedent("""
    import asyncio, os, signal, sys
    from pathlib import Path
    from adapters.images.files import FilePictures

    async def main():
        pictures = FilePictures(Path(sys.argv[1]))
        await pictures.save([Path(sys.argv[2]).read_bytes()], [{}])
        print(*(file.read_text() for file in Path("/proc/self/task").glob("*/children")), flush=True)
        os.kill(os.getpid(), signal.SIGKILL)

    asyncio.run(main())
""")


def test_children_end_when_the_bot_is_killed(tmp_path: Path) -> None:
    source = tmp_path / "source.png"
    source.write_bytes(png())
    command = [sys.executable, "-c", KILLED, str(tmp_path / "images"), str(source)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == -signal.SIGKILL
    [child] = done.stdout.split()
    deadline = time.monotonic() + 10
    while _alive(int(child)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _alive(int(child))


def _alive(number: int) -> bool:
    try:
        return ") Z " not in Path(f"/proc/{number}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


async def test_s16_f70_a_picture_that_needs_more_memory_than_a_child_may_have_is_down(tmp_path: Path) -> None:
    out = BytesIO()
    Image.new("L", (9_000, 9_000)).save(out, "PNG")
    sandbox = Sandbox(workers=1, memory_bytes=400 << 20, max_pixels=1 << 30)
    pictures = FilePictures(tmp_path, sandbox=sandbox)
    with pytest.raises(Down, match="MemoryError"):
        await pictures.save([out.getvalue()], [{}])
    assert len(await pictures.save([png()], [{}])) == 1
    await pictures.close()


async def test_s16_a_webp_canvas_of_a_gigabyte_is_down_before_it_is_drawn(pictures: FilePictures) -> None:
    out = BytesIO()
    Image.new("RGB", (16, 16)).save(out, "WEBP", lossless=True)
    data = bytearray(out.getvalue())
    data[21:25] = (int.from_bytes(data[21:25], "little") | 0x0FFFFFFF).to_bytes(4, "little")
    with pytest.raises(Down):
        await pictures.save([bytes(data)], [{}])


async def test_s19_a_child_sees_no_secret_of_the_bot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HIVE_API_KEY", "canary")
    before = children()
    pictures = FilePictures(tmp_path)
    await pictures.save([png()], [{}])
    [child] = children() - before
    assert b"canary" not in await asyncio.to_thread(Path(f"/proc/{child}/environ").read_bytes)
    await pictures.close()


async def test_work_that_takes_too_long_is_down_and_the_next_goes_on(tmp_path: Path) -> None:
    pictures = FilePictures(tmp_path, sandbox=Sandbox(workers=1, seconds=0.01))
    with pytest.raises(Down, match="no answer"):
        await pictures.save([png()], [{}])
    pictures._sandbox._seconds = 30
    assert len(await pictures.save([png()], [{}])) == 1
    await pictures.close()


async def test_closing_while_a_picture_is_worked_on_leaves_no_child(tmp_path: Path) -> None:
    before = children()
    pictures = FilePictures(tmp_path, sandbox=Sandbox(workers=1))
    saving = asyncio.create_task(pictures.save([png()], [{}]))
    await until(lambda: children() - before)
    await pictures.close()
    assert children() - before == set()
    await asyncio.gather(saving, return_exceptions=True)


async def test_cancelling_a_save_ends_its_child_and_leaves_no_half_written_file(tmp_path: Path) -> None:
    before = children()
    pictures = FilePictures(tmp_path, sandbox=Sandbox(workers=1))
    await pictures.save([png()], [{}])
    large = BytesIO()
    Image.effect_noise((2000, 2000), 50).save(large, "PNG", compress_level=1)
    save = asyncio.create_task(pictures.save([large.getvalue()], [{}]))
    await asyncio.sleep(0.05)
    save.cancel()
    with pytest.raises(asyncio.CancelledError):
        await save
    await pictures.close()
    assert children() == before
    assert half_written(tmp_path) == []


async def test_f71_the_event_loop_leaves_a_large_pictures_work_to_others(pictures: FilePictures) -> None:
    """By the loop's own processor time, which other programs on the machine do not add to."""
    large = BytesIO()
    Image.effect_noise((1500, 1500), 50).save(large, "PNG", compress_level=1)
    began = time.thread_time()
    pixels.thumbnail(pixels.decode(large.getvalue(), pixels.MAX_PIXELS), 256)
    alone = time.thread_time() - began
    began = time.thread_time()
    [saved] = await pictures.save([large.getvalue()], [{}])
    await pictures.thumb(saved.sha256, 256)
    assert time.thread_time() - began < alone / 2
