"""The commented imagine.toml, written from the spec and the tables' defaults, so that it cannot disagree with them."""

import json
import textwrap
from collections.abc import Sequence
from dataclasses import MISSING, Field, fields
from typing import Any

from bot.model import QuotaSettings, Style, Tier
from bot.settings import spec, tables

WIDTH = 110
HEAD = """\
imagine.toml: everything in it is optional, and everything shown is the default or an example.
A setting is switched on by removing the "# " before it and before the [table] it stands under.
Tokens and keys never stand here. They come from the environment: set NAME, or NAME_FILE naming a file.
"""
BACKENDS = """\
What draws: any number of [backends.NAME]; NAME is what people choose, and `kind` may be left out where it is the NAME.
"""
PLATFORMS = {
    "discord": "This table switches Discord on. Environment: DISCORD_TOKEN.",
    "slack": "This table switches Slack on. Environment: SLACK_BOT_TOKEN, and SLACK_APP_TOKEN (socket mode) or"
    " SLACK_SIGNING_SECRET (http mode). For several workspaces SLACK_CLIENT_ID and SLACK_CLIENT_SECRET stand in for"
    " SLACK_BOT_TOKEN; people install the app at http://HOST:PORT/slack/install.",
}
ABOUT = {
    "sketch": "Built in: no account, no key, no GPU. As it stands last, it draws where no other can; leave it out to"
    " have requests wait or fail instead.",
    "diffusers": "A diffusion model on this machine; needs the extra: pip install 'imagine-bot[local]'.",
    "ray": "The same on a Ray Serve cluster (deploy/README.md); this machine needs nothing for it."
    " Environment: IMAGINE_RAY_TOKEN, where the cluster has one.",
}


def sample() -> str:
    parts = [
        _comment(HEAD),
        _table("store", spec.STORE, tables.StoreSettings, "Where requests, settings and pictures are kept."),
        _table("web", spec.WEB, tables.WebSettings, "Web chat, moderation page, gallery, /healthz /readyz /metrics."),
        _table("discord", spec.DISCORD, tables.DiscordSettings, PLATFORMS["discord"]),
        _table("slack", spec.SLACK, tables.SlackSettings, PLATFORMS["slack"]),
        _comment(BACKENDS),
        *(_backend(kind) for kind in sorted(spec.KINDS, key="sketch".__eq__)),
        _table("routing", spec.ROUTING, tables.RoutingSettings, "Which backend draws."),
        _table("quota", spec.LIMITS, QuotaSettings, "How much a person may ask for. 0 means unlimited."),
        _table("quota.tiers.supporter", spec.TIER, Tier, "Members who may ask for more."),
        _table('quota.guilds."discord:42"', spec.GUILD, None, "Caps of a whole guild or workspace."),
        _table("styles.noir", spec.STYLE, Style, "What the option `style` offers."),
        _table("moderation", spec.MODERATION, tables.ModerationSettings, "Who may ask for what, and who decides."),
    ]
    return "\n".join(parts)


def _backend(kind: str) -> str:
    variable = spec.KEY_VARIABLES.get(kind)
    about = f"Environment: {variable}." if variable else ABOUT[kind]
    if kind == "sketch":  # the one that is needed to run, so it stands there live
        return _comment(about) + f'[backends.sketch]\nkind = "sketch"\n{_keys(spec.BACKEND, tables.BackendSettings)}'
    options = spec.MAKE.get(kind)
    own = spec.OPTIONS.get(kind, ())
    rest = [key for key in spec.backend_keys(kind) if key is not spec.KIND and key not in own]
    return (
        _comment(about)
        + f'# [backends.{kind}]\n# kind = "{kind}"\n'
        + (_keys(own, options) if options else "")
        + _keys(rest, tables.BackendSettings)
    )


def _table(name: str, keys: Sequence[spec.Key], of: type | None, about: str) -> str:
    return _comment(about) + f"# [{name}]\n" + _keys(keys, of)


def _keys(keys: Sequence[spec.Key], of: type | None) -> str:
    defaults = {field.name: _default(field) for field in fields(of)} if of else {}
    return "".join(_line(key, key.example or toml(defaults[key.name])) for key in keys)


def _line(key: spec.Key, value: str) -> str:
    setting = f"# {key.name} = {value}"
    line = f"{setting:<44}  # {key.help}\n"
    return line if len(line) <= WIDTH else _comment(key.help, indent="#   ") + f"{setting}\n"


def _default(field: "Field[Any]") -> Any:
    if field.default_factory is not MISSING:
        return field.default_factory()
    return None if field.default is MISSING else field.default


def _comment(text: str, indent: str = "# ") -> str:
    lines = [line for paragraph in text.splitlines() for line in textwrap.wrap(paragraph, WIDTH - len(indent))]
    return "".join(f"{indent}{line}\n" for line in lines)


def toml(value: Any) -> str:
    """A default as TOML: JSON writes texts, numbers, flags and flat lists the same way."""
    if isinstance(value, float):
        return f"{value:g}"
    return json.dumps(value, ensure_ascii=False)
