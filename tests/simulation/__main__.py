"""Histories by their seeds, in several processes.

    SEED=17 python -m tests.simulation            that one, with all that happened in it
    FIRST=1 COUNT=200 python -m tests.simulation  those seeds
    SOAK_SECONDS=600 python -m tests.simulation   new ones for so long
    PLANTED=told …                                with a bug of tests/simulation/planted.py, until it is found

A seed whose history breaks a promise is printed with what it broke; the exit status is then 1.
"""

import itertools
import multiprocessing
import os
import sys
import time
from collections.abc import Iterable, Iterator
from functools import partial

from tests.simulation import history, regressions
from tests.simulation.history import Outcome

HISTORIES_A_PROCESS = 40
"""What killed lives left is kept as long as their process lives."""


def main() -> int:
    if os.environ.get("PYTHONHASHSEED") != "0":  # the order of sets is part of a history
        os.execve(sys.executable, [sys.executable, "-m", "tests.simulation"], {**os.environ, "PYTHONHASHSEED": "0"})
    seed = os.environ.get("SEED")
    if seed:
        return _told(int(seed))
    began = time.monotonic()
    found = list(_until_found(_played(_seeds())))
    seconds = time.monotonic() - began
    wrong = [outcome for outcome in found if outcome.broken]
    faults = sum(len(outcome.faults) for outcome in found)
    crashes = sum(fault.startswith("crash") for outcome in found for fault in outcome.faults)
    print(
        f"{len(found)} histories, {sum(each.jobs for each in found)} requests, {faults} faults, {crashes} crashes"
        f" in {seconds:.0f} s: {60 * len(found) / seconds:.0f} a minute; {len(wrong)} broke a promise"
    )
    for outcome in wrong:
        print(f"SEED={outcome.seed}", *outcome.broken, sep="\n    ")
    return bool(wrong)


def _bug() -> str:
    return os.environ.get("PLANTED", "")


def _told(seed: int) -> int:
    outcome = history.play(seed, history.template(), traced=True, bug=_bug())
    print(*outcome.trace, sep="\n")
    print(f"seed {seed}: {outcome.jobs} requests, {outcome.lives} lives, trace {outcome.digest}")
    print(*outcome.broken, sep="\n")
    return bool(outcome.broken)


def _until_found(outcomes: Iterable[Outcome]) -> Iterator[Outcome]:
    for outcome in outcomes:
        yield outcome
        if outcome.broken and _bug():
            return


def _seeds() -> Iterator[int]:
    soak = float(os.environ.get("SOAK_SECONDS", "0"))
    if not soak:
        first, many = int(os.environ.get("FIRST", "1")), int(os.environ.get("COUNT", "200"))
        yield from (*regressions.SEEDS, *range(first, first + many))
        return
    end = time.monotonic() + soak
    yield from itertools.takewhile(lambda _: time.monotonic() < end, itertools.count(int(time.time()) * 1000))


def _played(seeds: Iterable[int]) -> Iterator[Outcome]:
    context = multiprocessing.get_context("fork")
    workers = int(os.environ.get("WORKERS", "2"))
    play = partial(history.play, fresh=history.template(), bug=_bug())
    with context.Pool(workers, maxtasksperchild=HISTORIES_A_PROCESS) as pool:
        waiting: list[multiprocessing.pool.AsyncResult[Outcome]] = []
        for seed in seeds:
            waiting.append(pool.apply_async(play, (seed,)))
            if len(waiting) >= 2 * workers:
                yield waiting.pop(0).get()
        for each in waiting:
            yield each.get()


if __name__ == "__main__":
    sys.exit(main())
