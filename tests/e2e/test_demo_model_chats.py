"""What people ask for on Discord and Slack, drawn by the demo model and read off the pictures that are posted there."""

import io
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import pytest
import pytest_asyncio
from PIL import Image

from bot.model import Job, JobState
from bot.ports import Backend
from tests.discord_house import DiscordHouse, open_discord_house
from tests.drawn import backgrounds, colours, difference
from tests.slack_house import SlackTest, open_test
from tests.standins.slack import SlackStandIn

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(300)]

SECONDS = 120.0
Drawn = tuple[Job, list[Image.Image]]


def opened(contents: Sequence[bytes]) -> list[Image.Image]:
    return [Image.open(io.BytesIO(content)).convert("RGB") for content in contents]


class Chat(Protocol):
    async def ask(self, words: str) -> Drawn: ...

    async def again(self) -> Drawn: ...


@dataclass
class OnDiscord:
    house: DiscordHouse
    asked: int = 0

    async def ask(self, words: str) -> Drawn:
        """Few steps are enough for colours, and quick."""
        await self.house.imagine(prompt=f"{words} --steps 8")
        return await self._newest()

    async def again(self) -> Drawn:
        """A press on the newest pictures' button."""
        newest = max(self.house.with_pictures(), key=lambda message: message.id)
        await self.house.discord.human.click(self.house.ada, newest, "Again")
        return await self._newest()

    async def _newest(self) -> Drawn:
        self.asked += 1
        job, *_ = await self.house.settled(count=self.asked, seconds=SECONDS)
        assert job.state is JobState.DELIVERED
        newest = max(self.house.with_pictures(), key=lambda message: message.id)
        return job, opened([self.house.discord.picture(each) for each in newest.attachments])


@dataclass
class OnSlack:
    test: SlackTest
    asked: int = 0
    seen: set[str] = field(default_factory=set)

    async def ask(self, words: str) -> Drawn:
        await self.test.human.slash("/imagine", f"{words} --steps 8")
        return await self._newest()

    async def again(self) -> Drawn:
        await self.test.human.click(self.test.workspace.by_bot()[0], "Again")
        return await self._newest()

    async def _newest(self) -> Drawn:
        self.asked += 1
        job, *_ = await self.test.all_settled(self.asked, seconds=SECONDS)
        assert job.state is JobState.DELIVERED
        files = [file for file in self.test.workspace.files.values() if file.id not in self.seen and file.completed]
        self.seen.update(file.id for file in files)
        return job, opened([file.data for file in files])


@pytest_asyncio.fixture(loop_scope="session", params=["discord", "slack"])
async def chat(request: pytest.FixtureRequest, tmp_path: Path, demo_model: Backend) -> AsyncIterator[Chat]:
    if request.param == "discord":
        async with open_discord_house(tmp_path, [demo_model]) as house, house.working(), house.connected():
            yield OnDiscord(house)
    else:
        async with SlackStandIn() as slack, open_test(tmp_path, slack, backends=[demo_model]) as test:
            yield OnSlack(test)
        assert slack.problems == []


async def test_as_many_pictures_are_posted_as_were_asked_for_and_show_what_the_prompt_says(chat: Chat) -> None:
    job, pictures = await chat.ask("a large red circle on a white background --count 2 --seed 1")
    assert (job.backend, job.seed) == ("demo", 1)
    assert colours(pictures) == ["red", "red"]
    assert backgrounds(pictures) == ["white", "white"]
    _, (second,) = await chat.ask("a large red circle on a white background --seed 2")
    assert difference(pictures[1], second) < 0.5 < difference(pictures[0], second)


async def test_a_colour_in_the_negative_prompt_is_drawn_less_often(chat: Chat) -> None:
    words = "a large circle on a white background --count 4 --seed 11"
    before = colours((await chat.ask(words))[1])
    unwanted = max(before, key=before.count)
    after = colours((await chat.ask(f"{words} --no {unwanted}"))[1])
    assert len(after) == 4
    assert before.count(unwanted) > after.count(unwanted)


async def test_again_posts_another_picture_of_the_same_words_and_the_same_seed_the_same_picture(chat: Chat) -> None:
    words = "a large green heart on a black background"
    first, (picture,) = await chat.ask(f"{words} --seed 4")
    second, (other,) = await chat.again()
    assert (second.request.prompt, second.request.steps) == (first.request.prompt, first.request.steps)
    assert (second.id, second.seed) != (first.id, first.seed)
    assert (colours([picture]), backgrounds([picture])) == (["green"], ["black"])
    assert picture.tobytes() != other.tobytes()
    _, (same,) = await chat.ask(f"{words} --seed {second.seed}")
    assert difference(other, same) < 0.5
