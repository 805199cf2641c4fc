"""Clocks that a test sets ahead."""

import time
from dataclasses import dataclass


@dataclass
class Ahead:
    """The system's time plus ``ahead`` seconds."""

    ahead: float = 0.0

    def now(self) -> float:
        return time.time() + self.ahead

    def monotonic(self) -> float:
        return time.monotonic()


@dataclass
class Stopped:
    """Goes on only when it is told to."""

    seconds: float = 1_000_000.0

    def now(self) -> float:
        return self.seconds

    def monotonic(self) -> float:
        return self.seconds
