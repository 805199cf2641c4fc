"""The demo model's loss log and its curve."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from adapters.backends.diffusers.demo import curve


def test_a_step_that_a_restarted_training_repeats_counts_once_and_a_cut_line_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "new" / "loss.csv"
    for loss, steps in ((0.5, (1, 2, 3)), (0.25, (3, 4))):
        log = curve.LossLog(path)
        for step in steps:
            log.add(step, loss)
        log.close()
        with path.open("a") as file:
            file.write("5,0.0")
    assert curve.read(path) == [(1, 0.5), (2, 0.5), (3, 0.25), (4, 0.25)]


def test_the_running_mean_begins_as_the_plain_one() -> None:
    assert curve.smoothed([(1, 4.0), (2, 2.0), (3, 6.0)]) == [(1, 4.0), (2, 3.0), (3, 4.0)]


def line(losses: list[tuple[int, float]]) -> dict[int, float]:
    """Height of the curve's line above the picture's lower edge, by column."""
    pixels = np.asarray(curve.draw(losses))
    rows, columns = np.nonzero((pixels == curve.LINE).all(axis=-1))
    return {int(column): curve.HEIGHT - float(rows[columns == column].mean()) for column in np.unique(columns)}


def test_a_falling_loss_is_a_falling_line_from_edge_to_edge() -> None:
    heights = line([(step, 2.0 ** (-step / 100)) for step in range(1, 1001)])
    assert min(heights) <= curve.LEFT + 1
    assert max(heights) >= curve.WIDTH - curve.RIGHT - 1
    inner = [heights[column] for column in sorted(heights)][5:-5]
    assert all(later <= earlier + 1 for earlier, later in pairwise(inner))
    assert inner[0] - inner[-1] > (curve.HEIGHT - curve.TOP - curve.BOTTOM) / 2


@pytest.mark.parametrize("losses", [[], [(7, 0.5)], [(1, 0.5), (2, 0.5)], [(1, 0.0), (2, 3.0)]])
def test_any_losses_can_be_drawn(losses: list[tuple[int, float]]) -> None:
    assert curve.draw(losses).size == (curve.WIDTH, curve.HEIGHT)
