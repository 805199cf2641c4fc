"""What `imagine-bot demo` draws with: the demo model and, for whatever that cannot do, `sketch`; or `sketch` alone."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from importlib.util import find_spec

from adapters.backends.diffusers.demo import CHECKPOINT, GUIDANCE, SIZES, SUBJECTS, examples
from adapters.backends.diffusers.demo.scenes import COLOURS, Shape
from bot.replies import say
from bot.settings import BackendSettings, DiffusersOptions, RoutingSettings, Settings

NEEDED = ("torch", "diffusers", "transformers", "accelerate")
NAME = "demo"


@dataclass(frozen=True, slots=True)
class Demo:
    """``about`` and ``examples`` are for the page; empty: the page's own."""

    announcement: str
    about: str = ""
    examples: tuple[str, ...] = ()
    backend: BackendSettings | None = None

    def applied(self, settings: Settings) -> Settings:
        """With the demo model as the first choice."""
        if self.backend is None:
            return settings
        backends = {self.backend.name: self.backend, **settings.backends}
        return replace(settings, backends=backends, routing=RoutingSettings(order=tuple(backends)))


def missing() -> str:
    """The first package that the demo model needs and that is not installed, else ""."""
    return next((name for name in NEEDED if find_spec(name) is None), "")


def demo(*, model: bool) -> Demo:
    if not model:
        return Demo(say("demo_sketch"))
    options = DiffusersOptions(model=str(CHECKPOINT), sizes=SIZES, subjects=SUBJECTS, guidance=GUIDANCE)
    return Demo(
        announcement=say("demo_model"),
        about=say("demo_knows", size=SIZES[0], shapes=_listed(Shape), colours=_listed(COLOURS)),
        examples=tuple(f"/imagine {example}" for example in examples()),
        backend=BackendSettings(NAME, "diffusers", options=options),
    )


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names)
