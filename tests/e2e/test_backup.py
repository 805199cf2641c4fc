"""The backups that deploy/README.md describes, restored: what was acknowledged goes on in the restored store."""

import asyncio
import sqlite3
from pathlib import Path

from adapters.store import postgres, sqlite
from adapters.store.store import SqlStore
from bot.model import JobState
from tests import factories
from tests import postgres as servers
from tests.contract.test_store_intake import queue
from tests.contract.test_store_turns import take
from tests.factories import NOW


async def under_way(store: SqlStore) -> str:
    """One delivered, one running, one waiting: the waiting one's id."""
    for name in ("ann", "bob"):
        await queue(store, factories.job(name))
    await store.delivered(await store.drawn(await take(store), [factories.picture()], 0, [], NOW), NOW)
    await take(store)
    return (await queue(store, factories.job("eve"))).id


async def goes_on(store: SqlStore, waiting: str) -> None:
    [lost] = await store.expired(NOW + 9)
    await store.release(await store.crashed(lost, "w2", NOW + 20), lost.candidates, NOW)
    served = {(await take(store, "w2")).id for _ in range(2)}
    assert served == {lost.id, waiting}
    job = await store.job(waiting)
    assert job is not None
    assert job.state is JobState.RUNNING


async def test_vacuum_into_copies_a_running_sqlite_store(tmp_path: Path) -> None:
    store = SqlStore(await sqlite.connect(tmp_path / "imagine.db"))
    waiting = await under_way(store)
    with sqlite3.connect(f"file:{tmp_path / 'imagine.db'}?mode=ro", uri=True) as connection:
        connection.execute("VACUUM INTO ?", (str(tmp_path / "backup.db"),))
    connection.close()
    await store.close()
    restored = SqlStore(await sqlite.connect(tmp_path / "backup.db"))
    await goes_on(restored, waiting)
    await restored.close()


async def test_pg_dump_of_a_running_store_is_restored_into_an_empty_database() -> None:
    server = servers.shared()
    url, empty = await servers.database(server), await servers.database(server, empty=True)
    store = SqlStore(await postgres.connect(url))
    waiting = await under_way(store)
    said = (await store.newest())[0]
    dump = str(server.socket_folder / "backup.dump")  # where the server's own user may write
    await asyncio.to_thread(server.pg, "pg_dump", "--format=custom", "--file", dump, url)
    await store.close()
    await asyncio.to_thread(server.pg, "pg_restore", "--exit-on-error", "--no-owner", "--dbname", empty, dump)
    restored = SqlStore(await postgres.connect(empty))
    assert (await restored.newest())[0] == said
    await goes_on(restored, waiting)
    await restored.close()
