"""Reads a picture: which things are on it, of what colour, shape, size and style, where, and on what background.

No network: nearest colours, connected areas, and silhouettes laid over each other. What cannot be told is None.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from adapters.backends.diffusers.demo.scenes import (
    BACKGROUNDS,
    COLOURS,
    SIDE,
    Amount,
    Position,
    Relation,
    Shape,
    Style,
    Thing,
    silhouette,
)
from adapters.backends.diffusers.demo.scenes import DIRECTIONS as _DIRECTIONS

Mask: TypeAlias = NDArray[np.bool_]
Box = tuple[int, int, int, int]  #: left, top, right, bottom; the last two just outside

APART = 45.0  #: distance in RGB from the background from where on a pixel belongs to a thing
SMALLEST = 40  #: pixels; less is dirt
SMALLEST_HOLE = 6  #: pixels, its edge taken off; an outlined star has little room inside
ALIKE = 0.72  #: overlap of silhouettes from where on a shape counts as recognised
OFF_CENTRE = 13  #: pixels
HIGHEST_STRIPE = 12
STRIPE_GAP = 12
#: Pixels above the topmost stripe that is seen: a star's point is less than ``SMALLEST``, and a gap follows.
TOP_MISSING = 20
TEMPLATE = 48
#: Borders of the sizes, between the diameters that are drawn.
SMALL_BELOW, LARGE_FROM = 41.0, 54.0
#: An outlined thing is never as large as one that holds another.
OUTER_FROM = 80.0


@dataclass(frozen=True, slots=True)
class Seen:
    shape: Shape | None
    colour: str
    amount: Amount
    style: Style
    x: float
    y: float
    likeness: float  #: overlap with the shape it looks most like, 0 to 1


@dataclass(frozen=True, slots=True)
class Reading:
    """``things`` are the largest first; for INSIDE the inner one comes first, as in a scene."""

    background: str
    things: tuple[Seen, ...]


def position(seen: Seen) -> Position:
    direction = _sign(seen.x - SIDE / 2), _sign(seen.y - SIDE / 2)
    return next(position for position, at in _DIRECTIONS.items() if at == direction)


def relation(first: Seen, second: Seen, *, nested: bool) -> Relation:
    if nested:
        return Relation.INSIDE
    right, down = first.x - second.x, first.y - second.y
    if abs(right) >= abs(down):
        return Relation.RIGHT_OF if right > 0 else Relation.LEFT_OF
    return Relation.BELOW if down > 0 else Relation.ABOVE


def is_nested(inner: Seen, outer: Seen) -> bool:
    near = max(abs(inner.x - outer.x), abs(inner.y - outer.y)) < 24
    return near and inner.amount is not outer.amount


def read(picture: Image.Image) -> Reading:
    """Raises ValueError for a picture that is not SIDE by SIDE."""
    if picture.size != (SIDE, SIDE):
        raise ValueError(f"a picture of {SIDE} by {SIDE} pixels is wanted, not {picture.size}")
    pixels = np.asarray(picture.convert("RGB")).astype(np.float32)
    names = _nearest(pixels, BACKGROUNDS)
    background = _background(names)
    ground = np.median(pixels[names == list(BACKGROUNDS).index(background)], axis=0)
    foreground = np.linalg.norm(pixels - ground, axis=-1) > APART
    seen: list[Seen] = []
    for area, striped in _joined(list(_areas(foreground))):
        seen.extend(_things_in(area, striped, pixels, background))
    return Reading(background, tuple(seen))


def _nearest(pixels: NDArray[np.float32], palette: dict[str, tuple[int, int, int]]) -> NDArray[np.intp]:
    colours = np.array(list(palette.values()), dtype=np.float32)
    return np.linalg.norm(pixels[..., None, :] - colours, axis=-1).argmin(axis=-1)


def _background(names: NDArray[np.intp]) -> str:
    border = np.concatenate([names[:2].ravel(), names[-2:].ravel(), names[:, :2].ravel(), names[:, -2:].ravel()])
    return list(BACKGROUNDS)[int(np.bincount(border).argmax())]


def _areas(mask: Mask, smallest: int = SMALLEST) -> Iterator[Mask]:
    """Connected areas, diagonals included."""
    left = mask.copy()
    for start in zip(*np.nonzero(mask), strict=True):
        if not left[start]:
            continue
        area = _flood(left, (int(start[0]), int(start[1])))
        left &= ~area
        if area.sum() >= smallest:
            yield area


def _flood(mask: Mask, start: tuple[int, int]) -> Mask:
    area = np.zeros_like(mask)
    area[start] = True
    edge = [start]
    height, width = mask.shape
    while edge:
        row, column = edge.pop()
        for near in ((row + i, column + j) for i in (-1, 0, 1) for j in (-1, 0, 1)):
            if 0 <= near[0] < height and 0 <= near[1] < width and mask[near] and not area[near]:
                area[near] = True
                edge.append(near)
    return area


def _box(mask: Mask) -> Box:
    rows, columns = np.nonzero(mask.any(axis=1))[0], np.nonzero(mask.any(axis=0))[0]
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def _joined(areas: list[Mask]) -> Iterator[tuple[Mask, bool]]:
    """Stripes become one area again; the flag says that it was stripes."""
    flat = [area for area in areas if _height(area) <= HIGHEST_STRIPE]
    yield from ((area, False) for area in areas if _height(area) > HIGHEST_STRIPE)
    flat.sort(key=lambda area: _box(area)[1])
    while flat:
        pile = [flat.pop(0)]
        while more := [area for area in flat if any(_is_next_stripe(area, other) for other in pile)]:
            pile.extend(more)
            flat = [area for area in flat if not any(area is other for other in more)]
        yield np.logical_or.reduce(pile), len(pile) > 1


def _is_next_stripe(one: Mask, other: Mask) -> bool:
    (left, top, right, bottom), (its_left, its_top, its_right, its_bottom) = _box(one), _box(other)
    across = min(right, its_right) > max(left, its_left)
    return across and max(top, its_top) - min(bottom, its_bottom) <= STRIPE_GAP


def _height(area: Mask) -> int:
    _, top, _, bottom = _box(area)
    return bottom - top


def _things_in(area: Mask, striped: bool, pixels: NDArray[np.float32], background: str) -> list[Seen]:
    """One thing, or two where one lies within the other (the inner one first)."""
    if striped:
        return [_seen(area, area, _main_colour(area, pixels, background), Style.STRIPED)]
    whole = _filled(area)
    colour = _main_colour(area, pixels, background)
    other = whole & (_nearest(pixels, BACKGROUNDS) != list(BACKGROUNDS).index(colour))
    inner = max(_areas(_eroded(other) & _eroded(whole), SMALLEST_HOLE), key=np.sum, default=None)
    within = "" if inner is None else _main_colour(_grown(inner) & other, pixels, "")
    if inner is None or (within != background and inner.sum() < SMALLEST):
        return [_seen(whole, whole, colour, Style.PLAIN)]
    inner = _grown(inner) & other
    left, top, right, bottom = _box(whole)
    if within == background and max(right - left, bottom - top) < OUTER_FROM:
        return [_seen(whole, whole, colour, Style.OUTLINED)]
    return [
        _seen(inner, inner, within, Style.PLAIN),
        _seen(whole, whole, colour, Style.PLAIN),
    ]


def _main_colour(area: Mask, pixels: NDArray[np.float32], background: str) -> str:
    """The commonest colour in the area, the background's left out; of its inside where it has one."""
    inside = _eroded(area)
    names = list(BACKGROUNDS)
    counts = np.bincount(_nearest(pixels[inside if inside.any() else area], BACKGROUNDS), minlength=len(names))
    if background:
        counts[names.index(background)] = 0
    colour = names[int(counts.argmax())]
    return colour if colour in COLOURS or not background else "grey"


