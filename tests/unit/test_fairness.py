"""What a request costs, and the order of turns."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from bot import fairness
from bot.model import Capabilities, Drawing, Size, Speed, Turn

CAPABILITIES = Capabilities(default_size=Size(1000, 1000), default_steps=20)
amounts = st.floats(0.001, 1e6)
tags = st.floats(0, 1e9)


def drawing(side: int = 1000, steps: int | None = None, count: int = 1) -> Drawing:
    return Drawing("a fox", Size(side, side), count, steps=steps)


def test_cost_is_pixels_by_steps_by_count_at_the_measured_speed() -> None:
    assert fairness.cost(drawing(), CAPABILITIES, Speed("b", 10.0, 5)) == 2.0
    assert fairness.cost(drawing(side=2000, steps=40, count=3), CAPABILITIES, Speed("b", 10.0, 5)) == 48.0


def test_an_unmeasured_backend_has_an_assumed_speed() -> None:
    assert fairness.cost(drawing(), CAPABILITIES, None) == 20 / fairness.ASSUMED_SPEED.megapixel_steps


def test_the_first_measurement_is_believed_and_later_ones_are_averaged() -> None:
    first = fairness.measured(Speed("b", 4.0, 0), 20.0, 2.0)
    assert first == Speed("b", 10.0, 1)
    assert fairness.measured(first, 20.0, 1.0) == Speed("b", 15.0, 2)


@given(st.lists(st.tuples(amounts, st.floats(0.1, 10)), min_size=1, max_size=20), tags)
def test_a_persons_tags_never_go_back(jobs: list[tuple[float, float]], clock: float) -> None:
    finish, before = 0.0, -1.0
    for cost, weight in jobs:
        start = fairness.start_tag(finish, clock)
        finish = fairness.finish_tag(start, cost, weight)
        assert start >= before
        assert finish > start or cost / weight < start * 1e-12
        before = start


@given(tags, tags)
def test_nobody_starts_before_the_clock(finish: float, clock: float) -> None:
    assert fairness.start_tag(finish, clock) >= clock


@given(tags, tags, amounts)
def test_a_freed_person_catches_up_by_a_bound(tag: float, clock: float, bound: float) -> None:
    assert fairness.floor_of_turn(tag, clock, bound) >= max(tag, clock - bound)


@given(st.lists(amounts, min_size=1, max_size=50), st.floats(0, 100), st.integers(1, 8))
def test_positions_count_from_one_and_etas_never_fall_along_the_line(
    costs: list[float], running: float, at_once: int
) -> None:
    line = [Turn(str(index), cost, float(index)) for index, cost in enumerate(costs)]
    standings = fairness.standings(line, running, at_once)
    ordered = [standings[turn.job_id] for turn in line]
    assert [standing.position for standing in ordered] == list(range(1, len(line) + 1))
    etas = [standing.eta_seconds for standing in ordered if standing.eta_seconds is not None]
    assert len(etas) == len(line)
    assert all(a <= b for a, b in pairwise(etas))
