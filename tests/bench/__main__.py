"""`make bench`: every bench_*.py after the other, each in a process of its own so that memory figures are theirs.

One that misses its target ends none of the others; the exit code tells of it.
"""

import subprocess
import sys
from pathlib import Path

missed = [
    file.stem
    for file in sorted(Path(__file__).parent.glob("bench_*.py"))
    if subprocess.run([sys.executable, "-m", f"tests.bench.{file.stem}"], check=False).returncode
]
if missed:
    sys.exit(f"missed: {', '.join(missed)}")
