"""The commands as Discord shows them, and when they are sent to it."""

import hashlib
import json
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import discord
from discord import app_commands

from adapters.chat.discord import account
from adapters.chat.discord import history as past
from adapters.chat.discord.asking import Desk
from adapters.chat.discord.buttons import Buttons, job_of
from adapters.chat.discord.languages import Languages
from adapters.chat.discord.reading import Interaction
from bot import replies
from bot.command import OPTIONS, Option
from bot.model import Origin, Ticket
from bot.ports import Observer
from bot.studio import Studio

AnyCommand = app_commands.Command[Any, ..., Any] | app_commands.ContextMenu | app_commands.Group
Load = Callable[[], Awaitable[str]]
Save = Callable[[str], Awaitable[None]]

MOST_CHOICES = 25
LONGEST_PROMPT = 6000  #: Discord's own limit of a text option; inline options need room beside the prompt
RATIOS = ("1:1", "16:9", "9:16", "4:3", "3:4", "3:2", "2:3", "21:9")


def told(code: str) -> app_commands.locale_str:
    """A description that a translator knows by its code."""
    return app_commands.locale_str(replies.say(code), code=code)


class Ranged(app_commands.Transformer):
    """A number within what the backends can do, so that the client helps."""

    def __init__(self, kind: discord.AppCommandOptionType, option: Option) -> None:
        self._kind, self._limits = kind, option.limits

    @property
    def type(self) -> discord.AppCommandOptionType:
        return self._kind

    @property
    def min_value(self) -> int | float | None:
        return self._number(self._limits.low)

    @property
    def max_value(self) -> int | float | None:
        return self._number(self._limits.high)

    def _number(self, value: float) -> int | float:
        return int(value) if self._kind is discord.AppCommandOptionType.integer else float(value)

    async def transform(self, _: Interaction, value: Any, /) -> Any:
        return value


def _ranged(options: Sequence[Option], field: str, kind: discord.AppCommandOptionType) -> Ranged:
    return Ranged(kind, next(option for option in options if option.field == field))


def suggestions(typed: str, known: Sequence[str]) -> list[app_commands.Choice[str]]:
    """Those that begin with what was typed, then those that hold it; what was typed is offered where nothing fits."""
    words = typed.strip().lower()
    begin = [name for name in known if name.lower().startswith(words)]
    hold = [name for name in known if words in name.lower() and name not in begin]
    found = [name for name in begin + hold if len(name) <= 100] or ([typed.strip()[:100]] if words else [])
    return [app_commands.Choice(name=name, value=name) for name in found[:MOST_CHOICES]]


def imagine(desk: Desk, options: Sequence[Option] = OPTIONS) -> AnyCommand:
    studio = desk.studio
    whole, number = discord.AppCommandOptionType.integer, discord.AppCommandOptionType.number
    steps_range, seed_range = _ranged(options, "steps", whole), _ranged(options, "seed", whole)
    count_range, guidance_range = _ranged(options, "count", whole), _ranged(options, "guidance", number)

    @app_commands.command(name="imagine", description=told("discord_about_imagine"))
    @app_commands.describe(
        prompt=told("discord_about_prompt"),
        negative_prompt=told("option_no"),
        size=told("option_size"),
        steps=told("option_steps"),
        guidance=told("option_guidance"),
        seed=told("option_seed"),
        count=told("option_count"),
        backend=told("option_backend"),
        style=told("option_style"),
    )
    async def command(
        interaction: discord.Interaction[Any],
        prompt: app_commands.Range[str, 1, LONGEST_PROMPT],
        negative_prompt: app_commands.Range[str, 1, 2000] | None = None,
        size: app_commands.Range[str, 1, 20] | None = None,
        steps: app_commands.Transform[int, steps_range] | None = None,
        guidance: app_commands.Transform[float, guidance_range] | None = None,
        seed: app_commands.Transform[int, seed_range] | None = None,
        count: app_commands.Transform[int, count_range] | None = None,
        backend: app_commands.Range[str, 1, 100] | None = None,
        style: app_commands.Range[str, 1, 100] | None = None,
    ) -> None:
        values = {
            "negative_prompt": negative_prompt,
            "size": size,
            "steps": steps,
            "guidance": guidance,
            "seed": seed,
            "count": count,
            "backend": backend,
            "style": style,
        }
        key = f"discord:{interaction.id}"

        async def submit(origin: Origin) -> Ticket:
            return await studio.submit(origin, studio.read(prompt, values), key)

        await desk.ask(interaction, submit)

    complete(command, desk.studio)
    return command


def default_words(style: str | None, *values: str | None) -> str:
    """A style, then size, backend, steps and guidance, typed in, as the words that set defaults."""
    named = zip(("size", "backend", "steps", "guidance"), values, strict=True)
    return " ".join([style or "", *(f"--{name} {value}" for name, value in named if value)]).strip()