def _filled(area: Mask) -> Mask:
    """The area with its holes."""
    outside = np.pad(~area, 1, constant_values=True)
    return ~_flood_straight(outside)[1:-1, 1:-1]


def _flood_straight(mask: Mask) -> Mask:
    """What can be reached from the corner without crossing a diagonal."""
    reached = np.zeros_like(mask)
    reached[0, 0] = True
    while True:
        grown = reached.copy()
        grown[1:] |= reached[:-1]
        grown[:-1] |= reached[1:]
        grown[:, 1:] |= reached[:, :-1]
        grown[:, :-1] |= reached[:, 1:]
        grown &= mask
        if (grown == reached).all():
            return reached
        reached = grown


def _eroded(area: Mask) -> Mask:
    padded = np.pad(area, 1)
    return area & padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]


def _grown(area: Mask) -> Mask:
    return ~_eroded(~area)


def _seen(whole: Mask, rows: Mask, colour: str, style: Style) -> Seen:
    left, top, right, bottom = _box(whole)
    side = max(right - left, bottom - top)
    shape, likeness = _shape(whole, rows, style)
    return Seen(
        shape=shape if likeness >= ALIKE else None,
        colour=colour,
        amount=_amount(side / _fraction(shape)),
        style=style,
        x=(left + right) / 2,
        y=(top + bottom) / 2,
        likeness=likeness,
    )


