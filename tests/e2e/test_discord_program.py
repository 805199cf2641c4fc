"""The installed program on Discord: `run` and `check` as processes of their own, against the stand-in."""

import asyncio
import contextlib
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests import program
from tests.standins.discord import Channel, DiscordStandIn, Guild, Message, Permission, User, When, buttons, town
from tests.standins.discord.wire import Call

CONFIG = """
[store]
url = "sqlite:///data/imagine.db"
images = "data/images"
[web]
port = {port}
[discord]
api = "{api}"
gateway = "{gateway}"
guilds = [{guild}]
[backends.sketch]
kind = "sketch"
[moderation]
held = ["castle"]
moderators = ["discord:role:{role}"]
review_channels = {{ "discord:{guild}" = "{staff}" }}
"""


@dataclass
class Site:
    discord: DiscordStandIn
    folder: Path
    port: int
    guild: Guild
    room: Channel
    staff: Channel
    ada: User
    mod: User

    @property
    def env(self) -> dict[str, str]:
        return {"DISCORD_TOKEN": self.discord.token}

    @asynccontextmanager
    async def running(self) -> AsyncIterator[program.Program]:
        """The program, connected to the gateway."""
        before = self.discord.gateway.identified
        starting = program.running(self.folder, "run", "-c", "imagine.toml", port=self.port, env=self.env)
        bot = await asyncio.to_thread(starting.__enter__)
        try:
            await self.discord.gateway.until("identified", before + 1, 60)
            yield bot
        finally:
            await asyncio.to_thread(starting.__exit__, None, None, None)

    async def check(self, **env: str) -> subprocess.CompletedProcess[str]:
        return await asyncio.to_thread(
            program.call, "check", "-c", "imagine.toml", cwd=self.folder, env={**self.env, **env}
        )

    async def eventually(self, what: Callable[[], object]) -> None:
        async with asyncio.timeout(60):
            while not what():
                await asyncio.sleep(0.02)

    def every_message(self) -> list[Message]:
        return [each for room in self.discord.world.channels.values() for each in room.messages.values()]

    def results(self) -> list[Message]:
        return [each for each in self.every_message() if each.attachments]


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with DiscordStandIn() as discord:
        there, port = town(discord.world), program.free_port()
        ids = {"guild": there.guild.id, "role": there.role.id, "staff": there.staff.id}
        text = CONFIG.format(port=port, api=discord.api, gateway=discord.gateway_url, **ids)
        (tmp_path / "imagine.toml").write_text(text)
        yield Site(discord, tmp_path, port, there.guild, there.room, there.staff, there.ada, there.mod)
        assert discord.problems == []


async def ask(site: Site, prompt: str = "a red fox") -> None:
    asked = await site.discord.human.slash(site.ada, site.room, "imagine", prompt=prompt, size="64x64")
    await asked.reply()


async def test_a_request_becomes_a_picture_and_a_held_one_waits_for_a_moderator(site: Site) -> None:
    async with site.running() as bot:
        await ask(site)
        await site.eventually(site.results)
        [result] = site.results()
        assert site.discord.picture(result.attachments[0])[:4] == b"\x89PNG"
        assert result.channel == site.room.shown()[0].id
        await ask(site, "a castle")
        await site.eventually(site.staff.shown)
        [case] = site.staff.shown()
        await (await site.discord.human.click(site.mod, case, "Approve")).reply()
        await site.eventually(lambda: len(site.results()) == 2)
        code, seconds = await asyncio.to_thread(bot.stop)
        assert (code, site.discord.gateway.close_codes) == (0, [1000])
        assert seconds < 20
        assert "Traceback" not in bot.log.read_text()
        assert site.discord.token not in bot.log.read_text()


class Fuse:
    """Kills the program at the first call that fits, before or after its effect."""

    def __init__(self, bot: program.Program, method: str, path: str, when: When) -> None:
        self._bot, self._method, self._path, self._when = bot, method, path, when
        self.blown = False

    def __call__(self, call: Call, when: When) -> None:
        if not self.blown and when is self._when and call.method == self._method and self._path in call.path:
            self.blown = True
            self._bot.process.send_signal(signal.SIGKILL)


