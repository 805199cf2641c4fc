"""The loop that advances everybody's pictures, one denoising step at a time.

One thread runs it and owns the model. A request joins at the next step after it came and leaves at the next step
after it was cancelled; its pictures share UNet calls with whoever fits. No torch here: the model is a port.
"""

import queue
import time
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from adapters.backends.diffusers import encode
from adapters.backends.diffusers.batching import Candidate, Gains, bucket, buckets, choose
from adapters.backends.diffusers.ports import Listener, Model, Row, Trouble, Unusable, first_line
from bot.model import Drawing, Size

PREVIEW_EVERY = 0.5  #: seconds between two previews of a picture; the first one comes after its first step
SLOW_FIRST = 900.0  #: seconds that the first call of a shape may take: it may compile
MANY_TIMES = 10  #: as long as the best call so far, before it is thought to hang


@dataclass
class _Order:
    id: str
    drawing: Drawing
    since: float
    rows: Sequence[Row]
    shown: dict[int, float] = field(default_factory=dict)
    pictures: list[bytes] = field(default_factory=list)
    seeds: list[int] = field(default_factory=list)
    ended: int = 0  #: pictures that are decoded, or lost
    unsafe: int = 0
    lost: str = ""  #: why a picture is missing

    @property
    def open(self) -> list[Row]:
        return [row for row in self.rows if not row.finished]


