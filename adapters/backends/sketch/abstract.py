"""For words that the sketch has no picture of: a composition and a harmony that follow from their letters."""

from functools import partial
from hashlib import sha256
from math import pi, sin
from random import Random

from adapters.backends.sketch.canvas import Pen
from adapters.backends.sketch.colour import Colour, lighter, mix, oklch
from adapters.backends.sketch.stage import Ops, Stage


def abstract(stage: Stage, words: str) -> Ops:
    digest = sha256(words.strip().lower().encode("utf-8", "replace")).digest()
    base = digest[0] / 256 * 360
    turn = (30, 120, 180)[digest[1] % 3]
    paints = [oklch(0.45 + 0.09 * index, 0.13, base + turn * (index % 3) * 0.5 + 8 * index) for index in range(5)]
    ground = oklch(0.95, 0.025, base) if digest[2] % 2 else oklch(0.24, 0.05, base)
    yield partial(stage.canvas.gradient, [lighter(ground, 0.02), ground, mix(ground, paints[0], 0.25)], 0, stage.height)
    yield from (_discs, _waves, _facets)[digest[3] % 3](stage, paints, stage.luck("abstract"))


def _discs(stage: Stage, paints: list[Colour], luck: Random) -> Ops:
    for index in range(stage.many(16)):
        paint = luck.choice(paints)
        pen = Pen(
            stage.canvas,
            luck.uniform(0, 1) * stage.width,
            luck.uniform(0, 1) * stage.height,
            stage.side * luck.uniform(0.06, 0.24),
        )
        yield partial(stage.canvas.glow, pen.x, pen.y + pen.size * 0.15, pen.size * 1.3, "#101018", 0.3)
        yield partial(pen.oval, 0, 0, 1, 1, lighter(paint, 0.1), paint)
        if index % 3:
            yield partial(pen.oval, 0, 0, 0.62, 0.62, luck.choice(paints), None)


def _waves(stage: Stage, paints: list[Colour], luck: Random) -> Ops:
    count = stage.many(11)
    for index in range(count):
        y = (index + 1) / (count + 1)
        start, turns, rise = luck.uniform(0, 2 * pi), luck.uniform(0.7, 1.7), luck.uniform(0.03, 0.08)
        line = [
            (x / 60 * stage.width, (y + rise * sin(turns * 2 * pi * x / 60 + start)) * stage.height) for x in range(61)
        ]
        paint = mix(paints[index * len(paints) // count], paints[-1 - index % 2], 0.3)
        corners = [*line, (stage.width, stage.height), (0.0, stage.height)]
        yield partial(stage.canvas.polygon, [(x, y - stage.side * 0.008) for x, y in corners], "#101018", alpha=34)
        yield partial(stage.canvas.polygon, corners, lighter(paint, 0.1), lighter(paint, -0.05))


def _facets(stage: Stage, paints: list[Colour], luck: Random) -> Ops:
    across = 6
    down = max(3, round(across * stage.height / stage.width))
    grid = {}
    for column in range(-1, across + 2):
        for row in range(-1, down + 2):
            x, y = column + luck.uniform(-0.34, 0.34), row + luck.uniform(-0.34, 0.34)
            grid[column, row] = (x / across * stage.width, y / down * stage.height)
    for column in range(-1, across + 1):
        for row in range(-1, down + 1):
            one, two, three, four = (
                grid[column + right, row + below] for right, below in ((0, 0), (1, 0), (1, 1), (0, 1))
            )
            paint = mix(luck.choice(paints), paints[(column + row) % len(paints)], 0.5)
            yield partial(stage.canvas.polygon, [one, two, three], lighter(paint, luck.uniform(0, 0.12)), paint)
            yield partial(stage.canvas.polygon, [one, three, four], lighter(paint, luck.uniform(-0.1, 0.03)), paint)
