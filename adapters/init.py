"""`imagine-bot init`: the commented imagine.toml, Slack's app manifest and Discord's invitation link."""

import base64
import binascii
import os
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from urllib.parse import urlencode

from adapters import configuration
from bot import replies, settings
from bot.settings.secret import Secrets

CONFIGURATION = "imagine.toml"
MANIFEST = "slack-manifest.yaml"
PERMISSIONS: Mapping[str, int] = {  # Discord's "Permissions" page, bit by bit
    "view channel": 1 << 10,
    "send messages": 1 << 11,
    "embed links": 1 << 14,
    "attach files": 1 << 15,
    "read message history": 1 << 16,
    "create public threads": 1 << 35,
    "send messages in threads": 1 << 38,
}
PLACEHOLDER = "YOUR_APPLICATION_ID"


def init(folder: Path, environ: Mapping[str, str]) -> tuple[list[str], bool]:
    """Writes what is not there yet; the lines to print, and whether all went well."""
    lines: list[str] = []
    failed = False
    for name, text in ((CONFIGURATION, settings.sample()), (MANIFEST, slack_manifest())):
        code, detail = _write(folder / name, text)
        lines.append(replies.say(code, path=folder / name, detail=detail))
        failed = failed or code == "init_failed"
    if not failed:
        lines += [replies.say(code, path=folder / CONFIGURATION) for code in ("init_next", "init_switch")]
        lines.append(replies.say("init_slack", path=folder / MANIFEST))
    token = Secrets(environ, configuration.read_file).get("DISCORD_TOKEN")
    application = application_id(token.reveal()) if token else ""
    code = "init_discord" if application else "init_discord_unknown"
    lines.append(replies.say(code, link=invitation(application or PLACEHOLDER)))
    return lines, not failed


def slack_manifest() -> str:
    return resources.files("adapters").joinpath(MANIFEST).read_text(encoding="utf-8")


def invitation(application: str) -> str:
    permissions = sum(PERMISSIONS.values())
    query = {"client_id": application, "scope": "bot applications.commands", "permissions": permissions}
    return f"https://discord.com/oauth2/authorize?{urlencode(query)}"


def application_id(token: str) -> str:
    """A bot token begins with its application's id in base64; "" for what is no token."""
    first = token.partition(".")[0]
    try:
        decoded = base64.urlsafe_b64decode(first + "=" * (-len(first) % 4)).decode("ascii")
    except (binascii.Error, ValueError):
        return ""
    return decoded if decoded.isdecimal() and len(decoded) <= 20 else ""


def _write(path: Path, text: str) -> tuple[str, str]:
    """A code of replies and the detail of a failure."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        if isinstance(error, FileExistsError) and os.path.lexists(path):
            return "init_exists", ""
        return "init_failed", error.strerror or str(error)
    return "init_written", ""