def complete(
    command: app_commands.Command[Any, ..., Any], studio: Studio, style: str = "style", more: Sequence[str] = ()
) -> None:
    """From what the bot knows without asking anybody, so that it comes at once."""

    @command.autocomplete("size")
    async def sizes(interaction: discord.Interaction[Any], typed: str) -> list[app_commands.Choice[str]]:
        """Those of the backend that was chosen before, where one was."""
        exact = [str(size) for size in studio.sizes(str(interaction.namespace.backend or ""))]
        return suggestions(typed, [*exact[:1], *RATIOS, *exact[1:]])

    @command.autocomplete(style)
    async def styles(_: discord.Interaction[Any], typed: str) -> list[app_commands.Choice[str]]:
        return suggestions(typed, [*studio.styles(), *more])

    @command.autocomplete("backend")
    async def backends(_: discord.Interaction[Any], typed: str) -> list[app_commands.Choice[str]]:
        return suggestions(typed, studio.backends())


def private_commands(desk: Desk) -> list[AnyCommand]:
    @app_commands.command(name="imagine-style", description=told("discord_about_style"))
    @app_commands.describe(
        name=told("discord_about_style_name"),
        size=told("option_size"),
        backend=told("option_backend"),
        steps=told("option_steps"),
        guidance=told("option_guidance"),
    )
    async def style(
        interaction: discord.Interaction[Any],
        name: app_commands.Range[str, 1, 100] | None = None,
        size: app_commands.Range[str, 1, 20] | None = None,
        backend: app_commands.Range[str, 1, 100] | None = None,
        steps: app_commands.Range[str, 1, 20] | None = None,
        guidance: app_commands.Range[str, 1, 20] | None = None,
    ) -> None:
        await account.style(desk, interaction, default_words(name, size, backend, steps, guidance))

    complete(style, desk.studio, "name", ("none", "default"))

    @app_commands.command(name="imagine-status", description=told("discord_about_status"))
    async def status(interaction: discord.Interaction[Any]) -> None:
        await account.status(desk, interaction)

    @app_commands.command(name="imagine-history", description=told("discord_about_history"))
    async def history(interaction: discord.Interaction[Any]) -> None:
        await past.command(desk, interaction)

    @app_commands.command(name="imagine-forget", description=told("discord_about_forget"))
    async def forget(interaction: discord.Interaction[Any]) -> None:
        await account.forget(desk, interaction)

    return [style, status, history, forget]


def again_command(desk: Desk, buttons: Buttons) -> AnyCommand:
    @app_commands.context_menu(name="Imagine again")
    async def again(interaction: discord.Interaction[Any], message: discord.Message) -> None:
        job_id = job_of(message, desk)
        if job_id is None:
            await desk.private(interaction, replies.say("discord_no_picture"))
        else:
            await buttons.ask_again(interaction, job_id)

    return again


class Tree(app_commands.CommandTree[Any]):
    """Answers also where a command fails or is no longer known."""

    desk: Desk

    async def on_error(self, interaction: Interaction, error: app_commands.AppCommandError, /) -> None:
        stale = isinstance(error, app_commands.CommandNotFound | app_commands.CommandSignatureMismatch)
        if not stale:
            self.desk.observer.event("alert", text="discord_command_failed", detail=repr(error))
        await self.desk.private(interaction, replies.say("discord_stale_command" if stale else "chat_failed"))


def plant(
    client: discord.Client, desk: Desk, buttons: Buttons, options: Sequence[Option], more: Sequence[AnyCommand] = ()
) -> Tree:
    """The whole tree of commands; ``more`` are those of other parts, such as moderation's."""
    tree = Tree(client)
    tree.desk = desk
    everywhere = app_commands.AppInstallationType(guild=True, user=True)
    tree.allowed_installs = everywhere
    tree.allowed_contexts = app_commands.AppCommandContext(guild=True, dm_channel=True, private_channel=True)
    for command in (imagine(desk, options), *private_commands(desk), again_command(desk, buttons), *more):
        tree.add_command(command)
    return tree


async def sync(tree: Tree, guilds: Sequence[int], load: Load, save: Save, observer: Observer) -> bool:
    """Sends the commands where they differ from what was sent last; whether it did. Raises discord.HTTPException."""
    languages = Languages()
    await tree.set_translator(languages)
    payload = [await command.get_translated_payload(tree, languages) for command in tree.get_commands()]
    about = [str(tree.client.application_id), sorted(guilds), payload]
    digest = hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()
    if await load() == digest:
        return False
    for guild in [discord.Object(number) for number in guilds]:
        tree.copy_global_to(guild=guild)
        try:
            await tree.sync(guild=guild)
        except discord.Forbidden as error:
            observer.event("alert", text="discord_guild_refuses_commands", guild=guild.id, detail=str(error))
    if guilds:
        tree.clear_commands(guild=None)
    await tree.sync()
    await save(digest)
    return True
