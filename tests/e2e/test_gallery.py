"""The gallery: what is in it, for whom, and what is gone."""

import html
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import pytest_asyncio

from bot.model import Job, Style
from tests import factories
from tests.e2e.conftest import Open
from tests.house import TestHouse, open_house
from tests.web import Client, Site, client, open_site

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(loop_scope="session")
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with open_house(tmp_path) as house, open_site(house) as opened:
        yield opened


async def drawn(site: Site, person: Client, *commands: str) -> list[Job]:
    """The person's jobs, newest first, once all of these are delivered."""
    for command in commands:
        assert (await person.say(command)).json() == {"refused": False}
    key = await key_of(site, person)
    for job in await site.house.store.jobs_of(key, 100):
        await site.house.settled(job.id)
    return await site.house.store.jobs_of(key, 100)


async def key_of(_: Site, person: Client) -> str:
    session = person.cookie
    return f"web:user:{session.partition('.')[0]}"


async def prompts(person: Client, query: str = "") -> list[str]:
    page = (await person.http.get(f"/gallery{query}")).text
    return [html.unescape(each).strip("\u2068\u2069") for each in re.findall(r'class="words" title="([^"]*)"', page)]


async def share(person: Client, job: Job, *, shared: bool = True, index: int = 0) -> int:
    return (await person.post(f"/gallery/{job.id}/{index}/share", {"shared": shared})).status_code


async def test_everybody_sees_their_own_pictures_newest_first(site: Site) -> None:
    async with AsyncExitStack() as stack:
        ann, bob = [await stack.enter_async_context(client(site)) for _ in range(2)]
        await drawn(site, ann, "/imagine a fox", "/imagine a cat --count 2")
        await drawn(site, bob, "/imagine a boat")
        assert await prompts(ann) == ["a cat", "a cat", "a fox"]
        assert await prompts(bob) == ["a boat"]
        assert await prompts(bob, "?of=everybody") == []


async def test_what_is_shared_is_everybodys_until_it_is_taken_down(site: Site) -> None:
    async with AsyncExitStack() as stack:
        ann, bob = [await stack.enter_async_context(client(site)) for _ in range(2)]
        cat, fox = await drawn(site, ann, "/imagine a fox", "/imagine a cat --count 2")
        assert [await share(ann, fox), await share(ann, cat, index=1)] == [200, 200]
        assert await prompts(bob, "?of=everybody") == ["a cat", "a fox"]
        assert await share(bob, cat, shared=False, index=1) == 403
        assert await share(ann, cat, shared=False, index=1) == 200
        assert await prompts(bob, "?of=everybody") == ["a fox"]


async def test_s36_sharing_needs_the_pages_token(site: Site) -> None:
    async with client(site) as ann:
        [fox] = await drawn(site, ann, "/imagine a fox")
        path, body = f"/gallery/{fox.id}/0/share", {"shared": True}
        for headers in ({"x-imagine-token": "x"}, {"origin": "http://evil"}, {"sec-fetch-site": "cross-site"}):
            assert (await ann.post(path, body, headers=headers)).status_code == 403
        for wrong in ({"shared": "yes"}, {}):
            assert (await ann.post(path, wrong)).status_code == 400
        assert await share(ann, fox, index=7) == 404
        assert await prompts(ann, "?of=everybody") == []


async def test_deleted_and_hidden_pictures_are_gone(site: Site) -> None:
    async with client(site) as ann:
        cat, fox = await drawn(site, ann, "/imagine a fox", "/imagine a cat")
        for job in (fox, cat):
            await share(ann, job)
        await site.house.studio.delete(fox.origin.person, fox.origin.place, fox.id)
        for query in ("", "?of=everybody"):
            assert await prompts(ann, query) == ["a cat"]
        await hide(site.house, cat)
        for query in ("", "?of=everybody"):
            assert await prompts(ann, query) == []
        assert await share(ann, cat, shared=False) == 404


async def hide(house: TestHouse, job: Job) -> None:
    """As a moderator does."""
    async with house.store._engine.write() as tx:
        await tx._connection.execute_fetchall("UPDATE pictures SET hidden = 1 WHERE job = ?", [job.id])  # type: ignore[attr-defined]


async def test_search_and_filters_narrow_it(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        house.core.styles["noir"] = Style("noir", "{prompt}, noir")  # type: ignore[index] # a plain dict here
        async with open_site(house) as site, client(site) as ann:
            await drawn(site, ann, "/imagine a Füchsin --style noir", "/imagine a cat", "/imagine 100% of_it")
            for query, found in (
                ("?q=FÜCH", ["a Füchsin"]),
                ("?q=100%25", ["100% of_it"]),
                ("?q=a%25n", []),
                ("?style=noir", ["a Füchsin"]),
                ("?backend=sketch&q=cat", ["a cat"]),
                ("?backend=other", []),
                ("?q=%00cat%F0%28", []),
            ):
                assert await prompts(ann, query) == found


async def test_pages_hold_every_picture_once(site: Site) -> None:
    async with client(site) as ann:
        key = await key_of(site, ann)
        await drawn(site, ann, *(f"/imagine picture {number} --count 10" for number in range(8)))
        page = (await ann.http.get("/gallery")).text
        seen = re.findall(r'data-job="(\w+)" data-index="(\d+)"', page)
        further = html.unescape(re.search(r'href="/gallery\?([^"]*after=[^"]*)"', page)[1])  # type: ignore[index]
        while further:
            answer = (await ann.http.get(f"/gallery/more?{further}")).json()
            seen += re.findall(r'data-job="(\w+)" data-index="(\d+)"', answer["html"])
            further = answer["further"]
        jobs = await site.house.store.jobs_of(key, 100)
        assert [job for job, _ in seen] == [job.id for job in jobs for _ in range(10)]
        assert len(set(seen)) == 80
        assert (await ann.http.get("/gallery?after=nonsense")).status_code == 200
        async with client(site, arrived=False) as nobody:
            assert (await nobody.http.get("/gallery/more")).status_code == 403


async def test_s35_hostile_words_stay_words(site: Site, open_page: Open) -> None:
    hostile = "a fox <script>alert(1)</script> \"onload='x' {{ 7*7 }}"
    page = await open_page(site.url)
    await page.get_by_label("Message").fill(f"/imagine {hostile}")
    await page.get_by_role("button", name="Send").click()
    await page.get_by_role("img", name="a fox").first.wait_for()
    await page.goto(f"{site.url}/gallery")
    card = page.locator(".card")
    assert hostile in await card.locator(".words").inner_text()
    await card.locator("summary").click()
    await card.get_by_role("button", name="Share").click()
    await card.get_by_role("button", name="Stop sharing").wait_for()
    await page.get_by_role("link", name="Shared by everybody").click()
    await page.locator(".card").wait_for()
    await page.locator("summary").click()
    await page.get_by_role("link", name="Use these settings").click()
    seed = (await site.house.store.pictures_of((await all_jobs(site))[0].id))[0].seed
    assert await page.get_by_label("Message").input_value() == f"/imagine {hostile} --seed {seed}"


async def all_jobs(site: Site) -> list[Job]:
    return [each.job for each in await site.house.store.shared_pictures("web", factories.ANY, None, 10)]
