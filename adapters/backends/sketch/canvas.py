"""What one draws on: a picture larger than the finished one, and a pen that places figures on it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import cos, pi, sin

from PIL import Image, ImageDraw

from adapters.backends.sketch.colour import Colour, Paint, lighter, mix, rgb

Point = tuple[float, float]

RAMP = 16  # colours in a gradient before it is stretched
ROUND = 40  # corners of an oval
SMOOTH = 9  # points between two of a smooth path
EDGE = 178  # of Pillow's radial gradient at the middle of a side; 255 is at its corners


class Canvas:
    """Coordinates are pixels of the finished picture, y downwards. ``tone`` sees every colour before it is used."""

    def __init__(self, width: int, height: int, scale: float, tone: Callable[[Colour], Colour]) -> None:
        self.width = width
        self.height = height
        self.scale = scale
        self.image = Image.new("RGB", (round(width * scale), round(height * scale)))
        self._draw = ImageDraw.Draw(self.image, "RGBA")
        self._tone = tone
        falloff = [round(max(0.0, 1 - value / EDGE) ** 2 * 255) for value in range(256)]
        self._halo = Image.radial_gradient("L").point(falloff)

    def tone(self, paint: Paint) -> Colour:
        return self._tone(rgb(paint))

    def gradient(self, stops: Sequence[Paint], top: float, bottom: float) -> None:
        """A band over the whole width, from the first of ``stops`` down to the last."""
        first, last = round(top * self.scale), round(bottom * self.scale)
        if last > first:
            ramp = self._ramp([self.tone(stop) for stop in stops], 0, 1)
            band = ramp.resize((self.image.width, last - first), Image.Resampling.BICUBIC)
            self.image.paste(band, (0, first))

    def polygon(self, points: Sequence[Point], paint: Paint, to: Paint | None = None, alpha: int = 255) -> None:
        """Filled; with ``to`` the colour changes towards the lower edge."""
        corners = [(x * self.scale, y * self.scale) for x, y in points]
        if to is None or self._extent(corners) < 8:
            self._draw.polygon(corners, (*self.tone(paint), alpha))
        else:
            self._shaded(corners, self.tone(paint), self.tone(to), alpha)

    @staticmethod
    def _extent(corners: Sequence[Point]) -> float:
        return max(y for _, y in corners) - min(y for _, y in corners)

    def _shaded(self, corners: Sequence[Point], paint: Colour, to: Colour, alpha: int) -> None:
        xs, ys = [x for x, _ in corners], [y for _, y in corners]
        left, right = max(0, int(min(xs))), min(self.image.width, int(max(xs)) + 1)
        top, bottom = max(0, int(min(ys))), min(self.image.height, int(max(ys)) + 1)
        if right <= left or bottom <= top:
            return
        mask = Image.new("L", (right - left, bottom - top))
        ImageDraw.Draw(mask).polygon([(x - left, y - top) for x, y in corners], alpha)
        extent = max(1.0, max(ys) - min(ys))
        ramp = self._ramp([paint, to], (top - min(ys)) / extent, (bottom - min(ys)) / extent)
        self.image.paste(ramp.resize(mask.size, Image.Resampling.BILINEAR), (left, top), mask)

    @staticmethod
    def _ramp(stops: Sequence[Colour], start: float, end: float) -> Image.Image:
        """One pixel wide: the part of the gradient between ``start`` and ``end`` (0 to 1)."""
        ramp = Image.new("RGB", (1, RAMP))
        for row in range(RAMP):
            place = (start + (end - start) * row / (RAMP - 1)) * (len(stops) - 1)
            index = min(len(stops) - 2, max(0, int(place)))
            ramp.putpixel((0, row), mix(stops[index], stops[index + 1], place - index))
        return ramp

    def line(self, points: Sequence[Point], width: float, paint: Paint, alpha: int = 255) -> None:
        """With round ends where it is opaque and thick enough to show them."""
        corners = [(x * self.scale, y * self.scale) for x, y in points]
        thick = max(1, round(width * self.scale))
        colour = (*self.tone(paint), alpha)
        self._draw.line(corners, colour, thick, "curve" if thick > 2 and alpha == 255 else None)
        if alpha == 255 and thick > 3:
            for x, y in (corners[0], corners[-1]):
                half = thick / 2 - 0.5
                self._draw.ellipse((x - half, y - half, x + half, y + half), colour)

    def dot(self, x: float, y: float, radius: float, paint: Paint, alpha: int = 255) -> None:
        x, y, radius = x * self.scale, y * self.scale, max(0.5, radius * self.scale)
        self._draw.ellipse((x - radius, y - radius, x + radius, y + radius), (*self.tone(paint), alpha))

    def glow(self, x: float, y: float, across: float, paint: Paint, strength: float, flat: float = 1.0) -> None:
        """A soft round light or shadow of radius ``across``; ``flat`` is its height over its width."""
        wide, high = round(across * 2 * self.scale), round(across * 2 * flat * self.scale)
        if wide >= 1 and high >= 1:
            mask = self._halo.resize((wide, high)).point([round(value * strength) for value in range(256)])
            box = (round(x * self.scale - wide / 2), round(y * self.scale - high / 2))
            self.image.paste(self.tone(paint), (*box, box[0] + wide, box[1] + high), mask)

    def colour_at(self, x: float, y: float) -> Colour:
        column = min(self.image.width - 1, max(0, int(x * self.scale)))
        row = min(self.image.height - 1, max(0, int(y * self.scale)))
        found = self.image.getpixel((column, row))
        assert isinstance(found, tuple)
        return int(found[0]), int(found[1]), int(found[2])

    def finished(self) -> Image.Image:
        return self.image.resize((self.width, self.height), Image.Resampling.LANCZOS)


@dataclass(frozen=True, slots=True)
class Pen:
    """Draws a figure that stands on (``x``, ``y``) and is ``size`` high, in parts of that: x from its middle, y up."""

    canvas: Canvas
    x: float
    y: float
    size: float
    flip: bool = False
    tilt: float = 0.0  #: radians
    lit: Callable[[Colour], Colour] = lambda colour: colour

    def at(self, x: float, y: float) -> Point:
        across = -x if self.flip else x
        turned = across * cos(self.tilt) - y * sin(self.tilt), across * sin(self.tilt) + y * cos(self.tilt)
        return self.x + turned[0] * self.size, self.y - turned[1] * self.size

    def part(self, x: float, y: float, size: float, *, flip: bool = False, tilt: float = 0.0) -> "Pen":
        """A pen for a part of this figure, standing on (``x``, ``y``) and ``size`` of its height."""
        left, top = self.at(x, y)
        turn = self.tilt + (-tilt if self.flip else tilt)
        return Pen(self.canvas, left, top, self.size * size, self.flip != flip, turn, self.lit)

    def poly(self, points: Sequence[Point], paint: Paint, to: Paint | None = None, alpha: int = 255) -> None:
        """Shaded a little darker towards its foot where ``to`` says nothing else."""
        colour = self.lit(rgb(paint))
        lower = lighter(colour, -0.06) if to is None else self.lit(rgb(to))
        self.canvas.polygon([self.at(x, y) for x, y in points], colour, lower, alpha)

    def blob(self, points: Sequence[Point], paint: Paint, to: Paint | None = None, alpha: int = 255) -> None:
        """A smooth closed shape through ``points``."""
        self.poly(list(smooth(points)), paint, to, alpha)

    def oval(
        self, x: float, y: float, across: float, up: float, paint: Paint, to: Paint | None = None,
        turn: float = 0.0, alpha: int = 255,
    ) -> None:  # fmt: skip
        """Radii ``across`` and ``up``; ``turn`` in radians."""
        self.poly([rotated(x, y, point, turn) for point in ring(across, up)], paint, to, alpha)

    def box(self, left: float, foot: float, right: float, top: float, paint: Paint, to: Paint | None = None) -> None:
        self.poly([(left, foot), (right, foot), (right, top), (left, top)], paint, to)

    def line(self, points: Sequence[Point], width: float, paint: Paint, alpha: int = 255) -> None:
        """``width`` in parts of the figure's height."""
        colour = self.lit(rgb(paint))
        self.canvas.line([self.at(x, y) for x, y in points], width * self.size, colour, alpha)

    def curve(self, points: Sequence[Point], width: float, paint: Paint, alpha: int = 255) -> None:
        """A smooth line through ``points``."""
        self.line(list(smooth(points, closed=False)), width, paint, alpha)

    def glow(self, x: float, y: float, across: float, paint: Paint, strength: float, flat: float = 1.0) -> None:
        """A light: not dimmed by the hour."""
        left, top = self.at(x, y)
        self.canvas.glow(left, top, across * self.size, paint, strength, flat)

    def eyes(self, apart: float, y: float, radius: float, paint: Paint = "#20181c", middle: float = 0.0) -> None:
        for x in (middle - apart, middle + apart):
            self.oval(x, y, radius, radius * 1.1, paint, paint)
            self.oval(x + radius * 0.3, y + radius * 0.4, radius * 0.34, radius * 0.34, "#ffffff", "#ffffff")


