"""What people ask for in the web chat, drawn by the demo model and read off the pixels."""

import io
import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
from PIL import Image

from adapters.backends.diffusers.demo.scenes import Amount
from adapters.backends.sketch import SketchBackend
from adapters.chat.web.sessions import Seals
from bot.model import Job
from bot.ports import Backend
from tests.drawn import backgrounds, colours, difference, readings
from tests.house import open_house
from tests.web import SECRET, Client, Site, client, open_site

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(300)]


@dataclass
class Visit:
    """One person on the page."""

    site: Site
    person: Client

    async def ask(self, words: str) -> tuple[Job, list[Image.Image]]:
        """Types it and waits for the pictures. Few steps are enough for colours, and quick."""
        await self.person.say(f"/imagine {words} --steps 8")
        return await self.newest()

    async def newest(self) -> tuple[Job, list[Image.Image]]:
        """Of the last request, once it is answered, as the page shows them."""
        visitor = Seals(SECRET).visitor(self.person.cookie)
        assert visitor is not None
        [job] = await self.site.house.store.jobs_of(visitor.key, 1)
        job = await self.site.house.settled(job.id, seconds=100)
        return job, [await self._picture(link) for link in links(await self.person.page(), job.id)]

    async def _picture(self, link: str) -> Image.Image:
        answer = await self.person.http.get(link.replace("&amp;", "&"))
        return Image.open(io.BytesIO(answer.content)).convert("RGB")


def links(page: str, job: str) -> Sequence[str]:
    found = re.findall(rf'href="(/room/jobs/{job}/pictures/[0-9]+\?[^"]*)"', page)
    return [link for link in found if "download" not in link]


@pytest_asyncio.fixture(loop_scope="session")
async def visit(tmp_path: Path, demo_model: Backend) -> AsyncIterator[Visit]:
    backends = [demo_model, SketchBackend("sketch", pace=0)]
    async with open_house(tmp_path, backends) as house, open_site(house) as site, client(site) as person:
        yield Visit(site, person)


async def test_the_pictures_show_what_the_prompt_says(visit: Visit) -> None:
    job, pictures = await visit.ask("a large red circle on a white background --count 2 --seed 1")
    assert job.backend == "demo"
    assert backgrounds(pictures) == ["white", "white"]
    assert colours(pictures) == ["red", "red"]
    _, others = await visit.ask("a small blue square on a yellow background --count 2 --seed 1")
    assert backgrounds(others) == ["yellow", "yellow"]
    assert colours(others) == ["blue", "blue"]
    assert {reading.things[0].amount for reading in readings(others)} == {Amount.SMALL}


async def test_what_the_negative_prompt_names_is_not_on_the_pictures(visit: Visit) -> None:
    words = "a large circle on a white background --count 4 --seed 11"
    before = colours((await visit.ask(words))[1])
    unwanted = max(before, key=before.count)
    after = colours((await visit.ask(f"{words} --no {unwanted}"))[1])
    assert before.count(unwanted) > after.count(unwanted)


async def test_again_draws_another_picture_of_the_same_words(visit: Visit) -> None:
    words = "a large green heart on a black background"
    first, (picture,) = await visit.ask(f"{words} --seed 4")
    answer = await visit.person.post(f"/room/jobs/{first.id}/again")
    assert answer.json().keys() == {"job"}
    second, (other,) = await visit.newest()
    assert (second.id, second.seed) != (first.id, first.seed)
    assert (colours([picture]), backgrounds([picture])) == (["green"], ["black"])
    assert picture.tobytes() != other.tobytes()
    _, (same,) = await visit.ask(f"{words} --seed {second.seed}")
    assert difference(other, same) < 0.5


async def test_the_same_seed_draws_the_same_picture_and_another_seed_another(visit: Visit) -> None:
    words = "a blue star on a yellow background"
    _, (one,) = await visit.ask(f"{words} --seed 5")
    _, (same,) = await visit.ask(f"{words} --seed 5")
    _, (other,) = await visit.ask(f"{words} --seed 6")
    assert difference(one, same) < 0.5
    assert difference(one, other) > 0.5


async def test_the_pictures_of_a_count_have_the_seeds_that_follow_each_other(visit: Visit) -> None:
    words = "a purple square on a pink background"
    job, pictures = await visit.ask(f"{words} --count 3 --seed 20")
    stored = await visit.site.house.store.pictures_of(job.id)
    assert [picture.seed for picture in stored] == [20, 21, 22]
    assert colours(pictures) == ["purple"] * 3
    _, (last,) = await visit.ask(f"{words} --seed 22")
    assert difference(pictures[2], last) < 0.5
    assert difference(pictures[0], last) > 0.5


async def test_guidance_makes_the_picture_obey_the_words(visit: Visit) -> None:
    words = "a large orange circle on a blue background --seed 3"
    _, (loose,) = await visit.ask(f"{words} --guidance 0")
    _, (strict,) = await visit.ask(f"{words} --guidance 3")
    assert colours([strict]) == ["orange"]
    assert difference(loose, strict) > 0.5


async def test_what_names_no_shape_is_drawn_by_sketch_and_the_page_says_why(visit: Visit) -> None:
    job, _ = await visit.ask("a red fox")
    assert job.backend == "sketch"
    assert "so sketch draws this." in await visit.person.page()
    job, _ = await visit.ask("a red fox --backend demo")
    assert job.backend == "demo"
    assert "the prompt names none of them." in await visit.person.page()


async def test_another_size_is_drawn_by_sketch(visit: Visit) -> None:
    job, (picture,) = await visit.ask("a large red circle --size 192x128")
    assert (job.backend, picture.size) == ("sketch", (192, 128))
    job, (picture,) = await visit.ask("a large red circle --size 128x128")
    assert (job.backend, picture.size) == ("demo", (128, 128))
