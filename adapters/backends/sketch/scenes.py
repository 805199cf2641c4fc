"""The scenes. Each is a sky and a land over one horizon; what stands on it comes from elsewhere."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from math import pi, sin

from adapters.backends.sketch import nature
from adapters.backends.sketch.canvas import Pen
from adapters.backends.sketch.colour import Paint, lighter, mix, oklch
from adapters.backends.sketch.land import (
    grass,
    hills,
    land,
    open_sky,
    peaks,
    plain,
    ridge,
    row_of_trees,
    stars,
    water,
)
from adapters.backends.sketch.stage import Ops, Stage

GRASS = oklch(0.7, 0.15, 133)
SEA = oklch(0.55, 0.1, 232)
SAND = oklch(0.86, 0.07, 82)


@dataclass(frozen=True, slots=True)
class Scene:
    """Heights as parts of the picture's, from its top. ``feet``: where figures stand, far and near."""

    land: Callable[[Stage, float], Ops]
    horizon: float = 0.6
    feet: tuple[float, float] = (0.72, 0.9)
    sky: Callable[[Stage, float], Ops] = open_sky
    wet: bool = False


def meadow(stage: Stage, horizon: float) -> Ops:
    yield from hills(stage, horizon, GRASS)
    yield from row_of_trees(stage, "grove", horizon + 0.07, 0.1, 7, 0.4, "tree")
    yield from plain(stage, horizon + 0.09, stage.ground(GRASS))
    yield from grass(stage, horizon + 0.11, stage.ground(GRASS))


def mountains(stage: Stage, horizon: float) -> Ops:
    yield from peaks(stage, horizon, stage.idea.scene_colours.get("mountains", oklch(0.52, 0.055, 262)))
    yield from row_of_trees(stage, "far", horizon + 0.03, 0.09, stage.many(22), 0.45)
    yield from plain(stage, horizon + 0.03, mix(GRASS, "#4c7a5c", 0.45))
    yield from row_of_trees(stage, "near", horizon + 0.13, 0.2, 5, 0.12)
    yield from grass(stage, horizon + 0.1, mix(stage.ground(GRASS), "#4c7a5c", 0.4))


def forest(stage: Stage, horizon: float) -> Ops:
    green = stage.ground(oklch(0.55, 0.1, 142))
    for layer, (tall, number, depth) in enumerate(((0.38, 12, 0.66), (0.44, 9, 0.4), (0.52, 7, 0.14))):
        yield partial(_haze, stage, horizon, green)
        kind = "tree" if stage.idea.season or layer == 2 else "pine"
        yield from row_of_trees(stage, f"wood{layer}", horizon + 0.03 * layer, tall, number, depth, kind)
    yield from plain(stage, horizon + 0.05, lighter(green, -0.04))
    yield from grass(stage, horizon + 0.07, green, flowers=0.5)


def _haze(stage: Stage, horizon: float, green: Paint) -> None:
    light = stage.lit(mix(green, "#f4f8dc", 0.75))
    stage.canvas.glow(stage.width / 2, horizon * stage.height, stage.width * 0.8, light, 0.5, 0.35)


def sea(stage: Stage, horizon: float) -> Ops:
    yield from water(stage, horizon, stage.idea.scene_colours.get("sea", SEA))
    for index in range(3):
        yield partial(_wave_line, stage, index, horizon)


def _wave_line(stage: Stage, index: int, horizon: float) -> None:
    y = horizon + (1 - horizon) * (0.42 + index * 0.25)
    skyline = ridge(stage, f"wave{index}", y, 0.01 + index * 0.004)
    paint = lighter(stage.lit(stage.idea.scene_colours.get("sea", SEA)), -0.03 * index)
    land(stage, skyline, paint)
    stage.canvas.line(skyline, stage.side * 0.004 * (index + 1), lighter(paint, 0.2), 120)


def beach(stage: Stage, horizon: float) -> Ops:
    yield from water(stage, horizon, stage.idea.scene_colours.get("sea", oklch(0.66, 0.1, 215)), horizon + 0.24)
    sand = stage.idea.scene_colours.get("beach", SAND)
    yield partial(land, stage, ridge(stage, "foam", horizon + 0.185, 0.014), stage.lit("#ffffff"))
    yield partial(land, stage, ridge(stage, "foam", horizon + 0.2, 0.014), stage.lit(sand))
    yield partial(_pebbles, stage, horizon + 0.24, lighter(stage.lit(sand), -0.08))
    if not any(subject.kind == "palm" for subject in stage.idea.subjects):
        yield from row_of_trees(stage, "palms", horizon + 0.26, 0.52, 1, 0.05, "palm")


