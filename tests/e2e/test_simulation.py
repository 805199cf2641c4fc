"""Deterministic simulation: the core on real SQLite in virtual time, with seeded faults and crashes (tests/simulation).

A failing seed is in the output; ``SEED=… python -m tests.simulation`` plays it again, event by event.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.simulation.planted import BUGS

pytestmark = pytest.mark.timeout(900)  # the machine may be busy; the histories are not

ROOT = Path(__file__).parents[2]
PART = 60  # histories a test, so that the parts run side by side


def simulate(**settings: object) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONHASHSEED"}
    return subprocess.run(
        [sys.executable, "-m", "tests.simulation"],
        cwd=ROOT,
        env={**kept, "WORKERS": "1", **{name: str(value) for name, value in settings.items()}},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("first", range(1, 4 * PART, PART))
def test_f01_to_f10_f69_the_promise_holds_in_every_seeded_history(first: int) -> None:
    done = simulate(FIRST=first, COUNT=PART)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""


@pytest.mark.parametrize("bug", BUGS)
def test_f10_a_fence_that_is_taken_out_of_the_store_is_missed_by_some_history(bug: str) -> None:
    """`finish` reads the attempt before it writes, so that its fence cannot be taken out of one statement."""
    done = simulate(PLANTED=bug, COUNT=3000)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "1 broke a promise" in done.stdout


def test_the_same_seed_is_the_same_history_in_another_process() -> None:
    first, second, another = simulate(SEED=6), simulate(SEED=6), simulate(SEED=7)
    assert first.stdout.count("\n") > 50
    assert first.stdout == second.stdout
    assert first.stdout != another.stdout