def ring(across: float, up: float, corners: int = ROUND) -> list[Point]:
    turns = [2 * pi * index / corners for index in range(corners)]
    return [(across * cos(turn), up * sin(turn)) for turn in turns]


def rotated(x: float, y: float, point: Point, turn: float) -> Point:
    return x + point[0] * cos(turn) - point[1] * sin(turn), y + point[0] * sin(turn) + point[1] * cos(turn)


def smooth(points: Sequence[Point], *, closed: bool = True) -> Iterator[Point]:
    """Catmull-Rom through all ``points``."""
    count = len(points)
    for index in range(count if closed else count - 1):
        if closed:
            near = [points[(index + offset) % count] for offset in (-1, 0, 1, 2)]
        else:
            near = [points[min(count - 1, max(0, index + offset))] for offset in (-1, 0, 1, 2)]
        for part in range(SMOOTH):
            yield _between(near, part / SMOOTH)
    if not closed:
        yield points[-1]


def _between(near: Sequence[Point], part: float) -> Point:
    weights = (
        -0.5 * part + part**2 - 0.5 * part**3,
        1 - 2.5 * part**2 + 1.5 * part**3,
        0.5 * part + 2 * part**2 - 1.5 * part**3,
        -0.5 * part**2 + 0.5 * part**3,
    )
    pairs = list(zip(weights, near, strict=True))
    return sum(weight * point[0] for weight, point in pairs), sum(weight * point[1] for weight, point in pairs)
