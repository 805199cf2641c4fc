"""Named queries: a .sql file with ``-- name: x`` headings. Python never builds SQL."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources

HEADING = re.compile(r"^-- name: (\w+)\s*$", re.MULTILINE)


def parse(text: str) -> Mapping[str, str]:
    """Name to statement. Raises ValueError for a name used twice or a statement without one."""
    head, *parts = HEADING.split(text)
    if any(line and not line.startswith("--") for line in map(str.strip, head.splitlines())):
        raise ValueError("SQL before the first name")
    names = parts[::2]
    if len(set(names)) != len(names):
        raise ValueError(f"a query name is used twice: {sorted(names)}")
    return {name: statement.strip() for name, statement in zip(names, parts[1::2], strict=True)}


def load(dialect: str) -> Mapping[str, str]:
    return parse(resources.files("adapters.store").joinpath(f"{dialect}.sql").read_text(encoding="utf-8"))


PARAMETER = re.compile(r"'[^']*'|::|:([a-z]\w*)")

FLOATS = (
    "at", "cap", "cost", "created_at", "dollars", "due_at", "finish", "floor", "lease_until", "now", "seen", "since",
    "tag", "until", "weight",
)  # fmt: skip
WHOLE = ("allowed", "day", "hidden", "images", "plain", "revision", "seq", "waiting_limit")
TYPES = {**dict.fromkeys(FLOATS, "double precision"), **dict.fromkeys(WHOLE, "bigint")}
"""Parameters whose type PostgreSQL would guess wrong where they stand beside another number."""


@dataclass(frozen=True, slots=True)
class Numbered:
    """A statement with $1, $2 …, and the names of its parameters in that order."""

    text: str
    parameters: tuple[str, ...]


def numbered(statement: str) -> Numbered:
    names: list[str] = []

    def number(found: re.Match[str]) -> str:
        name = found[1]
        if name is None:
            return found[0]
        if name not in names:
            names.append(name)
        place = f"${names.index(name) + 1}"
        return f"{place}::{TYPES[name]}" if name in TYPES else place

    return Numbered(PARAMETER.sub(number, statement), tuple(names))


def numbered_queries() -> Mapping[str, Numbered]:
    """All of them in PostgreSQL's dialect: the common text, and what it says differently."""
    texts = {**load("sqlite"), **load("live"), **load("postgres")}
    return {name: numbered(text) for name, text in texts.items()}


def migrations(dialect: str) -> list[tuple[int, str, str]]:
    """(number, name, script) in order; the number is the file's first four digits."""
    folder = resources.files("adapters.store").joinpath("migrations", dialect)
    files = sorted((file for file in folder.iterdir() if re.match(r"\d{4}_", file.name)), key=lambda file: file.name)
    return [(int(file.name[:4]), file.name, file.read_text(encoding="utf-8")) for file in files]
