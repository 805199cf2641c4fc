"""Side by side with a bare FIFO bot on the same stand-in of Discord: what durability, fairness and exactly-once cost,
and what they give. Run: python -m tests.bench.peers.

The FIFO bot is written here the way the open bots are built: a list in memory, one worker, `defer`, and an edit of the
interaction's answer with discord.py's own `View` under it.
"""

import asyncio
import io
import signal
import statistics
import tempfile
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import discord
import yarl
from discord import app_commands

from tests.bench.load import bots
from tests.bench.load.bots import Pace
from tests.bench.load.ways import House, OnDiscord
from tests.bench.table import Row, show
from tests.fakes import png
from tests.standins.discord import DiscordStandIn, Interaction, Message, buttons

SLOW = Pace(seconds=0.5, at_once=1)
FAST = Pace(seconds=0.02, at_once=1)
HEAVY, WAITING, AT_ONCE = 20, 20, 100


def fifo_bot(_: str, pace: Pace, token: str, api: str, gateway: str) -> None:
    discord.http.Route.BASE = api
    discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(gateway)
    client = discord.Client(intents=discord.Intents(guilds=True))
    tree, queue = app_commands.CommandTree(client), asyncio.Queue[discord.Interaction[Any]]()

    class Buttons(discord.ui.View):
        @discord.ui.button(label="Again")
        async def again(self, interaction: discord.Interaction[Any], _: object) -> None:
            await interaction.response.defer()
            await queue.put(interaction)

    @tree.command(description="draws")
    async def imagine(interaction: discord.Interaction[Any], prompt: str) -> None:
        await interaction.response.defer()
        await queue.put(interaction)

    async def work() -> None:
        while True:
            interaction = await queue.get()
            await asyncio.sleep(pace.seconds)
            file = discord.File(io.BytesIO(png()), "picture.png")
            await interaction.edit_original_response(attachments=[file], view=Buttons())

    async def setup() -> None:
        await tree.sync()
        client.loop.create_task(work())

    client.setup_hook = setup  # type: ignore[method-assign] # the smallest bot has no class of its own
    client.run(token, log_handler=None)


@dataclass
class Peer:
    name: str
    bot: Callable[..., None]


PEERS = (Peer("bare FIFO bot", fifo_bot), Peer("imagine-bot", bots.discord_bot))


@asynccontextmanager
async def opened(peer: Peer, pace: Pace) -> AsyncIterator[tuple[House, OnDiscord]]:
    with tempfile.TemporaryDirectory() as folder:
        async with DiscordStandIn() as standin:
            way = OnDiscord(standin)
            house = House(way, Path(folder), peer.bot, (standin.token, standin.api, standin.gateway_url))
            await house.start(pace)
            try:
                yield house, way
            finally:
                await house.end(signal.SIGKILL)


async def within(seconds: float, done: Callable[[], bool]) -> bool:
    try:
        async with asyncio.timeout(seconds):
            while not done():
                await asyncio.sleep(0.02)
    except TimeoutError:
        return False
    return True


def pictures_of(way: OnDiscord) -> list[Message]:
    channels = way.standin.world.channels.values()
    return [message for room in channels for message in room.messages.values() if message.attachments]


async def said(way: OnDiscord, person: int, words: str) -> Interaction:
    asked = await way.standin.human.slash(way.people[person], way.rooms[0], "imagine", prompt=words)
    await asked.reply(30)
    return asked


async def lost_after_kill(peer: Peer) -> str:
    """Requests that were acknowledged, and never answered after kill -9 and a restart."""
    async with opened(peer, SLOW) as (house, way):
        for number in range(WAITING):
            await said(way, number, f"a red fox, number {number}")
        await house.end(signal.SIGKILL)
        await house.start(FAST)
        await within(20, lambda: len(pictures_of(way)) >= WAITING)
        return f"{WAITING - len(pictures_of(way))} of {WAITING}"


async def wait_beside_a_heavy_user(peer: Peer) -> str:
    """From a newcomer's command to the picture, behind somebody's twenty."""
    async with opened(peer, SLOW) as (_, way):
        loop = asyncio.get_running_loop()
        for number in range(HEAVY):
            await said(way, 0, f"a heavy fox, number {number}")
        began, before = loop.time(), {message.id for message in pictures_of(way)}
        light = await said(way, 1, "a light fox")
        mine = {light.message.id} if light.message else set()

        def there() -> bool:
            new = [message for message in pictures_of(way) if message.id not in before]
            return any(message.id in mine or message.channel in mine for message in new)

        await within(60, there)
        return f"{loop.time() - began:.1f} s"


async def dead_buttons(peer: Peer) -> str:
    """Of the buttons under a picture from before a restart, those that do nothing when pressed."""
    async with opened(peer, FAST) as (house, way):
        await said(way, 0, "a red fox")
        await within(20, lambda: len(pictures_of(way)) >= 1)
        await house.end(signal.SIGKILL)
        await house.start(FAST)
        [message] = pictures_of(way)
        labels = [button["label"] for button in buttons(message)]
        dead = 0
        for label in labels:
            pressed = await way.standin.human.click(way.people[0], message, label)
            try:
                await pressed.reply(3)
            except TimeoutError:
                dead += 1
        return f"{dead} of {len(labels)}"


async def acknowledged(peer: Peer) -> str:
    async with opened(peer, FAST) as (house, _):
        await asyncio.gather(*(house.ask(number) for number in range(AT_ONCE)))
        cuts = statistics.quantiles(house.seconds, n=100)
        return f"{cuts[49] * 1000:.0f} ms, {cuts[98] * 1000:.0f} ms"


MEASURED: dict[str, Callable[[Peer], Coroutine[Any, Any, str]]] = {
    "lost after kill -9 and a restart": lost_after_kill,
    f"a newcomer's wait behind {HEAVY} of one person, {SLOW.seconds} s each": wait_beside_a_heavy_user,
    "dead buttons after a restart": dead_buttons,
    f"acknowledgement of {AT_ONCE} at once: median, p99": acknowledged,
}


async def main() -> None:
    for what, measure in MEASURED.items():
        show(what, [Row(peer.name, await measure(peer)) for peer in PEERS])


if __name__ == "__main__":
    asyncio.run(main())
