"""Samplers by the names people use for them. The table needs no torch; `make` does."""

import copy
import difflib
from collections.abc import Mapping
from typing import Any

#: Name to class of diffusers and what differs from the checkpoint's own scheduler configuration.
NAMES: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "ddim": ("DDIMScheduler", {}),
    "ddim_trailing": ("DDIMScheduler", {"timestep_spacing": "trailing"}),
    "ddpm": ("DDPMScheduler", {}),
    "deis": ("DEISMultistepScheduler", {}),
    "dpm2": ("KDPM2DiscreteScheduler", {}),
    "dpm2_a": ("KDPM2AncestralDiscreteScheduler", {}),
    "dpmpp_2m": ("DPMSolverMultistepScheduler", {}),
    "dpmpp_2m_karras": ("DPMSolverMultistepScheduler", {"use_karras_sigmas": True}),
    "dpmpp_2m_sde": ("DPMSolverMultistepScheduler", {"algorithm_type": "sde-dpmsolver++"}),
    "dpmpp_2m_sde_karras": (
        "DPMSolverMultistepScheduler",
        {"algorithm_type": "sde-dpmsolver++", "use_karras_sigmas": True},
    ),
    "dpmpp_2s": ("DPMSolverSinglestepScheduler", {}),
    "euler": ("EulerDiscreteScheduler", {}),
    "euler_a": ("EulerAncestralDiscreteScheduler", {}),
    "euler_a_trailing": ("EulerAncestralDiscreteScheduler", {"timestep_spacing": "trailing"}),
    "euler_trailing": ("EulerDiscreteScheduler", {"timestep_spacing": "trailing"}),
    "heun": ("HeunDiscreteScheduler", {}),
    "lcm": ("LCMScheduler", {}),
    "lms": ("LMSDiscreteScheduler", {}),  # needs SciPy
    "pndm": ("PNDMScheduler", {"skip_prk_steps": True}),
    "tcd": ("TCDScheduler", {}),
    "unipc": ("UniPCMultistepScheduler", {}),
}


class UnknownScheduler(ValueError):
    """``guess`` is the nearest known name, or ""."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name
        self.guess = next(iter(difflib.get_close_matches(name.casefold(), NAMES, 1)), "")


def make(name: str, own: Any) -> Any:
    """A scheduler of that name with the training facts of ``own``, the checkpoint's. Raises UnknownScheduler."""
    if not name:
        return copy.deepcopy(own)
    import diffusers

    wanted = name.casefold()
    kind, options = NAMES.get(wanted, (name, {}))
    if wanted not in NAMES and kind not in {known for known, _ in NAMES.values()}:
        raise UnknownScheduler(name)
    return getattr(diffusers, kind).from_config(own.config, **options)