def _pebbles(stage: Stage, top: float, paint: Paint) -> None:
    luck = stage.luck("pebbles")
    for _ in range(stage.many(90)):
        x, y = luck.uniform(0, stage.width), luck.uniform(top, 1) * stage.height
        stage.canvas.dot(x, y, stage.side * luck.uniform(0.001, 0.003), paint, 170)


def deep_sky(stage: Stage, _horizon: float) -> Ops:
    asked = stage.idea.scene_colours.get("underwater", stage.idea.scene_colours.get("sea", oklch(0.6, 0.11, 225)))
    stops = [mix(asked, "#ffffff", 0.45), asked, mix(asked, "#0c1c38", 0.62)]
    yield partial(stage.canvas.gradient, [stage.lit(stop) for stop in stops], 0, stage.height)
    luck = stage.luck("rays")
    for _ in range(5):
        left, wide = luck.uniform(-0.1, 1), luck.uniform(0.04, 0.13)
        corners = [(left, 0.0), (left + wide, 0.0), (left + wide * 2.4 - 0.2, 0.9), (left - wide - 0.2, 0.9)]
        yield partial(
            stage.canvas.polygon, [(x * stage.width, y * stage.height) for x, y in corners], "#ffffff", alpha=20
        )


def underwater(stage: Stage, horizon: float) -> Ops:
    for index, depth in enumerate((0.6, 0.3)):
        paint = mix(stage.lit(SAND), stage.lit("#2c6c90"), depth)
        yield partial(land, stage, ridge(stage, f"bed{index}", horizon + index * 0.06, 0.03), paint)
    luck = stage.luck("weeds")
    for index in range(stage.many(13)):
        x, tall = luck.uniform(0, 1) * stage.width, luck.uniform(0.12, 0.34) * stage.height
        yield partial(_weed, stage, f"weed{index}", x, tall)
    for _ in range(stage.many(26)):
        x, y, size = luck.uniform(0, 1), luck.uniform(0.1, 0.85), stage.side * luck.uniform(0.003, 0.013)
        yield partial(_bubble, stage, x * stage.width, y * stage.height, size)


def _weed(stage: Stage, label: str, x: float, tall: float) -> None:
    luck = stage.luck(label)
    foot, sway = stage.height * luck.uniform(0.9, 1.0), luck.uniform(0.6, 1.4)
    paint = stage.lit(luck.choice(("#2c8468", "#48a068", "#c8587c", "#e08858", "#7058b0")))
    points = [(x + sin(part / 3 * sway + foot) * tall * 0.08, foot - tall * part / 10) for part in range(11)]
    for index, (left, y) in enumerate(points[:-1]):
        stage.canvas.line([(left, y), points[index + 1]], stage.side * 0.014 * (1.15 - index / 10), paint)


def _bubble(stage: Stage, x: float, y: float, size: float) -> None:
    stage.canvas.dot(x, y, size, "#ffffff", 60)
    stage.canvas.dot(x - size * 0.3, y - size * 0.3, size * 0.3, "#ffffff", 180)


def city(stage: Stage, horizon: float) -> Ops:
    wall = stage.idea.scene_colours.get("city", oklch(0.52, 0.05, 268))
    for layer, (depth, low, high) in enumerate(((0.66, 0.16, 0.4), (0.36, 0.1, 0.32), (0.08, 0.06, 0.22))):
        luck = stage.luck(f"city{layer}")
        x = -0.05
        while x < 1.05:
            wide, tall = luck.uniform(0.06, 0.13), luck.uniform(low, high)
            yield partial(
                _block,
                stage,
                f"{layer}:{x:.3f}",
                (x, horizon + 0.03 * layer, wide, tall),
                stage.lit(lighter(wall, luck.uniform(-0.06, 0.05)), depth),
            )
            x += wide * luck.uniform(0.85, 1.15)
    yield from plain(stage, horizon + 0.07, oklch(0.46, 0.015, 270))
    yield partial(_road, stage, horizon + 0.2)


