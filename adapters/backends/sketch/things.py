"""Buildings and vehicles."""

from math import cos, pi, sin

from adapters.backends.sketch.canvas import Pen
from adapters.backends.sketch.colour import Colour, lighter, mix
from adapters.backends.sketch.figure import Figure, Home

DARK = "#2a2830"
ROOF = "#b84a38"
STONE = "#b8b4b0"
GLASS = "#a8d8f0"
LIGHT = "#ffe08c"
WOOD = "#8a5c38"
WHITE = "#fbfaf6"


def _window(pen: Pen, x: float, y: float, half: float = 0.05, up: float = 0.06) -> None:
    pen.box(x - half, y - up, x + half, y + up, LIGHT, "#f8c860")
    pen.line([(x, y - up), (x, y + up)], 0.01, WOOD)
    pen.line([(x - half, y), (x + half, y)], 0.01, WOOD)


def house(pen: Pen, main: Colour) -> None:
    pen.box(0.22, 0.6, 0.32, 0.92, "#a8584c")
    pen.box(-0.42, 0, 0.42, 0.52, main)
    pen.poly([(-0.52, 0.5), (0, 0.96), (0.52, 0.5)], ROOF, lighter(ROOF, -0.1))
    pen.poly([(0, 0.96), (0.52, 0.5), (0.3, 0.5)], lighter(ROOF, -0.1))
    pen.box(-0.08, 0, 0.1, 0.3, WOOD)
    pen.oval(0.07, 0.15, 0.014, 0.014, LIGHT)
    for x in (-0.26, 0.28):
        _window(pen, x, 0.28, 0.075, 0.085)
    pen.oval(0, 0.66, 0.07, 0.07, LIGHT)


def castle(pen: Pen, main: Colour) -> None:
    deep = lighter(main, -0.07)
    for x, foot, top, half in ((0, 0.2, 0.76, 0.13), (-0.46, 0, 0.6, 0.12), (0.46, 0, 0.6, 0.12)):
        if x:
            pen.box(-0.46, 0, 0.46, 0.36, deep)
            for index in range(7):
                left = -0.36 + index * 0.11
                pen.box(left, 0.36, left + 0.06, 0.42, deep)
        pen.box(x - half, foot, x + half, top, main)
        pen.poly([(x - half - 0.04, top), (x, top + 0.28), (x + half + 0.04, top)], "#5068a8", "#40508c")
        pen.line([(x, top + 0.27), (x, top + 0.36)], 0.012, DARK)
        pen.poly([(x, top + 0.36), (x + 0.12, top + 0.325), (x, top + 0.29)], "#e04848")
        pen.blob([(x - 0.03, top - 0.2), (x - 0.03, top - 0.1), (x + 0.03, top - 0.1), (x + 0.03, top - 0.2)], LIGHT)
    pen.blob([(-0.1, -0.02), (-0.11, 0.16), (0, 0.25), (0.11, 0.16), (0.1, -0.02)], "#5c3c28")


def tower(pen: Pen, main: Colour) -> None:
    pen.box(-0.19, 0, 0.19, 0.9, main, lighter(main, -0.1))
    pen.box(0.08, 0, 0.19, 0.9, lighter(main, -0.1))
    pen.poly([(-0.19, 0.9), (0, 1.0), (0.19, 0.9)], lighter(main, -0.05))
    pen.line([(0, 0.98), (0, 1.12)], 0.012, DARK)
    for row in range(11):
        for column in range(4):
            paint = LIGHT if (row * 7 + column * 5) % 3 else GLASS
            pen.box(-0.155 + column * 0.085, 0.06 + row * 0.075, -0.105 + column * 0.085, 0.105 + row * 0.075, paint)