class Engine:
    """`submit`, `cancel` and `close` may be called from any thread; `run` is the engine's own."""

    def __init__(
        self,
        model: Model,
        listener: Listener,
        *,
        max_batch: int = 16,
        exact: bool = False,
        compiled: bool = False,
        patience: float = 120.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._model, self._listener, self._clock = model, listener, clock
        self._exact, self._patience = exact, patience
        self._sizes = (2 * max_batch,) if exact else buckets(2 * max_batch, few=compiled)
        self._gains = Gains(self._sizes)
        self._inbox: queue.SimpleQueue[tuple[str, str, Drawing | None]] = queue.SimpleQueue()
        self._orders: dict[str, _Order] = {}
        self._encoders = ThreadPoolExecutor(1, "encode")  # one: an order's last picture is its last task
        self._relieved = False
        self._decoded: set[Size] = set()
        self._told, self._slow = 0.0, False

    # -- from any thread
    def submit(self, order: str, drawing: Drawing) -> None:
        """``drawing.seed`` must be set."""
        self._inbox.put(("draw", order, drawing))

    def cancel(self, order: str) -> None:
        self._inbox.put(("cancel", order, None))

    def close(self) -> None:
        """Ends `run` after the step under way; whoever still waits is told nothing."""
        self._inbox.put(("close", "", None))

    # -- the engine's thread
    def run(self) -> None:
        """Raises Unusable."""
        try:
            while self._take():
                if self._orders:
                    self.turn()
        finally:
            self._encoders.shutdown()

    def warm(self, sizes: Sequence[Size]) -> None:
        """One call of every shape and bucket, so that nobody waits for a compiler."""
        for size in sizes:
            row = self._model.rows(Drawing("", size, 1, steps=2, seed=0), 0)[0]
            for count in self._sizes:
                self._sign(SLOW_FIRST)
                inputs = self._model.inputs(row)
                try:
                    self._model.denoise(row.course.part, (inputs * count)[:count], count)
                    self._model.settle()
                except Exception as error:
                    if self._model.trouble(error) is not Trouble.MEMORY:
                        raise
                    self._gains.lower(row.shape, count)
                    self._model.free()
                    break
                self._gains.record(row.shape, count, 0.0)  # the first is not counted

    def _take(self) -> bool:
        """Everything that has come, waiting for it where there is nothing to draw. False: the end."""
        while True:
            try:
                what, order, drawing = self._inbox.get(block=not self._orders)
            except queue.Empty:
                return True
            if what == "close":
                return False
            if what == "cancel":
                self._orders.pop(order, None)
            elif drawing is not None:
                self._begin(order, drawing)

    def _begin(self, order: str, drawing: Drawing) -> None:
        self._sign()
        try:
            rows = self._model.rows(drawing, drawing.seed or 0)
        except Exception as error:  # noqa: BLE001 - whatever a model library raises fails this order only
            self._fail([order], error)
            return
        self._orders[order] = _Order(order, drawing, self._clock(), rows)

    def turn(self) -> None:
        """One UNet call and what follows from it."""
        owners = {id(row): order for order in self._orders.values() for row in order.open}
        rows = self._choose()
        if not self._step(rows):
            return
        for order in {owners[id(row)].id: owners[id(row)] for row in rows}.values():
            self._progress(order)
        for row in rows:
            if row.finished:
                self._finish(owners[id(row)], row)
            else:
                self._show(owners[id(row)], row)

    def _choose(self) -> list[Row]:
        now = self._clock()
        rows: list[Row] = []
        candidates = []
        units: dict[Hashable, float] = {}
        for order in self._orders.values():
            left = order.open
            for row in left:
                if row.shape not in units:
                    units[row.shape] = self._gains.row_seconds(row.shape) or order.drawing.size.pixels * 1e-7
            remaining = sum(row.work * units[row.shape] for row in left)
            for row in left:
                key = row.key(exact=self._exact)
                candidates.append(Candidate(len(rows), key, row.course.rows, remaining, now - order.since))
                rows.append(row)
        shapes = {one.key: rows[one.id].shape for one in candidates}
        return [rows[one.id] for one in choose(candidates, lambda key, least: self._gains.cap(shapes[key], least))]

    def _step(self, rows: Sequence[Row]) -> bool:
        """One UNet call for ``rows``. False: it failed, and what had to follow was done."""
        tried = 1
        try:
            self._model.use(rows[0].loras)
            inputs = [self._model.inputs(row) for row in rows]
            flat = [one for mine in inputs for one in mine]
            tried = self._rows_for(rows[0].shape, len(flat))
            predicted = self._predict(rows[0], flat)
            for row, mine in zip(rows, inputs, strict=True):
                self._model.advance(row, [predicted.pop(0) for _ in mine])
        except Exception as error:  # noqa: BLE001 - sorted by `trouble`
            self._recover(rows, tried, error)
            return False
        return True

    def _predict(self, row: Row, inputs: Sequence[Any]) -> list[Any]:
        """In pieces where memory is known not to hold them all."""
        shape, most = row.shape, self._gains.ceiling(row.shape)
        predicted: list[Any] = []
        for start in range(0, len(inputs), most):
            piece = inputs[start : start + most]
            count = self._rows_for(shape, len(piece))
            self._sign(self._expected(shape, count))
            started = self._clock()
            predicted += self._model.denoise(row.course.part, piece, count)
            self._model.settle()
            self._gains.record(shape, count, self._clock() - started)
        return predicted

    def _rows_for(self, shape: Hashable, inputs: int) -> int:
        """How many rows the largest call for so many inputs has."""
        return min(bucket(inputs, self._sizes), self._gains.ceiling(shape))

    def _expected(self, shape: Hashable, count: int) -> float | None:
        """How long a call may take, where that is longer than usual: a first one may compile, a large one is slow."""
        if self._gains.is_new(shape, count):
            return SLOW_FIRST
        usual = MANY_TIMES * count * (self._gains.row_seconds(shape) or 0.0)
        return usual if usual > self._patience else None

    def _recover(self, rows: Sequence[Row], tried: int, error: Exception) -> None:
        """Out of memory: fewer rows, then a smaller footprint, then give up. The rows themselves are unharmed."""
        owners = [order for order in self._orders.values() if any(row in rows for row in order.open)]
        if self._model.trouble(error) is not Trouble.MEMORY:
            self._fail([order.id for order in owners], error)
            return
        error.__traceback__ = None  # it holds the tensors that do not fit
        self._model.free()
        if tried > 1:
            self._gains.lower(rows[0].shape, tried)
        elif not self._relieved:
            self._relieve()
        else:
            self._too_large(owners[0].drawing.size)
            self._fail([order.id for order in owners], error)

    def _relieve(self) -> None:
        self._relieved = True
        self._model.relieve()

    def _too_large(self, size: Size) -> None:
        self._listener.lowered(size.pixels - 1)

    # -- a finished picture
    def _finish(self, order: _Order, row: Row) -> None:
        self._sign(SLOW_FIRST if order.drawing.size not in self._decoded else None)
        self._decoded.add(order.drawing.size)
        try:
            self._decode(order, row)
        except Exception as error:  # noqa: BLE001 - sorted by `trouble`
            self._undecoded(order, error)
        order.ended += 1
        if order.ended == len(order.rows):
            del self._orders[order.id]
            self._encoders.submit(self._deliver, order)

    def _decode(self, order: _Order, row: Row) -> None:
        try:
            pixels = self._model.decode(row.latents)
        except Exception as error:
            if self._model.trouble(error) is not Trouble.MEMORY:
                raise
            error.__traceback__ = None  # it holds the tensors that do not fit
            self._relieve()
            pixels = self._model.decode(row.latents)
        if self._model.is_unsafe(pixels):
            order.unsafe += 1
        else:
            self._encoders.submit(self._encode, order, pixels, row.seed)

    def _undecoded(self, order: _Order, error: Exception) -> None:
        trouble = self._model.trouble(error)
        if trouble is Trouble.STICKY:
            raise Unusable(first_line(error)) from error
        if trouble is Trouble.MEMORY:
            self._model.free()
            self._too_large(order.drawing.size)
        order.lost = first_line(error)

    def _fail(self, orders: Sequence[str], error: Exception) -> None:
        trouble = self._model.trouble(error)
        if trouble is Trouble.STICKY:
            raise Unusable(first_line(error)) from error
        for order in orders:
            self._orders.pop(order, None)
            self._listener.failed(order, "broken", first_line(error))

    # -- on the encoders' thread
    @staticmethod
    def _encode(order: _Order, pixels: Any, seed: int) -> None:
        order.pictures.append(encode.png(pixels))
        order.seeds.append(seed)

    def _deliver(self, order: _Order) -> None:
        missing = order.drawing.count - len(order.pictures)
        if order.pictures:
            self._listener.drawn(order.id, order.pictures, order.seeds, missing)
        elif order.unsafe:
            self._listener.failed(order.id, "rejected", "the checkpoint's safety checker")
        else:
            self._listener.failed(order.id, "broken", order.lost)

    def _send_preview(self, order: str, index: int, pixels: Any) -> None:
        self._listener.preview(order, index, encode.preview(pixels))

    # -- what is told on the way
    def _show(self, order: _Order, row: Row) -> None:
        index, now = row.seed - order.rows[0].seed, self._clock()
        if now - order.shown.get(index, -PREVIEW_EVERY) < PREVIEW_EVERY:
            return
        order.shown[index] = now
        try:
            pixels = self._model.preview(row.estimate)
        except Exception as error:
            if self._model.trouble(error) is Trouble.STICKY:
                raise Unusable(first_line(error)) from error
            return  # a preview is worth no request
        self._encoders.submit(self._send_preview, order.id, index, pixels)

    def _progress(self, order: _Order) -> None:
        count = len(order.rows)
        step, steps = sum(row.done for row in order.rows) // count, sum(row.steps for row in order.rows) // count
        self._listener.progress(order.id, step, steps)

    def _sign(self, patience: float | None = None) -> None:
        """Of life. Not more than one a second, except before what takes long and after it."""
        now = self._clock()
        if patience is not None or self._slow or now - self._told >= 1.0:
            self._told, self._slow = now, patience is not None
            self._listener.alive(patience or self._patience)
