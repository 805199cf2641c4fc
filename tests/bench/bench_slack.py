"""Command to acknowledgement at 200 simultaneous commands over Socket Mode, stored before it is acknowledged, against a
bare bolt echo command on the same stand-in; and the Web API calls of a delivered request. Each bot is a process of its
own. Run: python -m tests.bench.bench_slack.
"""

import asyncio
import multiprocessing
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.app.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from tests import slack_process
from tests.bench.table import Row, show
from tests.standins.slack import Answer, SlackStandIn

AT_ONCE = 200
ROUNDS = 5
DELIVERED = 40
TARGET_SECONDS = 1.0
TARGET_TIMES = 3.0

Bot = Callable[[str, str, str, str], None]


def echo(_: str, token: str, app_token: str, api: str) -> None:
    """The least a bolt app can do."""
    app = AsyncApp(client=AsyncWebClient(token, base_url=api), signing_secret="x")

    @app.command("/imagine")
    async def imagine(ack: Any, command: dict[str, Any]) -> None:
        await ack(command["text"])

    async def run() -> None:
        handlers = [AsyncSocketModeHandler(app, app_token) for _ in range(2)]
        for handler in handlers:
            await handler.connect_async()  # type: ignore[no-untyped-call] # of the library
        await asyncio.Event().wait()

    asyncio.run(run())


@asynccontextmanager
async def running(bot: Bot) -> AsyncIterator[SlackStandIn]:
    """A fresh bot, connected and warm."""
    async with SlackStandIn() as slack:
        with tempfile.TemporaryDirectory() as folder:
            context = multiprocessing.get_context("forkserver")
            context.set_forkserver_preload(["tests.slack_process"])
            arguments = (folder, slack.workspace.token, slack.app_token, slack.api)
            child = context.Process(target=bot, args=arguments)
            child.start()
            await slack.sockets.connected(2)
            await slack.human.slash("/imagine", "help")
            await asyncio.sleep(0.5)
            try:
                yield slack
            finally:
                child.kill()
                await asyncio.to_thread(child.join, 20)


async def one_round(bot: Bot) -> list[float]:
    async with running(bot) as slack:
        people = [slack.human.other(f"U{number}", f"user{number}") for number in range(1, AT_ONCE + 1)]
        acts = [person.slash("/imagine", "a red fox in the snow") for person in people]
        answers: list[Answer] = await asyncio.gather(*acts)
        lost = [answer for answer in answers if not answer.acknowledged or "busy" in answer.text]
        if lost:
            print(f"  {len(lost)} of {AT_ONCE} were not taken")
        return [answer.seconds for answer in answers]


async def measured(bot: Bot) -> list[float]:
    return [seconds for _ in range(ROUNDS) for seconds in await one_round(bot)]


async def calls_of_a_request() -> tuple[Counter[str], int, float]:
    """Calls by method, those that Slack limited, and the seconds until all were delivered."""
    async with running(slack_process.process) as slack:
        before, began = len(slack.calls), time.monotonic()
        people = [slack.human.other(f"U{number}", f"user{number}") for number in range(1, DELIVERED + 1)]
        await asyncio.gather(*(person.slash("/imagine", "a red fox in the snow") for person in people))
        while sum("Done" in message.shown() for message in slack.workspace.by_bot()) < DELIVERED:
            await asyncio.sleep(0.05)
        calls = slack.calls[before:]
        limited = sum(call.status == 429 for call in calls)
        return Counter(call.method for call in calls), limited, time.monotonic() - began


def figures(seconds: list[float]) -> tuple[float, float, float]:
    cuts = statistics.quantiles(seconds, n=100)
    return cuts[49], cuts[98], max(seconds)


def row(name: str, seconds: list[float]) -> Row:
    middle, late, worst = (f"{each * 1000:.0f} ms" for each in figures(seconds))
    return Row(f"{name}: median, p99, worst", f"{middle}, {late}, {worst}", f"p99 {TARGET_SECONDS:.0f} s")


async def main() -> int:
    bare = await measured(echo)
    ours = await measured(slack_process.process)
    calls, limited, seconds = await calls_of_a_request()
    times = figures(ours)[1] / figures(bare)[1]
    table = [row("bare echo", bare), row("imagine-bot", ours)]
    table.append(Row("p99 against the bare echo", f"{times:.1f} times", f"{TARGET_TIMES:.0f} times"))
    table += [Row(f"calls a request: {name}", f"{count / DELIVERED:.2f}") for name, count in calls.most_common()]
    table.append(Row("calls a request in all", f"{calls.total() / DELIVERED:.2f}"))
    table.append(Row(f"{DELIVERED} requests in one workspace", f"{seconds:.1f} s, {limited} limited", "none limited"))
    show(f"Slack: {AT_ONCE} simultaneous commands, {ROUNDS} rounds, command to acknowledgement", table)
    return int(figures(ours)[1] > TARGET_SECONDS or times > TARGET_TIMES)


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
