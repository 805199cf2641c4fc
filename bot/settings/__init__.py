"""imagine.toml to frozen Settings. Pure: the text, the environment and the files it names are arguments.

In reading order: `tables` (what comes out), `spec` (every setting once), `values` (what each may hold), `places` (line
numbers), `secret` (keys and tokens), `reader` (document to tables), `sample` (the commented file that `init` writes).
"""

from bot.settings.reader import embedded, load
from bot.settings.sample import sample
from bot.settings.secret import ReadFile, Secret
from bot.settings.tables import (
    BackendSettings,
    DiffusersOptions,
    DiscordSettings,
    HiveOptions,
    ImagePipelineOptions,
    ModerationSettings,
    Options,
    RoutingSettings,
    Settings,
    Shards,
    SlackSettings,
    StoreSettings,
    WebSettings,
)
from bot.settings.tokens import Role, missing_secrets

__all__ = [
    "BackendSettings",
    "DiffusersOptions",
    "DiscordSettings",
    "HiveOptions",
    "ImagePipelineOptions",
    "ModerationSettings",
    "Options",
    "ReadFile",
    "Role",
    "RoutingSettings",
    "Secret",
    "Settings",
    "Shards",
    "SlackSettings",
    "StoreSettings",
    "WebSettings",
    "embedded",
    "load",
    "missing_secrets",
    "sample",
]
