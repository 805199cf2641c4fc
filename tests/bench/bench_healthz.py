"""Whether /healthz answers within 200 ms while the local engine draws for eight people at once.

    python -m tests.bench.bench_healthz

The program, its drawing process and the one that asks share this machine's processors.
"""

import os
import statistics
import sys
import tempfile
from pathlib import Path

from tests import checkpoints, healthz
from tests.bench.table import Row, show

PEOPLE = 8
SECONDS = 20.0
TARGET_MS = 200.0


def main() -> int:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model = checkpoints.sdxl(folder / "model")
        with healthz.drawing_program(folder, model) as (running, key):
            answers = healthz.answers_while_drawing(running, key, PEOPLE, SECONDS)
    wall = sorted(answer.wall * 1000 for answer in answers)
    own = max(answer.processor * 1000 for answer in answers)
    rows = [
        Row("load of this machine", f"{os.getloadavg()[0]:.1f} on {os.cpu_count()} processors"),
        Row(f"/healthz while {PEOPLE} people's pictures are drawn, answers", str(len(answers))),
        Row("median", f"{statistics.median(wall):.1f} ms"),
        Row("p99", f"{wall[int(len(wall) * 0.99) - 1]:.1f} ms"),
        Row("longest", f"{wall[-1]:.1f} ms", f"{TARGET_MS:.0f} ms"),
        Row("longest that the event loop computed meanwhile", f"{own:.1f} ms"),
    ]
    show("Health while drawing", rows)
    return int(wall[-1] > TARGET_MS)


if __name__ == "__main__":
    sys.exit(main())
