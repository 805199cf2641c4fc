"""What scenes are made of: sky, hills, water, trees in rows, grass. Each yields pieces of work."""

from collections.abc import Sequence
from functools import partial
from math import pi, sin

from adapters.backends.sketch import nature
from adapters.backends.sketch.canvas import Pen, Point
from adapters.backends.sketch.colour import WHITE, Colour, Paint, lighter, mix
from adapters.backends.sketch.stage import Ops, Stage


def open_sky(stage: Stage, horizon: float) -> Ops:
    foot = stage.height * horizon
    yield partial(stage.canvas.gradient, stage.sky(), 0, min(1.0, horizon + 0.12) * stage.height)
    if stage.time == "night" and stage.wants("star") and not stage.overcast:
        yield partial(stars, stage, stage.many(110), foot)
    if not stage.overcast:
        yield partial(_light_of_day, stage, foot)
    if "aurora" in stage.idea.weather:
        yield partial(_aurora, stage, foot)
    if stage.wants("cloud") and stage.wants("cloudy") and stage.wants("sky"):
        luck = stage.luck("clouds")
        for _ in range(stage.many(9 if stage.overcast else luck.choice((2, 3, 4)))):
            x, y = luck.uniform(0, 1) * stage.width, luck.uniform(0.05, 0.62) * foot
            yield partial(_cloud, stage, x, y, stage.side * luck.uniform(0.05, 0.13))


def stars(stage: Stage, number: int, foot: float) -> None:
    luck = stage.luck("stars")
    for _ in range(number):
        x, y, size = (
            luck.uniform(0, stage.width),
            luck.uniform(0, 0.92) * foot,
            luck.uniform(0.4, 1.5) * stage.side / 700,
        )
        paint = luck.choice(("#ffffff", "#fff0d0", "#d0e0ff"))
        if luck.random() < 0.08:
            stage.canvas.glow(x, y, size * 7, paint, 0.6)
        stage.canvas.dot(x, y, size, paint, luck.randint(120, 255))


def _light_of_day(stage: Stage, foot: float) -> None:
    kinds = {subject.kind for subject in stage.idea.subjects}
    luck = stage.luck("light")
    x = stage.width * luck.choice((0.2, 0.28, 0.72, 0.8))
    if stage.time == "night":
        if "moon" not in kinds and stage.wants("moon"):
            nature.moon(Pen(stage.canvas, x, foot * 0.36, stage.side * 0.12), (246, 240, 212))
    elif "sun" not in kinds and stage.wants("sun"):
        low = {"day": 0.3, "dawn": 0.86, "sunset": 0.9}[stage.time]
        size = stage.side * (0.1 if stage.time == "day" else 0.15)
        nature.sun(Pen(stage.canvas, x, foot * low, size), {"day": (255, 226, 128)}.get(stage.time, (255, 176, 72)))


def _aurora(stage: Stage, foot: float) -> None:
    luck = stage.luck("aurora")
    for index in range(70):
        x = stage.width * index / 69
        y = foot * (0.3 + 0.14 * sin(index / 9 + luck.uniform(0, 0.2)))
        paint = mix("#58f0a0", "#9068f0", (sin(index / 14) + 1) / 2)
        stage.canvas.glow(x, y, stage.side * 0.045, paint, 0.35, 4.5)


def _cloud(stage: Stage, x: float, y: float, size: float) -> None:
    light = stage.sky()
    body = mix(WHITE, light[-1], 0.25) if stage.time == "day" else mix(light[-1], light[1], 0.35)
    if stage.overcast:
        body = mix(body, "#707884", 0.35)
    nature.cloud(Pen(stage.canvas, x, y, size), body)


def ridge(stage: Stage, label: str, y: float, rise: float, *, rough: bool = False) -> list[Point]:
    """A skyline about ``y`` with hills of ``rise`` (parts of the height), from left to right."""
    luck = stage.luck(label)
    count = 64
    waves = [
        (luck.uniform(0.6, 1.6) * 2**octave, luck.uniform(0, 2 * pi), 0.55**octave)
        for octave in range(5 if rough else 2)
    ]
    points = []
    for index in range(count + 1):
        place = index / count
        up = sum(size * _wave(turns * pi * place + start, rough) for turns, start, size in waves)
        points.append((place * stage.width, (y - rise * up) * stage.height))
    return points


def _wave(turn: float, rough: bool) -> float:
    if rough:
        return 1 - 2 * abs((turn / pi) % 2 - 1)
    return sin(turn)


def land(stage: Stage, skyline: Sequence[Point], paint: Paint, to: Paint | None = None) -> None:
    foot = [(stage.width, stage.height), (0.0, stage.height)]
    stage.canvas.polygon([*skyline, *foot], paint, lighter(paint, -0.12) if to is None else to)


def hills(stage: Stage, horizon: float, natural: Paint) -> Ops:
    base = stage.ground(natural)
    for index, depth in enumerate((0.75, 0.5, 0.25)):
        skyline = ridge(stage, f"hill{index}", horizon + index * 0.035, 0.05 - index * 0.01)
        yield partial(land, stage, skyline, stage.lit(lighter(base, -0.02), depth))


def peaks(stage: Stage, horizon: float, natural: Paint) -> Ops:
    for index, depth in enumerate((0.72, 0.45)):
        skyline = ridge(stage, f"peak{index}", horizon - 0.16 + index * 0.11, 0.15 - index * 0.05, rough=True)
        paint = stage.lit(natural, depth)
        yield partial(land, stage, skyline, paint, mix(paint, stage.sky()[-1], 0.4))
        yield partial(_snow_caps, stage, skyline, stage.lit("#ffffff", depth * 0.4), horizon - 0.13 + index * 0.08)


