"""`make demo` asks here whether the extra `local` (PyTorch) is to be installed, and it is done where the answer is yes.

    python -m adapters.local_extra SAID CONSTRAINTS

SAID is the value of LOCAL: 1 and 0 settle it, empty leaves it to what is found. Exit codes: 0 settled either way,
UNSETTLED where it is to be asked again next time, 1 where LOCAL=1 could not be done.
"""

import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from enum import StrEnum
from importlib import metadata
from pathlib import Path

from adapters import demo
from bot.replies import say

UNSETTLED = 3
ANSWER_SECONDS = 90.0  #: for pip to say what it would install
GPU_SECONDS = 20.0
CUDA = re.compile(r"(nvidia|cuda)[-_]", re.IGNORECASE)  #: the names of CUDA's packages begin so
EXTRA = re.compile(r"extra\s*==\s*['\"]local['\"]")


class Found(StrEnum):
    """What pip said that PyTorch would bring along."""

    SMALL = "small"
    CUDA = "cuda"
    SILENT = "silent"  #: no network, no time, no such pip


def is_wanted(said: str, *, has_gpu: Callable[[], bool], brings: Callable[[], Found]) -> bool | Found:
    """True: install it. Else why not: False where a person said so, or what pip said. Asks only what it has to."""
    if said in {"0", "1"}:
        return said == "1"
    if has_gpu():
        return True
    found = brings()
    return True if found is Found.SMALL else found


def has_gpu() -> bool:
    """Whether NVIDIA's driver knows a card. (Apple's come with the usual PyTorch, without CUDA packages.)"""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return False
    try:
        done = _run([tool, "-L"], GPU_SECONDS)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0 and "GPU" in done.stdout


def requirements() -> list[str]:
    """Of the extra, without their markers."""
    return [each.partition(";")[0].strip() for each in metadata.requires("imagine-bot") or () if EXTRA.search(each)]


def ask_pip(constraints: str, wanted: Sequence[str]) -> Found:
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        quick = ("--dry-run", "--quiet", "--only-binary", ":all:", "--retries", "1", "--timeout", "15")
        command = [*pip("install"), *quick, "--report", str(report), "-c", constraints, *wanted]
        try:
            done = _run(command, ANSWER_SECONDS)
            said = report.read_text("utf-8") if done.returncode == 0 else ""
        except (OSError, subprocess.TimeoutExpired):
            return Found.SILENT
    return what_it_brings(said)


def _run(command: Sequence[str], seconds: float) -> subprocess.CompletedProcess[str]:
    """Raises OSError, TimeoutExpired."""
    return subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False)  # noqa: S603 - ours


def what_it_brings(report: str) -> Found:
    """Reads pip's installation report (pip's documentation, "Installation Report")."""
    try:
        names = [each["metadata"]["name"] for each in json.loads(report)["install"]]
    except (ValueError, KeyError, TypeError):
        return Found.SILENT
    return Found.CUDA if any(CUDA.match(name) for name in names) else Found.SMALL


def install(constraints: str, wanted: Sequence[str]) -> bool:
    command = [*pip("install"), "--quiet", "-c", constraints, *wanted]
    return subprocess.run(command, check=False).returncode == 0  # noqa: S603 - ours


def pip(command: str) -> list[str]:
    return [sys.executable, "-m", "pip", "--disable-pip-version-check", command]


def main(arguments: Sequence[str]) -> int:
    said, constraints = arguments
    if not demo.missing():
        return 0
    wanted = requirements()

    def brings() -> Found:
        print(say("demo_asks_pip"), flush=True)
        return ask_pip(constraints, [each for each in wanted if each.startswith("torch")])

    answer = is_wanted(said, has_gpu=has_gpu, brings=brings)
    if answer is not True:
        if isinstance(answer, Found):
            print(say("demo_would_bring_cuda" if answer is Found.CUDA else "demo_pip_is_silent"), flush=True)
        return UNSETTLED if answer is Found.SILENT else 0
    print(say("demo_installs"), flush=True)
    if install(constraints, wanted):
        return 0
    print(say("demo_not_installed"), file=sys.stderr)
    return 1 if said == "1" else UNSETTLED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
