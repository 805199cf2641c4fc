"""The program with the local engine, a real small checkpoint and real people at its API."""

import statistics
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("diffusers")
pytest.importorskip("transformers")

from tests import checkpoints, healthz

pytestmark = pytest.mark.filterwarnings("ignore")

LONGEST = 0.2
"""Seconds that /healthz may take while pictures are drawn."""


@pytest.mark.timeout(240)
def test_healthz_answers_within_200_ms_while_the_local_engine_draws(tmp_path: Path) -> None:
    """Each answer for its own part: a busy machine may keep a thread from running, so the clock judges the median only.

    tests/bench/bench_healthz.py asks for every answer by the clock.
    """
    model = checkpoints.sdxl(tmp_path / "model")
    with healthz.drawing_program(tmp_path, model) as (running, key):
        answers = healthz.answers_while_drawing(running, key, people=4, seconds=6.0)
        assert "libtorch" not in Path(f"/proc/{running.process.pid}/maps").read_text()
    assert {answer.status for answer in answers} == {200}
    assert len(answers) >= 20
    assert max(answer.processor for answer in answers) < LONGEST
    assert statistics.median(answer.wall for answer in answers) < LONGEST
