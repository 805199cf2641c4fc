"""Checkpoints whose pipelines cannot be stepped from outside: drawn whole, one picture after the other.

Progress and cancelling come through the pipeline's own callback; previews do not, their latents differ too much.
"""

import inspect
import queue
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from adapters.backends.diffusers import encode
from adapters.backends.diffusers.model import Blank, Pixels, trouble
from adapters.backends.diffusers.ports import Listener, Trouble, Unusable, first_line
from bot.model import Drawing


@dataclass(frozen=True)
class WholePipeline:
    """``guidance`` of None leaves it to the pipeline."""

    pipe: Any
    steps: int
    guidance: float | None


class _Stopped(Exception):
    pass


class WholeEngine:
    """Speaks like `engine.Engine`."""

    def __init__(self, whole: WholePipeline, listener: Listener, *, patience: float = 120.0) -> None:
        self._whole, self._listener, self._patience = whole, listener, patience
        self._inbox: queue.SimpleQueue[tuple[str, Drawing] | None] = queue.SimpleQueue()
        self._wanted: set[str] = set()
        self._known = inspect.signature(whole.pipe.__call__).parameters

    def submit(self, order: str, drawing: Drawing) -> None:
        self._wanted.add(order)
        self._inbox.put((order, drawing))

    def cancel(self, order: str) -> None:
        self._wanted.discard(order)

    def close(self) -> None:
        self._inbox.put(None)

    def run(self) -> None:
        """Raises Unusable."""
        while (item := self._inbox.get()) is not None:
            try:
                self._draw(*item)
            except _Stopped:
                pass
            except Exception as error:
                if trouble(error) is Trouble.STICKY:
                    raise Unusable(first_line(error)) from error
                self._listener.failed(item[0], "broken", first_line(error))
            self._wanted.discard(item[0])

    def _draw(self, order: str, drawing: Drawing) -> None:
        pictures, seeds, unsafe = [], [], 0
        for index in range(drawing.count):
            seed = (drawing.seed or 0) + index
            pixels = self._picture(order, drawing, index, seed)
            if pixels is None:
                unsafe += 1
                continue
            pictures.append(encode.png(pixels))
            seeds.append(seed)
        if pictures:
            self._listener.drawn(order, pictures, seeds, unsafe)
        else:
            self._listener.failed(order, "rejected", "the checkpoint's safety checker")

    def _picture(self, order: str, drawing: Drawing, index: int, seed: int) -> Pixels | None:
        """None where the checkpoint's safety checker took it. Raises Blank, _Stopped and what the pipeline raises."""
        steps = drawing.steps or self._whole.steps

        def told(_pipe: Any, step: int, _time: Any, values: dict[str, Any]) -> dict[str, Any]:
            self._sign(order)
            self._listener.progress(order, (index * steps + step + 1) // drawing.count, steps)
            return values

        self._sign(order)
        wanted = {
            "prompt": drawing.prompt,
            "negative_prompt": drawing.negative_prompt or None,
            "width": drawing.size.width,
            "height": drawing.size.height,
            "num_inference_steps": steps,
            "guidance_scale": self._whole.guidance if drawing.guidance is None else drawing.guidance,
            "generator": torch.Generator("cpu").manual_seed(seed),
            "callback_on_step_end": told,
        }
        given = {name: value for name, value in wanted.items() if name in self._known and value is not None}
        result = self._whole.pipe(**given)
        if any(getattr(result, "nsfw_content_detected", None) or ()):
            return None
        pixels = np.asarray(result.images[0].convert("RGB"))
        if (pixels == pixels[:1, :1]).all():
            raise Blank("the picture has one colour")
        return pixels

    def _sign(self, order: str) -> None:
        self._listener.alive(self._patience)
        if order not in self._wanted:
            raise _Stopped