def _block(stage: Stage, label: str, place: tuple[float, float, float, float], paint: Paint) -> None:
    x, foot, wide, tall = place
    left, right = x * stage.width, (x + wide) * stage.width
    low, top = (foot + 0.05) * stage.height, (foot - tall) * stage.height
    stage.canvas.polygon([(left, low), (right, low), (right, top), (left, top)], paint, lighter(paint, -0.08))
    luck = stage.luck(label)
    pitch = stage.side * 0.022
    lights = luck.choice(("#ffe08c", "#ffd070", "#fff0c0"))
    chance = {"night": 0.55, "sunset": 0.4}.get(stage.time, 0.18)
    for row in range(int((low - top) / pitch) - 1):
        for column in range(int((right - left) / pitch)):
            corner, y = left + (column + 0.3) * pitch, top + (row + 0.4) * pitch
            glass = lights if luck.random() < chance else lighter(paint, 0.07)
            stage.canvas.polygon(
                [
                    (corner, y),
                    (corner + pitch * 0.45, y),
                    (corner + pitch * 0.45, y + pitch * 0.55),
                    (corner, y + pitch * 0.55),
                ],
                glass,
            )


def _road(stage: Stage, y: float) -> None:
    top, foot = y * stage.height, (y + 0.012) * stage.height
    for index in range(9):
        left = (index / 8 - 0.04) * stage.width
        right = left + stage.width * 0.06
        lean = stage.width * 0.01
        stage.canvas.polygon(
            [(left, top), (right, top), (right - lean, foot), (left - lean, foot)], stage.lit("#e8dca0")
        )


def desert(stage: Stage, horizon: float) -> Ops:
    sand = stage.idea.scene_colours.get("desert", oklch(0.78, 0.1, 68))
    for index, depth in enumerate((0.6, 0.35, 0.12, 0.0)):
        skyline = ridge(stage, f"dune{index}", horizon + index * 0.075, 0.035)
        paint = stage.lit(sand, depth)
        yield partial(land, stage, skyline, lighter(paint, 0.03), lighter(paint, -0.1))
        shade = [*skyline[::2], *[(x + stage.width * 0.03, y + stage.height * 0.05) for x, y in reversed(skyline[::2])]]
        yield partial(stage.canvas.polygon, shade, lighter(paint, -0.05), alpha=70)
    yield partial(_pebbles, stage, horizon + 0.26, lighter(stage.lit(sand), -0.1))


def snow(stage: Stage, horizon: float) -> Ops:
    yield from peaks(stage, horizon, oklch(0.72, 0.04, 250))
    white = stage.idea.scene_colours.get("snow", oklch(0.95, 0.015, 240))
    yield from hills(stage, horizon, white)
    yield from row_of_trees(stage, "firs", horizon + 0.08, 0.19, stage.many(9), 0.3)
    yield from plain(stage, horizon + 0.09, white)
    yield partial(_pebbles, stage, horizon + 0.14, lighter(stage.lit(white), 0.05))


def star_sky(stage: Stage, _horizon: float) -> Ops:
    luck = stage.luck("nebula")
    asked = stage.idea.scene_colours.get("space", oklch(0.28, 0.09, luck.uniform(255, 310)))
    yield partial(
        stage.canvas.gradient,
        [mix(asked, "#04040e", 0.8), mix(asked, "#060616", 0.45), mix(asked, "#04040e", 0.75)],
        0,
        stage.height,
    )
    for _ in range(stage.many(9)):
        paint = oklch(0.6, 0.15, luck.uniform(200, 380))
        x, y, across = (
            luck.uniform(0, 1) * stage.width,
            luck.uniform(0, 1) * stage.height,
            luck.uniform(0.15, 0.4) * stage.side,
        )
        yield partial(stage.canvas.glow, x, y, across, paint, 0.3, luck.uniform(0.5, 1.0))
    if stage.wants("star"):
        yield partial(stars, stage, stage.many(230), stage.height)


