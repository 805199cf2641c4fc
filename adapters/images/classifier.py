"""A picture check from a folder in the transformers image-classification format. Nothing is ever fetched.

One thread of its own does the work, so that pictures wait for each other and never for the event loop. Whatever goes
wrong is raised: the core then holds the picture (row F79). torch and transformers (extra `local`) load with the first.
"""

import asyncio
import io
import json
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from PIL import Image

HALF = (0.5, 0.5, 0.5)
Scorer = Callable[[bytes], Mapping[str, float]]


class Classifier:
    """Implements `bot.ports.ImageCheck`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="picture-check")
        self._score: Scorer | None = None

    async def classify(self, image: bytes) -> Mapping[str, float]:
        """Label to probability. Raises what transformers, torch or Pillow raise."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._classified, image)

    def _classified(self, image: bytes) -> Mapping[str, float]:
        if self._score is None:
            self._score = load(self._folder)
        return self._score(image)

    async def close(self) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)


def load(folder: Path) -> Scorer:
    """Raises OSError, ValueError or ImportError where the folder holds no such model or the extra is missing."""
    import torch
    from transformers import AutoModelForImageClassification

    model: Any = AutoModelForImageClassification.from_pretrained(folder, local_files_only=True, use_safetensors=True)
    model.eval()
    said = json.loads((folder / "preprocessor_config.json").read_text(encoding="utf-8"))
    width, height = _size(said.get("size", {}))
    mean, deviation = (torch.tensor(said.get(name, HALF)).view(3, 1, 1) for name in ("image_mean", "image_std"))

    def score(image: bytes) -> Mapping[str, float]:
        with Image.open(io.BytesIO(image)) as opened:
            small = opened.convert("RGB").resize((width, height), Image.Resampling.BICUBIC)
        pixels = torch.frombuffer(bytearray(small.tobytes()), dtype=torch.uint8).view(height, width, 3)
        values = (pixels.permute(2, 0, 1).float() / 255 - mean) / deviation
        with torch.inference_mode():
            logits = model(pixel_values=values.unsqueeze(0)).logits[0]
        # Several labels at once are what a model says it was trained for; otherwise one of them is right.
        several = model.config.problem_type == "multi_label_classification"
        shares = torch.sigmoid(logits) if several else torch.softmax(logits, dim=0)
        return {model.config.id2label[index]: float(share) for index, share in enumerate(shares)}

    return score


def _size(said: int | Mapping[str, int]) -> tuple[int, int]:
    """Width and height that the model looks at."""
    if isinstance(said, int):
        return said, said
    edge = said.get("shortest_edge", 224)
    return said.get("width", edge), said.get("height", edge)
