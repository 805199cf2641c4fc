"""The command line. Heavy imports wait until a command needs them: `draw` starts in under a second."""

import asyncio
import os
import sys
from collections.abc import Coroutine, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Never

import typer

from adapters import configuration
from bot.errors import SettingsError
from bot.replies import problem, say
from bot.settings import Role, Settings, missing_secrets

if TYPE_CHECKING:
    from adapters.demo import Demo

app = typer.Typer(
    rich_markup_mode=None,  # ":key:" is part of a name here, not a picture
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Pictures from words for Discord, Slack and the web.",
)

keys = typer.Typer(rich_markup_mode=None, no_args_is_help=True, help="Keys for the HTTP API: create, list, revoke.")
app.add_typer(keys, name="api-key")

Config = Annotated[Path, typer.Option("-c", "--config", help="The configuration file.")]
DEFAULT_CONFIG = Path("imagine.toml")

FAILED, WRONG_USAGE = 1, 2


@app.command()
def demo(
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port of the web chat on 127.0.0.1.")] = 8080,
    data: Annotated[Path, typer.Option(help="Folder for the database and the pictures.")] = Path("data"),
    model: Annotated[
        bool | None,
        typer.Option("--model/--no-model", help="Draw with the demo model; by default where PyTorch is installed."),
    ] = None,
) -> None:
    """The web chat with embedded defaults: no account, no key, no GPU."""
    from adapters import demo as demonstration

    missing = demonstration.missing()
    if model and missing:
        _stop(FAILED, say("demo_cannot", name=missing))
    shown = demonstration.demo(model=not missing if model is None else model)
    settings = shown.applied(_settings(lambda: configuration.embedded(data, port)))
    environ = {"IMAGINE_LOG": "console", **os.environ} if sys.stderr.isatty() else os.environ
    _run(settings, Role.ALL, environ, shown)


@app.command()
def run(
    config: Config = DEFAULT_CONFIG,
    role: Annotated[Role, typer.Option(help="chat and worker alone are for several machines.")] = Role.ALL,
) -> None:
    """Every chat platform that is configured, the worker and the web pages."""
    settings = _load(config)
    missing = missing_secrets(settings, role)
    if missing:
        _stop(WRONG_USAGE, *(problem(each) for each in missing))
    _run(settings, role, os.environ)


def _run(settings: Settings, role: Role, environ: Mapping[str, str], demo: "Demo | None" = None) -> None:
    from adapters import main, observe
    from adapters.several import TokenTaken
    from adapters.small import AlreadyRunning
    from bot.errors import StoreError

    watch = observe.start(settings, environ)
    try:
        asyncio.run(main.run(settings, role, watch, _announce, demo))
    except SettingsError as error:
        _stop(WRONG_USAGE, *(problem(finding) for finding in error.findings))
    except AlreadyRunning:
        _stop(FAILED, say("already_running", path=settings.store.sqlite_path))
    except TokenTaken as error:
        _stop(FAILED, str(error))
    except StoreError as error:
        _stop(FAILED, say("store_unusable", detail=error))
    except OSError as error:
        _stop(FAILED, say("cannot_start", detail=error))


def _announce(line: str) -> None:
    print(line, flush=True)


@app.command()
def draw(
    request: Annotated[str, typer.Argument(help='What to draw, with options: "a fox --no blur --count 2".')],
    config: Config = DEFAULT_CONFIG,
    backend: Annotated[str, typer.Option(help="The backend to use, as --backend in the request.")] = "",
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder for the pictures.")] = Path(),
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object instead of lines.")] = False,
) -> None:
    """One request straight through syntax, rules and routing; prints the path of each picture."""
    from adapters import draw as drawing

    _finish(drawing.draw(_load(config), request, backend, out, as_json=as_json))


@app.command()
def check(config: Config = DEFAULT_CONFIG) -> None:
    """Preflight: one line a finding, each failure with its fix; exit 1 if any failed."""
    from adapters import check as checking

    _finish(checking.check(_load(config), config))


@app.command()
def init(folder: Annotated[Path, typer.Argument(help="Where to write.")] = Path()) -> None:
    """Writes a commented imagine.toml and the Slack manifest, and prints the Discord invitation link."""
    from adapters import init as starting

    lines, clean = starting.init(folder, os.environ)
    for line in lines:
        print(line)
    if not clean:
        raise typer.Exit(FAILED)


@app.command()
def migrate(
    config: Config = DEFAULT_CONFIG,
    source: Annotated[str, typer.Option("--from", help="Move everything out of this store: sqlite:///PATH.")] = "",
    target: Annotated[str, typer.Option("--to", help="Into this empty one: postgresql://USER@HOST/DATABASE.")] = "",
) -> None:
    """Brings the store to the current schema (also done at start for SQLite), or moves it to PostgreSQL."""
    from adapters import check as checking

    if source or target:
        _finish(checking.move(source, target))
    _finish(checking.migrate(_load(config)))


@app.command("export-audit")
def export_audit(
    config: Config = DEFAULT_CONFIG,
    since: Annotated[str, typer.Option(help="From this day on, such as 2026-11-01.")] = "",
    form: Annotated[str, typer.Option("--format", help="jsonl or csv.")] = "jsonl",
) -> None:
    """The moderation audit log on stdout; exit 1 where its chain of hashes is broken."""
    from adapters import export

    _finish(export.export(_load(config), since, form))


@app.command()
def login(
    config: Config = DEFAULT_CONFIG,
    name: Annotated[str, typer.Option(help="Who it is for, as the audit log will name them.")] = "operator",
) -> None:
    """Prints a link that opens the moderation page, once, within a quarter of an hour."""
    from adapters import login as entrance

    _finish(entrance.login(_load(config), name))


@keys.command("create")
def key_create(
    name: Annotated[str, typer.Argument(help="What the key is called; api:key:NAME is the person it asks as.")],
    config: Config = DEFAULT_CONFIG,
) -> None:
    """Makes a key and prints it, this once."""
    from adapters import keys as making

    _finish(making.create(_load(config), name))


@keys.command("list")
def key_list(config: Config = DEFAULT_CONFIG) -> None:
    """Every key's name, when it was made and last used, and whether it was revoked."""
    from adapters import keys as making

    _finish(making.show(_load(config)))


@keys.command("revoke")
def key_revoke(
    name: Annotated[str, typer.Argument(help="The name it was made with.")], config: Config = DEFAULT_CONFIG
) -> None:
    """Refuses a key from now on; its links end too."""
    from adapters import keys as making

    _finish(making.revoke(_load(config), name))


def _finish(work: Coroutine[Any, Any, int]) -> None:
    """Runs a command to its exit code; what it could not foresee is one line too."""
    from adapters.control import ControlError
    from bot.errors import ImagineError

    try:
        code = asyncio.run(work)
    except SettingsError as error:
        _stop(WRONG_USAGE, *(problem(finding) for finding in error.findings))
    except (ImagineError, ControlError, OSError) as error:
        _stop(FAILED, say("command_failed", detail=error))
    raise typer.Exit(code)


def _load(config: Path) -> Settings:
    return _settings(lambda: configuration.load(config))


def _settings(load: "Any") -> Settings:
    try:
        return load()  # type: ignore[no-any-return] # one of two loaders that return Settings
    except SettingsError as error:
        _stop(WRONG_USAGE, *(problem(finding) for finding in error.findings))


def _stop(code: int, *lines: str) -> Never:
    for line in lines:
        print(line, file=sys.stderr)
    raise typer.Exit(code)


def main() -> None:
    try:
        app()
    except KeyboardInterrupt:
        sys.exit(130)
