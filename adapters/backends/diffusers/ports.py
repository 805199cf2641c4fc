"""What the engine asks of a model and whom it tells. No torch here."""

from collections.abc import Hashable, Sequence
from enum import Enum
from typing import Any, Protocol

from bot.model import Drawing


class Trouble(Enum):
    MEMORY = "memory"
    STICKY = "sticky"  #: only a new process helps
    BLANK = "blank"
    OTHER = "other"


class Row(Protocol):
    """One picture on its way; see row.py."""

    latents: Any
    estimate: Any
    seed: int
    loras: Any

    @property
    def done(self) -> int: ...

    @property
    def finished(self) -> bool: ...

    @property
    def work(self) -> int: ...

    @property
    def shape(self) -> Hashable: ...

    @property
    def steps(self) -> int: ...

    @property
    def course(self) -> Any: ...

    def key(self, *, exact: bool) -> Hashable: ...


class Model(Protocol):
    """See model.py. Any method may raise; `trouble` says what it means."""

    def rows(self, drawing: Drawing, seed: int) -> Sequence[Any]: ...

    def use(self, loras: Any) -> None: ...

    def inputs(self, row: Any) -> list[Any]: ...

    def denoise(self, part: str, inputs: Sequence[Any], rows: int) -> list[Any]: ...

    def advance(self, row: Any, predicted: Sequence[Any]) -> None: ...

    def decode(self, latents: Any) -> Any: ...

    def is_unsafe(self, pixels: Any) -> bool: ...

    def preview(self, latents: Any) -> Any: ...

    def settle(self) -> None: ...

    def free(self) -> None: ...

    def relieve(self) -> None: ...

    def trouble(self, error: Exception) -> Trouble: ...


class Listener(Protocol):
    """Told from the engine's threads; never blocks, never raises."""

    def progress(self, order: str, step: int, steps: int) -> None: ...

    def preview(self, order: str, index: int, image: bytes) -> None: ...

    def drawn(self, order: str, pictures: Sequence[bytes], seeds: Sequence[int], missing: int) -> None: ...

    def failed(self, order: str, kind: str, detail: str) -> None:
        """``kind`` is "rejected", "broken" or "down"."""

    def alive(self, patience: float) -> None:
        """It moves; expect the next sign within ``patience`` seconds."""

    def lowered(self, max_pixels: int) -> None:
        """Memory does not hold larger pictures."""


class Unusable(Exception):
    """The process can draw nothing more and must end."""


def first_line(error: Exception) -> str:
    """Without its full stop, to stand inside a sentence."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300].rstrip(". ")
