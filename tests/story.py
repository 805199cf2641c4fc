"""A day in which a job takes every way there is: the same on the web, Discord and Slack, with failpoints everywhere.

What is to become of a request stands in its words, so that a life after a crash goes on where the last one ended:
people and moderators look at what there is and do what is left to do.
"""

import asyncio
import contextlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from PIL import Image

from bot.conduct import Action, ItemKind, Rule
from bot.errors import Broken, Busy, ChatBusy, ChatGone, Down, Refused, Rejected, StoreError
from bot.model import FINAL_STATES, Drawing, Drawn, Job, JobState, Person, Place, QuotaSettings, Settled, Stage
from bot.settings import ModerationSettings
from tests.fakes import png
from tests.house import TestHouse

SHOWING = ("announce", "claim_post", "remember_post", "post_shown", "post_later")
def word_of(prompt: str) -> str:
    return prompt.split()[1]


@dataclass(frozen=True, slots=True)
class Wish:
    """``tries``: the calls whose failpoints are tried with this request alone; every point is tried with some."""

    who: str
    text: str
    end: JobState = JobState.DELIVERED
    tries: tuple[str, ...] = ()

    @property
    def word(self) -> str:
        """What its fate hangs on; it stays when a moderator edits the rest."""
        return word_of(self.text)


USUAL = (
    "submit", "say", "acknowledge", "claim", "generate", "remember_task", "save", "save_speed", "drawn", "deliver",
    "remember_address", "delivered",
)  # fmt: skip
WISHES = (
    Wish("ann", "a red fox --count 2 --seed 5", tries=USUAL),
    Wish("bob", "a blue cat"),
    Wish("ann", "a held castle", tries=("submit", "acknowledge", "decide", *SHOWING)),
    Wish("bob", "a refused castle", JobState.REJECTED, ("decide", "claim_untold", "told")),
    Wish("dan", "a vulgar castle", tries=("decide",)),
    Wish("cat", "a forgotten castle", JobState.CANCELLED, ("expire_items",)),
    Wish("cat", "an impatient hill", JobState.CANCELLED, ("cancel",)),
    Wish("dan", "a slow hill", JobState.CANCELLED, ("cancel", "finish")),
    Wish("dan", "a broken pot", JobState.FAILED, ("finish",)),
    Wish("eve", "a busy pot", tries=("save_breaker", "release")),
    Wish("eve", "a down pot", tries=("save_breaker", "release")),
    Wish("bob", "a shameless pot", JobState.REJECTED, ("finish",)),
    Wish("cat", "a homeless dog", JobState.UNDELIVERABLE, ("finish",)),
    Wish("ann", "a late teapot", tries=("deliver_later", "claim_delivery", "hold", "save_rules", "decide")),
    Wish("dan", "a new kettle", tries=("hold", "decide")),
    Wish("eve", "an odd dog --seed 9", tries=("drawn", "decide")),
    Wish("zed", "a banned bus", JobState.CANCELLED, ("sanction", "notify")),
    Wish("bob", "a rude ship", tries=("report", "decide", "open_appeal", "revise")),
    Wish("ann", "a partial moon --count 2", tries=("delivered",)),
    Wish("eve", "a deleted boat", tries=("delete_pictures", "delete", "revise")),
)
PEOPLE = ("ann", "bob", "cat", "dan", "eve", "zed")
BY_WORD = {wish.word: wish for wish in WISHES}
QUOTA = QuotaSettings(images_per_day=50, running=1, waiting=20)
HELD, TEAPOT, KETTLE = ("castle",), "late", "new"
LATER = 2 * 86_400.0
FORBEARANCE = 1.0
"""Seconds until a request that nobody acknowledged is given up: a minute in the house."""


def settings(place: Place, moderator: Person, channel: str) -> ModerationSettings:
    return ModerationSettings(
        held=HELD,
        moderators=(moderator.key, *moderator.groups),
        report_threshold=1,
        review_channels={place.tenant: channel} if channel else {},
    )


@dataclass
class Odd:
    """An `ImageCheck` that finds one picture odd: the one of seed 9."""

    colour: tuple[int, ...] = field(default_factory=lambda: _pixel(png(f"#{(9 * 4099) % 0xFFFFFF:06x}")))

    async def classify(self, image: bytes) -> Mapping[str, float]:
        return {"odd": float(_pixel(image) == self.colour)}


ODD = {"odd": {Action.HOLD: 0.5}}


def _pixel(image: bytes) -> tuple[int, ...]:
    with Image.open(io.BytesIO(image)) as opened:
        found = opened.convert("RGB").getpixel((0, 0))
    assert isinstance(found, tuple)
    return tuple(int(each) for each in found)


@dataclass
class Fates:
    """What backends and platforms do with a request, by its words; the first time in a life, where it passes."""

    met: set[str] = field(default_factory=set)

    def _first(self, word: str) -> bool:
        fresh = word not in self.met
        self.met.add(word)
        return fresh

    async def draw(self, request: Drawing) -> None:
        word = word_of(request.prompt)
        match word:
            case "slow":
                await asyncio.sleep(3600)
            case "broken":
                raise Broken("cannot be done")
            case "shameless":
                raise Rejected("451", stage=Stage.PROMPT)
            case "busy" if self._first(word):
                raise Busy("429", retry_after=0.05)
            case "down" if self._first(word):
                raise Down("refused")

    async def deliver(self, settled: Settled) -> None:
        word = word_of(settled.job.request.prompt)
        if word == "homeless":
            raise ChatGone("deleted")
        if word == "late" and settled.pictures and self._first(word):
            raise ChatBusy("later")

    def drawn(self, request: Drawing, drawn: Drawn) -> Drawn:
        if word_of(request.prompt) != "partial":
            return drawn
        return Drawn(drawn.pictures[:-1], drawn.seeds[:-1], missing=1)


