"""Interaction to acknowledgement at 200 simultaneous commands, stored before it is acknowledged, against a bare
discord.py echo command on the same stand-in. Each bot is a process of its own.

    python -m tests.bench.bench_discord
"""

import asyncio
import multiprocessing
import statistics
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

import discord
import yarl
from discord import app_commands

from tests import discord_process
from tests.bench.table import Row, show
from tests.standins.discord import Channel, DiscordStandIn, Interaction, User

AT_ONCE = 200
ROUNDS = 5
TARGET_SECONDS = 1.0
TARGET_TIMES = 3.0


def echo(_: str, token: str, api: str, gateway: str) -> None:
    """The least a discord.py bot can do."""
    discord.http.Route.BASE = api
    discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(gateway)
    client = discord.AutoShardedClient(intents=discord.Intents(guilds=True))
    tree = app_commands.CommandTree(client)

    @tree.command(description="says it again")
    async def imagine(interaction: discord.Interaction[Any], prompt: str) -> None:
        await interaction.response.send_message(prompt, allowed_mentions=discord.AllowedMentions.none())

    async def setup() -> None:
        await tree.sync()

    client.setup_hook = setup  # type: ignore[method-assign] # the smallest bot has no class of its own
    client.run(token, log_handler=None)


Bot = Callable[[str, str, str, str], None]


async def measured(bot: Bot) -> tuple[list[float], Counter[str]]:
    """Seconds of each acknowledgement, and the REST calls by method and kind."""
    async with DiscordStandIn() as standin:
        guild = standin.world.guild()
        room = standin.world.text_channel(guild)
        people = [standin.world.user(f"user{number}") for number in range(AT_ONCE)]
        for person in people:
            standin.world.join(guild, person)
        with tempfile.TemporaryDirectory() as folder:
            child = started(bot, folder, standin)
            await standin.gateway.until("identified", 1, 60)
            await asyncio.sleep(1)
            before = len(standin.rest.calls)
            seconds = [await one_round(standin, room, people) for _ in range(ROUNDS)]
            calls = Counter(kind(call.method, call.path) for call in standin.rest.calls[before:])
            child.terminate()
            await asyncio.to_thread(child.join, 20)
        return [each for part in seconds for each in part], calls


def started(bot: Bot, folder: str, standin: DiscordStandIn) -> ForkServerProcess:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.discord_process"])
    child = context.Process(target=bot, args=(folder, standin.token, standin.api, standin.gateway_url))
    child.start()
    return child


async def one_round(standin: DiscordStandIn, room: Channel, people: list[User]) -> list[float]:
    asked: list[Interaction] = [
        await standin.human.slash(person, room, "imagine", prompt="a red fox in the snow") for person in people
    ]
    await asyncio.gather(*(each.reply(30) for each in asked))
    refused = sum(each.private for each in asked)
    if refused:
        sys.stdout.write(f"  {refused} of {len(asked)} were refused: {next(e.text for e in asked if e.private)}\n")
    await quiet(standin)
    return [each.latency for each in asked]


async def quiet(standin: DiscordStandIn) -> None:
    """Until no call came in for two seconds."""
    seen = -1
    while seen != len(standin.rest.calls):
        seen = len(standin.rest.calls)
        await asyncio.sleep(2)


def kind(method: str, path: str) -> str:
    return f"{method} {'/'.join(part for part in Path(path).parts[1:] if part.isalpha() or part == '@original')}"


def figures(seconds: list[float]) -> tuple[float, float, float]:
    cuts = statistics.quantiles(seconds, n=100)
    return cuts[49], cuts[98], max(seconds)


def row(name: str, seconds: list[float]) -> Row:
    middle, late, worst = (f"{each * 1000:.0f} ms" for each in figures(seconds))
    return Row(f"{name}: median, p99, worst", f"{middle}, {late}, {worst}", f"p99 {TARGET_SECONDS:.0f} s")


async def main() -> int:
    bare, _ = await measured(echo)
    ours, calls = await measured(discord_process.process)
    times = figures(ours)[1] / figures(bare)[1]
    requests = AT_ONCE * ROUNDS
    table = [row(name, seconds) for name, seconds in (("bare echo", bare), ("imagine-bot", ours))]
    table.append(Row("p99 against the bare echo", f"{times:.1f} times", f"{TARGET_TIMES:.0f} times"))
    table += [Row(f"calls a request: {name}", f"{count / requests:.2f}") for name, count in calls.most_common(4)]
    table.append(Row("calls a request in all", f"{calls.total() / requests:.2f}"))
    show(f"Discord: {AT_ONCE} simultaneous commands, {ROUNDS} rounds, interaction to acknowledgement", table)
    return int(figures(ours)[1] > TARGET_SECONDS or times > TARGET_TIMES)


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
