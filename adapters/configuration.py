"""The file system's part of the settings: imagine.toml and the files that NAME_FILE names."""

import contextlib
import json
import os
from collections.abc import Mapping
from pathlib import Path

from bot import settings
from bot.errors import SettingsError
from bot.model import Problem
from bot.settings import Settings

LARGEST_SECRET = 64 * 1024  # bytes


def load(path: Path, environ: Mapping[str, str] = os.environ) -> Settings:
    """Raises SettingsError, also for a file that is missing, unreadable or no text."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise SettingsError([Problem("settings_missing_file", {"path": path})]) from None
    except UnicodeDecodeError:
        raise SettingsError([Problem("settings_not_utf8", {"path": path})]) from None
    except (OSError, ValueError) as error:
        detail = error.strerror if isinstance(error, OSError) else error
        raise SettingsError([Problem("settings_unreadable_file", {"path": path, "detail": detail})]) from None
    return settings.load(text, environ, read_file)


def embedded(data: Path, port: int, environ: Mapping[str, str] = os.environ) -> Settings:
    """What `imagine-bot demo` runs on. Raises SettingsError for a faulty NAME_FILE."""
    return settings.embedded(data.as_posix(), port, environ, read_file)


def keep(embedded: Settings, data: Path) -> Path:
    """Where the demo's settings stand for the other commands, such as login and api-key.

    A folder that cannot be written to is found out by the store, with its name.
    """
    path = data / "imagine.toml"
    folder = data.absolute().as_posix()
    lines = (
        "# Written by imagine-bot demo at each start, for login, api-key, check and export-audit",
        f"[store]\nurl = {json.dumps(f'sqlite:///{folder}/imagine.db')}\nimages = {json.dumps(f'{folder}/images')}",
        f"[web]\nport = {embedded.web.port}\n",
    )
    with contextlib.suppress(OSError):
        data.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(lines), encoding="utf-8")
    return path


def read_file(path: str) -> tuple[str, int]:
    """A secret's file: its text and permission bits. Raises OSError, ValueError."""
    with Path(path).open("rb") as file:
        # Windows has no permission bits to look at
        mode = os.fstat(file.fileno()).st_mode if os.name == "posix" else 0o600
        return file.read(LARGEST_SECRET).decode(), mode