def space(stage: Stage, horizon: float) -> Ops:
    luck = stage.luck("planets")
    if stage.wants("planet") and not any(subject.kind in ("planet", "moon") for subject in stage.idea.subjects):
        x = stage.width * luck.choice((0.16, 0.84))
        paint = oklch(0.68, 0.11, luck.uniform(0, 360))
        yield partial(nature.planet, Pen(stage.canvas, x, stage.height * 0.36, stage.side * 0.24), paint)
    grey = mix(oklch(0.62, 0.03, 280), stage.idea.scene_colours.get("space", (150, 150, 170)), 0.25)
    yield partial(land, stage, ridge(stage, "regolith", horizon, 0.02), grey, lighter(grey, -0.3))
    for _ in range(stage.many(12)):
        x, y, size = luck.uniform(0, 1), luck.uniform(horizon + 0.05, 0.98), luck.uniform(0.015, 0.06) * stage.side
        yield partial(_crater, stage, x * stage.width, y * stage.height, size, lighter(grey, -0.12))


def _crater(stage: Stage, x: float, y: float, size: float, paint: Paint) -> None:
    pen = Pen(stage.canvas, x, y, size)
    pen.oval(0, 0.06, 1.05, 0.34, lighter(paint, 0.12))
    pen.oval(0, 0, 1.0, 0.3, paint)


def walls(stage: Stage, horizon: float) -> Ops:
    hue = stage.luck("wall").uniform(0, 360)
    wall = stage.idea.scene_colours.get("room", oklch(0.84, 0.05, hue))
    night = 0.3 if stage.time == "night" else 0.0
    yield partial(
        stage.canvas.gradient,
        [mix(lighter(wall, shade), "#181c34", night) for shade in (-0.05, 0.02, -0.03)],
        0,
        stage.height,
    )
    yield partial(_window, stage, horizon)
    yield partial(_frame, stage, horizon)


def _window(stage: Stage, horizon: float) -> None:
    x = stage.luck("window").choice((0.27, 0.72)) * stage.width
    pen = Pen(stage.canvas, x, horizon * 0.84 * stage.height, horizon * 0.62 * stage.height)
    sky = stage.sky()
    pen.box(-0.42, -0.04, 0.42, 1.04, "#f6f0e4")
    pen.box(-0.36, 0.02, 0.36, 0.98, sky[0], sky[-1])
    pen.oval(-0.2, 0.02, 0.3, 0.16, stage.lit(GRASS, 0.3))
    pen.line([(0, 0.02), (0, 0.98)], 0.03, "#f6f0e4")
    pen.line([(-0.36, 0.5), (0.36, 0.5)], 0.03, "#f6f0e4")
    curtain = oklch(0.62, 0.11, stage.luck("curtain").uniform(0, 360))
    for side in (-1, 1):
        pen.blob(
            [(side * 0.3, 1.1), (side * 0.6, 1.1), (side * 0.6, -0.14), (side * 0.44, -0.14), (side * 0.4, 0.4)],
            curtain,
        )
    pen.line([(-0.66, 1.1), (0.66, 1.1)], 0.03, "#8a6040")


def _frame(stage: Stage, horizon: float) -> None:
    luck = stage.luck("window")
    x = (1 - luck.choice((0.27, 0.72))) * stage.width
    pen = Pen(stage.canvas, x, horizon * 0.62 * stage.height, horizon * 0.3 * stage.height)
    pen.box(-0.5, 0, 0.5, 1, "#b08050")
    pen.box(-0.42, 0.08, 0.42, 0.92, oklch(0.86, 0.05, luck.uniform(0, 360)))
    pen.oval(0.12, 0.6, 0.14, 0.14, oklch(0.78, 0.13, 70))
    pen.blob(
        [(-0.42, 0.08), (-0.42, 0.34), (-0.1, 0.5), (0.2, 0.3), (0.42, 0.4), (0.42, 0.08)],
        oklch(0.6, 0.09, luck.uniform(0, 360)),
    )


def room(stage: Stage, horizon: float) -> Ops:
    floor = oklch(0.62, 0.07, 60)
    foot = horizon * stage.height
    dim = mix(floor, "#181c34", 0.3) if stage.time == "night" else floor
    yield partial(stage.canvas.gradient, [dim, lighter(dim, -0.1)], foot, stage.height)
    yield partial(stage.canvas.gradient, ["#f4ecdc", "#dcd0bc"], foot - stage.height * 0.022, foot)
    for index in range(-6, 7):
        x = 0.5 + index * 0.09
        line = [(x * stage.width, foot), ((0.5 + index * 0.2) * stage.width, float(stage.height))]
        yield partial(stage.canvas.line, line, stage.side * 0.002, lighter(dim, -0.08))
    rug = oklch(0.6, 0.11, stage.luck("rug").uniform(0, 360))
    for across, shade in ((0.42, 0.0), (0.36, 0.12), (0.3, 0.02)):
        pen = Pen(stage.canvas, stage.width / 2, stage.height * 0.86, stage.side * across)
        yield partial(pen.oval, 0, 0, 1.0, 0.24, lighter(rug, shade))


