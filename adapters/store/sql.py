"""Named queries: a .sql file with ``-- name: x`` headings. Python never builds SQL."""

import re
from collections.abc import Mapping
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


def migrations(dialect: str) -> list[tuple[int, str, str]]:
    """(number, name, script) in order; the number is the file's first four digits."""
    folder = resources.files("adapters.store").joinpath("migrations", dialect)
    files = sorted((file for file in folder.iterdir() if re.match(r"\d{4}_", file.name)), key=lambda file: file.name)
    return [(int(file.name[:4]), file.name, file.read_text(encoding="utf-8")) for file in files]
