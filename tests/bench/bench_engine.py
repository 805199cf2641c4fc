"""The local engine against one request after the other and against static batches of equal requests.

    python -m tests.bench.bench_engine [--requests 40] [--rounds 3] [--model FOLDER] [--device cpu]

The same Poisson arrivals of mixed requests go through all three, in turns, in one process and one thread; "capacity"
is what one after the other can do. Time is a queue's: it jumps over idling, and on a CPU it counts this process's
processor time, so that other programs of a busy machine do not count. Without --model, a small checkpoint with random
weights is built on the spot.
"""

import argparse
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import StableDiffusionXLPipeline

from adapters.backends.diffusers import encode
from adapters.backends.diffusers.config import DiffusersConfig
from adapters.backends.diffusers.engine import Engine
from adapters.backends.diffusers.model import Model
from adapters.backends.diffusers.pipeline import load
from bot.model import Drawing, Size
from tests import checkpoints

LOADS = (0.9, 2.0)
STATIC_MOST = 8


@dataclass(frozen=True)
class Arrival:
    at: float
    drawing: Drawing


class Time:
    """Seconds of work, and of the idling that was jumped over."""

    def __init__(self, source: Callable[[], float]) -> None:
        self._source, self._jumped = source, 0.0

    def now(self) -> float:
        return self._source() + self._jumped

    def jump_to(self, moment: float) -> None:
        self._jumped += max(0.0, moment - self.now())


class Seen:
    """When each request was previewed and done; seconds from the start."""

    def __init__(self, clock: Time) -> None:
        self._clock, self._begun = clock, clock.now()
        self.previewed: dict[int, float] = {}
        self.done: dict[int, float] = {}

    def now(self) -> float:
        return self._clock.now() - self._begun

    def jump_to(self, moment: float) -> None:
        self._clock.jump_to(self._begun + moment)

    def preview(self, number: int) -> None:
        self.previewed.setdefault(number, self.now())

    def finish(self, number: int) -> None:
        self.done[number] = self.now()
        self.preview(number)


class ToSeen:
    """A listener of the engine."""

    def __init__(self, seen: Seen) -> None:
        self.seen = seen

    def progress(self, order: str, step: int, steps: int) -> None: ...

    def preview(self, order: str, index: int, image: bytes) -> None:
        self.seen.preview(int(order))

    def drawn(self, order: str, pictures: Sequence[bytes], seeds: Sequence[int], missing: int) -> None:
        self.seen.finish(int(order))

    def failed(self, order: str, kind: str, detail: str) -> None:
        raise AssertionError(detail)

    def alive(self, patience: float) -> None: ...

    def lowered(self, max_pixels: int) -> None: ...


def mixed(count: int, rate: float, size: Size, seed: int) -> list[Arrival]:
    """``rate`` in requests a second; 0: all at once."""
    dice = random.Random(seed)
    at, arrivals = 0.0, []
    for number in range(count):
        at += dice.expovariate(rate) if rate else 0.0
        steps, guidance = dice.choice((8, 15, 20, 30)), dice.choice((1.0, 5.0, 7.5))
        arrivals.append(Arrival(at, Drawing(f"a fox, {number}", size, 1, steps=steps, guidance=guidance, seed=number)))
    return arrivals


def waiting_line(arrivals: Sequence[Arrival], seen: Seen, serve: Callable[[list[int]], list[int]]) -> None:
    """Calls ``serve`` with the numbers that have come, in order; it returns those it has done."""
    left = list(range(len(arrivals)))
    while left:
        here = [number for number in left if arrivals[number].at <= seen.now()]
        if not here:
            seen.jump_to(arrivals[left[0]].at)
            continue
        done = serve(here)
        left = [number for number in left if number not in done]


class Alone:
    """The library's own pipeline, with the engine's previews."""

    def __init__(self, pipe: Any, model: Model, most: int, clock: Time) -> None:
        self._pipe, self._model, self._most, self._clock = pipe, model, most, clock

    def run(self, arrivals: Sequence[Arrival]) -> Seen:
        seen = Seen(self._clock)

        def serve(here: list[int]) -> list[int]:
            first = arrivals[here[0]].drawing
            like = (first.steps, first.guidance)
            same = [n for n in here if (arrivals[n].drawing.steps, arrivals[n].drawing.guidance) == like]
            same = same[: self._most]
            self.draw([arrivals[number].drawing for number in same], same, seen)
            return same

        waiting_line(arrivals, seen, serve)
        return seen

    def draw(self, drawings: Sequence[Drawing], numbers: Sequence[int], seen: Seen) -> None:
        first = drawings[0]

        def shown(_pipe: Any, step: int, _time: Any, values: dict[str, Any]) -> dict[str, Any]:
            if step == 0:
                for place, number in enumerate(numbers):
                    encode.preview(self._model.preview(values["latents"][place : place + 1]))
                    seen.preview(number)
            return values

        images = self._pipe(
            [drawing.prompt for drawing in drawings],
            width=first.size.width,
            height=first.size.height,
            num_inference_steps=first.steps,
            guidance_scale=first.guidance,
            generator=[torch.Generator("cpu").manual_seed(drawing.seed or 0) for drawing in drawings],
            callback_on_step_end=shown,
            output_type="np",
        ).images
        for number, image in zip(numbers, images, strict=True):
            encode.png((image * 255).round().astype(np.uint8))
            seen.finish(number)


