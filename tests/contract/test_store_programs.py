"""Keys, galleries, default options, and what the operators' page reads."""

import asyncio
import sqlite3
from dataclasses import replace
from pathlib import Path

import asyncpg
import pytest

from adapters.store.store import SqlStore
from bot.model import Job, JobState, Limits, Person, Problem
from bot.programs import GalleryFilter
from tests import factories
from tests.contract.test_store_intake import queue
from tests.factories import ANY, DAY, NOW

FREE = Limits(images_per_day=0, running=0, waiting=0)


async def delivered(store: SqlStore, made: Job, pictures: int = 1) -> Job:
    """``made`` with so many pictures, delivered."""
    await queue(store, made, FREE)
    claimed = await store.claim("w", lambda names: names[0], NOW + 10, NOW)
    assert claimed is not None
    assert claimed.id == made.id
    names = [f"{made.id[-8:]}{index:056x}" for index in range(pictures)]
    saved = [replace(factories.picture(index), sha256=name) for index, name in enumerate(names)]
    drawn = await store.drawn(claimed, saved, 0, (), NOW)
    return await store.delivered(drawn, NOW + 1)


# -- keys


async def test_a_key_is_known_by_its_hash_until_it_is_revoked(store: SqlStore) -> None:
    assert await store.add_api_key("d1", "ci", NOW)
    assert not await store.add_api_key("d2", "ci", NOW)
    assert not await store.add_api_key("d1", "other", NOW)
    assert [await store.api_key(each) for each in ("d1", "d2", "", "\ud7ff")] == ["ci", "", "", ""]
    assert await store.is_api_key_in_use("ci")
    assert await store.revoke_api_key("ci", NOW + 5)
    assert not await store.revoke_api_key("ci", NOW + 6)
    assert await store.api_key("d1") == ""
    assert not await store.is_api_key_in_use("ci")
    assert await store.add_api_key("d3", "ci", NOW + 7)
    assert [(key.name, key.revoked_at) for key in await store.api_keys()] == [("ci", NOW + 5), ("ci", 0.0)]


async def test_twenty_makers_of_one_name_make_one_key(store: SqlStore) -> None:
    made = await asyncio.gather(*(store.add_api_key(f"d{number}", "ci", NOW) for number in range(20)))
    assert made.count(True) == 1


async def test_a_keys_last_use_is_its_newest_request(store: SqlStore) -> None:
    await store.add_api_key("d1", "ci", NOW - 10)
    await store.add_api_key("d2", "idle", NOW - 10)
    made = factories.job()
    origin = replace(made.origin, person=Person("api:key:ci", "ci"))
    await store.submit(factories.new(replace(made, origin=origin)))
    assert {key.name: key.used_at for key in await store.api_keys()} == {"ci": NOW, "idle": 0.0}


# -- galleries


