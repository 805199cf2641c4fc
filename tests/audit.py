"""Looks the pinned dependencies up in the public advisories: `python -m tests.audit`.

A known weakness ends it with 1. Where the advisories cannot be reached nothing is known, and it says so and goes on.
"""

import json
import subprocess
import sys
from pathlib import Path

CONSTRAINTS = Path(__file__).parents[1] / "deploy" / "constraints.txt"
SECONDS = 180.0


def main() -> int:
    command = [sys.executable, "-m", "pip_audit", "-r", str(CONSTRAINTS), "--no-deps", "--disable-pip", "-f", "json"]
    try:
        ran = subprocess.run(
            [*command, "--progress-spinner", "off"], capture_output=True, text=True, check=False, timeout=SECONDS
        )
        packages = json.loads(ran.stdout)["dependencies"]
    except (subprocess.TimeoutExpired, ValueError, KeyError):
        print("pip-audit: the advisories cannot be reached from here; no dependency was looked up")
        return 0
    skipped = [package for package in packages if "skip_reason" in package]
    weak = [package for package in packages if package.get("vulns")]
    for package in weak:
        for weakness in package["vulns"]:
            fixed = ", ".join(weakness.get("fix_versions", ())) or "no version yet"
            print(f"{package['name']} {package['version']}: {weakness['id']}, mended in {fixed}")
    looked_up = len(packages) - len(skipped)
    print(f"pip-audit: {looked_up} of {len(packages)} dependencies looked up, {len(weak)} with a weakness")
    return 1 if weak else 0


if __name__ == "__main__":
    sys.exit(main())
