"""Who is drawn next, and how many together. Pure: times are arguments, nothing here knows a tensor.

Learnt by trying: rows together are cheap on a card that is not full and worth nothing on one that is, and then
sharing only makes everybody late. So the number of rows grows only while the measured gain says so, size by size.
"""

from collections import OrderedDict, deque
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

ENOUGH = 3  #: measured calls before a bucket is judged
NEEDED_GAIN = 0.1  #: of throughput for each doubling of the rows
AGEING = 0.5  #: seconds of remaining work that a second of waiting outweighs
MOST_SHAPES = 256  #: that are remembered; people may ask for thousands of sizes
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


def buckets(most: int, *, few: bool = False) -> tuple[int, ...]:
    """Row counts that a UNet is called with, so that each is measured, and perhaps compiled, once.

    ``few``: compiling takes minutes a count, which filling rows up to the next power of two does not outweigh.
    """
    usual = (1, 2, 4, 8, 16, 32, 64) if few else (1, 2, 4, 6, 8, 12, 16, 24, 32, 48, 64)
    return (*(count for count in usual if count < most), most)


def bucket(rows: int, sizes: Sequence[int]) -> int:
    """The smallest of ``sizes`` that holds ``rows``; the largest where none does."""
    return next((size for size in sizes if size >= rows), sizes[-1])


@dataclass
class _Shape:
    """What is known of calls with latents of one shape. ``times`` has seconds by rows, the latest few."""

    times: dict[int, deque[float]] = field(default_factory=dict)
    calls: int = 0
    ceiling: int | None = None

    def seconds(self, rows: int) -> float | None:
        """None before enough calls were measured. The best one: what else a machine does only ever adds."""
        times = self.times.get(rows, ())
        return min(times) if len(times) >= ENOUGH else None


class Gains:
    """What calls of each shape and bucket took, and so how many rows are worth taking together."""

    def __init__(self, sizes: tuple[int, ...]) -> None:
        self.sizes = sizes
        self._shapes: OrderedDict[Hashable, _Shape] = OrderedDict()

    def record(self, key: Hashable, rows: int, seconds: float) -> None:
        """``rows`` is a bucket. The first call of each is dropped: it tunes or compiles."""
        shape = self._shape(key)
        if rows not in shape.times:
            shape.times[rows] = deque(maxlen=8)
            return
        shape.times[rows].append(seconds)
        shape.calls += 1
        if shape.calls % RETRY == 0:
            shape.times = {known: times for known, times in shape.times.items() if known <= rows}

    def is_new(self, key: Hashable, rows: int) -> bool:
        return rows not in self._shape(key).times

    def lower(self, key: Hashable, rows: int) -> None:
        """Out of memory with ``rows``: from now on at most half as many."""
        shape = self._shape(key)
        shape.ceiling = max(1, min(rows // 2, shape.ceiling or rows))

    def ceiling(self, key: Hashable) -> int:
        """Rows that memory holds, as far as is known."""
        return self._shape(key).ceiling or self.sizes[-1]

    def cap(self, key: Hashable, least: int) -> int:
        """Rows worth taking together; ``least`` is the fewest that make sense, one picture's."""
        shape, ceiling = self._shape(key), self.ceiling(key)
        worth = [size for size in self.sizes if bucket(least, self.sizes) <= size <= ceiling]
        if not worth:
            return ceiling
        for fewer, more in pairwise(worth):
            now, then = shape.seconds(fewer), shape.seconds(more)
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
        known = [min(times) / rows for rows, times in self._shape(key).times.items() if times]
        return min(known, default=None)

    def _shape(self, key: Hashable) -> _Shape:
        if key not in self._shapes:
            self._shapes[key] = _Shape()
            if len(self._shapes) > MOST_SHAPES:
                self._shapes.popitem(last=False)
        return self._shapes[key]
