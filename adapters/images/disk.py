"""Files relative to an opened folder: no link is ever followed, and what was written is on the disk. Blocking."""

import errno
import os
import secrets
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from math import inf
from pathlib import Path

from bot.errors import StoreBroken, StoreFull

HALF_WRITTEN = ".tmp-"
FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW


def write(root: Path, place: str, name: str, data: bytes, *, synced: bool = False) -> None:
    """Replaces the file ``name`` in the folder ``place`` ("ab", "thumbs/ab") at once or not at all.

    Raises StoreFull where there is no space and StoreBroken for everything else the disk says.
    """
    try:
        with _opened(root, place, create=True) as folder:
            _replace(folder, name, data, synced=synced)
    except OSError as error:
        kind = StoreFull if error.errno in FULL else StoreBroken
        raise kind(f"{place}/{name}: {error.strerror}") from error


def _replace(folder: int, name: str, data: bytes, *, synced: bool) -> None:
    half = HALF_WRITTEN + secrets.token_hex(8)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    try:
        with os.fdopen(os.open(half, flags, 0o600, dir_fd=folder), "wb", buffering=0) as file:
            rest = memoryview(data)
            while rest:
                rest = rest[file.write(rest) :]
            if synced:
                os.fsync(file.fileno())
        os.rename(half, name, src_dir_fd=folder, dst_dir_fd=folder)
    except BaseException:
        with suppress(OSError):
            os.unlink(half, dir_fd=folder)
        raise
    if synced:
        os.fsync(folder)


def read(root: Path, place: str, name: str) -> bytes:
    """Raises FileNotFoundError for whatever is not a plain file there: a link, a pipe, a folder."""
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK  # or opening a pipe would wait for its writer
    with _opened(root, place) as folder:
        try:
            number = os.open(name, flags, dir_fd=folder)
        except OSError as error:
            raise FileNotFoundError(f"{place}/{name}: {error.strerror}") from error
    with os.fdopen(number, "rb") as file:
        if not stat.S_ISREG(os.fstat(number).st_mode):
            raise FileNotFoundError(f"{place}/{name} is no file")
        return file.read()


def remove(root: Path, place: str, names: Sequence[str], before: float = inf) -> None:
    """What was written since ``before`` stays, as does what is missing."""
    with suppress(FileNotFoundError), _opened(root, place) as folder:
        for name in names:
            with suppress(FileNotFoundError):
                if os.stat(name, dir_fd=folder, follow_symlinks=False).st_mtime < before:
                    os.unlink(name, dir_fd=folder)


def places(root: Path) -> list[str]:
    """The folders that `write` made, two levels deep, as it names them."""
    found = []
    for path in sorted(root.iterdir()):
        if path.is_dir() and not path.is_symlink():
            inner = [f"{path.name}/{one.name}" for one in path.iterdir() if one.is_dir() and not one.is_symlink()]
            found += inner or [path.name]
    return found


def stale(root: Path, place: str, before: float) -> list[str]:
    """The plain files in ``place`` last written before ``before``, seconds since 1970."""
    with _opened(root, place) as folder, os.scandir(folder) as entries:
        plain = [entry for entry in entries if entry.is_file(follow_symlinks=False)]
        return [entry.name for entry in plain if entry.stat(follow_symlinks=False).st_mtime < before]


def free_bytes(root: Path) -> int:
    facts = os.statvfs(root)
    return facts.f_bavail * facts.f_frsize


@contextmanager
def _opened(root: Path, place: str, *, create: bool = False) -> Iterator[int]:
    """The folder's descriptor. Raises FileNotFoundError where it is missing or a link."""
    number = os.open(root, os.O_RDONLY | os.O_DIRECTORY)  # the operator's own folder may be a link
    try:
        for part in place.split("/"):
            inner = _stepped_into(number, part, create=create)
            os.close(number)
            number = inner
        yield number
    finally:
        os.close(number)


def _stepped_into(number: int, part: str, *, create: bool) -> int:
    try:
        return os.open(part, FOLDER, dir_fd=number)
    except FileNotFoundError:
        if not create:
            raise
    except OSError as error:
        if create:
            raise
        raise FileNotFoundError(f"{part}: {error.strerror}") from error
    with suppress(FileExistsError):
        os.mkdir(part, 0o700, dir_fd=number)
    os.fsync(number)
    return os.open(part, FOLDER, dir_fd=number)
