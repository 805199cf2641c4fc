"""kill -9 while the installed program makes its database or brings an old one up to date, on Discord and on Slack."""

import asyncio
import signal
import sqlite3
import subprocess
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from adapters.store import sql
from tests import program
from tests.killed import charged, states
from tests.stages import DiscordStage, SlackStage, open_discord, open_slack
from tests.waiting import until

CONFIG = """
[store]
url = "sqlite:///data/imagine.db"
images = "data/images"
[web]
port = {port}
[backends.sketch]
kind = "sketch"
"""
NEWEST = sql.migrations("sqlite")[-1][0]


class Site:
    """The program in a folder of its own, for one platform."""

    def __init__(self, folder: Path, stage: DiscordStage | SlackStage) -> None:
        self.folder, self.stage, self.port = folder, stage, program.free_port()
        self.database = folder / "data" / "imagine.db"
        if isinstance(stage, DiscordStage):
            table = f'[discord]\napi = "{stage.discord.api}"\ngateway = "{stage.discord.gateway_url}"\n'
            self.env = {"DISCORD_TOKEN": stage.discord.token}
        else:
            table = f'[slack]\napi = "{stage.slack.api}"\n'
            self.env = {"SLACK_BOT_TOKEN": stage.slack.workspace.token, "SLACK_APP_TOKEN": stage.slack.app_token}
        (folder / "imagine.toml").write_text(CONFIG.format(port=self.port) + table)

    async def killed_once(self, sign: Path) -> None:
        """A first life, killed the moment that the file ``sign`` is there."""
        await asyncio.to_thread(self._kill_once, sign)

    def _kill_once(self, sign: Path) -> None:
        child = subprocess.Popen(
            [*program.COMMAND, "run"], cwd=self.folder, env=program.environment(self.env), stderr=subprocess.DEVNULL
        )
        try:
            deadline = time.monotonic() + 60
            while not sign.exists():
                assert child.poll() is None, "it ended by itself"
                assert time.monotonic() < deadline
        finally:
            child.kill()
            child.wait()
        assert child.returncode == -signal.SIGKILL

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        starting = program.running(self.folder, "run", port=self.port, env=self.env)
        await asyncio.to_thread(starting.__enter__)
        try:
            if isinstance(self.stage, DiscordStage):
                await self.stage.discord.gateway.until("identified", 1, 60)
            else:
                await self.stage.slack.sockets.connected(2)
            yield
        finally:
            await asyncio.to_thread(starting.__exit__, None, None, None)

    def asked(self, statement: str) -> list[tuple[object, ...]]:
        with sqlite3.connect(self.database) as connection:
            found = connection.execute(statement).fetchall()
        connection.close()
        return found


@pytest.fixture(params=["discord", "slack"])
async def site(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Site]:
    (tmp_path / "data").mkdir()
    opened = open_discord if request.param == "discord" else open_slack
    async with opened(tmp_path / "data") as stage:
        yield Site(tmp_path, stage)
        assert stage.problems == []


async def draws_a_picture(site: Site) -> None:
    async with site.running():
        await site.stage.ask("a red fox --size 64x64")
        await until(lambda: states(site.stage.folder) == ["delivered"])
        assert site.stage.results() == [1]
    assert charged(site.stage.folder) == (0, 1)
    assert site.asked("PRAGMA integrity_check") == [("ok",)]
    assert site.asked("PRAGMA user_version") == [(NEWEST,)]


async def test_f11_killed_in_the_first_start_the_next_one_works(site: Site) -> None:
    await site.killed_once(site.database)
    await draws_a_picture(site)


async def test_f11_killed_in_a_migration_nothing_is_lost_and_the_next_start_goes_on(site: Site) -> None:
    number, _, script = sql.migrations("sqlite")[0]
    with sqlite3.connect(site.database) as connection:
        connection.executescript(f"{script}; PRAGMA user_version = {number};")
        connection.execute("INSERT INTO meta (name, value) VALUES ('kept', 'yes')")
    connection.close()
    await site.killed_once(site.database.with_name("imagine.db.before-0002"))
    [[version]] = site.asked("PRAGMA user_version")
    assert version in range(number, NEWEST + 1)
    await draws_a_picture(site)
    assert site.asked("SELECT value FROM meta WHERE name = 'kept'") == [("yes",)]