@pytest.mark.parametrize("when", list(When))
@pytest.mark.parametrize(("method", "path"), [("POST", "/callback"), ("POST", "/threads"), ("PATCH", "/messages/")])
async def test_f02_f08_f09_kill_9_in_the_middle_leaves_one_result_after_a_restart(
    site: Site, method: str, path: str, when: When
) -> None:
    async with site.running() as bot:
        fuse = site.discord.rest.watch = Fuse(bot, method, path, when)
        await site.discord.human.slash(site.ada, site.room, "imagine", prompt="a red fox", size="64x64")
        await asyncio.to_thread(bot.process.wait, 60)
        assert fuse.blown

    async with site.running():
        await site.eventually(site.results)
        await asyncio.sleep(1.5)  # what would come twice would come now
    [result] = site.results()
    assert len(result.attachments) == 1
    [placeholder] = site.room.shown()
    assert result.channel == placeholder.id
    assert "a red fox" in placeholder.content


async def test_f12_sigterm_during_a_request_ends_within_seven_seconds_and_it_goes_on_later(site: Site) -> None:
    async with site.running() as bot:
        await ask(site)
        code, seconds = await asyncio.to_thread(bot.stop)
        assert code == 0
        assert seconds < 20
    async with site.running():
        await site.eventually(site.results)
    assert len(site.results()) == 1


async def test_buttons_of_the_program_work_after_a_restart(site: Site) -> None:
    async with site.running():
        await ask(site)
        await site.eventually(site.results)
    async with site.running():
        [result] = site.results()
        assert [button["label"] for button in buttons(result)] == ["Again", "Vary", "Report", "Delete"]
        await (await site.discord.human.click(site.ada, result, "Again")).reply()
        await site.eventually(lambda: len(site.results()) == 2)
        puts = len(site.discord.calls("PUT", "/commands"))
    assert puts == 2, "commands are synced at the first start only: to the guild, and none globally"


async def test_check_says_what_it_found_and_what_to_do(site: Site) -> None:
    done = await site.check()
    assert done.returncode == 0, done.stdout
    for words in ("signed in as imagine", "shard(s)", "the bot is in guild", "all permissions are there"):
        assert words in done.stdout
    site.staff.denied[site.guild.id] = Permission.ATTACH_FILES
    done = await site.check()
    assert done.returncode == 1
    assert "attach files" in done.stdout
    done = await site.check(DISCORD_TOKEN="wrong")
    assert done.returncode == 1
    assert "developer portal" in done.stdout
    assert done.stderr == ""
    assert site.discord.token not in done.stdout


async def test_a_missing_token_is_one_line_and_no_start(site: Site) -> None:
    done = await asyncio.to_thread(program.call, "run", cwd=site.folder)
    assert done.returncode == 2
    assert "DISCORD_TOKEN" in done.stderr
    assert done.stderr.count("\n") == 1


async def test_a_discord_that_refuses_the_token_leaves_the_web_pages_running(site: Site) -> None:
    site.discord.rest.revoked = True
    starting = program.running(site.folder, "run", port=site.port, env=site.env)
    bot = await asyncio.to_thread(starting.__enter__)
    with contextlib.ExitStack() as stack:
        stack.push(starting)
        await site.eventually(lambda: "discord_token_refused" in bot.log.read_text())
        assert (await asyncio.to_thread(bot.get, "/healthz"))[0] == 200
        assert len(site.discord.calls("GET", "/users/@me")) <= 2
        assert (await asyncio.to_thread(bot.stop))[0] == 0


def test_a_bot_without_discord_does_not_load_its_library(tmp_path: Path) -> None:
    script = (
        "import asyncio, os, signal, sys\n"
        "from pathlib import Path\n"
        "from adapters import check, configuration, main, observe\n"
        "from bot.settings import Role\n"
        f"settings = configuration.embedded(Path('data'), {program.free_port()})\n"
        "watch = observe.start(settings, os.environ)\n"
        "asyncio.run(main.run(settings, Role.ALL, watch, lambda _: os.kill(os.getpid(), signal.SIGTERM)))\n"
        "print([name for name in ('discord', 'slack_sdk', 'slack_bolt') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env=program.environment(),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout.splitlines()[-1] == "[]"
