"""Who is drawn next, and how many together. Pure: times are arguments, nothing here knows a tensor.

Learnt by trying: rows together are cheap on a card that is not full and worth nothing on one that is, and then
sharing only makes everybody late. So the number of rows grows only while the measured gain says so, size by size.
"""

from collections import deque
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

ENOUGH = 3  #: measured calls before a bucket is judged
NEEDED_GAIN = 0.1  #: of throughput for each doubling of the rows
AGEING = 0.5  #: seconds of remaining work that a second of waiting outweighs
RETRY = 300  #: calls after which a bucket that did not pay is tried again


@dataclass(frozen=True, slots=True)
class Candidate:
    """A picture that could take its next step. ``remaining`` is its whole request's work in seconds."""

    id: int
    key: Hashable  #: only pictures of one key can share a call
    rows: int  #: of the UNet call: two with guidance, else one
    remaining: float
    waited: float


def choose(waiting: Iterable[Candidate], cap: Callable[[Hashable, int], int]) -> list[Candidate]:
    """The pictures of the next call, shortest remaining work first, waiting counted against it."""
    ranked = sorted(waiting, key=lambda one: (one.remaining - AGEING * one.waited, one.id))
    leader = ranked[0]
    most = max(cap(leader.key, leader.rows), leader.rows)
    batch, rows = [], 0
    for one in ranked:
        if one.key == leader.key and rows + one.rows <= most:
            batch.append(one)
            rows += one.rows
    return batch


def buckets(most: int) -> tuple[int, ...]:
    """Row counts that a UNet is called with: few, so that each is compiled and measured once."""
    usual = (1, 2, 4, 6, 8, 12, 16, 24, 32, 48, 64)
    return (*(count for count in usual if count < most), most)


def bucket(rows: int, sizes: Sequence[int]) -> int:
    """The smallest of ``sizes`` that holds ``rows``; the largest where none does."""
    return next((size for size in sizes if size >= rows), sizes[-1])


@dataclass
class Gains:
    """What calls of each key and bucket took, and so how many rows are worth taking together."""

    sizes: tuple[int, ...]
    _times: dict[tuple[Hashable, int], deque[float]] = field(default_factory=dict)
    _calls: dict[Hashable, int] = field(default_factory=dict)
    _ceilings: dict[Hashable, int] = field(default_factory=dict)

    def record(self, key: Hashable, rows: int, seconds: float) -> None:
        """``rows`` is a bucket. The first call of each is dropped: it tunes or compiles."""
        times = self._times.get((key, rows))
        if times is None:
            self._times[key, rows] = deque(maxlen=8)
            return
        times.append(seconds)
        self._calls[key] = self._calls.get(key, 0) + 1
        if self._calls[key] % RETRY == 0:
            for larger in self.sizes:
                if larger > rows:
                    self._times.pop((key, larger), None)

    def is_new(self, key: Hashable, rows: int) -> bool:
        return (key, rows) not in self._times

    def lower(self, key: Hashable, rows: int) -> None:
        """Out of memory with ``rows``: from now on at most half as many."""
        self._ceilings[key] = max(1, min(rows // 2, self._ceilings.get(key, rows)))

    def ceiling(self, key: Hashable) -> int:
        """Rows that memory holds, as far as is known."""
        return self._ceilings.get(key, self.sizes[-1])

    def cap(self, key: Hashable, least: int) -> int:
        """Rows worth taking together; ``least`` is the fewest that make sense, one picture's."""
        ceiling = self.ceiling(key)
        worth = [size for size in self.sizes if bucket(least, self.sizes) <= size <= ceiling]
        if not worth:
            return ceiling
        for fewer, more in pairwise(worth):
            now, then = self._seconds(key, fewer), self._seconds(key, more)
            if now is None:
                return fewer
            if then is None:
                return more
            gain = (more / then) / (fewer / now) - 1
            if gain < NEEDED_GAIN * (more / fewer - 1):
                return fewer
        return worth[-1]

    def row_seconds(self, key: Hashable) -> float | None:
        """The best measured time a row, to estimate what work remains."""
        known = [
            seconds / rows
            for (measured, rows), times in self._times.items()
            if measured == key and (seconds := min(times, default=0.0))
        ]
        return min(known, default=None)

    def _seconds(self, key: Hashable, rows: int) -> float | None:
        times = self._times.get((key, rows), ())
        return min(times) if len(times) >= ENOUGH else None
