"""The demo model: a small SDXL that draws flat shapes, trained by this package and kept beside it.

Imported here is nothing heavy. Its parts:

    scenes.py       the world it knows, drawn with Pillow
    captions.py     what people may call a scene
    reading.py      what a picture shows, read off its pixels
    score.py        how often that is what was asked

With torch, to make it:

    recipe.py       its sizes
    words.py        the tokenizer
    parts.py        the networks, and the checkpoint they become
    muon.py         the optimizer
    autoencoder.py  the decoder's training
    diffusion.py    the diffusion model's training
    polish.py       the decoder's training with what that model draws
    sampling.py     sample sheets
    curve.py        losses on disk, and their curve
    store.py        training states on disk
    train.py        the command
"""

from pathlib import Path

from adapters.backends.diffusers.demo.captions import known_words
from adapters.backends.diffusers.demo.scenes import SIDE, Shape
from bot.model import Size

CHECKPOINT = Path(__file__).parent / "checkpoint"
#: The only size it draws.
SIZES = (Size(SIDE, SIDE),)
#: What a prompt has to name for the model to make sense of it.
SUBJECTS = (*(shape.value for shape in Shape), "shape")
#: At which it obeys and its shapes stay whole.
GUIDANCE = 2.0
KNOWN_WORDS = known_words()


def examples() -> tuple[str, ...]:
    """Prompts that it draws well, for people to start from."""
    return (
        "a large red circle on a white background",
        "a medium white square above a medium blue circle on a green background --seed 7",
        "a large cross in the centre --no red --guidance 4",
        "a small yellow circle inside a large pink heart on a black background --count 2",
        "a large orange star on a blue background --steps 30",
    )
