"""Things one can hold, wear, eat or put into a room."""

from math import cos, pi, sin

from adapters.backends.sketch.canvas import Pen
from adapters.backends.sketch.colour import Colour, lighter, mix
from adapters.backends.sketch.figure import Figure, Home

DARK = "#2a2830"
WOOD = "#8a5c38"
GOLD = "#f0c040"
WHITE = "#fbfaf6"
LIGHT = "#ffe08c"


def balloon(pen: Pen, main: Colour) -> None:
    for side in (-1, 1):
        pen.line([(side * 0.2, 0.4), (side * 0.075, 0.16)], 0.01, WOOD)
    stripes = (main, mix(main, WHITE, 0.8), main, mix(main, WHITE, 0.8), main)
    for index, paint in enumerate(stripes):
        wide = (1 - index / len(stripes)) * 0.37
        pen.blob(
            [
                (0, 1.0),
                (-wide, 0.84),
                (-wide, 0.6),
                (-0.09 * (1 - index / 5), 0.28),
                (0.09 * (1 - index / 5), 0.28),
                (wide, 0.6),
                (wide, 0.84),
            ],
            lighter(paint, 0.03),
            lighter(paint, -0.1),
        )
    pen.box(-0.09, 0.02, 0.09, 0.17, "#b07c44")
    pen.line([(-0.1, 0.17), (0.1, 0.17)], 0.025, WOOD)


def kite(pen: Pen, main: Colour) -> None:
    pen.curve([(0, 0.2), (-0.2, 0.02), (0.1, -0.2), (-0.1, -0.45)], 0.014, WHITE)
    pen.poly([(0, 1.0), (-0.32, 0.66), (0, 0.18), (0.32, 0.66)], main)
    pen.poly([(0, 1.0), (0.32, 0.66), (0, 0.66)], lighter(main, 0.1))
    pen.poly([(0, 0.18), (-0.32, 0.66), (0, 0.66)], lighter(main, 0.14))
    for y in (0.06, -0.14, -0.32):
        pen.poly([(-0.14, y + 0.05), (-0.14, y - 0.05), (0.02, y), (0.16, y + 0.05), (0.16, y - 0.05), (0.0, y)], main)


def umbrella(pen: Pen, main: Colour) -> None:
    pen.curve([(0, 0.6), (0, 0.12), (0.05, 0.03), (0.12, 0.08)], 0.03, WOOD)
    pen.blob([(-0.5, 0.5), (-0.4, 0.8), (0, 0.97), (0.4, 0.8), (0.5, 0.5), (0.25, 0.56), (0, 0.5), (-0.25, 0.56)], main)
    pen.blob([(-0.2, 0.54), (-0.14, 0.84), (0, 0.97), (0.14, 0.84), (0.2, 0.54), (0, 0.51)], lighter(main, 0.08))
    pen.line([(0, 0.95), (0, 1.02)], 0.025, WOOD)


def lantern(pen: Pen, main: Colour) -> None:
    pen.line([(0, 0), (0, 0.62)], 0.04, DARK)
    pen.box(-0.1, 0, 0.1, 0.04, DARK)
    pen.glow(0, 0.78, 0.6, main, 0.85)
    pen.poly([(-0.1, 0.64), (0.1, 0.64), (0.15, 0.9), (-0.15, 0.9)], lighter(main, 0.08), main)
    pen.poly([(-0.19, 0.9), (0, 1.0), (0.19, 0.9)], DARK)
    pen.box(-0.12, 0.6, 0.12, 0.64, DARK)


def candle(pen: Pen, main: Colour) -> None:
    pen.oval(0, 0.05, 0.28, 0.06, GOLD)
    pen.box(-0.12, 0.06, 0.12, 0.64, main)
    pen.oval(0, 0.64, 0.12, 0.03, lighter(main, 0.05))
    pen.line([(0, 0.64), (0, 0.72)], 0.015, DARK)
    pen.glow(0, 0.82, 0.6, "#ffc860", 0.85)
    pen.blob([(0, 0.7), (-0.07, 0.8), (0, 1.0), (0.07, 0.8)], "#fff0b0", "#ff9830")


