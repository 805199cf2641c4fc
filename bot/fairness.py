"""What a request costs and whose turn is next (pure).

Start-time fair queueing: a job's tag is max(where its person's previous one ended, the virtual clock of the backend
it would go to), the person's next one starts cost / weight after it, and the smallest tag goes first. A clock belongs
to a backend, not to the house: a busy backend's clock is far behind an idle one's, and a tag from the one would mean
waiting behind the whole queue of the other.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bot.model import Capabilities, Drawing, Range, Speed, Turn

ASSUMED_SPEED = Speed("", megapixel_steps=4.0)
"""Of a backend that was never measured: 768² at 20 steps in about three seconds."""

SPEED_MEMORY = Range(1, 50)
"""A running mean over the last 50 drawings, so that a new machine is believed soon."""

LONGEST_LINE = 200
"""Positions are told up to here; whoever is beyond it has no `Standing`."""


def work(drawing: Drawing, capabilities: Capabilities) -> float:
    """Expected work in megapixel-steps."""
    steps = drawing.steps or capabilities.default_steps
    return drawing.size.pixels / 1e6 * steps * drawing.count


def cost(drawing: Drawing, capabilities: Capabilities, speed: Speed | None) -> float:
    """Expected seconds of drawing, never 0."""
    rate = (speed or ASSUMED_SPEED).megapixel_steps
    return max(work(drawing, capabilities) / max(rate, 1e-6), 1e-3)


def measured(speed: Speed, megapixel_steps: float, seconds: float) -> Speed:
    """The running mean after one more drawing."""
    samples = min(speed.samples + 1, int(SPEED_MEMORY.high))
    rate = megapixel_steps / max(seconds, 1e-3)
    mean = speed.megapixel_steps if speed.samples else rate
    return Speed(speed.backend, mean + (rate - mean) / samples, samples)


def start_tag(finish: float, clock: float) -> float:
    """Where a person's next job stands who ended at ``finish``: nobody saves up turns while idle."""
    return max(finish, clock)


def finish_tag(start: float, cost_seconds: float, weight: float) -> float:
    return start + cost_seconds / max(weight, 1e-6)


def floor_of_turn(tag: float, clock: float, catch_up: float) -> float:
    """A person held back by their running limit catches up by ``catch_up`` seconds at most when freed."""
    return max(tag, clock - catch_up)


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a waiting job stands. ``position`` counts from 1."""

    position: int
    eta_seconds: float


def standings(line: Sequence[Turn], running_seconds: float, at_once: int) -> Mapping[str, Standing]:
    """Every job of the line in one pass. ``running_seconds`` is the work still to do on what runs now."""
    ahead = running_seconds
    found = {}
    for index, turn in enumerate(line):
        found[turn.job_id] = Standing(index + 1, (ahead + turn.cost) / max(at_once, 1))
        ahead += turn.cost
    return found
