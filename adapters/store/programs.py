"""Keys of the HTTP API, galleries, default options, and what the operators' page reads."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict

from adapters.store import rows
from adapters.store.engine import Row, Transaction
from adapters.store.shelf import Shelf
from bot.model import Job, Usage
from bot.ports import Topic
from bot.programs import ApiKey, GalleryFilter, GalleryPlace, Hung, PersonToday

NEWEST = GalleryPlace(math.inf, "~", -1)
"""Before everything: no job's id is after it."""


class Programs(Shelf):
    async def job_of_key(self, key: str) -> Job | None:
        async with self._engine.read() as tx:
            found = await tx.run("job_by_key", key=key)
            return rows.job(found[0]) if found else None

    # -- keys

    async def add_api_key(self, digest: str, name: str, now: float) -> bool:
        async with self._engine.write() as tx:
            return bool(await tx.run("insert_api_key", digest=digest, name=name, at=now))

    async def api_key(self, digest: str) -> str:
        async with self._engine.read() as tx:
            found = await tx.run("api_key", digest=digest)
            return str(found[0]["name"]) if found else ""

    async def is_api_key_in_use(self, name: str) -> bool:
        async with self._engine.read() as tx:
            return bool(await tx.run("is_api_key_in_use", name=name))

    async def api_keys(self) -> list[ApiKey]:
        async with self._engine.read() as tx:
            found = await tx.run("api_keys")
            return [ApiKey(row["name"], row["created_at"], row["revoked_at"], row["used_at"]) for row in found]

    async def revoke_api_key(self, name: str, now: float) -> bool:
        async with self._engine.write() as tx:
            return bool(await tx.run("revoke_api_key", name=name, at=now))

    # -- galleries

    async def own_pictures(
        self, person: str, wanted: GalleryFilter, after: GalleryPlace | None, limit: int
    ) -> list[Hung]:
        async with self._engine.read() as tx:
            return await _hung(tx, await tx.run("own_pictures", **_page(person, wanted, after, limit)))

    async def shared_pictures(
        self, tenant: str, wanted: GalleryFilter, after: GalleryPlace | None, limit: int
    ) -> list[Hung]:
        async with self._engine.read() as tx:
            return await _hung(tx, await tx.run("shared_pictures", **_page(tenant, wanted, after, limit)))

    async def share(self, job_id: str, index: int, now: float, *, shared: bool) -> bool:
        async with self._engine.write() as tx:
            change = _hang if shared else _take_down
            tx.signal(Topic.FEED)
            return await change(tx, job_id, index, now)

    # -- default options

    async def default_options(self, owners: Sequence[str]) -> Mapping[str, str]:
        async with self._engine.read() as tx:
            found = await tx.run("default_options", owners=rows.text(list(owners)))
            return {row["owner"]: row["options"] for row in found}

    async def set_default_options(self, owner: str, options: str) -> None:
        async with self._engine.write() as tx:
            if options:
                await tx.run("set_default_options", owner=owner, options=options)
            else:
                await tx.run("delete_default_options", owner=owner)

    # -- operators

    async def people_of_day(self, day: int, limit: int) -> list[PersonToday]:
        async with self._engine.read() as tx:
            return [
                PersonToday(row["person"], row["name"], Usage(row["images"], row["waiting"], row["running"]))
                for row in await tx.run("people_of_a_day", day=day, limit=limit)
            ]

    async def jobs_at_work(self, limit: int) -> list[Job]:
        async with self._engine.read() as tx:
            return [rows.job(row) for row in await tx.run("jobs_at_work", limit=limit)]

    async def failures(self, since: float, limit: int) -> list[Job]:
        async with self._engine.read() as tx:
            return [rows.job(row) for row in await tx.run("failures", since=since, limit=limit)]


async def _hang(tx: Transaction, job_id: str, index: int, now: float) -> bool:
    if not await tx.run("share_picture", job=job_id, position=index):
        return False
    await tx.run("hang_picture", job=job_id, position=index, at=now)
    return True


async def _take_down(tx: Transaction, job_id: str, index: int, _: float) -> bool:
    await tx.run("take_picture_down", job=job_id, position=index)
    return bool(await tx.run("unshare_picture", job=job_id, position=index))


def _page(owner: str, wanted: GalleryFilter, after: GalleryPlace | None, limit: int) -> dict[str, object]:
    place = after or NEWEST
    words = wanted.words.lower()
    filters = asdict(wanted) | {"words": words, "plain": int(words.isascii())}  # SQLite's own lower() knows ASCII only
    return {"owner": owner, **filters, "at": place.at, "job": place.job_id, "position": place.index, "limit": limit}


async def _hung(tx: Transaction, found: Sequence[Row]) -> list[Hung]:
    names = rows.text(list(dict.fromkeys(row["job"] for row in found)))
    jobs = {row["id"]: rows.job(row) for row in await tx.run("jobs_among", jobs=names)}
    pictures = {(row["job"], row["position"]): rows.picture(row) for row in await tx.run("pictures_among", jobs=names)}
    return [
        Hung(
            jobs[row["job"]],
            pictures[row["job"], row["position"]],
            GalleryPlace(row["at"], row["job"], row["position"]),
        )
        for row in found
        if row["job"] in jobs and (row["job"], row["position"]) in pictures
    ]
