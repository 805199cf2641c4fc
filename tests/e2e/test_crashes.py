"""kill -9 at every point of a request's way: nothing acknowledged is lost, nothing is posted twice."""

import multiprocessing
import sqlite3
from pathlib import Path

import pytest

from tests import crashing

LONGEST_LIFE = 400
"""Moments; a life without a kill has fewer."""

STRIDE = 12
"""Kill points a test, so that the tests' names say how far the loop got."""


def live(folder: Path, kill_at: int, *, submit: bool) -> int:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.crashing"])
    child = context.Process(target=crashing.process, args=(str(folder), kill_at), kwargs={"submit": submit})
    child.start()
    child.join(crashing.DEADLINE + 10)
    assert child.exitcode is not None, "the bot hangs"
    return child.exitcode


def rows(folder: Path, statement: str) -> list[tuple[object, ...]]:
    with sqlite3.connect(folder / "imagine.db") as connection:
        found = connection.execute(statement).fetchall()
    connection.close()
    return found


def check_promises(folder: Path) -> None:
    """I1 to I3 of the promise, read off the platform and the database."""
    platform = folder / "platform"
    shown = {file.stem: file.read_text() for file in platform.glob("*.message")}
    jobs = {str(job): state for job, state in rows(folder, "SELECT id, state FROM jobs")}
    for acked in platform.glob("*.acked"):
        assert jobs[acked.stem] in {"delivered", "cancelled"}
        assert acked.stem in shown
    log = (platform / "log").read_text().splitlines() if (platform / "log").exists() else []
    for job, text in shown.items():
        repeats = {line for line in log if line.startswith(job)}
        assert repeats == {f"{job} {text}"}, "a repeated delivery shows the same pictures"
    assert rows(folder, "SELECT * FROM allowances WHERE reserved <> 0") == []
    assert rows(folder, "SELECT * FROM people WHERE waiting <> 0 OR running <> 0") == []
    unbalanced = """SELECT job FROM ledger GROUP BY job
        HAVING sum(CASE kind WHEN 'reserve' THEN images ELSE -images END) <> 0"""
    assert rows(folder, unbalanced) == []
    spent = "SELECT coalesce(sum(spent), 0) FROM allowances WHERE owner LIKE 'web:user:%'"
    delivered = "SELECT coalesce(sum(images - missing), 0) FROM jobs WHERE state = 'delivered'"
    assert rows(folder, spent) == rows(folder, delivered)


def test_f01_to_f10_a_life_without_a_kill_keeps_the_promises(tmp_path: Path) -> None:
    assert live(tmp_path, 0, submit=True) == 0
    check_promises(tmp_path)
    assert len(list((tmp_path / "platform").glob("*.message"))) == len(crashing.REQUESTS)


@pytest.mark.parametrize("offset", range(1, STRIDE + 1))
def test_f01_to_f10_kill_9_at_any_point_loses_nothing_and_posts_nothing_twice(tmp_path: Path, offset: int) -> None:
    for kill_at in range(offset, LONGEST_LIFE, STRIDE):
        folder = tmp_path / str(kill_at)
        folder.mkdir()
        if live(folder, kill_at, submit=True) == 0:
            break
        assert live(folder, 0, submit=False) == 0
        check_promises(folder)
    else:
        pytest.fail("more moments than were tried")


@pytest.mark.parametrize("second", [1, 3, 5, 8])
def test_f13_two_kills_in_a_row_still_end_in_one_outcome(tmp_path: Path, second: int) -> None:
    for first in (20, 26, 32, 40):
        folder = tmp_path / str(first)
        folder.mkdir()
        live(folder, first, submit=True)
        live(folder, second, submit=False)
        assert live(folder, 0, submit=False) == 0
        platform = folder / "platform"
        for acked in platform.glob("*.acked"):
            assert (platform / f"{acked.stem}.message").exists()
