"""Every failpoint of a job's way, by kill -9 and by an error, until there is none left to fail: FAULTS.md, I1 to I8.

`make test` tries the web path on SQLite at the edges of every call; `make faults` every statement on both databases,
and every path.
"""

import inspect
import re
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path

import pytest

from adapters.store import sql
from bot import ports, ports_moderation
from tests import story
from tests.contract.stores import DIALECTS
from tests.enumerating import recovery, survey, tries, try_all
from tests.failpoints import BEATS, QUERIES, Aim, Fault, PointedBackend, PointedChat, PointedPictures, PointedRoom
from tests.story import WISHES, Wish

TRIED = [wish for wish in WISHES if wish.tries]
PATHS = tuple(product(("web", "discord", "slack"), DIALECTS))
Count = Callable[[str, object], None]
CHANGES_A_JOB = re.compile(r"\b(INSERT INTO|UPDATE|DELETE FROM) jobs\b")
NO_TRANSITION = {
    "extend_leases": "the heartbeat, by a timer",
    "delete_job": "retention and forgetting, long after the end",
    "drop_tokens": "a platform's expired tokens go from the address; the state stays",
}
EFFECTLESS = {"progress", "probe", "close", "read", "preview", "drop_previews"}

FOX, HELD = WISHES[0], story.BY_WORD["held"]
AFTER = (  # a kill, and the calls of the next life that only a recovery makes
    (FOX, Aim("submit:done", 1, Fault.KILL), ("cancel", "claim_untold", "told")),
    (FOX, Aim("generate:begin", 1, Fault.KILL), ("crashed", "release")),
    (FOX, Aim("drawn:done", 1, Fault.KILL), ("let_go", "claim_delivery")),
    (FOX, Aim("deliver:end", 1, Fault.KILL), ("let_go", "claim_delivery", "delivered")),
    (story.BY_WORD["slow"], Aim("cancel:done", 1, Fault.KILL), ("finish",)),
)


def named(wish: Wish) -> str:
    return wish.word


# -- that nothing is left out


def transitions() -> set[str]:
    return {name for name, text in QUERIES.items() if CHANGES_A_JOB.search(text)} - NO_TRANSITION.keys()


@pytest.mark.timeout(900)
async def test_every_statement_that_changes_a_job_is_a_failpoint_and_every_failpoint_is_tried(tmp_path: Path) -> None:
    """A new transition is met by no request of the story, or by none that tries its call: then this fails."""
    points: set[str] = set()
    tried: set[str] = set()
    for path in ("web", "slack"):
        points |= (await survey(tmp_path / path, path, "sqlite", WISHES)).keys()
    for number, (wish, killed, calls) in enumerate(AFTER):
        found = await recovery(tmp_path / f"after-{number}", "web", "sqlite", wish, killed)
        points |= found.keys()
        tried |= set(tries(found, calls))
    for path, wish in [("web", FOX), ("web", HELD), *(("slack", wish) for wish in TRIED)]:
        found = await survey(tmp_path / f"{path}-{named(wish)}", path, "sqlite", (wish,))
        tried |= set(tries(found, wish.tries))
    assert transitions() - {name.partition(":")[2] for name in points} == set()
    assert points <= tried, points - tried


async def test_every_transaction_that_postgresql_has_as_one_statement_has_its_failpoint(tmp_path: Path) -> None:
    points = await survey(tmp_path / "fox", "web", "postgres", (FOX,))
    known = {name.removeprefix("whole_") for name in sql.load("postgres") if name.startswith("whole_")}
    assert {name.partition(":")[0] for name in tries(points, FOX.tries) if name.endswith(":whole")} == known


def test_no_call_is_excused_that_is_not_there() -> None:
    assert NO_TRANSITION.keys() <= QUERIES.keys()
    assert {name for name, _ in inspect.getmembers(ports.Store)} >= BEATS


def protocol_calls() -> Iterator[tuple[type, str]]:
    for protocol, pointed in (
        (ports.Backend, PointedBackend),
        (ports.Chat, PointedChat),
        (ports.Pictures, PointedPictures),
        (ports_moderation.ReviewRoom, PointedRoom),
    ):
        calls = [name for name, value in vars(protocol).items() if inspect.iscoroutinefunction(value)]
        yield from ((pointed, name) for name in calls if name not in EFFECTLESS)


@pytest.mark.parametrize(("pointed", "name"), list(protocol_calls()))
def test_every_call_of_a_port_with_an_effect_has_a_failpoint_before_and_after_it(pointed: type, name: str) -> None:
    source = inspect.getsource(getattr(pointed, name))
    assert f'"{name}:begin"' in source
    assert f'"{name}:end"' in source


# -- make test


@pytest.mark.parametrize("fault", Fault)
@pytest.mark.parametrize("wish", TRIED, ids=named)
async def test_f01_to_f10_a_fault_at_any_edge_on_the_web_leaves_one_outcome(
    tmp_path: Path, record_property: Count, wish: Wish, fault: Fault
) -> None:
    report = await try_all(tmp_path, "web", "sqlite", wish, fault, edges=True)
    record_property(f"web sqlite {fault}", report.tried)
    assert report.broken == ()
    assert report.tried


@pytest.mark.parametrize("fault", Fault)
async def test_f06_f13_a_fault_where_a_life_takes_up_what_the_last_one_drew_leaves_one_outcome(
    tmp_path: Path, record_property: Count, fault: Fault
) -> None:
    wish, killed, calls = AFTER[1]
    names = tries(await recovery(tmp_path / "recovery", "web", "sqlite", wish, killed), calls, edges=True)
    report = await try_all(tmp_path, "web", "sqlite", wish, fault, names=names, before=killed)
    record_property(f"web sqlite {fault} after a kill", report.tried)
    assert report.broken == ()
    assert report.tried


# -- make faults


@pytest.mark.faults
@pytest.mark.timeout(3000)
@pytest.mark.parametrize("fault", Fault)
@pytest.mark.parametrize(("path", "dialect"), PATHS)
@pytest.mark.parametrize("wish", TRIED, ids=named)
async def test_f01_to_f10_a_fault_at_any_point_leaves_one_outcome(
    tmp_path: Path, record_property: Count, path: str, dialect: str, wish: Wish, fault: Fault
) -> None:
    report = await try_all(tmp_path, path, dialect, wish, fault)
    record_property(f"{path} {dialect} {fault}", report.tried)
    assert report.broken == ()


@pytest.mark.faults
@pytest.mark.timeout(3000)
@pytest.mark.parametrize("fault", Fault)
@pytest.mark.parametrize(("path", "dialect"), PATHS)
@pytest.mark.parametrize(("wish", "killed", "calls"), AFTER, ids=[str(killed) for _, killed, _ in AFTER])
async def test_f13_a_second_fault_while_a_kill_is_recovered_from_leaves_one_outcome(
    tmp_path: Path,
    record_property: Count,
    path: str,
    dialect: str,
    wish: Wish,
    killed: Aim,
    calls: tuple[str, ...],
    fault: Fault,
) -> None:
    names = tries(await recovery(tmp_path / "recovery", path, dialect, wish, killed), calls)
    report = await try_all(tmp_path, path, dialect, wish, fault, names=names, before=killed)
    record_property(f"{path} {dialect} {fault} after a kill", report.tried)
    assert report.broken == ()
    assert report.tried
