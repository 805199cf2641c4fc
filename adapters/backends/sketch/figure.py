"""What the tables of figures hold."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from adapters.backends.sketch.canvas import Pen
from adapters.backends.sketch.colour import Colour, Paint


class Home(StrEnum):
    GROUND = "ground"
    BACK = "back"  #: on the ground, behind the others
    AIR = "air"
    SKY = "sky"  #: in the sky itself, behind all land
    WATER = "water"  #: floats
    UNDER = "under"  #: swims, or stands on the ground where there is no water


@dataclass(frozen=True, slots=True)
class Figure:
    """``height`` in parts of the picture's shorter side if it is alone; ``scene`` is where it is at home."""

    draw: Callable[[Pen, Colour], None]
    paint: Paint
    height: float = 0.45
    wide: float = 0.8  #: width over height
    home: Home = Home.GROUND
    scene: str = "meadow"
