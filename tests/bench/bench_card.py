"""Full-size SDXL with random weights on a card: this engine against plain diffusers, and whether company changes bits.

    python -m tests.bench.bench_card [--compile] [--steps 20] [--sides 512 768 1024] [--pictures 1 2 4 8 16]

Without CUDA it says so and ends; ``--small`` tries the program itself on a small checkpoint, on any device.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from diffusers import StableDiffusionXLPipeline

from adapters.backends.diffusers import pipeline
from adapters.backends.diffusers.model import Model
from bot.model import Drawing, Size
from tests import checkpoints
from tests.engines import draw

REPEATS = 3


def best(work: Callable[[], object]) -> float:
    """Seconds, the median of a few after one that is not counted."""
    work()
    times = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return statistics.median(times)


def plain(pipe: Any, count: int, side: int, steps: int) -> None:
    pipe(
        [f"a fox, {number}" for number in range(count)],
        width=side,
        height=side,
        num_inference_steps=steps,
        guidance_scale=5.0,
        generator=[torch.Generator("cpu").manual_seed(number) for number in range(count)],
    )


def mine(model: Model, count: int, side: int, steps: int) -> None:
    asked = {
        str(number): Drawing(f"a fox, {number}", Size(side, side), 1, steps=steps, guidance=5.0, seed=number)
        for number in range(count)
    }
    heard = draw(model, asked, max_batch=count)
    assert not heard.failures, heard.failures


def is_identical(model: Model, side: int, most: int) -> bool:
    """Whether a picture alone in its bucket has the bits it has in company."""
    fox = Drawing("a fox", Size(side, side), 1, steps=4, guidance=5.0, seed=1)
    other = Drawing("b", fox.size, 1, steps=4, guidance=3.0)
    company = {str(number): replace(other, seed=number) for number in range(2, most + 1)}
    alone = draw(model, {"fox": fox}, max_batch=most, exact=True)
    shared = draw(model, {**company, "fox": fox}, max_batch=most, exact=True)
    return list(alone.pictures["fox"]) == list(shared.pictures["fox"])


def arguments() -> argparse.Namespace:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--compile", action="store_true")
    options.add_argument("--small", action="store_true")
    options.add_argument("--steps", type=int, default=20)
    options.add_argument("--sides", type=int, nargs="+", default=[512, 768, 1024])
    options.add_argument("--pictures", type=int, nargs="+", default=[1, 2, 4, 8, 16])
    return options.parse_args()


def checkpoint(*, small: bool) -> Any:
    if not small:
        return checkpoints.full_size("cuda", torch.bfloat16)
    with TemporaryDirectory() as folder:
        return StableDiffusionXLPipeline.from_pretrained(checkpoints.sdxl(Path(folder)), local_files_only=True)


def main() -> None:
    given = arguments()
    if not torch.cuda.is_available() and not given.small:
        print("no CUDA device here: nothing measured")
        return
    pipe = checkpoint(small=given.small)
    pipe.set_progress_bar_config(disable=True)
    device = pipe.unet.device
    part = pipeline._part(pipe, device)
    if given.compile:
        pipeline._compile([part])
    model = Model(pipe, {"base": part}, device=device, steps=given.steps, guidance=5.0)
    where = torch.cuda.get_device_name(device) if device.type == "cuda" else "processor"
    print(f"{where}, {pipe.unet.dtype}, {given.steps} steps with guidance, {'compiled' if given.compile else 'eager'}")
    print("   side  pictures   engine s  images/s   plain s  images/s    gain")
    for side in given.sides:
        for count in given.pictures:
            engine = best(lambda count=count, side=side: mine(model, count, side, given.steps))  # type: ignore[misc]
            library = best(lambda count=count, side=side: plain(pipe, count, side, given.steps))  # type: ignore[misc]
            print(
                f"{side:7}{count:10}{engine:11.3f}{count / engine:10.2f}{library:10.3f}{count / library:10.2f}"
                f"{library / engine:7.2f}x",
                flush=True,
            )
        for most in (2, 4, 8):
            same = "bit-identical" if is_identical(model, side, most) else "DIFFERENT"
            print(f"{side:7}  a picture in a bucket of {2 * most} rows, alone and in company: {same}", flush=True)


if __name__ == "__main__":
    main()