def lighthouse(pen: Pen, main: Colour) -> None:
    for side in (-1, 1):
        pen.poly([(0, 0.82), (side * 5, 1.5), (side * 5, 0.2)], "#fff4c0", "#fff4c0", 46)
    pen.blob([(-0.4, 0), (-0.28, 0.1), (0.3, 0.09), (0.42, 0)], "#807c80")
    for band in range(5):
        low, high = 0.06 + band * 0.136, 0.06 + (band + 1) * 0.136
        wide, narrow = 0.17 - band * 0.017, 0.17 - (band + 1) * 0.017
        pen.poly([(-wide, low), (wide, low), (narrow, high), (-narrow, high)], WHITE if band % 2 else main)
    pen.box(-0.13, 0.735, 0.13, 0.765, DARK)
    pen.box(-0.07, 0.765, 0.07, 0.87, "#fff4b0")
    pen.glow(0, 0.82, 0.4, "#fff0a0", 0.9)
    pen.blob([(-0.1, 0.87), (-0.06, 0.95), (0, 0.98), (0.06, 0.95), (0.1, 0.87)], main)
    pen.box(-0.035, 0.06, 0.035, 0.17, WOOD)


def windmill(pen: Pen, main: Colour) -> None:
    pen.poly([(-0.22, 0), (0.22, 0), (0.13, 0.62), (-0.13, 0.62)], main)
    pen.blob([(-0.16, 0.6), (-0.1, 0.74), (0, 0.79), (0.1, 0.74), (0.16, 0.6)], ROOF)
    pen.box(-0.06, 0, 0.06, 0.18, WOOD)
    _window(pen, 0, 0.4, 0.045, 0.05)
    for quarter in range(4):
        sail = pen.part(0, 0.64, 1.0, tilt=0.5 + quarter * pi / 2)
        sail.line([(0, 0), (0, 0.44)], 0.022, WOOD)
        sail.box(0.01, 0.1, 0.11, 0.43, "#f4ead4")
        for y in (0.18, 0.26, 0.34):
            sail.line([(0.01, y), (0.11, y)], 0.008, WOOD)
    pen.oval(0, 0.64, 0.03, 0.03, DARK)


def church(pen: Pen, main: Colour) -> None:
    pen.box(-0.12, 0, 0.5, 0.42, main)
    pen.poly([(-0.16, 0.4), (0.19, 0.66), (0.54, 0.4)], "#5c6478")
    pen.box(-0.36, 0, -0.06, 0.64, lighter(main, 0.03))
    pen.poly([(-0.4, 0.62), (-0.21, 0.98), (-0.02, 0.62)], "#4c5468")
    pen.line([(-0.21, 0.97), (-0.21, 1.1)], 0.016, LIGHT)
    pen.line([(-0.25, 1.055), (-0.17, 1.055)], 0.016, LIGHT)
    for x, y in ((-0.21, 0.48), (0.08, 0.24), (0.24, 0.24), (0.4, 0.24)):
        pen.blob(
            [(x - 0.035, y - 0.08), (x - 0.035, y + 0.05), (x, y + 0.1), (x + 0.035, y + 0.05), (x + 0.035, y - 0.08)],
            LIGHT,
        )
    pen.blob([(-0.28, -0.01), (-0.28, 0.17), (-0.21, 0.23), (-0.14, 0.17), (-0.14, -0.01)], WOOD)


def temple(pen: Pen, main: Colour) -> None:
    for level in range(3):
        foot, half = level * 0.28, 0.34 - level * 0.08
        pen.box(-half * 0.72, foot, half * 0.72, foot + 0.2, "#f0e4cc")
        for x in (-half * 0.6, 0, half * 0.6):
            pen.line([(x, foot), (x, foot + 0.2)], 0.022, lighter(main, -0.05))
        pen.blob(
            [
                (-half - 0.16, foot + 0.2),
                (-half * 0.6, foot + 0.22),
                (-half * 0.4, foot + 0.32),
                (half * 0.4, foot + 0.32),
                (half * 0.6, foot + 0.22),
                (half + 0.16, foot + 0.2),
                (0, foot + 0.18),
            ],
            main,
        )
    pen.line([(0, 0.86), (0, 1.02)], 0.025, "#e8b840")


def tent(pen: Pen, main: Colour) -> None:
    pen.poly([(-0.7, 0), (0, 0.94), (0.7, 0)], main, lighter(main, -0.1))
    pen.poly([(0, 0.94), (0.7, 0), (0.34, 0)], lighter(main, -0.09))
    pen.poly([(-0.16, 0), (0, 0.56), (0.18, 0)], LIGHT, "#e8a040")


