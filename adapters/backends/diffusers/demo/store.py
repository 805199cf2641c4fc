"""Training states on disk: written whole or not at all, so that a killed training goes on where it was."""

from pathlib import Path
from typing import Any

import torch


def save_state(path: Path, step: int, **parts: Any) -> None:
    """Each part has a ``state_dict``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".new")
    torch.save({"step": step, **{name: part.state_dict() for name, part in parts.items()}}, fresh)
    fresh.replace(path)


def load_state(path: Path, **parts: Any) -> int:
    """Fills the parts and returns the step reached, 0 where nothing was saved."""
    if not path.exists():
        return 0
    state = torch.load(path, weights_only=True)
    for name, part in parts.items():
        part.load_state_dict(state[name])
    return int(state["step"])
