"""What the tests of the local engine share. Needs no torch: the model is handed in."""

import threading
import time
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from adapters.backends.diffusers.batching import Gains
from adapters.backends.diffusers.engine import Engine
from adapters.backends.diffusers.ports import Model
from bot.model import Drawing


@dataclass
class Heard:
    """A listener that remembers."""

    pictures: dict[str, Sequence[bytes]] = field(default_factory=dict)
    seeds: dict[str, Sequence[int]] = field(default_factory=dict)
    missing: dict[str, int] = field(default_factory=dict)
    failures: dict[str, tuple[str, str]] = field(default_factory=dict)
    steps: list[tuple[str, int, int]] = field(default_factory=list)
    previews: list[tuple[str, int, bytes]] = field(default_factory=list)
    order: list[str] = field(default_factory=list)
    patience: list[float] = field(default_factory=list)
    max_pixels: int | None = None
    changed: threading.Condition = field(default_factory=threading.Condition)

    def progress(self, order: str, step: int, steps: int) -> None:
        with self.changed:
            self.steps.append((order, step, steps))
            self.changed.notify_all()

    def preview(self, order: str, index: int, image: bytes) -> None:
        self.previews.append((order, index, image))

    def drawn(self, order: str, pictures: Sequence[bytes], seeds: Sequence[int], missing: int) -> None:
        with self.changed:
            self.pictures[order], self.seeds[order], self.missing[order] = pictures, seeds, missing
            self.order.append(order)
            self.changed.notify_all()

    def failed(self, order: str, kind: str, detail: str) -> None:
        with self.changed:
            self.failures[order] = (kind, detail)
            self.order.append(order)
            self.changed.notify_all()

    def alive(self, patience: float) -> None:
        self.patience.append(patience)

    def lowered(self, max_pixels: int) -> None:
        self.max_pixels = max_pixels

    def wait(self, orders: Iterable[str], seconds: float = 60.0) -> None:
        wanted = set(orders)
        with self.changed:
            assert self.changed.wait_for(lambda: wanted <= set(self.order), seconds), "the engine did not finish"

    def wait_step(self, order: str, step: int, seconds: float = 60.0) -> None:
        with self.changed:
            assert self.changed.wait_for(
                lambda: any(one == order and at >= step for one, at, _ in self.steps), seconds
            ), "the engine did not get there"


class Generous(Gains):
    """Shares a call among as many as fit, whether that pays or not."""

    def cap(self, key: Hashable, least: int) -> int:
        return self.ceiling(key)


def draw(model: Model, drawings: Mapping[str, Drawing], *, max_batch: int = 8, exact: bool = False) -> Heard:
    """All of them at once through an engine of their own, in as few calls as possible."""
    heard = Heard()
    engine = Engine(model, heard, max_batch=max_batch, exact=exact)
    engine._gains = Generous(engine._sizes)
    for name, drawing in drawings.items():
        engine.submit(name, drawing)
    thread = threading.Thread(target=engine.run)
    thread.start()
    try:
        heard.wait(drawings)
    finally:
        engine.close()
        thread.join()
    return heard


def until(condition: object, seconds: float = 20.0) -> None:
    assert callable(condition)
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.01)
