"""A guild full of people, for tests of moderation over the real studio, moderators and store."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from bot.conduct import Case, Notice
from bot.errors import DeliveryError
from bot.model import Job, Origin, Person, Place, Settled, Ticket
from bot.ports_moderation import Remember
from bot.settings import ModerationSettings
from tests import factories
from tests.fakes import FakeChat
from tests.house import TestHouse

GUILD, OTHER_GUILD = "discord:42", "discord:43"
HERE, THERE = Place(GUILD, "7"), Place(OTHER_GUILD, "8")
ANN = Person("discord:user:1", "ann")
BOB = Person("discord:user:2", "bob")
CAT = Person("discord:user:3", "cat")
MOD = Person("discord:user:9", "mod", ("discord:role:9",))
MOD2 = Person("discord:user:10", "mod2", ("discord:role:9",))
OWNER = Person("discord:user:11", "owner", ("discord:owners",))
SETTINGS = ModerationSettings(moderators=("discord:role:9",), review_channels={GUILD: "777"})


def settings(**changes: object) -> ModerationSettings:
    return replace(SETTINGS, **changes)  # type: ignore[arg-type] # the caller names fields


async def ask(house: TestHouse, text: str = "a red fox", person: Person = ANN, place: Place = HERE) -> Ticket:
    ticket = await house.studio.submit(Origin(person, place, {"message": "1"}), text, factories.job().key)
    return await house.studio.acknowledged(ticket.job.id, {})


@dataclass
class FakeRoom:
    """A platform's review channel that remembers what it shows. ``plan`` has what the next calls raise."""

    items: dict[str, Case] = field(default_factory=dict)
    channels: dict[str, str] = field(default_factory=dict)
    revised: list[Settled] = field(default_factory=list)
    notices: list[tuple[str, str]] = field(default_factory=list)
    calls: int = 0
    plan: list[DeliveryError] = field(default_factory=list)

    async def announce(self, case: Case, channel: str, address: Mapping[str, str], remember: Remember) -> None:
        self.calls += 1
        if self.plan:
            raise self.plan.pop(0)
        if not address:
            await remember({"message": f"m{self.calls}"})
        self.items[case.item.id] = case
        self.channels[case.item.id] = channel

    async def revise(self, settled: Settled, address: Mapping[str, str], remember: Remember) -> None:
        if self.plan:
            raise self.plan.pop(0)
        self.revised.append(settled)

    async def notify(self, notice: Notice) -> None:
        if self.plan:
            raise self.plan.pop(0)
        self.notices.append((notice.person, notice.text))


def on_discord(house: TestHouse) -> FakeRoom:
    """Makes the house's chat a Discord with a review channel."""
    house.chat = FakeChat("discord")
    house.rooms = {"discord": FakeRoom()}
    room = house.rooms["discord"]
    assert isinstance(room, FakeRoom)
    return room


async def job_of(house: TestHouse, job_id: str) -> Job:
    job = await house.store.job(job_id)
    assert job is not None
    return job
