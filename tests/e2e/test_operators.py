"""The operator's small commands for moderation, as a person types them."""

import csv
import io
import json
import sqlite3
from pathlib import Path

import pytest

from bot.moderation import audit
from tests.community import ANN, GUILD, HERE, MOD, SETTINGS
from tests.house import open_house
from tests.program import call

TOML = """
[store]
url = "sqlite:///imagine.db"
images = "images"
[backends.sketch]
kind = "sketch"
[moderation]
blocked = ["forbidden"]
held = ["castle"]
"""


@pytest.fixture
async def folder(tmp_path: Path) -> Path:
    """A store with two events and a configuration beside it."""
    (tmp_path / "imagine.toml").write_text(TOML)
    async with open_house(tmp_path, moderation=SETTINGS) as house:
        await house.moderators.timeout(MOD, HERE, ANN, "=HYPERLINK(1)", 600)
        await house.moderators.lift(MOD, HERE, ANN, "sorry")
    return tmp_path


async def test_export_audit_writes_whole_chains_as_json_lines(folder: Path) -> None:
    done = call("export-audit", "-c", "imagine.toml", "--since", "2020-01-01", cwd=folder)
    assert done.returncode == 0
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert [event["action"] for event in events] == ["timeout", "lift"]
    assert {event["tenant"] for event in events} == {GUILD}
    assert [event["seq"] for event in events] == [1, 2]
    assert call("export-audit", "-c", "imagine.toml", "--since", "2999-01-01", cwd=folder).stdout == ""


async def test_s34_a_csv_cell_is_never_a_formula(folder: Path) -> None:
    done = call("export-audit", "-c", "imagine.toml", "--format", "csv", cwd=folder)
    rows = list(csv.reader(io.StringIO(done.stdout)))
    assert rows[0] == list(audit.COLUMNS)
    assert rows[1][rows[0].index("reason")] == "'=HYPERLINK(1)"


async def test_export_audit_says_where_the_log_was_changed(folder: Path) -> None:
    with sqlite3.connect(folder / "imagine.db") as connection:
        connection.execute("UPDATE audit SET reason = 'nothing' WHERE seq = 1")
    connection.close()
    done = call("export-audit", "-c", "imagine.toml", cwd=folder)
    assert done.returncode == 1
    assert f"{GUILD} 1" in done.stderr
    assert len(done.stdout.splitlines()) == 2


@pytest.mark.parametrize("wrong", [("--since", "yesterday"), ("--format", "xml")])
async def test_a_wrong_option_of_export_audit_is_one_line_and_exit_2(folder: Path, wrong: tuple[str, str]) -> None:
    done = call("export-audit", "-c", "imagine.toml", *wrong, cwd=folder)
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)


@pytest.mark.parametrize(("prompt", "word"), [("a f0rbidden fox", "rule"), ("a castle", "moderator")])
async def test_draw_goes_by_the_rules_and_is_audited(folder: Path, prompt: str, word: str) -> None:
    done = call("draw", "-c", "imagine.toml", prompt, cwd=folder)
    assert done.returncode == 2
    assert word in done.stderr
    exported = call("export-audit", "-c", "imagine.toml", cwd=folder).stdout
    assert '"request_refused"' in exported
    assert prompt not in exported


async def test_draw_of_a_harmless_prompt_draws(folder: Path) -> None:
    assert call("draw", "-c", "imagine.toml", "a fox --size 64x64", cwd=folder).returncode == 0


async def test_login_prints_a_link_and_stores_only_its_hash(folder: Path) -> None:
    done = call("login", "-c", "imagine.toml", cwd=folder)
    assert done.returncode == 0
    link = done.stdout.strip()
    assert link.startswith("http://127.0.0.1:8080/moderation/login")
    token = link.rpartition("=")[2]
    assert len(token) > 30
    assert token.encode() not in (folder / "imagine.db").read_bytes()
    assert call("login", "-c", "imagine.toml", "--name", "not a name", cwd=folder).returncode == 2
