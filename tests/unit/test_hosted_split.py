import asyncio
import json
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.backends.split import MAX_SEED, Call, Outcome, Paid, draw_all, settle, split
from adapters.backends.split import given as fields
from bot.errors import BackendError, Broken, Busy, Down, Rejected
from bot.model import Drawing, Drawn, Size
from tests.contract.hosted import Told


@given(st.integers(1, 10), st.integers(1, 6), st.none() | st.integers(0, MAX_SEED))
def test_the_calls_cover_every_picture_once(count: int, per_call: int, seed: int | None) -> None:
    calls = split(Drawing("x", Size(8, 8), count, seed=seed), per_call)
    covered = [index for call in calls for index in range(call.first, call.first + call.count)]
    assert covered == list(range(count))
    assert all(1 <= call.count <= per_call for call in calls)
    if seed is not None:
        assert [call.seed for call in calls] == [(seed + call.first) % (MAX_SEED + 1) for call in calls]


ERRORS = st.sampled_from(
    [
        Busy("b", retry_after=1),
        Down("d"),
        Down("m", maybe_charged=True),
        Down("f", until_fixed=True),
        Rejected("r"),
        Broken("x"),
    ]
)


def copied(error: BackendError) -> BackendError:
    made = type(error)(error.detail)
    made.__dict__.update(error.__dict__)
    return made


@given(st.lists(st.integers(0, 3) | ERRORS, min_size=1, max_size=6))
def test_f24_pictures_are_never_invented_nor_lost(outcomes: Sequence[int | BackendError]) -> None:
    calls = tuple(Call(3 * index, 3, 3 * index) for index in range(len(outcomes)))
    found: dict[Call, Outcome] = {
        call: copied(one) if isinstance(one, BackendError) else [b"p"] * one
        for call, one in zip(calls, outcomes, strict=True)
    }
    pictures = sum(one for one in outcomes if isinstance(one, int))
    refused = any(isinstance(one, Rejected) for one in outcomes)
    if pictures and not refused:
        drawn = settle(calls, found)
        assert len(drawn.pictures) == len(drawn.seeds) == pictures
        assert drawn.missing == 3 * len(calls) - pictures
    elif refused or any(isinstance(one, BackendError) for one in outcomes):
        with pytest.raises(BackendError) as caught:
            settle(calls, found)
        assert isinstance(caught.value, Rejected) is refused
        paid = any(isinstance(one, BackendError) and one.maybe_charged for one in outcomes)
        assert caught.value.maybe_charged is (paid or bool(pictures))


@pytest.mark.parametrize(("error", "begun"), [(Down("f", until_fixed=True), 4), (Broken("x"), 4), (Down("d"), 10)])
async def test_once_the_answer_is_plain_the_rest_is_not_asked(error: BackendError, begun: int) -> None:
    asked = []

    async def draw(call: Call) -> Sequence[bytes]:
        asked.append(call)
        await asyncio.sleep(0)
        raise error

    calls = split(Drawing("x", Size(8, 8), 10), 1)
    with pytest.raises(BackendError):
        await draw_all(calls, draw, deadline=asyncio.get_running_loop().time() + 1, report=Told())
    assert len(asked) == begun


async def test_f20_what_came_too_early_is_kept_waiting_only_within_the_deadline() -> None:
    async def draw(call: Call) -> Sequence[bytes]:
        if call.first:
            raise Busy("later", retry_after=60)
        return [b"p"]

    drawn = await draw_all(
        split(Drawing("x", Size(8, 8), 3), 1), draw, deadline=asyncio.get_running_loop().time() + 1, report=Told()
    )
    assert drawn == Drawn((b"p",), (None,), 2)


async def test_what_was_paid_is_remembered_in_order_and_taken_up_again() -> None:
    class Slow(Told):
        async def remember(self, task: str) -> None:
            await asyncio.sleep(0.01 if not self.tasks else 0)
            await super().remember(task)

    report = Slow()
    paid = Paid("one", "", report)
    calls = [Call(first, 1, None) for first in range(3)]
    await asyncio.gather(*(paid.remember(call, f"task-{call.first}", ["https://x"]) for call in calls))
    again = Paid("one", report.tasks[-1], report)
    assert [again.task(call) for call in calls] == ["task-0", "task-1", "task-2"]
    assert again.urls(calls[0]) == ("https://x",)
    await again.forget(calls[0])
    assert json.loads(report.tasks[-1])["calls"].keys() == {"1", "2"}
    await again.forget(calls[1])
    await again.forget(calls[2])
    assert report.tasks[-1] == ""
    assert Paid("other", report.tasks[-2], report).task(calls[2]) == ""


@given(st.text() | st.sampled_from(['{"backend":"one","calls":{"0":{}}}', '{"backend":"one","calls":[]}', "3", "null"]))
def test_no_stored_task_breaks_the_resuming(resume: str) -> None:
    assert Paid("one", resume, Told()).task(Call(0, 1, None)) == ""


def test_what_was_left_out_stays_out() -> None:
    assert fields(a=None, b=0, c=False, d="") == {"b": 0, "c": False, "d": ""}
