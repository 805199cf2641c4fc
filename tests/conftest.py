"""Hypothesis without a stop-watch, as machines that run other things are slow at times; how many faults were tried."""

from collections import Counter

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("steady", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("steady")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Whatever tests recorded as tried, by kind and by how its test ended."""
    tried: Counter[tuple[str, str]] = Counter()
    for outcome in ("passed", "failed"):
        for report in terminalreporter.stats.get(outcome, ()):
            for kind, number in report.user_properties:
                tried[kind, outcome] += int(str(number))
    for (kind, outcome), number in sorted(tried.items()):
        terminalreporter.write_line(f"{number} faults tried, {kind}: {outcome}")
