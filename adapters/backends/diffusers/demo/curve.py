"""The losses of a training on disk, one line a step, and their curve as a picture."""

import math
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw

WIDTH, HEIGHT = 900, 500
LEFT, TOP, RIGHT, BOTTOM = 70, 20, 20, 40  #: margins
SMOOTH = 0.98  #: of the running mean; a batch is one of many noise levels, so single losses leap about
GRID, AXIS, DOTS, LINE = (225, 225, 225), (40, 40, 40), (190, 205, 235), (30, 70, 180)


class LossLog:
    """Appends ``step,loss``, after a half line that a killed training left is cut off.

    Such a training also repeats steps: the last line of a step is the one that counts.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        whole, newline, _ = path.read_text("ascii").rpartition("\n") if path.exists() else ("", "", "")
        path.write_text(whole + newline, "ascii")
        self._file = path.open("a", buffering=1, encoding="ascii")

    def add(self, step: int, loss: float) -> None:
        self._file.write(f"{step},{loss:.5f}\n")

    def close(self) -> None:
        self._file.close()


def read(path: Path) -> list[tuple[int, float]]:
    """(step, loss) by step; a half line at the end is left out."""
    losses: dict[int, float] = {}
    for line in path.read_text("ascii").split("\n")[:-1]:
        step, _, loss = line.partition(",")
        losses[int(step)] = float(loss)
    return sorted(losses.items())


def smoothed(losses: Sequence[tuple[int, float]]) -> list[tuple[int, float]]:
    """Running mean, of the first steps the plain one."""
    mean, found = 0.0, []
    for number, (step, loss) in enumerate(losses):
        keep = min(SMOOTH, number / (number + 1))
        mean = keep * mean + (1 - keep) * loss
        found.append((step, mean))
    return found


def draw(losses: Sequence[tuple[int, float]]) -> Image.Image:
    """Every loss a dot, their running mean a line; steps to the right, losses upwards on a logarithmic scale."""
    picture = Image.new("RGB", (WIDTH, HEIGHT), "white")
    if not losses:
        return picture
    pen = ImageDraw.Draw(picture)
    first, last = losses[0][0], max(losses[-1][0], losses[0][0] + 1)
    heights = [math.log10(max(loss, 1e-9)) for _, loss in losses]
    low, high = min(heights), max(*heights, min(heights) + 0.1)

    def at(step: float, loss: float) -> tuple[float, float]:
        right = (step - first) / (last - first)
        up = (math.log10(max(loss, 1e-9)) - low) / (high - low)
        return LEFT + right * (WIDTH - LEFT - RIGHT), HEIGHT - BOTTOM - up * (HEIGHT - TOP - BOTTOM)

    for part in range(6):
        step, loss = first + part * (last - first) / 5, 10 ** (low + part * (high - low) / 5)
        x, y = at(step, loss)
        pen.line((LEFT, y, WIDTH - RIGHT, y), fill=GRID)
        pen.text((5, y - 6), f"{loss:.4f}", fill=AXIS)
        pen.text((min(x, WIDTH - 60), HEIGHT - 25), f"{step:.0f}", fill=AXIS)
    pen.point([at(step, loss) for step, loss in losses], fill=DOTS)
    pen.line([at(step, loss) for step, loss in smoothed(losses)], fill=LINE, width=2)
    return picture
