"""Templates and static files, read once. Every value in a template is escaped."""

import base64
import gzip
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

import jinja2

from adapters.chat.web.names import handle_of
from adapters.chat.web.sessions import Visitor
from adapters.chat.web.views import Article
from bot.model import Capabilities, Size
from bot.options import Kind, Option, plain
from bot.replies import ENGLISH, say
from bot.sizes import offered

_FILES = resources.files("adapters.chat.web")
MEDIA_TYPES = {"js": "text/javascript; charset=utf-8", "svg": "image/svg+xml", "css": "text/css; charset=utf-8"}

MOST_SIZES = 8
RATIOS = ("1:1", "3:2", "2:3", "16:9", "9:16")
COUNTS = ("1", "2", "4")


@dataclass(frozen=True, slots=True)
class StaticFile:
    body: bytes
    gzipped: bytes
    media_type: str


def static_files() -> Mapping[str, StaticFile]:
    found = {}
    for file in _FILES.joinpath("static").iterdir():
        ending = file.name.rpartition(".")[2]
        if ending in MEDIA_TYPES:
            body = file.read_bytes()
            found[file.name] = StaticFile(body, gzip.compress(body, mtime=0), MEDIA_TYPES[ending])
    return found


class Pages:
    def __init__(self) -> None:
        loader = jinja2.FunctionLoader(lambda name: _FILES.joinpath("templates", name).read_text(encoding="utf-8"))
        self._environment = jinja2.Environment(
            loader=loader, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
        )
        self._environment.globals["say"] = say
        self.static = static_files()
        self.tag = hashlib.sha256(b"".join(self.static[name].body for name in sorted(self.static))).hexdigest()[:16]
        self._environment.globals["static"] = {name: f"/static/{self.tag}/{name}" for name in self.static}
        style = self.static["room.css"].body
        self.style = style.decode()
        self.style_hash = f"sha256-{base64.b64encode(hashlib.sha256(style).digest()).decode()}"
        self._article = self._environment.get_template("article.html")

    def render(self, template: str, **values: Any) -> str:
        return self._environment.get_template(template).render(values)

    def arrive(self, to: str, title: str) -> str:
        """Asks for the page once more: a link from elsewhere brings no strict cookie along, one from here does."""
        return self.render("arrive.html", to=to, title=say(title))

    def article(self, article: Article) -> str:
        return self._article.render(article=article)

    def articles(self, articles: Sequence[Article]) -> str:
        return "\n".join(self.article(each) for each in articles)


CLIENT_WORDS = (
    "web_seconds", "web_minutes", "web_any_moment", "web_ready", "web_not_ready", "web_offline", "web_online",
    "web_failed", "web_stale", "web_appeal", "web_unsent", "web_forget_sure", "gallery_delete_all",
)  # fmt: skip


def client_words() -> Mapping[str, str]:
    """The sentences that the script fills itself, gaps included."""
    return {code.removeprefix("web_"): ENGLISH[code] for code in CLIENT_WORDS}


def commands() -> list[dict[str, str]]:
    return [
        {"name": "/imagine", "help": say("web_command_imagine")},
        {"name": "/imagine-style", "help": say("web_command_style")},
        {"name": "/imagine-status", "help": say("web_command_status")},
        {"name": "/imagine-history", "help": say("web_command_history")},
        {"name": "/imagine-forget", "help": say("web_command_forget")},
        {"name": "/help", "help": say("web_command_help")},
    ]


def option_help(
    options: Sequence[Option], backends: Mapping[str, Capabilities], styles: Sequence[str]
) -> list[dict[str, Any]]:
    """For completion and the help page: each option's names, what it does, its range, and values to choose from."""
    values: Mapping[str, Sequence[str]] = {
        "size": [str(size) for size in offered(backends.values())[:MOST_SIZES]],
        "ar": RATIOS,
        "count": COUNTS,
        "backend": tuple(backends),
        "style": styles,
    }
    return [
        {
            "name": option.name,
            "names": list(option.names),
            "help": say(option.summary),
            "range": _sides(backends.values()) if option.kind is Kind.SIZE else _range(option),
            "values": list(values.get(option.name, ())),
        }
        for option in options
        if option.name not in {"backend", "style"} or values[option.name]
    ]


def _sides(backends: Iterable[Capabilities]) -> str:
    known = list(backends)
    squares = [
        Size(int(side), int(side)) for each in known if not each.sizes for side in (each.side.low, each.side.high)
    ]
    found = squares or [size for each in known for size in each.sizes]
    return say("web_range", low=min(found), high=max(found)) if found else ""


def _range(option: Option) -> str:
    low, high = plain(option.limits.low), plain(option.limits.high)
    if option.kind is Kind.TEXT:
        return say("web_up_to", high=high)
    return say("web_range", low=low, high=high) if option.kind in {Kind.INTEGER, Kind.NUMBER} else ""


def you(visitor: Visitor) -> dict[str, str]:
    return {"name": visitor.person.name, "handle": handle_of(visitor.key)}