def bridge(pen: Pen, main: Colour) -> None:
    for x in (-0.62, 0.62):
        pen.box(x - 0.05, -0.1, x + 0.05, 1.0, main)
    hang = [(-0.62 + 1.24 * step / 16, 0.94 - 0.6 * sin(pi * step / 16)) for step in range(17)]
    pen.line(hang, 0.022, main)
    for x, y in hang[1:-1]:
        pen.line([(x, y), (x, 0.28)], 0.012, main)
    for side in (-1, 1):
        pen.curve([(side * 0.62, 0.94), (side * 0.9, 0.5), (side * 1.2, 0.3)], 0.022, main)
    pen.box(-1.25, 0.22, 1.25, 0.3, lighter(main, -0.08))


def boat(pen: Pen, main: Colour) -> None:
    pen.line([(0, 0.16), (0, 0.98)], 0.025, WOOD)
    pen.blob([(0.03, 0.3), (0.03, 0.95), (0.16, 0.66), (0.42, 0.3)], WHITE, "#e0dcd4")
    pen.blob([(-0.03, 0.3), (-0.03, 0.84), (-0.14, 0.56), (-0.34, 0.3)], mix(main, WHITE, 0.55))
    pen.poly([(0, 0.98), (-0.14, 0.94), (0, 0.9)], "#e84848")
    pen.blob([(-0.5, 0.24), (0.54, 0.26), (0.34, 0.02), (-0.34, 0.02)], main, lighter(main, -0.14))
    pen.line([(-0.46, 0.2), (0.48, 0.21)], 0.025, WHITE)


def ship(pen: Pen, main: Colour) -> None:
    for x, top in ((-0.3, 0.84), (0.05, 1.0), (0.4, 0.8)):
        pen.line([(x, 0.24), (x, top)], 0.024, WOOD)
        for low, high, half in ((0.34, 0.58, 0.17), (0.6, top - 0.06, 0.12)):
            pen.blob(
                [
                    (x - half, low),
                    (x - half * 0.86, high),
                    (x + half * 0.86, high),
                    (x + half, low),
                    (x + half * 0.2, low + 0.05),
                ],
                "#f6eedc",
                "#dccfb4",
            )
        pen.poly([(x, top + 0.02), (x - 0.12, top - 0.01), (x, top - 0.045)], "#d84040")
    pen.blob(
        [(-0.66, 0.42), (-0.6, 0.26), (0.6, 0.26), (0.78, 0.36), (0.56, 0.02), (-0.46, 0.02)],
        main,
        lighter(main, -0.14),
    )
    for x in (-0.36, -0.16, 0.04, 0.24, 0.44):
        pen.oval(x, 0.16, 0.03, 0.03, LIGHT)


def submarine(pen: Pen, main: Colour) -> None:
    pen.box(-0.1, 0.6, 0.16, 0.86, lighter(main, -0.05))
    pen.line([(0.06, 0.84), (0.06, 1.0), (0.18, 1.0)], 0.035, lighter(main, -0.1))
    for up in (-1, 1):
        pen.blob([(-0.62, 0.4), (-0.86, 0.4 + up * 0.24), (-0.74, 0.4)], lighter(main, -0.1))
    pen.oval(0, 0.4, 0.7, 0.27, main, lighter(main, -0.12))
    for x in (-0.24, 0.06, 0.36):
        pen.oval(x, 0.42, 0.1, 0.1, lighter(main, -0.16))
        pen.oval(x, 0.42, 0.072, 0.072, GLASS)


def _wheels(pen: Pen, places: tuple[float, ...], radius: float) -> None:
    for x in places:
        pen.oval(x, radius, radius, radius, DARK)
        pen.oval(x, radius, radius * 0.5, radius * 0.5, "#c8ccd4")


def car(pen: Pen, main: Colour) -> None:
    pen.blob([(-0.44, 0.5), (-0.3, 0.92), (0.22, 0.92), (0.46, 0.5)], main)
    pen.poly([(-0.35, 0.54), (-0.24, 0.84), (-0.04, 0.84), (-0.04, 0.54)], GLASS, "#78b4d8")
    pen.poly([(0.02, 0.54), (0.02, 0.84), (0.19, 0.84), (0.36, 0.54)], GLASS, "#78b4d8")
    pen.blob(
        [(-0.86, 0.2), (-0.82, 0.5), (-0.4, 0.58), (0.44, 0.56), (0.82, 0.46), (0.86, 0.2), (0, 0.15)],
        main,
        lighter(main, -0.1),
    )
    pen.oval(0.8, 0.38, 0.05, 0.06, LIGHT)
    pen.oval(-0.82, 0.4, 0.04, 0.06, "#e04040")
    _wheels(pen, (-0.48, 0.5), 0.18)


