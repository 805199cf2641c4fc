"""A worker on a machine of its own: a process that shares PostgreSQL and a folder with others, and can be killed."""

import asyncio
import contextlib
import multiprocessing
import multiprocessing.process
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import asyncpg

from tests.contract.stores import database_of
from tests.crashing import FolderChat, Fuse
from tests.fakes import FakeBackend
from tests.house import open_house


def worker(folder: str, name: str, seconds: float) -> None:
    """Until it is killed."""
    asyncio.run(_work(Path(folder), name, seconds))


async def _work(folder: Path, name: str, seconds: float) -> None:
    async with open_house(folder, [FakeBackend(seconds=seconds)], dialect="postgres") as house:
        house.chat = FolderChat(folder / "platform", Fuse(0))  # type: ignore[assignment] # a chat of the crash tests
        async with house.working(house.worker(name, alone=False)):
            await asyncio.Event().wait()


def start_worker(folder: Path, name: str, seconds: float = 0.2) -> multiprocessing.process.BaseProcess:
    (folder / "platform").mkdir(exist_ok=True)
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.crashing"])
    child = context.Process(target=worker, args=(str(folder), name, seconds), daemon=True)
    child.start()
    return child


async def check_promises(folder: Path, url: str = "") -> None:
    """Each job ended once, was shown the same however often, and every count came back to nothing."""
    connection = await asyncpg.connect(url or await database_of(folder))
    try:
        jobs = {row["id"]: row["state"] for row in await connection.fetch("SELECT id, state FROM jobs")}
        assert set(jobs.values()) <= {"delivered", "cancelled"}
        shown: dict[str, set[str]] = {}
        for line in (folder / "platform" / "log").read_text().splitlines():
            job, _, text = line.partition(" ")
            shown.setdefault(job, set()).add(text)
        assert {job: len(texts) for job, texts in shown.items()} == dict.fromkeys(jobs, 1)
        await check_counts(connection)
    finally:
        await connection.close()


async def check_counts(connection: Any) -> None:
    """Of people, allowances and the ledger, once every job has ended."""
    assert await connection.fetch("SELECT * FROM allowances WHERE reserved <> 0") == []
    assert await connection.fetch("SELECT * FROM people WHERE waiting <> 0 OR running <> 0") == []
    assert await connection.fetch(
        "SELECT job FROM ledger GROUP BY job HAVING sum(CASE kind WHEN 'reserve' THEN images ELSE -images END) <> 0"
    ) == []
    spent = "SELECT coalesce(sum(spent), 0) FROM allowances WHERE owner LIKE 'web:user:%'"
    delivered = "SELECT coalesce(sum(images - missing), 0) FROM jobs WHERE state = 'delivered'"
    assert await connection.fetchval(spent) == await connection.fetchval(delivered)


class Wire:
    """A TCP port before PostgreSQL's socket whose cable can be pulled: nothing is closed, nothing arrives."""

    def __init__(self, target: Path) -> None:
        self._target = str(target)
        self._up = threading.Event()
        self._up.set()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self._sockets: list[socket.socket] = [self._listening]
        threading.Thread(target=self._accept, daemon=True).start()

    def pull(self) -> None:
        self._up.clear()

    def plug(self) -> None:
        self._up.set()

    def url(self, database_url: str) -> str:
        name = database_url.partition("@/")[2].partition("?")[0]
        return f"postgresql://postgres@127.0.0.1:{self.port}/{name}"

    def close(self) -> None:
        self._up.set()
        for each in self._sockets:
            each.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listening.accept()
            except OSError:
                return
            far = socket.socket(socket.AF_UNIX)
            far.connect(self._target)
            self._sockets += [near, far]
            for one, other in ((near, far), (far, near)):
                threading.Thread(target=self._forward, args=(one, other), daemon=True).start()

    def _forward(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                self._up.wait()
                sink.sendall(data)
        for each in (source, sink):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)


@contextmanager
def wire(target: Path) -> Iterator[Wire]:
    made = Wire(target)
    try:
        yield made
    finally:
        made.close()


def socket_of(server: Any) -> Path:
    """Where a test's PostgreSQL listens."""
    return Path(server.socket_folder) / ".s.PGSQL.5432"
