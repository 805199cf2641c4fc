"""`make bench`: every bench_*.py after the other, each in a process of its own so that memory figures are theirs."""

import subprocess
import sys
from pathlib import Path

for file in sorted(Path(__file__).parent.glob("bench_*.py")):
    subprocess.run([sys.executable, "-m", f"tests.bench.{file.stem}"], check=True)
