"""The command line. Heavy imports wait until a command needs them: `draw` starts in under a second."""

import asyncio
import os
import shlex
import shutil
import sys
from collections.abc import Callable, Coroutine, Mapping
from enum import StrEnum
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

PROGRAM = "imagine-bot"
FAILED, WRONG_USAGE = 1, 2


class Part(StrEnum):
    """The roles that a person can start."""

    ALL = Role.ALL
    CHAT = Role.CHAT
    WORKER = Role.WORKER


@app.command()
def demo(
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port of the web chat on 127.0.0.1.")] = 8080,
    data: Annotated[Path, typer.Option(help="Folder for the database and the pictures.")] = Path("data"),
    model: Annotated[
        bool | None,
        typer.Option("--model/--no-model", help="Draw with the demo model; by default where PyTorch is installed."),
    ] = None,
) -> None:
    """Try it: the web chat, with no account, no key and no GPU.

    Prints the address of the web chat and a link to the operators' pages. Ctrl+C ends it; what was drawn stays in the
    data folder.
    """
    from adapters import demo as demonstration

    missing = demonstration.missing()
    if model and missing:
        _stop(FAILED, say("demo_cannot", name=missing))
    shown = demonstration.demo(model=not missing if model is None else model)
    settings = shown.applied(_settings(lambda: configuration.embedded(data, port)))
    file = configuration.keep(settings, data)
    _run(settings, Role.ALL, login=_login_command(file), demo=shown)


@app.command()
def run(
    config: Config = DEFAULT_CONFIG,
    role: Annotated[Part, typer.Option(help="chat and worker alone are for several machines.")] = Part.ALL,
) -> None:
    """Start the bot: chat platforms, worker and web pages.

    Secrets come from the environment (DISCORD_TOKEN, HIVE_API_KEY and so on; check names what is missing), or from
    files that NAME_FILE names. On a terminal the log is for people, else it is JSON lines: IMAGINE_LOG=json or console
    chooses. SIGTERM and Ctrl+C end it within 7 seconds; nothing that was accepted is lost.
    """
    settings = _load(config)
    missing = missing_secrets(settings, Role(role))
    if missing:
        _stop(WRONG_USAGE, *(problem(each) for each in missing))
    _run(settings, Role(role), login=_login_command(config))


def _login_command(config: Path) -> str:
    """As it can be typed here: `make demo` installs into a folder that is on nobody's PATH."""
    program = Path(sys.argv[0])
    here = program.name == PROGRAM and not shutil.which(PROGRAM)
    return shlex.join([str(program) if here else PROGRAM, "login", "-c", str(config)])


def _run(settings: Settings, role: Role, *, login: str, demo: "Demo | None" = None) -> None:
    from adapters import main, observe
    from adapters.several import TokenTaken
    from adapters.small import AlreadyRunning
    from bot.errors import StoreError

    watch = observe.start(settings, _environ())
    try:
        asyncio.run(main.run(settings, role, watch, _announce, login=login, demo=demo))
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


def _environ() -> Mapping[str, str]:
    """On a terminal logs are for people, unless IMAGINE_LOG says json."""
    return {"IMAGINE_LOG": "console", **os.environ} if sys.stderr.isatty() else os.environ


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
    """Draw one request into files, without queue and quota.

    It goes through the same syntax, moderation rules, routing and budgets as everywhere, and prints the path of each
    picture. Example: imagine-bot draw "a red fox in snow --no blur --ar 16:9 --count 2" -o pictures
    """
    from adapters import draw as drawing

    _finish(drawing.draw(_load(config), request, backend, out, as_json=as_json))


@app.command()
def check(config: Config = DEFAULT_CONFIG) -> None:
    """Look everything over: one line a finding, fixes beside.

    Configuration, tokens, permissions and scopes, each backend, the store and its schema, the folder of the pictures.
    Draws nothing and costs nothing. Exit code 1 if anything failed.
    """
    from adapters import check as checking

    _finish(checking.check(_load(config), config))


@app.command()
def init(folder: Annotated[Path, typer.Argument(help="Where to write.")] = Path()) -> None:
    """Begin: writes imagine.toml and Slack's app manifest.

    Also prints the Discord invitation link. What is there already stays as it is.
    """
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
    """Bring the store to this version, or move it.

    SQLite is brought up to date at every start too, after a backup beside the database. --from and --to together move
    a whole community from SQLite to PostgreSQL; the old store is left as it is.
    """
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
    """Write the moderation audit log to stdout.

    Exit code 1 where its chain of hashes is broken: somebody changed it after it was written.
    """
    from adapters import export

    _finish(export.export(_load(config), since, form))


@app.command()
def login(
    config: Config = DEFAULT_CONFIG,
    name: Annotated[str, typer.Option(help="Who it is for, as the audit log will name them.")] = "operator",
) -> None:
    """Print a link to the operators' pages, good once.

    It holds for a quarter of an hour and opens moderation and operations for twelve hours. Works beside a running bot.
    """
    from adapters import login as entrance

    _finish(entrance.login(_load(config), name))


@keys.command("create")
def key_create(
    name: Annotated[str, typer.Argument(help="What the key is called; api:key:NAME is the person it asks as.")],
    config: Config = DEFAULT_CONFIG,
) -> None:
    """Make a key and print it, this once.

    Only its hash is stored. Send it as Authorization: Bearer KEY to POST /v1/images/generations.
    """
    from adapters import keys as making

    _finish(making.create(_load(config), name))


@keys.command("list")
def key_list(config: Config = DEFAULT_CONFIG) -> None:
    """List the keys: when each was made and last used."""
    from adapters import keys as making

    _finish(making.show(_load(config)))


@keys.command("revoke")
def key_revoke(
    name: Annotated[str, typer.Argument(help="The name it was made with.")], config: Config = DEFAULT_CONFIG
) -> None:
    """Refuse a key from now on; its links end too."""
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


def _settings(load: Callable[[], Settings]) -> Settings:
    try:
        return load()
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