class Shared:
    """Our engine, which stays warm between runs; turned by hand, so that it shares the other ways' clock."""

    def __init__(self, model: Model, clock: Time) -> None:
        self._clock = clock
        self._listener = ToSeen(Seen(clock))
        self._engine = Engine(model, self._listener, max_batch=16, clock=clock.now)

    def run(self, arrivals: Sequence[Arrival]) -> Seen:
        seen = self._listener.seen = Seen(self._clock)
        coming = list(enumerate(arrivals))
        while coming or self._engine._orders:
            if not self._engine._orders:
                seen.jump_to(coming[0][1].at)
            came = [(number, arrival) for number, arrival in coming if arrival.at <= seen.now()]
            for number, arrival in came:
                self._engine.submit(str(number), arrival.drawing)
            if came:
                coming = coming[len(came) :]
                self._engine._take()
            self._engine.turn()
        self._engine._encoders.submit(int).result()
        return seen


@dataclass
class Tally:
    latencies: list[float] = field(default_factory=list)
    previews: list[float] = field(default_factory=list)
    seconds: float = 0.0

    def add(self, arrivals: Sequence[Arrival], seen: Seen) -> None:
        self.latencies += [seen.done[number] - arrival.at for number, arrival in enumerate(arrivals)]
        self.previews += [seen.previewed[number] - arrival.at for number, arrival in enumerate(arrivals)]
        self.seconds += max(seen.done.values()) - arrivals[0].at

    @property
    def mean(self) -> float:
        return statistics.fmean(self.latencies)

    @property
    def throughput(self) -> float:
        return len(self.latencies) / self.seconds

    def line(self, name: str, base: "Tally") -> str:
        p95 = statistics.quantiles(self.latencies, n=20)[-1]
        return (
            f"  {name:<22}{self.mean:8.3f}{p95:9.3f}{statistics.fmean(self.previews):9.3f}{self.throughput:9.2f}"
            f"{base.mean / self.mean:10.2f}x{self.throughput / base.throughput:10.2f}x"
        )


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--requests", type=int, default=40)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--model", default="")
    options.add_argument("--device", default="cpu")
    options.add_argument("--side", type=int, default=0)
    given = options.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        compare(given, given.model or str(checkpoints.sdxl(Path(folder), tiny=True)))


def compare(given: argparse.Namespace, folder: str) -> None:
    model, facts = load(DiffusersConfig(folder, device=given.device))
    assert isinstance(model, Model), "this checkpoint cannot be stepped"
    pipe = StableDiffusionXLPipeline.from_pretrained(folder, dtype=model._parts["base"].unet.dtype)
    pipe.to(model._device)
    pipe.set_progress_bar_config(disable=True)
    side = given.side or facts.side
    size = Size(side, side)
    clock = Time(time.process_time if model._device.type == "cpu" else time.perf_counter)
    ways: dict[str, Any] = {
        "one after the other": Alone(pipe, model, 1, clock),
        "static batches": Alone(pipe, model, STATIC_MOST, clock),
        "this engine": Shared(model, clock),
    }
    for way in ways.values():
        way.run(mixed(24, 0, size, 99))
    seen = ways["one after the other"].run(mixed(24, 0, size, 98))
    capacity = 24 / max(seen.done.values())
    print(f"{size}, {given.device}; one after the other does {capacity:.2f} requests/s: that is capacity 1")
    for load_ in (*LOADS, 0.0):
        measure(ways, load_, capacity, size, given)


def measure(ways: dict[str, Any], load_: float, capacity: float, size: Size, given: argparse.Namespace) -> None:
    tallies = {name: Tally() for name in ways}
    for turn in range(given.rounds):
        arrivals = mixed(given.requests, load_ * capacity, size, turn)
        for name, way in ways.items():
            tallies[name].add(arrivals, way.run(arrivals))
    title = f"Poisson arrivals at {load_:g} of capacity" if load_ else "all at once"
    print(f"\n{title}, {given.rounds} x {given.requests}")
    print("  seconds                   mean      p95  preview    req/s   latency  throughput")
    for name, tally in tallies.items():
        print(tally.line(name, tallies["one after the other"]), flush=True)


if __name__ == "__main__":
    main()