def _snow_caps(stage: Stage, skyline: Sequence[Point], paint: Colour, below: float) -> None:
    """Where the skyline is above ``below``, a band that ends in teeth."""
    run: list[Point] = []
    for x, y in [*skyline, (stage.width + 1.0, stage.height * 2.0)]:
        if y < below * stage.height:
            run.append((x, y))
        elif run:
            deep = [
                (x, y + min((below * stage.height - y) * (0.85 if index % 2 else 0.35), stage.height * 0.07))
                for index, (x, y) in enumerate(run)
            ]
            if len(run) > 2:
                stage.canvas.polygon([*run, *reversed(deep)], paint, alpha=225)
            run = []


def plain(stage: Stage, y: float, paint: Paint, label: str = "plain") -> Ops:
    yield partial(land, stage, ridge(stage, label, y, 0.012), stage.lit(paint), lighter(stage.lit(paint), -0.16))


def grass(stage: Stage, top: float, paint: Paint, *, flowers: float = 1.0) -> Ops:
    for part in range(6):
        yield partial(_tufts, stage, f"grass{part}", top + (1 - top) * part / 6, (1 - top) / 6, stage.lit(paint))
    if stage.wants("flower") and flowers and stage.idea.season != "winter" and "snowfall" not in stage.idea.weather:
        for part in range(3):
            yield partial(_petals, stage, f"petals{part}", top + (1 - top) * part / 3, (1 - top) / 3, flowers)


def _tufts(stage: Stage, label: str, top: float, band: float, paint: Colour) -> None:
    luck = stage.luck(label)
    for _ in range(stage.many(45 * stage.width / stage.side)):
        x, y = luck.uniform(0, stage.width), (top + luck.uniform(0, band)) * stage.height
        tall = stage.side * (0.006 + 0.03 * max(0.0, top - 0.5)) * luck.uniform(0.6, 1.5)
        colour = lighter(paint, luck.uniform(-0.13, 0.07))
        for lean in (-0.4, 0.05, 0.45):
            stage.canvas.polygon([(x - tall * 0.09, y), (x + tall * 0.09, y), (x + lean * tall, y - tall)], colour)


def _petals(stage: Stage, label: str, top: float, band: float, much: float) -> None:
    luck = stage.luck(label)
    for _ in range(stage.many(12 * much * stage.width / stage.side)):
        x, y = luck.uniform(0, stage.width), (top + luck.uniform(0.1, 1) * band) * stage.height
        size = stage.side * (0.004 + 0.014 * max(0.0, top - 0.55))
        paint = stage.lit(luck.choice(("#f8f4ec", "#f0c850", "#e87090", "#b090e0", "#f09060")))
        stage.canvas.line([(x, y), (x, y + size * 3)], size * 0.3, stage.lit("#4c8a40"))
        for turn in range(5):
            stage.canvas.dot(
                x + size * 0.8 * sin(turn * 1.26), y - size * 0.8 * sin(turn * 1.26 + pi / 2), size * 0.62, paint
            )
        stage.canvas.dot(x, y, size * 0.5, "#f8d050")


def water(stage: Stage, top: float, paint: Paint, foot: float = 1.0) -> Ops:
    near = stage.lit(paint)
    far = mix(near, stage.sky()[-1], 0.6)
    yield partial(stage.canvas.gradient, [far, near, lighter(near, -0.12)], top * stage.height, foot * stage.height)
    for part in range(4):
        yield partial(_glints, stage, part, top, foot, lighter(far, 0.06))


def _glints(stage: Stage, part: int, top: float, foot: float, paint: Colour) -> None:
    luck = stage.luck(f"glints{part}")
    for _ in range(stage.many(38)):
        depth = luck.uniform(0.02, 1) ** 1.4
        y = (top + (foot - top) * depth) * stage.height
        x, half = luck.uniform(0, stage.width), stage.side * (0.01 + 0.07 * depth) * luck.uniform(0.5, 1.4)
        thick = max(0.6, stage.side * 0.005 * depth)
        stage.canvas.polygon([(x - half, y), (x, y - thick), (x + half, y), (x, y + thick)], paint, alpha=110)


def row_of_trees(stage: Stage, label: str, y: float, tall: float, number: int, depth: float, kind: str = "pine") -> Ops:
    if not (stage.wants("tree") and stage.wants(kind)):
        return
    if kind == "pine" and stage.idea.season in ("autumn", "spring"):
        kind = "tree"
    luck = stage.luck(label)
    for index in range(number):
        x = (index + luck.uniform(0.1, 0.9)) / number * stage.width
        size = tall * stage.height * luck.uniform(0.75, 1.2)
        base = y * stage.height + luck.uniform(0, 0.012) * stage.height
        yield partial(
            one_tree,
            stage,
            kind,
            Pen(stage.canvas, x, base, size, luck.random() < 0.5),
            depth,
            luck.uniform(-0.04, 0.04),
        )


def one_tree(stage: Stage, kind: str, pen: Pen, depth: float, shade: float) -> None:
    leaf: Paint = {"pine": "#2f7050", "palm": "#4ca050"}.get(kind, "#4c9a48")
    if kind == "tree":
        leaf = {"autumn": "#d8772c", "spring": "#f0a8bc", "winter": "#dce6ec"}.get(stage.idea.season, leaf)
    if "snowfall" in stage.idea.weather or stage.scene == "snow" or stage.idea.season == "winter":
        leaf = mix(leaf, "#f0f6fa", 0.45)
    lit = Pen(pen.canvas, pen.x, pen.y, pen.size, pen.flip, lit=lambda colour: stage.lit(colour, depth))
    {"pine": nature.pine, "palm": nature.palm, "tree": nature.tree}[kind](lit, lighter(leaf, shade))
