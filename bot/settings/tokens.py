"""Which keys and tokens a part of the program cannot do without. A file may be right while they are still missing."""

from collections.abc import Collection
from enum import StrEnum

from bot.model import Problem
from bot.settings import spec
from bot.settings.tables import Settings, SlackSettings


class Role(StrEnum):
    """What `imagine-bot run` is to do on this machine; ``draw`` for the command of that name."""

    ALL = "all"
    CHAT = "chat"
    WORKER = "worker"
    DRAW = "draw"


def missing_secrets(settings: Settings, role: Role, backends: Collection[str] | None = None) -> tuple[Problem, ...]:
    """One finding for every token or key that ``role`` needs and nobody set; ``backends`` None: all of them.

    A worker needs the chat platforms' tokens to deliver, but not those that only receive.
    """
    wanted: list[tuple[str, str]] = []
    if role is not Role.DRAW:
        if settings.discord and settings.discord.token is None:
            wanted.append(("discord", "DISCORD_TOKEN"))
        if settings.slack:
            wanted += [("slack", name) for name in _slack(settings.slack, receives=role is not Role.WORKER)]
    if role is not Role.CHAT:
        wanted += _backends(settings, backends)
    return tuple(Problem("secret_missing", {"where": where, "name": name}) for where, name in wanted)


def _slack(slack: SlackSettings, *, receives: bool) -> list[str]:
    names = [] if slack.bot_token or slack.installable else ["SLACK_BOT_TOKEN"]
    if receives and slack.mode == "socket" and slack.app_token is None:
        names.append("SLACK_APP_TOKEN")
    if receives and slack.mode == "http" and slack.signing_secret is None:
        names.append("SLACK_SIGNING_SECRET")
    return names


def _backends(settings: Settings, names: Collection[str] | None) -> list[tuple[str, str]]:
    return [
        (f"backends.{backend.name}", backend.key_env)
        for backend in settings.backends.values()
        if backend.kind in spec.KEY_VARIABLES and backend.key is None and (names is None or backend.name in names)
    ]
