"""The world the demo model knows: captioned scenes of flat shapes, drawn with Pillow.

A scene is plain data; drawing and captioning are pure functions of it and of a random generator that is an argument.
Pictures are SIDE by SIDE pixels, coordinates run right and down.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from random import Random

from PIL import Image, ImageDraw

SIDE = 128
OVERSAMPLING = 3
Colour = tuple[int, int, int]
Point = tuple[float, float]

COLOURS: dict[str, Colour] = {
    "red": (214, 40, 40),
    "green": (36, 150, 60),
    "blue": (40, 80, 216),
    "yellow": (246, 214, 48),
    "orange": (244, 130, 32),
    "purple": (128, 48, 168),
    "pink": (246, 150, 196),
    "white": (248, 248, 248),
    "black": (24, 24, 24),
}
BACKGROUNDS: dict[str, Colour] = {**COLOURS, "grey": (136, 136, 136)}


class Shape(StrEnum):
    CIRCLE = "circle"
    SQUARE = "square"
    TRIANGLE = "triangle"
    STAR = "star"
    HEART = "heart"
    CROSS = "cross"


class Amount(StrEnum):
    """How large a thing is; the value is the word for it."""

    SMALL = "small"
    MEDIUM = "medium"
    LARGE = "large"


class Style(StrEnum):
    PLAIN = "plain"
    OUTLINED = "outlined"
    STRIPED = "striped"


class Position(StrEnum):
    CENTRE = "centre"
    LEFT = "left"
    RIGHT = "right"
    TOP = "top"
    BOTTOM = "bottom"
    TOP_LEFT = "top left"
    TOP_RIGHT = "top right"
    BOTTOM_LEFT = "bottom left"
    BOTTOM_RIGHT = "bottom right"


class Relation(StrEnum):
    """How the first thing lies to the second."""

    LEFT_OF = "left of"
    RIGHT_OF = "right of"
    ABOVE = "above"
    BELOW = "below"
    INSIDE = "inside"


#: Diameters in pixels of a thing that stands alone; both ends are drawn.
DIAMETERS = {Amount.SMALL: (30, 35), Amount.MEDIUM: (46, 51), Amount.LARGE: (66, 76)}
#: Beside another thing, large has to be smaller for both to fit.
PAIRED_DIAMETERS = {Amount.SMALL: (30, 34), Amount.MEDIUM: (46, 49), Amount.LARGE: (57, 60)}
OUTER_DIAMETER = (88, 98)
INNER_DIAMETER = (28, 34)
#: Shapes with room for another one inside.
OUTER_SHAPES = (Shape.CIRCLE, Shape.SQUARE, Shape.TRIANGLE, Shape.HEART)
STROKE = 7
STRIPE = 8

DIRECTIONS: dict[Position, tuple[int, int]] = {
    Position.CENTRE: (0, 0),
    Position.LEFT: (-1, 0),
    Position.RIGHT: (1, 0),
    Position.TOP: (0, -1),
    Position.BOTTOM: (0, 1),
    Position.TOP_LEFT: (-1, -1),
    Position.TOP_RIGHT: (1, -1),
    Position.BOTTOM_LEFT: (-1, 1),
    Position.BOTTOM_RIGHT: (1, 1),
}
INVERSE = {
    Relation.LEFT_OF: Relation.RIGHT_OF,
    Relation.RIGHT_OF: Relation.LEFT_OF,
    Relation.ABOVE: Relation.BELOW,
    Relation.BELOW: Relation.ABOVE,
}
_TOWARDS = {
    Relation.LEFT_OF: (-1, 0),
    Relation.RIGHT_OF: (1, 0),
    Relation.ABOVE: (0, -1),
    Relation.BELOW: (0, 1),
}


@dataclass(frozen=True, slots=True)
class Thing:
    """One shape: ``x`` and ``y`` are the middle of its box, ``diameter`` the longer side of it, all in pixels."""

    shape: Shape
    colour: str
    amount: Amount
    x: float
    y: float
    diameter: float
    style: Style = Style.PLAIN


@dataclass(frozen=True, slots=True)
class Scene:
    """One thing at a position, or two in a relation (``things[0]`` is ``relation`` ``things[1]``)."""

    background: str
    things: tuple[Thing, ...]
    position: Position | None = None
    relation: Relation | None = None


def random_scene(rng: Random) -> Scene:
    chance = rng.random()
    if chance < 0.56:
        return _single(rng)
    return _pair(rng) if chance < 0.86 else _nested(rng)


def scenes(seed: int) -> Iterator[Scene]:
    """An endless, repeatable stream."""
    rng = Random(seed)
    while True:
        yield random_scene(rng)


def is_hard(scene: Scene) -> bool:
    """Arms thinner than a latent, stripes and outlines: what was still wrong when all else was right."""
    return any(
        thing.shape is Shape.CROSS
        or thing.style is not Style.PLAIN
        or (thing.shape is Shape.STAR and thing.amount is Amount.SMALL)
        for thing in scene.things
    )


def _background(rng: Random) -> str:
    return "white" if rng.random() < 0.15 else rng.choice(list(BACKGROUNDS))


def _colour(rng: Random, *taken: str) -> str:
    return rng.choice([name for name in COLOURS if name not in taken])


def _style(rng: Random, plain: float) -> Style:
    return Style.PLAIN if rng.random() < plain else rng.choice((Style.OUTLINED, Style.STRIPED))


def _single(rng: Random) -> Scene:
    background = _background(rng)
    amount = rng.choice(tuple(Amount))
    position = rng.choice((*Position, Position.CENTRE))
    shift = 24 if amount is Amount.LARGE else 28
    right, down = DIRECTIONS[position]
    thing = Thing(
        shape=rng.choice(tuple(Shape)),
        colour=_colour(rng, background),
        amount=amount,
        x=SIDE / 2 + right * shift + rng.uniform(-2, 2),
        y=SIDE / 2 + down * shift + rng.uniform(-2, 2),
        diameter=rng.uniform(*DIAMETERS[amount]),
        style=_style(rng, plain=1.0 if amount is Amount.SMALL else 0.7),
    )
    return Scene(background, (thing,), position=position)


def _pair(rng: Random) -> Scene:
    background = _background(rng)
    relation = rng.choice(tuple(_TOWARDS))
    right, down = _TOWARDS[relation]
    first, second = (
        Thing(
            shape=rng.choice(tuple(Shape)),
            colour=_colour(rng, background),
            amount=(amount := rng.choice(tuple(Amount))),
            x=SIDE / 2 + side * right * 31.5 + rng.uniform(-1, 1) * (1 if right else 6),
            y=SIDE / 2 + side * down * 31.5 + rng.uniform(-1, 1) * (1 if down else 6),
            diameter=rng.uniform(*PAIRED_DIAMETERS[amount]),
        )
        for side in (1, -1)
    )
    return Scene(background, (first, second), relation=relation)


def _nested(rng: Random) -> Scene:
    background = _background(rng)
    shape = rng.choice(OUTER_SHAPES)
    outer = Thing(
        shape=shape,
        colour=_colour(rng, background),
        amount=Amount.LARGE,
        x=SIDE / 2 + rng.uniform(-4, 4),
        y=SIDE / 2 + rng.uniform(-4, 4),
        diameter=rng.uniform(*OUTER_DIAMETER),
    )
    sink = {Shape.TRIANGLE: 0.16, Shape.HEART: -0.06}.get(shape, 0.0)
    inner = Thing(
        shape=rng.choice(tuple(Shape)),
        colour=_colour(rng, outer.colour),
        amount=Amount.SMALL,
        x=outer.x,
        y=outer.y + sink * outer.diameter,
        diameter=rng.uniform(*INNER_DIAMETER),
    )
    return Scene(background, (inner, outer), relation=Relation.INSIDE)


def draw(scene: Scene) -> Image.Image:
    """An RGB picture, edges smooth."""
    side = SIDE * OVERSAMPLING
    canvas = Image.new("RGB", (side, side), BACKGROUNDS[scene.background])
    for thing in sorted(scene.things, key=lambda each: -each.diameter):
        canvas.paste(Image.new("RGB", (side, side), COLOURS[thing.colour]), mask=_mask(thing))
    return canvas.reduce(OVERSAMPLING)


def silhouette(thing: Thing) -> Image.Image:
    """The picture's pixels that ``thing`` covers when it is plain, as an 8 bit mask."""
    side = SIDE * OVERSAMPLING
    mask = Image.new("L", (side, side), 0)
    ImageDraw.Draw(mask).polygon(_scaled(_OUTLINES[thing.shape], thing, thing.diameter), fill=255)
    return mask.reduce(OVERSAMPLING)