def book(pen: Pen, main: Colour) -> None:
    pen.blob([(-0.74, 0.06), (-0.7, 0.74), (0, 0.66), (0.7, 0.74), (0.74, 0.06), (0, 0.02)], main)
    for side in (-1, 1):
        pen.blob(
            [(0, 0.1), (0, 0.72), (side * 0.3, 0.84), (side * 0.64, 0.74), (side * 0.66, 0.16), (side * 0.3, 0.2)],
            WHITE,
            "#e8dfcc",
        )
        for y in (0.64, 0.54, 0.44, 0.34):
            pen.curve([(side * 0.1, y), (side * 0.3, y + 0.06), (side * 0.54, y + 0.02)], 0.016, "#a89c88")


def cup(pen: Pen, main: Colour) -> None:
    handle = [(0.3 + 0.2 * sin(pi * step / 12), 0.5 - 0.2 * cos(pi * step / 12)) for step in range(13)]
    pen.line(handle, 0.06, lighter(main, -0.06))
    pen.oval(0, 0.05, 0.5, 0.06, lighter(main, 0.08))
    pen.blob(
        [(-0.36, 0.68), (-0.32, 0.3), (-0.16, 0.06), (0.16, 0.06), (0.32, 0.3), (0.36, 0.68)], main, lighter(main, -0.1)
    )
    pen.oval(0, 0.68, 0.36, 0.08, lighter(main, 0.1))
    pen.oval(0, 0.67, 0.31, 0.06, "#6a4028")
    for x in (-0.12, 0.04, 0.18):
        pen.curve([(x, 0.76), (x + 0.06, 0.86), (x, 0.94), (x + 0.05, 1.04)], 0.024, WHITE, 150)


def teapot(pen: Pen, main: Colour) -> None:
    pen.curve([(0.3, 0.36), (0.54, 0.42), (0.66, 0.7)], 0.11, main)
    pen.line(
        [(-0.34 - 0.26 * sin(pi * step / 12), 0.42 - 0.22 * cos(pi * step / 12)) for step in range(13)],
        0.06,
        lighter(main, -0.06),
    )
    pen.oval(0, 0.38, 0.44, 0.37, lighter(main, 0.04), lighter(main, -0.1))
    pen.oval(0, 0.72, 0.22, 0.06, lighter(main, -0.05))
    pen.oval(0, 0.82, 0.06, 0.06, GOLD)
    for index in range(5):
        turn = 2 * pi * index / 5
        pen.oval(0.08 * cos(turn), 0.4 + 0.08 * sin(turn), 0.06, 0.06, mix(main, WHITE, 0.75))
    pen.oval(0, 0.4, 0.045, 0.045, GOLD)


def apple(pen: Pen, main: Colour) -> None:
    pen.blob(
        [
            (0, 0.74),
            (-0.24, 0.82),
            (-0.44, 0.6),
            (-0.36, 0.2),
            (-0.14, 0.02),
            (0, 0.06),
            (0.14, 0.02),
            (0.36, 0.2),
            (0.44, 0.6),
            (0.24, 0.82),
        ],
        lighter(main, 0.06),
        lighter(main, -0.1),
    )
    pen.curve([(0, 0.72), (0.02, 0.86), (0.08, 0.96)], 0.04, WOOD)
    pen.blob([(0.06, 0.86), (0.2, 0.98), (0.38, 0.94), (0.24, 0.84)], "#58a848")
    pen.blob([(-0.3, 0.62), (-0.2, 0.72), (-0.14, 0.66), (-0.28, 0.48)], WHITE, WHITE, 120)


def cake(pen: Pen, main: Colour) -> None:
    pen.oval(0, 0.06, 0.62, 0.07, "#d8dce4")
    for foot, half, paint in ((0.08, 0.5, "#e8c088"), (0.4, 0.36, "#f0d0a0")):
        pen.box(-half, foot, half, foot + 0.3, paint)
        drips = [(-half, foot + 0.34), (half, foot + 0.34)]
        drips += [(-half + half * 2 * index / 7, foot + (0.16 if index % 2 else 0.23)) for index in range(7, -1, -1)]
        pen.blob(drips, main)
    for x in (-0.18, 0, 0.18):
        pen.box(x - 0.02, 0.72, x + 0.02, 0.88, "#70b8e8")
        pen.glow(x, 0.94, 0.12, "#ffc860", 0.8)
        pen.blob([(x, 0.88), (x - 0.025, 0.93), (x, 1.0), (x + 0.025, 0.93)], "#ffe890", "#ff9830")


