"""What a checkpoint says about itself in its JSON files, read without torch."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adapters.backends.diffusers.config import DiffusersConfig, preset
from bot.model import Capabilities, Problem, Range, Size

MOST_SEED = 2**32 - 1
AT_ONCE = 16  #: requests the engine is given side by side; more would only wait inside it


@dataclass(frozen=True, slots=True)
class Facts:
    """``side`` is the picture the model was trained on, ``step`` the pixels one latent stands for, both of one side."""

    side: int = 1024
    step: int = 8


def read_facts(model: str) -> Facts | None:
    """None where the files are not on this machine yet, or are not what they should be."""
    folder = local_folder(model)
    if folder is None:
        return None
    unet, vae = _json(folder / "unet" / "config.json"), _json(folder / "vae" / "config.json")
    levels = vae.get("block_out_channels") or vae.get("encoder_block_out_channels")
    sample = unet.get("sample_size")
    if not isinstance(sample, int) or not isinstance(levels, list):
        return None
    step = 2 ** (len(levels) - 1)
    return Facts(sample * step, step)


def complaint(model: str) -> Problem | None:
    """What is plainly wrong with a model's path, told before anything heavy is imported."""
    path = Path(model).expanduser()
    if path.is_file():
        return Problem("engine_single_file", {"model": model})
    if not path.is_dir():
        return missing(model)
    if not (path / "model_index.json").is_file():
        return Problem("engine_no_index", {"model": model})
    for part, kind in _json(path / "model_index.json").items():
        if isinstance(kind, list) and any(kind) and not (path / part).is_dir():  # a library would make up a tokenizer
            return Problem("engine_broken_model", {"model": model, "detail": f"its folder {part} is missing"})
    return None


def missing(model: str) -> Problem | None:
    """Where ``model`` is a path and no name on the hub, and there is nothing."""
    is_hub_name = model.count("/") <= 1 and not model.startswith((".", "/", "~"))
    return None if is_hub_name or Path(model).expanduser().exists() else Problem("engine_not_found", {"model": model})


def local_folder(model: str) -> Path | None:
    """Where the model's files are: the folder itself, or the hub's cache of it."""
    folder = Path(model).expanduser()
    if folder.is_dir():
        return folder
    home = os.environ.get("HF_HOME") or Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "huggingface"
    hub = Path(os.environ.get("HF_HUB_CACHE") or Path(home) / "hub").expanduser()
    repository = hub / f"models--{model.replace('/', '--')}"
    try:
        commit = (repository / "refs" / "main").read_text("utf-8").strip()
    except (OSError, ValueError):
        return None
    snapshot = repository / "snapshots" / commit
    return snapshot if snapshot.is_dir() else None


def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def capabilities(config: DiffusersConfig, facts: Facts, max_pixels: int | None = None) -> Capabilities:
    """``max_pixels`` is what the card's memory turned out to hold, where that was ever too little."""
    most = min(max_pixels or 2**62, 2 * facts.side**2)
    sizes = tuple(size for size in config.sizes if size.pixels <= (max_pixels or size.pixels)) or config.sizes[:1]
    if config.compile and not sizes:
        sizes = (_square(facts, most),)  # another one would have to be compiled while somebody waits
    default = sizes[0] if sizes else _square(facts, most)
    settings = preset(config)
    return Capabilities(
        default_size=default,
        sizes=sizes,
        side=Range(facts.side // facts.step // 4 * facts.step, 2 * facts.side),
        side_step=facts.step,
        max_pixels=most,
        steps=Range(1, settings.most_steps),
        default_steps=settings.steps,
        guidance=Range(0, 30),
        seed=Range(0, MOST_SEED),
        negative_prompt=True,
        images_per_call=10,
        subjects=config.subjects,
        at_once=AT_ONCE,
        timeout_seconds=config.timeout_seconds,
    )


def _square(facts: Facts, most: int) -> Size:
    side = min(facts.side, int(most**0.5)) // facts.step * facts.step
    return Size(side, side)
