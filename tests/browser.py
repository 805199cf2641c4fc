"""A Chromium for the browser tests: any that is there, else Debian's, else Playwright's own.

    python -m tests.browser     finds or installs one, and says which, or that the browser tests will be skipped
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "microsoft-edge")
MAC = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)
INSTALL_SECONDS = 600


def find() -> str | None:
    """The path of a browser, or None. CHROMIUM names one outright."""
    named = os.environ.get("CHROMIUM")
    if named:
        return named
    installed = next(filter(None, map(shutil.which, NAMES)), None)
    return installed or next((path for path in MAC if Path(path).exists()), None) or _playwrights_own()


def _playwrights_own() -> str | None:
    folder = Path(os.environ.get("PLAYWRIGHT_BROWSERS_PATH") or Path.home() / ".cache" / "ms-playwright")
    programs = sorted(folder.glob("chromium-*/chrome-*/chrome")) if folder.is_dir() else []
    return str(programs[-1]) if programs else None


def install() -> str | None:
    """Tries what this machine allows. None where nothing worked."""
    if shutil.which("apt-get") and os.geteuid() == 0:
        _run("apt-get", "update", "-qq")
        _run("apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium", "fonts-dejavu-core")
    if find() is None:
        _run(sys.executable, "-m", "playwright", "install", "chromium")
    return find()


def _run(*command: str) -> None:
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    try:
        subprocess.run(command, env=environment, timeout=INSTALL_SECONDS, check=False, capture_output=True)
    except (OSError, subprocess.TimeoutExpired) as error:
        print(f"{command[0]} failed: {error}", file=sys.stderr)


def main() -> int:
    found = find()
    if found is None:
        print("Looking for a browser for the browser tests ...")
        found = install()
    if found:
        print(f"Browser tests run in {found}")
        return 0
    if os.environ.get("CI"):
        print("No Chromium is here and none could be installed: the browser tests cannot run.", file=sys.stderr)
        return 1
    print("No Chromium is here and none could be installed: the browser tests will be skipped.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