async def test_a_gallery_is_newest_first_in_pages_that_hold_everything_once(store: SqlStore) -> None:
    made = [factories.job(created_at=NOW + number // 2) for number in range(6)]
    for job in made:
        await delivered(store, job, pictures=3)
    await delivered(store, factories.job("bob"))
    ids = {job.id for job in made}
    seen, after = [], None
    while page := await store.own_pictures("web:user:ann", ANY, after, 4):
        seen += page
        after = page[-1].place
    assert len(seen) == len({(each.job.id, each.picture.index) for each in seen}) == 18
    assert {each.job.id for each in seen} == ids
    assert [each.job.created_at for each in seen] == sorted((each.job.created_at for each in seen), reverse=True)


async def test_a_shared_gallery_is_of_one_tenant_by_when_it_was_shared(store: SqlStore) -> None:
    made = [factories.job() for _ in range(4)]
    elsewhere = factories.job()
    origin = replace(elsewhere.origin, place=replace(elsewhere.origin.place, tenant="discord:1"))
    for job in (*made, replace(elsewhere, origin=origin)):
        await delivered(store, job, pictures=2)
        assert await store.share(job.id, 1, NOW + made.index(job) if job in made else NOW, shared=True)
        assert not await store.share(job.id, 1, NOW + 9, shared=True)
    shown = await store.shared_pictures("web", ANY, None, 3)
    further = await store.shared_pictures("web", ANY, shown[-1].place, 3)
    assert [each.job.id for each in (*shown, *further)] == [job.id for job in reversed(made)]
    assert all(each.picture.shared for each in shown)
    assert await store.share(made[3].id, 1, NOW, shared=False)
    await store.delete_pictures(made[2].id)
    assert not await store.share(made[2].id, 0, NOW, shared=True)
    assert [each.job.id for each in await store.shared_pictures("web", ANY, None, 9)] == [made[1].id, made[0].id]


async def test_a_gallery_is_searched_by_words_backend_and_style(store: SqlStore) -> None:
    fox = factories.job(prompt="a FÜCHSIN, 100% \\ _")
    await delivered(store, fox)
    styled = factories.job(prompt="a cat")
    await delivered(store, replace(styled, request=replace(styled.request, style="noir")))
    for wanted, found in (
        (GalleryFilter(words="füchs"), [fox.id]),
        (GalleryFilter(words="0% \\ _"), [fox.id]),
        (GalleryFilter(words="a_cat"), []),
        (GalleryFilter(style="noir"), [styled.id]),
        (GalleryFilter(backend="sketch", words="A"), [styled.id, fox.id]),
        (GalleryFilter(backend="hive"), []),
    ):
        shown = await store.own_pictures("web:user:ann", wanted, None, 9)
        assert sorted(each.job.id for each in shown) == sorted(found)


async def test_the_shared_gallery_is_searched_in_any_case_and_pages_through_what_it_finds(store: SqlStore) -> None:
    made = [factories.job(prompt=prompt) for prompt in ("Straße im SCHNEE", "a cat", "eine Straße", "STRASSENBAHN")]
    for number, job in enumerate(made):
        await delivered(store, job)
        assert await store.share(job.id, 0, NOW + number, shared=True)

    async def found(words: str) -> list[str]:
        shown = await store.shared_pictures("web", GalleryFilter(words=words), None, 9)
        own = await store.own_pictures("web:user:ann", GalleryFilter(words=words), None, 9)
        assert {each.job.id for each in shown} == {each.job.id for each in own}
        return [each.job.id for each in shown]

    assert await found("STRAßE") == [made[2].id, made[0].id]
    assert await found("schnee") == [made[0].id]
    assert await found("giraffe") == []
    first = await store.shared_pictures("web", GalleryFilter(words="a"), None, 2)
    rest = await store.shared_pictures("web", GalleryFilter(words="a"), first[-1].place, 9)
    assert [each.job.id for each in (*first, *rest)] == [job.id for job in reversed(made)]


async def indexed(folder: Path) -> list[str]:
    """The words that the shared gallery's index holds, past the store's own queries."""
    if (folder / "postgres.url").exists():
        connection = await asyncpg.connect((folder / "postgres.url").read_text())
        found = [row["words"] for row in await connection.fetch("SELECT words FROM shared_pictures")]
        await connection.close()
        return found
    beside = sqlite3.connect(folder / "imagine.db")
    found = [row[0] for row in beside.execute("SELECT words FROM shared_pictures")]
    beside.close()
    return found


@pytest.mark.parametrize("way", ["forget", "delete", "unshare", "retention", "leave"])
async def test_what_leaves_a_gallery_leaves_no_word_in_its_index(store: SqlStore, tmp_path: Path, way: str) -> None:
    made = factories.job(prompt="a Secret fox")
    await delivered(store, made, pictures=2)
    for index in range(2):
        await store.share(made.id, index, NOW, shared=True)
    assert await indexed(tmp_path) == ["a secret fox"] * 2
    match way:
        case "forget":
            await store.forget("web:user:ann", DAY, NOW)
        case "delete":
            await store.delete_pictures(made.id)
        case "unshare":
            assert [await store.share(made.id, index, NOW, shared=False) for index in range(2)] == [True, True]
        case "retention":
            await store.sweep(NOW + 100, 9, DAY)
        case "leave":
            await store.forget_community("web", NOW)
    assert await indexed(tmp_path) == []
    assert await store.shared_pictures("web", ANY, None, 9) == []


@pytest.mark.parametrize("way", ["forget", "delete", "retention", "leave"])
async def test_the_file_of_a_picture_that_is_being_drawn_again_from_its_seed_stays(store: SqlStore, way: str) -> None:
    made = factories.job(count=2)
    await delivered(store, made, pictures=2)
    await queue(store, factories.job("bob", seed=8, origin=factories.origin("bob", "elsewhere")), FREE)
    bobs = await store.claim("w", lambda names: names[0], NOW + 10, NOW)
    assert bobs is not None
    match way:
        case "forget":
            files = await store.forget("web:user:ann", DAY, NOW + 2)
        case "delete":
            files = await store.delete_pictures(made.id)
        case "retention":
            files = await store.sweep(NOW + 100, 9, DAY) or []
        case "leave":
            files = await store.forget_community("web", NOW + 2)
    assert files == []
    assert await store.known_pictures([f"{made.id[-8:]}{0:056x}"]) == set()


@pytest.mark.parametrize("seed", [6, 9, None])
async def test_the_file_of_a_picture_goes_at_once_where_only_other_seeds_are_being_drawn(
    store: SqlStore, seed: int | None
) -> None:
    made = factories.job(count=2)
    await delivered(store, made, pictures=2)
    await queue(store, factories.job("bob", seed=seed), FREE)
    assert await store.claim("w", lambda names: names[0], NOW + 10, NOW) is not None
    await queue(store, factories.job("eve", seed=7), FREE)
    assert len(await store.delete_pictures(made.id)) == 2


async def test_a_hidden_picture_is_away_until_it_is_shown_again(store: SqlStore) -> None:
    made = factories.job()
    await delivered(store, made)
    await store.share(made.id, 0, NOW, shared=True)
    for hidden in (1, 0):
        async with store._engine.write() as tx:
            await tx.run("hide_pictures", job=made.id, position=-1, hidden=hidden)
        assert len(await store.shared_pictures("web", ANY, None, 9)) == 1 - hidden


async def test_what_is_not_delivered_hangs_nowhere(store: SqlStore) -> None:
    made = factories.job()
    await queue(store, made, FREE)
    claimed = await store.claim("w", lambda names: names[0], NOW + 10, NOW)
    assert claimed is not None
    await store.drawn(claimed, [factories.picture()], 0, (), NOW)
    assert await store.own_pictures("web:user:ann", ANY, None, 9) == []


# -- defaults


async def test_default_options_are_kept_by_owner(store: SqlStore) -> None:
    await store.set_default_options("web:user:ann", "--style noir")
    await store.set_default_options("channel:web:room", "--style comic")
    await store.set_default_options("web:user:ann", "--style comic")
    owners = ["web:user:ann", "channel:web:room", "web:user:bob"]
    assert await store.default_options(owners) == {"web:user:ann": "--style comic", "channel:web:room": "--style comic"}
    await store.set_default_options("web:user:ann", "")
    assert await store.default_options(owners) == {"channel:web:room": "--style comic"}


# -- operators


async def test_operators_see_who_asked_today_with_the_busiest_first(store: SqlStore) -> None:
    await delivered(store, factories.job("bob", count=3), pictures=3)
    await queue(store, factories.job("ann"), FREE)
    people = await store.people_of_day(DAY, 9)
    assert [(each.key, each.usage.images_today, each.usage.waiting) for each in people] == [
        ("web:user:ann", 1, 1),
        ("web:user:bob", 3, 0),
    ]
    assert await store.people_of_day(DAY + 1, 9) == []


async def test_operators_see_what_is_under_way_and_what_failed(store: SqlStore) -> None:
    await queue(store, factories.job(), FREE)
    claimed = await store.claim("w", lambda names: names[0], NOW + 10, NOW)
    assert claimed is not None
    assert [job.id for job in await store.jobs_at_work(9)] == [claimed.id]
    await store.finish(claimed, JobState.FAILED, Problem("failed_down"), NOW + 2)
    assert await store.jobs_at_work(9) == []
    assert [job.id for job in await store.failures(NOW, 9)] == [claimed.id]
    assert await store.failures(NOW + 3, 9) == []