def _amount(diameter: float) -> Amount:
    if diameter < SMALL_BELOW:
        return Amount.SMALL
    return Amount.MEDIUM if diameter < LARGE_FROM else Amount.LARGE


def _shape(whole: Mask, rows: Mask, style: Style) -> tuple[Shape, float]:
    left, top, right, bottom = _box(whole)
    likeness = {}
    for shape in Shape:
        drawn = _template(shape)
        height, width = drawn.shape
        scale = max(right - left, bottom - top) / max(width, height)
        if style is Style.STRIPED:
            scale = (right - left) / width
        size = max(1, round(width * scale)), max(1, round(height * scale))
        small = np.asarray(Image.fromarray(drawn.astype(np.uint8) * 255).resize(size, Image.Resampling.BOX)) > 127
        likeness[shape] = _overlap(small, whole[top:bottom, left:right], rows[top:bottom, left:right], style)
    best = max(likeness, key=lambda shape: likeness[shape])
    return best, likeness[best]


def _overlap(template: Mask, seen: Mask, rows: Mask, style: Style) -> float:
    """Shared over united pixels, middles laid on each other; of stripes only the rows that are there count."""
    height, width = max(template.shape[0], seen.shape[0] + TOP_MISSING), max(template.shape[1], seen.shape[1])
    if style is not Style.STRIPED:
        return _shared(_centred(template, height, width), _centred(seen, height, width))
    best = 0.0
    for top in range(TOP_MISSING):  # the topmost stripe may be too small to be seen
        there = _centred(rows, height, width, top).any(axis=1)
        one, other = _centred(template, height, width, 0), _centred(seen, height, width, top)
        best = max(best, _shared(one[there], other[there]))
    return best


def _shared(one: Mask, other: Mask) -> float:
    return float((one & other).sum() / max((one | other).sum(), 1))


def _centred(mask: Mask, height: int, width: int, top: int | None = None) -> Mask:
    above = (height - mask.shape[0]) // 2 if top is None else top
    left = (width - mask.shape[1]) // 2
    return np.pad(mask, ((above, height - mask.shape[0] - above), (left, width - mask.shape[1] - left)))


@cache
def _template(shape: Shape) -> Mask:
    """The shape alone, cut to its box, about 100 pixels wide."""
    drawn = np.asarray(silhouette(Thing(shape, "red", Amount.LARGE, SIDE / 2, SIDE / 2, 110))) > 127
    left, top, right, bottom = _box(drawn)
    return drawn[top:bottom, left:right]


def _fraction(shape: Shape) -> float:
    """The box's longer side over the diameter."""
    side: int = max(_template(shape).shape)
    return side / 110


def _sign(offset: float) -> int:
    return 0 if abs(offset) < OFF_CENTRE else (1 if offset > 0 else -1)
