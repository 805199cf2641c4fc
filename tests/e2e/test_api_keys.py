"""`imagine-bot api-key`, as a person types it, also beside a running bot."""

import sqlite3
import time
from pathlib import Path

import httpx
import pytest

from tests.house import open_house
from tests.program import Program, call, free_port, running
from tests.programs import ask, new_key, plain
from tests.web import open_site

TOML = """
[store]
url = "sqlite:///imagine.db"
images = "images"
[web]
port = {port}
public_url = "http://127.0.0.1:{port}"
[backends.sketch]
kind = "sketch"
"""


PORT = free_port()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "imagine.toml").write_text(TOML.format(port=PORT))
    return tmp_path


def made(folder: Path, name: str) -> str:
    done = call("api-key", "create", name, "-c", "imagine.toml", cwd=folder)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()[-1]


def test_a_key_is_printed_once_and_stored_hashed(folder: Path) -> None:
    key = made(folder, "ci")
    assert key.startswith("imagine_")
    with sqlite3.connect(folder / "imagine.db") as connection:
        stored = "".join(map(str, connection.execute("SELECT * FROM api_keys").fetchall()))
    connection.close()
    assert key not in stored
    listed = call("api-key", "list", "-c", "imagine.toml", cwd=folder).stdout
    assert "ci" in listed
    assert "never" in listed
    assert key not in listed


@pytest.mark.parametrize("name", ["", "a b", "../x", "é", "x" * 33, "-c"])
def test_a_name_that_is_none_is_refused(folder: Path, name: str) -> None:
    done = call("api-key", "create", "-c", "imagine.toml", "--", name, cwd=folder)
    assert done.returncode in {1, 2}
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_names_are_used_once_and_unknown_ones_are_told(folder: Path) -> None:
    assert "There are no keys" in call("api-key", "list", "-c", "imagine.toml", cwd=folder).stdout
    made(folder, "ci")
    twice = call("api-key", "create", "ci", "-c", "imagine.toml", cwd=folder)
    assert (twice.returncode, len(twice.stderr.splitlines())) == (1, 1)
    assert call("api-key", "revoke", "ci", "-c", "imagine.toml", cwd=folder).returncode == 0
    again = call("api-key", "revoke", "ci", "-c", "imagine.toml", cwd=folder)
    assert (again.returncode, len(again.stderr.splitlines())) == (1, 1)
    assert "revoked" in call("api-key", "list", "-c", "imagine.toml", cwd=folder).stdout
    made(folder, "ci")


def status(program: Program, key: str) -> int:
    headers = {"authorization": f"Bearer {key}"}
    return httpx.get(f"http://127.0.0.1:{program.port}/v1/models", headers=headers, trust_env=False).status_code


def test_keys_are_made_and_revoked_beside_a_running_bot(folder: Path) -> None:
    with running(folder, "run", "-c", "imagine.toml", port=PORT) as program:
        key = made(folder, "ci")
        assert status(program, key) == 200
        assert call("api-key", "revoke", "ci", "-c", "imagine.toml", cwd=folder).returncode == 0
        revoked = time.monotonic()
        while status(program, key) != 401:
            assert time.monotonic() - revoked < 20
            time.sleep(0.05)


async def test_a_key_revoked_in_one_process_is_refused_by_the_next(tmp_path: Path) -> None:
    """Two houses over one PostgreSQL database are two processes' worth of stores."""
    one_house, two_houses = (open_house(tmp_path, dialect="postgres") for _ in range(2))
    async with one_house as one, two_houses as two, open_site(two) as site, plain(site, await new_key(one)) as http:
        assert (await ask(http)).status_code == 200
        await one.store.revoke_api_key("ci", 1.0)
        assert (await ask(http)).status_code == 401
