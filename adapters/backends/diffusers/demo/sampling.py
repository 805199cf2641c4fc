"""Drawing with the demo model, for sample sheets and scores; people's requests go through the engine."""

from collections.abc import Sequence
from typing import Any

import torch
from PIL import Image

from adapters.backends.diffusers.demo import GUIDANCE, recipe

STEPS = 20


def draw(
    pipeline: Any,
    prompts: Sequence[str],
    seeds: Sequence[int],
    *,
    negatives: Sequence[str] = (),
    guidance: float = GUIDANCE,
    steps: int = STEPS,
    together: int = 24,
) -> list[Image.Image]:
    """One picture a prompt; picture i depends on seed i and the texts alone."""
    refused = list(negatives) or [""] * len(prompts)
    pictures: list[Image.Image] = []
    for start in range(0, len(prompts), together):
        some = list(prompts[start : start + together])
        drawn = pipeline(
            some,
            negative_prompt=refused[start : start + together],
            guidance_scale=guidance,
            num_inference_steps=steps,
            width=recipe.SIDE,
            height=recipe.SIDE,
            generator=[torch.Generator().manual_seed(seed) for seed in seeds[start : start + together]],
        )
        pictures.extend(drawn.images)
    return pictures


def sheet(pictures: Sequence[Image.Image], columns: int = 12) -> Image.Image:
    """All on one page, row by row."""
    pitch = recipe.SIDE + 4
    page = Image.new("RGB", (columns * pitch, -(-len(pictures) // columns) * pitch))
    for index, picture in enumerate(pictures):
        page.paste(picture, ((index % columns) * pitch, (index // columns) * pitch))
    return page