def _mask(thing: Thing) -> Image.Image:
    side = SIDE * OVERSAMPLING
    mask = Image.new("L", (side, side), 0)
    pen = ImageDraw.Draw(mask)
    points = _scaled(_OUTLINES[thing.shape], thing, thing.diameter)
    pen.polygon(points, fill=255)
    if thing.style is Style.OUTLINED:
        points.append(points[0])
        inner = Image.new("L", (side, side), 0)
        ImageDraw.Draw(inner).polygon(points, fill=255)
        ImageDraw.Draw(inner).line(points, fill=0, width=2 * STROKE * OVERSAMPLING, joint="curve")
        mask.paste(0, mask=inner)
    elif thing.style is Style.STRIPED:
        top = (thing.y - thing.diameter / 2) * OVERSAMPLING
        band = STRIPE * OVERSAMPLING
        for row in range(1, math.ceil(thing.diameter / STRIPE), 2):
            pen.rectangle((0, round(top + row * band), side, round(top + (row + 1) * band) - 1), fill=0)
    return mask


def _scaled(points: list[Point], thing: Thing, diameter: float) -> list[Point]:
    return [
        ((thing.x + x * diameter / 2) * OVERSAMPLING, (thing.y + y * diameter / 2) * OVERSAMPLING) for x, y in points
    ]