def pumpkin(pen: Pen, main: Colour) -> None:
    pen.curve([(0, 0.7), (0.02, 0.86), (0.1, 0.96)], 0.1, "#5c7c38")
    for x, half in ((-0.32, 0.24), (0.32, 0.24), (-0.17, 0.24), (0.17, 0.24), (0, 0.22)):
        pen.oval(x, 0.4, half, 0.38 - abs(x) * 0.12, lighter(main, 0.02), lighter(main, -0.12))
    for side in (-1, 1):
        pen.poly([(side * 0.1, 0.46), (side * 0.3, 0.46), (side * 0.2, 0.62)], "#ffe070", "#f8a830")
    pen.poly(
        [
            (-0.32, 0.34),
            (-0.18, 0.28),
            (-0.1, 0.34),
            (0, 0.28),
            (0.1, 0.34),
            (0.18, 0.28),
            (0.32, 0.34),
            (0.16, 0.14),
            (-0.16, 0.14),
        ],
        "#ffe070",
        "#f8a830",
    )


def chair(pen: Pen, main: Colour) -> None:
    for x in (-0.3, 0.3):
        pen.box(x - 0.035, 0, x + 0.035, 0.2, WOOD)
    pen.blob([(-0.34, 0.3), (-0.36, 0.84), (0, 0.98), (0.36, 0.84), (0.34, 0.3)], main)
    pen.blob([(-0.36, 0.44), (-0.36, 0.2), (0.36, 0.2), (0.36, 0.44), (0, 0.47)], lighter(main, 0.06))
    for side in (-1, 1):
        pen.blob(
            [(side * 0.28, 0.2), (side * 0.28, 0.54), (side * 0.46, 0.54), (side * 0.44, 0.2)], lighter(main, -0.05)
        )


def table(pen: Pen, main: Colour) -> None:
    for x in (-0.6, 0.6):
        pen.poly([(x - 0.05, 0.7), (x + 0.05, 0.7), (x + 0.03, 0), (x - 0.03, 0)], lighter(main, -0.08))
    pen.box(-0.75, 0.66, 0.75, 0.78, main)
    pen.blob([(-0.1, 0.78), (-0.13, 0.9), (-0.06, 1.0), (0.06, 1.0), (0.13, 0.9), (0.1, 0.78)], "#78a8c8")


def clock(pen: Pen, main: Colour) -> None:
    pen.oval(0, 0.5, 0.5, 0.5, main)
    pen.oval(0, 0.5, 0.41, 0.41, WHITE, "#f0ead8")
    for index in range(12):
        turn = pi * index / 6
        pen.line([(0.34 * sin(turn), 0.5 + 0.34 * cos(turn)), (0.38 * sin(turn), 0.5 + 0.38 * cos(turn))], 0.03, DARK)
    pen.line([(0, 0.5), (-0.14, 0.66)], 0.045, DARK)
    pen.line([(0, 0.5), (0.2, 0.72)], 0.03, DARK)
    pen.oval(0, 0.5, 0.04, 0.04, "#d84038")


def heart(pen: Pen, main: Colour) -> None:
    pen.glow(0, 0.5, 0.8, main, 0.35)
    points = []
    for step in range(60):
        turn = 2 * pi * step / 60
        up = 13 * cos(turn) - 5 * cos(2 * turn) - 2 * cos(3 * turn) - cos(4 * turn)
        points.append((0.52 * sin(turn) ** 3, 0.56 + up / 30))
    pen.poly(points, lighter(main, 0.06), lighter(main, -0.08))
    pen.oval(-0.24, 0.76, 0.09, 0.06, WHITE, WHITE, 0.6, 150)


def crown(pen: Pen, main: Colour) -> None:
    pen.glow(0, 0.5, 0.8, main, 0.35)
    pen.poly(
        [(-0.5, 0.1), (-0.6, 0.76), (-0.3, 0.46), (0, 0.94), (0.3, 0.46), (0.6, 0.76), (0.5, 0.1)],
        lighter(main, 0.06),
        lighter(main, -0.08),
    )
    for x, y in ((-0.6, 0.78), (0, 0.96), (0.6, 0.78)):
        pen.oval(x, y, 0.06, 0.06, lighter(main, 0.08))
    pen.box(-0.5, 0.06, 0.5, 0.22, lighter(main, -0.06))
    for x, paint in ((-0.3, "#d83848"), (0, "#3878d8"), (0.3, "#38a858")):
        pen.oval(x, 0.14, 0.06, 0.055, paint)


