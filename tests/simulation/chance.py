"""What chance brings in one history: which places are faulty in it at all, and when they are ("buggify").

In each history a quarter of the places can fail; at each passing those do with a probability of their own. Everything
comes from the seed, and from where one is in the history.
"""

import hashlib
import random
from dataclasses import dataclass, field

ACTIVE = 0.25
"""The part of the places that are faulty in a history."""

LIKELY = {"slow": 0.05, "stall": 0.15, "crash": 0.01, "clock": 0.2, "backend": 0.25, "chat": 0.25}
"""How often a faulty place fails, by the word before its colon; others: one time in ten."""


@dataclass
class Chance:
    seed: int
    rng: random.Random = field(init=False)
    calm: bool = False  #: the faults are over, so that everything has to come to its end
    fired: list[str] = field(default_factory=list)
    _digest: "hashlib._Hash" = field(default_factory=hashlib.sha256)
    _active: dict[str, bool] = field(default_factory=dict)
    lines: list[str] | None = None  #: the trace, where it is wanted

    def __post_init__(self) -> None:
        self.rng = random.Random(self.seed)

    # -- what happens

    def active(self, place: str) -> bool:
        if place not in self._active:
            self._active[place] = random.Random(f"{self.seed} {place}").random() < ACTIVE
        return self._active[place]

    def fires(self, place: str) -> bool:
        if self.calm or not self.active(place):
            return False
        likely = LIKELY.get(place.partition(":")[0], 0.1)
        if self.rng.random() >= likely:
            return False
        self.fired.append(place)
        self.note(f"fault {place}")
        return True

    def crashes(self, place: str) -> bool:
        return self.fires(f"crash:{place}")

    def delay(self, queue: str) -> float:
        """Seconds that something outside takes; now and then longer than anybody wants to wait."""
        if self.fires(f"slow:{queue}"):
            return self.rng.uniform(0.1, 4.0)
        return self.rng.uniform(0.0001, 0.002)

    # -- what happened

    def note(self, line: str) -> None:
        self._digest.update(line.encode())
        self._digest.update(b"\n")
        if self.lines is not None:
            self.lines.append(line)

    def digest(self) -> str:
        return self._digest.hexdigest()
