"""`python -m tests.bench.load [NAME …]`: all scenarios, or those whose name contains one of the words.

SUSTAINED_SECONDS: how long ten requests a second go on (600; an hour is 3600).
"""

import asyncio
import os
import sys
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

from tests.bench.load import scenarios
from tests.bench.load.bots import Pace
from tests.bench.load.ways import WAYS
from tests.bench.table import Row, show

SUSTAINED_SECONDS = float(os.environ.get("SUSTAINED_SECONDS", "600"))
RATE = 10.0
Scenario = Callable[[], Coroutine[Any, Any, list[Row]]]

SCENARIOS: dict[str, Scenario] = {
    **{f"burst of 500, {name}": partial(scenarios.burst, name, 500, 10.0) for name in WAYS},
    **{f"burst of 5000, {name}": partial(scenarios.burst, name, 5000, 60.0) for name in WAYS},
    **{f"restart, {name}": partial(scenarios.restart, name, 5000) for name in ("web", "Discord")},
    "slow provider, Discord": partial(scenarios.provider, "Discord", "a provider of 5 s", Pace(5.0, 32), 300),
    "provider down, Discord": partial(scenarios.provider, "Discord", "the first provider down", Pace(down=True), 300),
    **{f"locked, {name}": partial(scenarios.locked, name, 400) for name in ("web", "Discord")},
    **{f"clock, {name}": partial(scenarios.clock_jump, name, 300) for name in ("web", "Discord")},
    **{f"disk, {name}": partial(scenarios.full_disk, name, 600) for name in ("web", "Discord")},
    "sustained, Discord": partial(scenarios.sustained, "Discord", RATE, SUSTAINED_SECONDS),
}


def main() -> None:
    wanted = sys.argv[1:]
    for name, scenario in SCENARIOS.items():
        if not wanted or any(word in name for word in wanted):
            show(name, asyncio.run(scenario()))
            sys.stdout.flush()


if __name__ == "__main__":
    main()