def gift(pen: Pen, main: Colour) -> None:
    ribbon = mix(main, "#fff0b0", 0.8)
    for side in (-1, 1):
        pen.blob([(0, 0.76), (side * 0.16, 1.0), (side * 0.34, 0.94), (side * 0.26, 0.8)], ribbon)
    pen.box(-0.42, 0, 0.42, 0.6, main)
    pen.box(-0.47, 0.56, 0.47, 0.77, lighter(main, 0.05))
    pen.box(-0.08, 0, 0.08, 0.77, ribbon)


def bottle(pen: Pen, main: Colour) -> None:
    pen.glow(0, 0.32, 0.6, main, 0.4)
    pen.blob(
        [(-0.1, 0.88), (-0.1, 0.6), (-0.32, 0.36), (-0.26, 0.04), (0.26, 0.04), (0.32, 0.36), (0.1, 0.6), (0.1, 0.88)],
        "#d8eef4",
        "#a8c8d8",
        210,
    )
    pen.blob([(-0.28, 0.4), (-0.25, 0.08), (0.25, 0.08), (0.28, 0.4)], lighter(main, 0.08), main)
    for x, y in ((-0.1, 0.28), (0.08, 0.2), (0.12, 0.34)):
        pen.oval(x, y, 0.03, 0.03, WHITE, WHITE, alpha=170)
    pen.box(-0.09, 0.86, 0.09, 1.0, "#b08050")


def guitar(pen: Pen, main: Colour) -> None:
    pen.box(-0.03, 0.4, 0.03, 0.9, "#5a3a24")
    pen.box(-0.05, 0.88, 0.05, 1.0, "#4a2e1c")
    pen.blob(
        [(0, 0.56), (-0.18, 0.52), (-0.15, 0.36), (-0.26, 0.16), (0, 0), (0.26, 0.16), (0.15, 0.36), (0.18, 0.52)], main
    )
    pen.oval(0, 0.34, 0.075, 0.075, "#3a2418")
    pen.box(-0.08, 0.12, 0.08, 0.15, "#4a2e1c")
    for x in (-0.015, 0, 0.015):
        pen.line([(x, 0.14), (x, 0.94)], 0.006, "#e8e0d0")


OBJECTS = {
    "balloon": Figure(balloon, "#e85040", 0.4, 0.8, Home.AIR),
    "kite": Figure(kite, "#e84878", 0.32, 0.8, Home.AIR),
    "umbrella": Figure(umbrella, "#d84858", 0.4, 1.0),
    "lantern": Figure(lantern, "#ffc048", 0.5, 0.5, Home.GROUND, "city"),
    "candle": Figure(candle, "#f4ecdc", 0.4, 0.6, Home.GROUND, "room"),
    "book": Figure(book, "#a83c38", 0.3, 1.5, Home.GROUND, "room"),
    "cup": Figure(cup, "#e8785c", 0.34, 1.1, Home.GROUND, "room"),
    "teapot": Figure(teapot, "#4c90b8", 0.34, 1.3, Home.GROUND, "room"),
    "apple": Figure(apple, "#d83830", 0.3, 0.9, Home.GROUND, "room"),
    "cake": Figure(cake, "#f090a8", 0.4, 1.2, Home.GROUND, "room"),
    "pumpkin": Figure(pumpkin, "#f08424", 0.34, 1.1),
    "chair": Figure(chair, "#4c8078", 0.44, 1.0, Home.GROUND, "room"),
    "table": Figure(table, "#a87040", 0.36, 1.5, Home.GROUND, "room"),
    "clock": Figure(clock, "#b8843c", 0.36, 1.0, Home.GROUND, "room"),
    "heart": Figure(heart, "#e83858", 0.36, 1.1, Home.AIR),
    "crown": Figure(crown, GOLD, 0.3, 1.3, Home.GROUND, "room"),
    "gift": Figure(gift, "#d83c48", 0.32, 1.0, Home.GROUND, "room"),
    "bottle": Figure(bottle, "#8850c8", 0.36, 0.7, Home.GROUND, "room"),
    "guitar": Figure(guitar, "#c07c3c", 0.5, 0.6, Home.GROUND, "room"),
}
