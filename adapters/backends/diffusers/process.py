"""The drawing process: `python -m adapters.backends.diffusers.process`, started by client.py and by nobody else.

Frames of wire.py come in on standard input, the configuration first, and go out on standard output. It ends when
its input does, so it never outlives the bot; a library that hangs cannot stop that, for reading has its own thread.
"""

import os
import queue
import sys
import threading
import traceback
from collections.abc import Mapping, Sequence
from typing import Any, BinaryIO

from adapters.backends.diffusers import wire
from adapters.backends.diffusers.checkpoint import complaint
from adapters.backends.diffusers.config import MOST_BATCH, DiffusersConfig, from_plain
from bot.model import Drawing, Problem, Size

STICKY_EXIT = 70


class Outbox:
    """A listener that writes frames, from a thread of its own: a bot that is slow to read delays no step."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._frames: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._write, daemon=True)
        self._thread.start()

    def send(self, what: str, blobs: Sequence[bytes] = (), **values: Any) -> None:
        self._frames.put(wire.pack({"what": what, **values}, blobs))

    def flush(self) -> None:
        """Everything sent so far is out; nothing may be sent afterwards."""
        self._frames.put(None)
        self._thread.join(5)

    def progress(self, order: str, step: int, steps: int) -> None:
        self.send("progress", id=order, step=step, steps=steps)

    def preview(self, order: str, index: int, image: bytes) -> None:
        self.send("preview", [image], id=order, index=index)

    def drawn(self, order: str, pictures: Sequence[bytes], seeds: Sequence[int], missing: int) -> None:
        self.send("drawn", pictures, id=order, seeds=list(seeds), missing=missing)

    def failed(self, order: str, kind: str, detail: str) -> None:
        self.send("failed", id=order, kind=kind, detail=detail)

    def alive(self, patience: float) -> None:
        self.send("alive", patience=patience)

    def lowered(self, max_pixels: int) -> None:
        self.send("lowered", max_pixels=max_pixels)

    def unloadable(self, problem: Problem) -> None:
        values = {name: str(value) for name, value in problem.values.items()}
        self.send("unloadable", code=problem.code, values=values)

    def _write(self) -> None:
        while (frame := self._frames.get()) is not None:
            try:
                self._stream.write(frame)
                self._stream.flush()
            except OSError:
                os._exit(0)  # nobody listens any more


class Desk:
    """Holds what is asked for until there is an engine, then passes it on."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._early: list[tuple[Mapping[str, Any], Drawing | None]] = []
        self._engine: Any = None

    def open(self, engine: Any) -> None:
        with self._lock:
            self._engine = engine
            for message, drawing in self._early:
                self._pass_on(message, drawing)
            self._early.clear()

    def take(self, message: Mapping[str, Any]) -> None:
        drawing = _drawing(message["drawing"]) if message["what"] == "draw" else None
        with self._lock:
            if self._engine is None:
                self._early.append((message, drawing))
            else:
                self._pass_on(message, drawing)

    def _pass_on(self, message: Mapping[str, Any], drawing: Drawing | None) -> None:
        if drawing is not None:
            self._engine.submit(message["id"], drawing)
        else:
            self._engine.cancel(message["id"])


def _drawing(plain: Mapping[str, Any]) -> Drawing:
    return Drawing(**{**plain, "size": Size(**plain["size"])})


def serve(config: DiffusersConfig, desk: Desk, outbox: Outbox) -> None:
    """Loads, says so, and draws until the process ends."""
    code = 1
    try:
        code = _serve(config, desk, outbox)
    except Exception:  # noqa: BLE001 - its last line is what the bot's log will say
        traceback.print_exc()
    finally:
        outbox.flush()
        os._exit(code)


def _serve(config: DiffusersConfig, desk: Desk, outbox: Outbox) -> int:
    wrong = complaint(config.model)
    if wrong is not None:
        outbox.unloadable(wrong)
        return 0
    try:
        from adapters.backends.diffusers.engine import Engine
        from adapters.backends.diffusers.pipeline import Unloadable, load
        from adapters.backends.diffusers.ports import Unusable
        from adapters.backends.diffusers.whole import WholeEngine, WholePipeline
    except ImportError as error:
        outbox.unloadable(Problem("engine_no_torch", {"name": error.name or str(error)}))
        return 0
    try:
        model, facts = load(config)
    except Unloadable as error:
        outbox.unloadable(error.problem)
        return 0
    try:
        engine: Engine | WholeEngine
        if isinstance(model, WholePipeline):
            engine = WholeEngine(model, outbox, patience=config.stall_seconds)
        else:
            engine = Engine(
                model,
                outbox,
                max_batch=config.max_batch or MOST_BATCH,
                exact=config.exact,
                compiled=config.compile,
                patience=config.stall_seconds,
            )
            if config.compile:
                engine.warm(config.sizes or (Size(facts.side, facts.side),))
        desk.open(engine)
        outbox.send("ready", side=facts.side, step=facts.step)
        engine.run()
    except Unusable as error:
        outbox.send("dying", detail=str(error))
        return STICKY_EXIT
    return 0


def main() -> None:
    stream = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what a library prints must not look like a frame
    desk = Desk()
    try:
        config, _ = wire.read(sys.stdin.buffer)
        outbox = Outbox(stream)
        threading.Thread(target=serve, args=(from_plain(config), desk, outbox), name="engine").start()
        while True:
            message, _ = wire.read(sys.stdin.buffer)
            desk.take(message)
    except (EOFError, OSError, wire.Garbled):
        os._exit(0)


if __name__ == "__main__":
    main()
