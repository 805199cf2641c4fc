"""On which line a setting stands. tomllib does not say, so lines that look like headers and keys are asked again."""

import re
import tomllib
from collections.abc import Mapping

Path = tuple[str, ...]

_PART = r"""(?:[A-Za-z0-9_-]+|"[^"\\]*"|'[^']*')"""
_KEY = re.compile(rf"{_PART}(?:[ \t]*\.[ \t]*{_PART})*(?=[ \t]*=)")
_HEADER = re.compile(rf"\[[ \t]*({_PART}(?:[ \t]*\.[ \t]*{_PART})*)[ \t]*\]")


def lines(text: str, document: Mapping[str, object]) -> dict[Path, int]:
    """Path -> line number from 1, for every table and key of ``document`` that stands at the beginning of a line."""
    found: dict[Path, int] = {}
    table: Path = ()
    for number, line in enumerate(text.split("\n"), 1):
        stripped = line.lstrip(" \t")
        if (header := _HEADER.match(stripped)) and _exists(document, path := _path(header[1])):
            table = path
            found.setdefault(path, number)
        elif (key := _KEY.match(stripped)) and _exists(document, path := table + _path(key[0])):
            found.setdefault(path, number)
    return found


def nearest(found: Mapping[Path, int], path: Path) -> int | None:
    """The line of ``path``, or of what holds it; None for what stands in no file."""
    for end in range(len(path), 0, -1):
        if path[:end] in found:
            return found[path[:end]]
    return None


def _path(dotted: str) -> Path:
    try:
        node: object = tomllib.loads(f"{dotted}=0")
    except ValueError:
        return ()
    path: list[str] = []
    while isinstance(node, dict) and node:
        key, node = next(iter(node.items()))
        path.append(key)
    return tuple(path)


def _exists(document: Mapping[str, object], path: Path) -> bool:
    node: object = document
    for part in path:
        if not isinstance(node, Mapping) or part not in node:
            return False
        node = node[part]
    return bool(path)