def garden(stage: Stage, horizon: float) -> Ops:
    yield from hills(stage, horizon, GRASS)
    yield from row_of_trees(stage, "orchard", horizon + 0.08, 0.22, 5, 0.25, "tree")
    yield from plain(stage, horizon + 0.08, stage.ground(GRASS))
    yield partial(_fence, stage, horizon + 0.1)
    yield from grass(stage, horizon + 0.11, stage.ground(GRASS), flowers=4.0)


def _fence(stage: Stage, y: float) -> None:
    white, tall, pitch = stage.lit("#f8f4ec"), stage.side * 0.08, stage.side * 0.045
    foot = y * stage.height
    for up in (0.3, 0.7):
        stage.canvas.line([(0, foot - tall * up), (stage.width, foot - tall * up)], tall * 0.1, lighter(white, -0.05))
    for index in range(int(stage.width / pitch) + 1):
        x = index * pitch
        corners = [
            (x, foot),
            (x, foot - tall),
            (x + pitch * 0.25, foot - tall * 1.15),
            (x + pitch * 0.5, foot - tall),
            (x + pitch * 0.5, foot),
        ]
        stage.canvas.polygon(corners, white, lighter(white, -0.08))


def lake(stage: Stage, horizon: float) -> Ops:
    yield from peaks(stage, horizon, oklch(0.5, 0.06, 255))
    yield from row_of_trees(stage, "shore", horizon + 0.02, 0.1, stage.many(22), 0.3)
    yield from water(stage, horizon + 0.015, stage.idea.scene_colours.get("lake", SEA))
    yield from _reeds(stage)


def _reeds(stage: Stage) -> Ops:
    luck = stage.luck("reeds")
    for index in range(stage.many(16)):
        x = stage.width * (luck.uniform(0, 0.14) if index % 2 else luck.uniform(0.88, 1))
        tall = stage.height * luck.uniform(0.1, 0.2)
        line = [(x, float(stage.height)), (x + tall * luck.uniform(-0.15, 0.15), stage.height - tall)]
        yield partial(stage.canvas.line, line, stage.side * 0.006, stage.lit("#4c8458"))


def heights(stage: Stage, horizon: float) -> Ops:
    light = stage.sky()
    for index in range(stage.many(7)):
        luck = stage.luck(f"bank{index}")
        if stage.wants("cloud") and stage.wants("cloudy"):
            pen = Pen(
                stage.canvas,
                luck.uniform(0, 1) * stage.width,
                stage.height * (horizon + 0.05 * index),
                stage.side * luck.uniform(0.14, 0.22),
            )
            yield partial(nature.cloud, pen, mix("#ffffff", light[-1 - index % 2], 0.3 + sin(index * pi / 7) * 0.1))


def whole_sky(stage: Stage, _horizon: float) -> Ops:
    yield from open_sky(stage, 1.0)


SCENES: Mapping[str, Scene] = {
    "meadow": Scene(meadow),
    "mountains": Scene(mountains, 0.62, (0.76, 0.92)),
    "forest": Scene(forest, 0.7, (0.8, 0.92)),
    "sea": Scene(sea, 0.54, (0.66, 0.8), wet=True),
    "beach": Scene(beach, 0.5, (0.78, 0.9)),
    "underwater": Scene(underwater, 0.82, (0.88, 0.95), deep_sky, wet=True),
    "city": Scene(city, 0.66, (0.78, 0.9)),
    "desert": Scene(desert, 0.56, (0.74, 0.9)),
    "snow": Scene(snow, 0.6, (0.74, 0.9)),
    "space": Scene(space, 0.8, (0.87, 0.93), star_sky),
    "room": Scene(room, 0.68, (0.8, 0.89), walls),
    "garden": Scene(garden, 0.56, (0.74, 0.9)),
    "lake": Scene(lake, 0.54, (0.7, 0.84), wet=True),
    "sky": Scene(heights, 0.8, (0.86, 0.92), whole_sky),
}
