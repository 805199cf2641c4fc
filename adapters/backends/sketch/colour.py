"""Colours. Mixed and lightened in OKLab, where equal steps look equal (Björn Ottosson's space, 2020)."""

from functools import lru_cache
from math import atan2, cos, degrees, hypot, radians, sin

Colour = tuple[int, int, int]
"""sRGB, 0 to 255."""

Paint = Colour | str
"""A colour or "#rrggbb"."""

WHITE = (255, 255, 255)


@lru_cache(maxsize=4096)
def rgb(paint: Paint) -> Colour:
    if isinstance(paint, str):
        return int(paint[1:3], 16), int(paint[3:5], 16), int(paint[5:7], 16)
    return paint


@lru_cache(maxsize=4096)
def oklab(paint: Paint) -> tuple[float, float, float]:
    """Lightness 0 to 1, and two axes of colour: red against green, yellow against blue."""
    red, green, blue = (_linear(part / 255) for part in rgb(paint))
    long = (0.4122214708 * red + 0.5363325363 * green + 0.0514459929 * blue) ** (1 / 3)
    middle = (0.2119034982 * red + 0.6806995451 * green + 0.1073969566 * blue) ** (1 / 3)
    short = (0.0883024619 * red + 0.2817188376 * green + 0.6299787005 * blue) ** (1 / 3)
    return (
        0.2104542553 * long + 0.7936177850 * middle - 0.0040720468 * short,
        1.9779984951 * long - 2.4285922050 * middle + 0.4505937099 * short,
        0.0259040371 * long + 0.7827717662 * middle - 0.8086757660 * short,
    )


def from_oklab(light: float, a: float, b: float) -> Colour:
    long = (light + 0.3963377774 * a + 0.2158037573 * b) ** 3
    middle = (light - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (light - 0.0894841775 * a - 1.2914855480 * b) ** 3
    return (
        _byte(4.0767416621 * long - 3.3077115913 * middle + 0.2309699292 * short),
        _byte(-1.2684380046 * long + 2.6097574011 * middle - 0.3413193965 * short),
        _byte(-0.0041960863 * long - 0.7034186147 * middle + 1.7076147010 * short),
    )


def oklch(light: float, chroma: float, hue: float) -> Colour:
    """``hue`` in degrees: 30 red, 110 yellow, 145 green, 260 blue."""
    return from_oklab(light, chroma * cos(radians(hue)), chroma * sin(radians(hue)))


def to_oklch(paint: Paint) -> tuple[float, float, float]:
    light, a, b = oklab(paint)
    return light, hypot(a, b), degrees(atan2(b, a)) % 360


@lru_cache(maxsize=16384)
def mix(first: Paint, second: Paint, part: float) -> Colour:
    """``part`` 0 is the first colour, 1 the second."""
    pairs = zip(oklab(first), oklab(second), strict=True)
    light, a, b = (one + (two - one) * part for one, two in pairs)
    return from_oklab(light, a, b)


@lru_cache(maxsize=4096)
def lighter(paint: Paint, by: float) -> Colour:
    """``by`` in OKLab lightness; negative darkens."""
    light, a, b = oklab(paint)
    return from_oklab(min(1.0, max(0.0, light + by)), a, b)


def hue_distance(one: float, other: float) -> float:
    """Degrees, 0 to 180."""
    return abs((one - other + 180) % 360 - 180)


def _linear(part: float) -> float:
    return part / 12.92 if part <= 0.04045 else float(((part + 0.055) / 1.055) ** 2.4)


def _byte(linear: float) -> int:
    part = linear * 12.92 if linear <= 0.0031308 else 1.055 * linear ** (1 / 2.4) - 0.055
    return min(255, max(0, round(part * 255)))