def truck(pen: Pen, main: Colour) -> None:
    pen.box(-0.86, 0.18, 0.4, 0.92, main, lighter(main, -0.08))
    pen.blob([(0.38, 0.18), (0.38, 0.72), (0.66, 0.72), (0.84, 0.46), (0.86, 0.18)], lighter(main, -0.06))
    pen.poly([(0.48, 0.46), (0.48, 0.66), (0.64, 0.66), (0.76, 0.46)], GLASS)
    for x in (-0.66, -0.32, 0.02):
        pen.box(x, 0.54, x + 0.24, 0.78, GLASS, "#78b4d8")
    pen.box(-0.86, 0.36, 0.4, 0.42, mix(main, WHITE, 0.7))
    _wheels(pen, (-0.52, 0.54), 0.16)


def train(pen: Pen, main: Colour) -> None:
    pen.line([(-1.1, 0.01), (1.1, 0.01)], 0.03, "#6c6468")
    for x, y, radius in ((0.56, 1.02, 0.1), (0.42, 1.18, 0.14), (0.2, 1.3, 0.17)):
        pen.oval(x, y, radius, radius * 0.8, WHITE, "#d0d0d4", alpha=190)
    pen.box(-0.7, 0.16, -0.2, 0.86, main)
    pen.box(-0.76, 0.84, -0.14, 0.92, DARK)
    pen.box(-0.6, 0.52, -0.32, 0.76, GLASS)
    pen.blob(
        [(-0.22, 0.2), (-0.22, 0.64), (0.64, 0.64), (0.72, 0.42), (0.64, 0.2)], lighter(main, 0.04), lighter(main, -0.1)
    )
    pen.poly([(0.48, 0.62), (0.44, 0.9), (0.64, 0.9), (0.6, 0.62)], DARK)
    pen.oval(0.14, 0.66, 0.1, 0.08, "#e8b840")
    pen.poly([(0.66, 0.24), (0.92, 0.04), (0.6, 0.04)], "#c84038")
    _wheels(pen, (-0.5, -0.12, 0.18, 0.48), 0.14)


def bicycle(pen: Pen, main: Colour) -> None:
    for x in (-0.48, 0.48):
        rim = [(x + 0.31 * cos(2 * pi * step / 32), 0.32 + 0.31 * sin(2 * pi * step / 32)) for step in range(33)]
        pen.line(rim, 0.04, DARK)
        for step in range(0, 32, 4):
            pen.line([(x, 0.32), rim[step]], 0.008, "#a0a4ac")
    for part in (
        [(-0.48, 0.32), (-0.2, 0.74), (0.3, 0.74), (0.02, 0.32), (-0.48, 0.32)],
        [(-0.2, 0.74), (0.02, 0.32)],
        [(0.48, 0.32), (0.26, 0.94)],
    ):
        pen.line(part, 0.045, main)
    pen.line([(0.16, 0.98), (0.26, 0.94), (0.4, 0.9)], 0.04, DARK)
    pen.line([(-0.32, 0.82), (-0.1, 0.82)], 0.06, DARK)


def airplane(pen: Pen, main: Colour) -> None:
    pen.blob([(-0.7, 0.5), (-0.9, 0.96), (-0.74, 0.94), (-0.46, 0.56)], lighter(main, -0.08))
    pen.blob([(0.1, 0.56), (-0.2, 0.9), (-0.06, 0.9), (0.34, 0.56)], lighter(main, -0.14))
    pen.blob(
        [(-0.84, 0.52), (-0.3, 0.64), (0.5, 0.66), (0.88, 0.5), (0.5, 0.36), (-0.4, 0.4)], main, lighter(main, -0.12)
    )
    pen.blob([(0.2, 0.46), (-0.34, 0.06), (-0.18, 0.06), (0.46, 0.44)], lighter(main, -0.08))
    for index in range(6):
        pen.oval(-0.34 + index * 0.16, 0.55, 0.034, 0.034, "#5c94c4")
    pen.blob([(0.6, 0.58), (0.78, 0.55), (0.62, 0.52)], "#5c94c4")


