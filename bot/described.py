"""What a request asks for beside its prompt, in words. Pure."""

from bot.model import ImageRequest
from bot.options import plain
from bot.replies import display, say
from bot.routing import NO_STYLE


def settings(request: ImageRequest) -> str:
    """What was said of size, steps and the like; "" where nothing was."""
    words = [
        *([say("set_wanted_size", size=request.size)] if request.size is not None else []),
        *([say("set_steps", steps=request.steps)] if request.steps is not None else []),
        *([say("set_guidance", guidance=plain(request.guidance))] if request.guidance is not None else []),
        *([say("set_seed", seed=request.seed)] if request.seed is not None else []),
        *([style(request.style)] if request.style else []),
        *([say("set_without", words=display(request.negative_prompt))] if request.negative_prompt else []),
        *([say("set_wanted_backend", backend=display(request.backend))] if request.backend else []),
        *([say("set_count", count=request.count)] if request.count > 1 else []),
    ]
    return " · ".join(words)


def style(name: str) -> str:
    return say("set_no_style") if name == NO_STYLE else say("set_style", style=display(name))
