"""Every fault and every bad input has a test that carries its number."""

import re
from collections.abc import Iterator
from pathlib import Path

from adapters.chat import discord
from tests.rows import BAD_INPUTS, FAULTS, NOT_APPLICABLE

ROOT = Path(__file__).parents[2]
TEST = re.compile(r"^\s*(?:async )?def (test_\w+)", re.MULTILINE)
NUMBER = re.compile(r"_([fs]\d\d)(?=_)")


def numbers() -> Iterator[str]:
    for file in ROOT.joinpath("tests").rglob("test_*.py"):
        for name in TEST.findall(file.read_text()):
            yield from NUMBER.findall(name)


def test_every_fault_and_every_bad_input_has_a_test_with_its_number() -> None:
    rows = {**FAULTS, **BAD_INPUTS}
    missing = rows.keys() - NOT_APPLICABLE.keys() - set(numbers())
    assert not missing, {row: rows[row] for row in sorted(missing)}


def test_a_test_carries_no_number_that_is_no_row() -> None:
    assert set(numbers()) <= FAULTS.keys() | BAD_INPUTS.keys()


def test_s22_does_not_apply_because_discord_has_no_way_in_but_the_gateway() -> None:
    sources = [file.read_text() for file in Path(discord.__file__).parent.rglob("*.py")]
    assert sources
    listens = re.compile(r"web\.Application|TCPSite|start_server|x-signature", re.IGNORECASE)
    assert not [source for source in sources if listens.search(source)]


def test_s43_every_dependency_is_pinned_and_looked_up_in_the_advisories() -> None:
    pinned = [line for line in ROOT.joinpath("deploy/constraints.txt").read_text().splitlines() if line]
    assert all(re.fullmatch(r"[\w.\-]+==[\w.]+", line) for line in pinned)
    check = re.search(r"^check:.*?\n\n", ROOT.joinpath("Makefile").read_text(), re.MULTILINE | re.DOTALL)
    assert check is not None
    assert "tests.audit" in check[0]
    assert "bandit" in check[0]
