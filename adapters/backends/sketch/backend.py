"""The backend behind the sketches: any size, no key, no model."""

import asyncio
import secrets
import threading
from dataclasses import replace

from adapters.backends.sketch.painter import Painter, Sheet
from bot.model import Capabilities, Drawing, Drawn, Range, Size
from bot.ports import Report

MAX_SEED = 2**32 - 1
DEFAULT_STEPS = 20
DEFAULT_GUIDANCE = 7.0
PACE = 0.5  # seconds of pauses in a request, spread over its steps, so that a person sees the picture grow
PREVIEWS = 4

CAPABILITIES = Capabilities(
    default_size=Size(768, 768),
    side=Range(64, 2048),
    side_step=1,
    max_pixels=2048 * 2048,
    steps=Range(1, 100),
    default_steps=DEFAULT_STEPS,
    guidance=Range(0, 30),
    seed=Range(0, MAX_SEED),
    negative_prompt=True,
    images_per_call=10,
    at_once=4,
    timeout_seconds=120.0,  # four people's ten pictures of the largest size take 40 s of one good core
)


class SketchBackend:
    """Implements `bot.ports.Backend`. ``pace``: seconds a request pauses altogether; 0 in tests."""

    def __init__(
        self, name: str, pace: float = PACE, timeout_seconds: float = CAPABILITIES.timeout_seconds
    ) -> None:
        self._name = name
        self._pace = pace
        self._capabilities = replace(CAPABILITIES, timeout_seconds=timeout_seconds)

    @property
    def name(self) -> str:
        return self._name

    @property
    def capabilities(self) -> Capabilities:
        return self._capabilities

    async def generate(self, request: Drawing, resume: str, report: Report) -> Drawn:  # noqa: ARG002 - nothing to resume
        """Raises nothing of its own: there is no request it cannot do."""
        first = secrets.randbelow(MAX_SEED + 1) if request.seed is None else request.seed
        seeds = tuple(range(first, first + request.count))
        pictures = [await self._one(request, index, seed, report) for index, seed in enumerate(seeds)]
        return Drawn(tuple(pictures), seeds)

    async def _one(self, request: Drawing, index: int, seed: int, report: Report) -> bytes:
        sheet = _sheet(request, seed)
        stop = threading.Event()
        try:
            painter = await asyncio.to_thread(Painter, sheet)
            shown = 0
            for number in range(1, sheet.steps + 1):
                await asyncio.to_thread(painter.step, number, stop.is_set)
                await report.progress(index * sheet.steps + number, request.count * sheet.steps)
                due = number * (PREVIEWS + 1) // sheet.steps
                if shown < due <= PREVIEWS:
                    shown = due
                    await report.preview(index, await asyncio.to_thread(painter.preview))
                await asyncio.sleep(self._pace / (sheet.steps * request.count))
            return await asyncio.to_thread(painter.picture)
        finally:
            stop.set()

    async def probe(self) -> str:
        return ""

    async def close(self) -> None:
        pass


def _sheet(request: Drawing, seed: int) -> Sheet:
    return Sheet(
        prompt=request.prompt,
        negative_prompt=request.negative_prompt or "",
        width=request.size.width,
        height=request.size.height,
        steps=request.steps or DEFAULT_STEPS,
        guidance=DEFAULT_GUIDANCE if request.guidance is None else request.guidance,
        seed=seed,
    )
