"""What was lately, and is forgotten by itself. Pure: the times are the caller's."""

from collections import OrderedDict
from collections.abc import Hashable
from typing import TypeVar

V = TypeVar("V")

DOUBLE_CLICK = 3.0
"""Seconds in which a second press of the same button by the same person is the same wish."""


class Lately:
    """What happened in the last ``seconds``."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._at: OrderedDict[Hashable, float] = OrderedDict()

    def again(self, what: Hashable, now: float) -> bool:
        """Whether it happened within that time already; if not, it happened now."""
        while self._at and now - next(iter(self._at.values())) > self._seconds:
            self._at.popitem(last=False)
        if what in self._at:
            return True
        self._at[what] = now
        return False


class Newest(OrderedDict[str, V]):
    """No more than ``most`` values, those that were kept last."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self._most = most

    def keep(self, key: str, value: V) -> None:
        self[key] = value
        self.move_to_end(key)
        while len(self) > self._most:
            self.popitem(last=False)
