"""The house rules that a machine can count."""

import ast
import re
from pathlib import Path
from statistics import quantiles

ROOT = Path(__file__).parents[2]
SOURCES = sorted(file for folder in ("bot", "adapters") for file in (ROOT / folder).rglob("*.py"))
TABLES = {"bot/replies.py"}
"""Files that are one table, long because the table is."""


def functions(file: Path) -> list[tuple[str, int]]:
    tree = ast.parse(file.read_text())
    found = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    where = file.relative_to(ROOT)
    return [(f"{where}:{node.lineno} {node.name}", (node.end_lineno or 0) - node.lineno + 1) for node in found]


def test_functions_are_short() -> None:
    lengths = dict(length for file in SOURCES for length in functions(file))
    assert {name: length for name, length in lengths.items() if length > 60} == {}
    assert quantiles(lengths.values(), n=10)[-1] <= 30


def test_files_are_short() -> None:
    lengths = {str(file.relative_to(ROOT)): len(file.read_text().splitlines()) for file in SOURCES}
    assert {name: length for name, length in lengths.items() if length > 400 and name not in TABLES} == {}


def modules(package: Path) -> set[str]:
    files = {file.stem for file in package.glob("*.py")} - {"__init__"}
    return files | {file.parent.name for file in package.glob("*/__init__.py")}


def test_the_map_of_a_package_names_every_module_in_it() -> None:
    forgotten = {}
    for package in (file.parent for file in SOURCES if file.name == "__init__.py"):
        told = ast.get_docstring(ast.parse((package / "__init__.py").read_text())) or ""
        forgotten[str(package)] = modules(package) - set(re.findall(r"\w+", told))
    assert {package: names for package, names in forgotten.items() if names} == {}


def test_the_core_decides_without_clock_or_chance() -> None:
    deciders = [
        "command", "described", "failover", "fairness", "options", "pacing", "quota", "replies", "routing", "sizes",
        "wording",
    ]  # fmt: skip
    files = [ROOT / "bot" / f"{name}.py" for name in deciders] + sorted((ROOT / "bot" / "moderation").glob("*.py"))
    for file in files:
        imported = {
            name.name.partition(".")[0]
            for node in ast.walk(ast.parse(file.read_text()))
            if isinstance(node, ast.Import)
            for name in node.names
        }
        assert not imported & {"random", "time", "datetime", "asyncio", "secrets", "os"}, file
