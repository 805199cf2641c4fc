"""What an operator says about a local model. No torch here: the chat process reads this too."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from bot.model import Size

MOST_BATCH = 16  #: pictures; on a card that gains from more rows than these, nobody has measured it


@dataclass(frozen=True, slots=True)
class DiffusersConfig:
    model: str  #: a folder in the diffusers layout, or a name on the hub
    device: str = "auto"  #: "cuda", "cuda:1", "mps", "cpu"; "auto": the best there is
    dtype: str = "auto"  #: "bfloat16", "float16", "float32"; "auto": what suits the device
    scheduler: str = ""  #: one of schedulers.NAMES, or its diffusers class; "": the checkpoint's own
    guidance: float | None = None  #: where a request names none; None: the preset's, else the pipeline's own
    max_batch: int = 0  #: pictures side by side, at most; 0: as measured, up to `MOST_BATCH`
    exact: bool = False  #: always one row count, so that a picture's bits never depend on who else is drawn
    compile: bool = False
    loras: Mapping[str, str] = field(default_factory=dict)  #: name to folder, file or hub name
    sizes: tuple[Size, ...] = ()  #: the only sizes offered, the first is the default; (): any the checkpoint can do
    subjects: tuple[str, ...] = ()  #: words, one of which a prompt needs for the model to make sense of it; (): any
    refiner: str = ""  #: a folder or hub name; takes over for the last fifth of the way
    safety_checker: str = ""  #: a folder or hub name; "": the checkpoint's own, where it has one
    timeout_seconds: float = 120.0  #: one attempt
    stall_seconds: float = 120.0  #: drawing and not one step in this time: the process is dead


def to_plain(config: DiffusersConfig) -> dict[str, Any]:
    """As JSON can hold it; `from_plain` is the way back."""
    return asdict(config)


def from_plain(plain: Mapping[str, Any]) -> DiffusersConfig:
    sizes = tuple(Size(**size) for size in plain["sizes"])
    return DiffusersConfig(**{**plain, "sizes": sizes, "subjects": tuple(plain["subjects"])})


@dataclass(frozen=True, slots=True)
class Preset:
    """How a family of checkpoints wants to be sampled where a request does not say."""

    steps: int = 20
    most_steps: int = 100
    guidance: float | None = None  #: None: the pipeline's own default
    scheduler: str = ""  #: "": the checkpoint's own


#: Distilled models by the word in their name; each has its authors' settings (SDXL Turbo, SDXL-Lightning, LCM,
#: Hyper-SD model cards).
PRESETS: Mapping[str, Preset] = {
    "turbo": Preset(steps=4, most_steps=12, guidance=0.0, scheduler="euler_a_trailing"),
    "lightning": Preset(steps=4, most_steps=12, guidance=0.0, scheduler="euler_trailing"),
    "lcm": Preset(steps=4, most_steps=12, guidance=1.0, scheduler="lcm"),
    "hyper": Preset(steps=8, most_steps=12, guidance=0.0, scheduler="ddim_trailing"),
}


def few_step_word(text: str) -> str:
    """The key of `PRESETS` that stands as a word of its own in a model's or LoRA's name, else ""."""
    words = re.split(r"[^a-z]+", text.casefold().replace("\\", "/").rstrip("/").rpartition("/")[2])
    return next((word for word in PRESETS if word in words), "")


def preset(config: DiffusersConfig) -> Preset:
    word = few_step_word(config.model)
    for name in always_on(config):
        word = word or few_step_word(name) or few_step_word(config.loras[name])
    found = PRESETS[word] if word else Preset()
    return found if config.guidance is None else replace(found, guidance=config.guidance)


def always_on(config: DiffusersConfig) -> tuple[str, ...]:
    """LoRAs that distil the whole model: without them its few steps make noise, so nobody has to ask for them."""
    return tuple(name for name, path in config.loras.items() if few_step_word(name) or few_step_word(path))