def _round(count: int) -> list[Point]:
    return [(math.cos(2 * math.pi * i / count), math.sin(2 * math.pi * i / count)) for i in range(count)]


def _star() -> list[Point]:
    reaches = (1.0, 0.42) * 5
    turns = [math.pi * i / 5 for i in range(10)]
    return _fitted([(r * math.sin(t), -r * math.cos(t)) for r, t in zip(reaches, turns, strict=True)])


def _heart() -> list[Point]:
    turns = [2 * math.pi * i / 60 for i in range(60)]
    return _fitted(
        [
            (
                16 * math.sin(t) ** 3,
                -(13 * math.cos(t) - 5 * math.cos(2 * t) - 2 * math.cos(3 * t) - math.cos(4 * t)),
            )
            for t in turns
        ]
    )


def _fitted(points: list[Point]) -> list[Point]:
    """Moved and scaled until the longer side of the box runs from -1 to 1."""
    left, right = min(x for x, _ in points), max(x for x, _ in points)
    top, bottom = min(y for _, y in points), max(y for _, y in points)
    half = max(right - left, bottom - top) / 2
    return [((x - (left + right) / 2) / half, (y - (top + bottom) / 2) / half) for x, y in points]


_ARM = 0.34
#: Corners in a box from -1 to 1.
_OUTLINES: dict[Shape, list[Point]] = {
    Shape.CIRCLE: _round(64),
    Shape.SQUARE: [(-0.88, -0.88), (0.88, -0.88), (0.88, 0.88), (-0.88, 0.88)],
    Shape.TRIANGLE: [(0.0, -0.9), (1.0, 0.85), (-1.0, 0.85)],
    Shape.STAR: _star(),
    Shape.HEART: _heart(),
    Shape.CROSS: [
        (-_ARM, -1), (_ARM, -1), (_ARM, -_ARM), (1, -_ARM), (1, _ARM), (_ARM, _ARM),
        (_ARM, 1), (-_ARM, 1), (-_ARM, _ARM), (-1, _ARM), (-1, -_ARM), (-_ARM, -_ARM),
    ],
}