@dataclass
class Cast:
    """Who acts beside those who ask, and where."""

    house: TestHouse
    people: Mapping[str, Person]  #: by the names in WISHES
    moderator: Person
    place: Place
    arrived: Any = None  #: `bot.studio.Arrived`
    ready: asyncio.Event = field(default_factory=asyncio.Event)  #: the worker may begin

    async def jobs(self) -> list[Job]:
        found = [await self.house.store.jobs_of(person.key, 100) for person in self.people.values()]
        return [job for jobs in found for job in jobs]

    async def act(self) -> None:
        """Until everything there was to do is done and every request is final and told."""
        while True:
            with contextlib.suppress(StoreError, Refused):
                if await self._acted():
                    return
            await asyncio.sleep(0.02)

    async def _acted(self) -> bool:
        await self.house.studio.drop_unacknowledged(FORBEARANCE, self.arrived)
        jobs = await self.jobs()
        for job in jobs:
            await self._follow(job)
        await self._moderate()
        if not all(job.state in FINAL_STATES and job.told for job in jobs):
            return False
        left = [job for job in jobs if job.state is JobState.DELIVERED and not await self._is_over(job)]
        return not left and await self._nothing_to_show()

    # -- people

    async def early(self, jobs: Sequence[Job]) -> None:
        """What has to happen before the worker begins; whoever is told that the bot is busy tries again."""
        for job in jobs:
            word = word_of(job.request.prompt)
            for _ in range(2):
                if job.state is JobState.QUEUED and word in {"impatient", "banned", "new"}:
                    with contextlib.suppress(StoreError, Refused):
                        await self._early(job, word)

    async def _early(self, job: Job, word: str) -> None:
        if word == "impatient":
            await self.house.studio.cancel(job.origin.person, job.origin.place, job.id)
        elif word == "banned":
            if (await self.house.store.member(self.place.tenant, job.origin.person.key)).sanctions:
                return
            await self.house.moderators.ban(self.moderator, self.place, job.origin.person, "spam", 3600.0)
        else:
            await self._rule(KETTLE)

    async def _rule(self, word: str) -> None:
        rules = await self.house.moderators.rules(self.moderator, self.place)
        if word not in {rule.id for rule in rules}:
            await self.house.moderators.add_rule(
                self.moderator, self.place, Rule(word, "", (word,), action=Action.HOLD)
            )

    async def _follow(self, job: Job) -> None:
        word = word_of(job.request.prompt)
        if word == "slow" and job.state is JobState.RUNNING and not job.cancel_requested:
            await self.house.studio.cancel(job.origin.person, job.origin.place, job.id)
        elif word == "late" and job.deliveries:
            await self._rule(TEAPOT)
        elif word in {"impatient", "banned"} and job.state is JobState.QUEUED:
            await self._early(job, word)
        elif word == "deleted" and job.state is JobState.DELIVERED and not await self._is_over(job):
            await self.house.studio.delete(job.origin.person, job.origin.place, job.id)
        elif word == "rude" and job.state is JobState.DELIVERED:
            await self._complain(job)

    async def _complain(self, job: Job) -> None:
        """Reported, hidden by the moderator's word, and won back by an appeal."""
        if not await self.house.store.reports_on(self.place.tenant, job.id, 0):
            await self.house.moderators.report(self.people["eve"], job.origin.place, job.id, 0, "rude")
        for item in await self.house.store.items_of(self.place.tenant, job.id):
            appealed = await self.house.store.appeals_of(self.place.tenant, item.id)
            if item.kind is ItemKind.REPORT and item.state == "rejected" and not appealed:
                await self.house.moderators.appeal(job.origin.person, job.origin.place, item.id, "it is a ship")

    # -- moderators

    async def _moderate(self) -> None:
        forgotten = 0
        cases = await self.house.moderators.cases(self.moderator, self.place)
        for case in cases:
            word = word_of(case.job.request.prompt) if case.job else ""
            if case.item.kind is ItemKind.REQUEST and word == "forgotten":
                forgotten += 1
            elif case.item.kind is ItemKind.REPORT or word == "refused":
                await self.house.moderators.reject(self.moderator, self.place, case.item.id, "no")
            elif word == "vulgar":
                await self.house.moderators.edit(self.moderator, self.place, case.item.id, "a vulgar keep")
            else:
                await self.house.moderators.approve(self.moderator, self.place, case.item.id)
        if forgotten and forgotten == len(cases):
            await self.house.store.expire_items(self.house.core.clock.now() + LATER, 10)

    async def _is_over(self, job: Job) -> bool:
        word = word_of(job.request.prompt)
        pictures = await self.house.store.pictures_of(job.id)
        if word == "deleted":
            return all(picture.deleted for picture in pictures)
        if word == "rude":
            items = await self.house.store.items_of(self.place.tenant, job.id)
            appeals = [each for item in items for each in await self.house.store.appeals_of(self.place.tenant, item.id)]
            return any(each.state == "approved" for each in appeals) and not any(each.hidden for each in pictures)
        return True

    async def _nothing_to_show(self) -> bool:
        async with self.house.store._engine.read() as tx:
            return not await tx.run("any_post", platforms=f'["{self.place.tenant.partition(":")[0]}"]', now=1e12)