def rocket(pen: Pen, main: Colour) -> None:
    pen.glow(0, -0.02, 0.4, "#ff9030", 0.8)
    pen.blob([(-0.09, 0.12), (-0.1, -0.06), (0, -0.26), (0.1, -0.06), (0.09, 0.12)], "#ffd050", "#f05820")
    pen.blob([(-0.045, 0.1), (0, -0.14), (0.045, 0.1)], "#fff6d0")
    for side in (-1, 1):
        pen.blob(
            [(side * 0.1, 0.38), (side * 0.3, 0.12), (side * 0.28, 0.02), (side * 0.08, 0.14)],
            main,
            lighter(main, -0.1),
        )
    pen.blob(
        [(-0.13, 0.1), (-0.18, 0.46), (-0.1, 0.82), (0, 1.0), (0.1, 0.82), (0.18, 0.46), (0.13, 0.1)], WHITE, "#d4d8e4"
    )
    pen.blob([(-0.11, 0.8), (0, 1.0), (0.11, 0.8), (0, 0.77)], main)
    pen.oval(0, 0.58, 0.085, 0.085, lighter(main, -0.05))
    pen.oval(0, 0.58, 0.06, 0.06, "#7cc8f0")


def ufo(pen: Pen, main: Colour) -> None:
    pen.poly([(-0.24, 0.3), (0.24, 0.3), (0.6, -0.8), (-0.6, -0.8)], "#c0ffb8", "#c0ffb8", 60)
    pen.oval(0, 0.6, 0.32, 0.34, "#b8f0f8", "#80c8e0", alpha=220)
    pen.oval(0, 0.4, 0.8, 0.2, main, lighter(main, -0.16))
    for x in (-0.54, -0.27, 0, 0.27, 0.54):
        pen.oval(x, 0.36, 0.05, 0.045, "#fff080", "#f8c840")


BUILT = {
    "house": Figure(house, "#f0dcb8", 0.44, 1.0, Home.BACK),
    "castle": Figure(castle, STONE, 0.58, 1.2, Home.BACK),
    "tower": Figure(tower, "#7088a8", 0.7, 0.5, Home.BACK, "city"),
    "lighthouse": Figure(lighthouse, "#d84038", 0.66, 0.7, Home.BACK, "sea"),
    "windmill": Figure(windmill, "#efe4d0", 0.58, 0.8, Home.BACK),
    "church": Figure(church, "#ece4d8", 0.54, 1.0, Home.BACK),
    "temple": Figure(temple, "#b83c34", 0.58, 0.9, Home.BACK, "garden"),
    "tent": Figure(tent, "#e08838", 0.3, 1.4, Home.GROUND, "forest"),
    "bridge": Figure(bridge, "#c84838", 0.42, 2.4, Home.BACK, "lake"),
    "boat": Figure(boat, "#d04c3c", 0.44, 1.0, Home.WATER, "sea"),
    "ship": Figure(ship, "#7c4c2c", 0.52, 1.4, Home.WATER, "sea"),
    "submarine": Figure(submarine, "#f0c030", 0.34, 1.6, Home.UNDER, "underwater"),
    "car": Figure(car, "#e04038", 0.28, 1.8, Home.GROUND, "city"),
    "truck": Figure(truck, "#4088c8", 0.32, 1.8, Home.GROUND, "city"),
    "train": Figure(train, "#3c7858", 0.34, 1.8),
    "bicycle": Figure(bicycle, "#2c90b0", 0.34, 1.6, Home.GROUND, "city"),
    "airplane": Figure(airplane, "#f2f4f8", 0.26, 1.9, Home.AIR, "sky"),
    "rocket": Figure(rocket, "#e04438", 0.52, 0.6, Home.AIR, "space"),
    "ufo": Figure(ufo, "#a8b0c0", 0.24, 1.6, Home.AIR, "space"),
}
