"""Plants, stones, and what stands in the sky."""

from math import cos, pi, sin

from adapters.backends.sketch.canvas import Pen
from adapters.backends.sketch.colour import Colour, lighter, mix
from adapters.backends.sketch.figure import Figure, Home

BARK = "#7a5236"
LEAF = "#4c9a48"


def tree(pen: Pen, main: Colour) -> None:
    pen.blob([(-0.07, 0), (-0.045, 0.3), (-0.06, 0.5), (0.06, 0.5), (0.045, 0.3), (0.08, 0)], BARK)
    pen.line([(0.01, 0.34), (0.16, 0.5)], 0.035, BARK)
    pen.line([(-0.01, 0.38), (-0.15, 0.52)], 0.03, BARK)
    puffs = (
        (-0.22, 0.56, 0.17),
        (0.23, 0.56, 0.17),
        (0, 0.54, 0.17),
        (-0.15, 0.73, 0.18),
        (0.16, 0.73, 0.18),
        (0, 0.83, 0.17),
    )
    for x, y, radius in puffs:
        pen.oval(x, y, radius, radius * 0.92, lighter(main, -0.05), lighter(main, -0.16))
    for x, y, radius in puffs:
        pen.oval(x - 0.03, y + 0.035, radius * 0.74, radius * 0.66, lighter(main, 0.05), main)


def pine(pen: Pen, main: Colour) -> None:
    pen.box(-0.04, 0, 0.04, 0.16, BARK)
    for foot, top, across in ((0.12, 0.5, 0.3), (0.34, 0.74, 0.24), (0.58, 1.0, 0.17)):
        pen.poly(
            [
                (-across, foot),
                (-across * 0.5, foot + 0.03),
                (0, foot - 0.02),
                (across * 0.5, foot + 0.03),
                (across, foot),
                (0, top),
            ],
            lighter(main, 0.06),
            lighter(main, -0.08),
        )
        pen.poly(
            [(0, foot - 0.02), (across * 0.5, foot + 0.03), (across, foot), (0, top)],
            lighter(main, -0.05),
            lighter(main, -0.12),
        )


def palm(pen: Pen, main: Colour) -> None:
    pen.curve([(-0.1, 0), (-0.06, 0.35), (0.03, 0.76)], 0.06, "#a87c50")
    for turn, reach in ((0.15, 0.42), (0.7, 0.36), (1.5, 0.3), (2.4, 0.38), (2.95, 0.44), (-0.35, 0.34), (3.6, 0.34)):
        x, y = 0.03 + reach * cos(turn), 0.78 + reach * sin(turn) * 0.6
        droop = y - 0.12 - reach * 0.1
        pen.blob(
            [(0.03, 0.79), ((0.03 + x) / 2, max(0.79, y) + 0.06), (x, droop), ((0.03 + x) / 2, max(0.77, y) - 0.02)],
            lighter(main, 0.03 * cos(turn * 3)),
        )
    for x in (-0.01, 0.06):
        pen.oval(x, 0.75, 0.035, 0.035, BARK)


def cactus(pen: Pen, main: Colour) -> None:
    pen.curve([(0, 0.36), (-0.24, 0.38), (-0.25, 0.64)], 0.11, main)
    pen.curve([(0, 0.46), (0.23, 0.5), (0.24, 0.8)], 0.11, lighter(main, -0.03))
    pen.blob(
        [(-0.09, 0), (-0.1, 0.5), (-0.08, 0.92), (0, 1.0), (0.08, 0.92), (0.1, 0.5), (0.09, 0)],
        lighter(main, 0.03),
        lighter(main, -0.08),
    )
    for x in (-0.045, 0, 0.045):
        pen.line([(x, 0.05), (x, 0.9)], 0.01, lighter(main, -0.12), 150)
    pen.oval(0.02, 1.0, 0.06, 0.045, "#f06c9c")


def flower(pen: Pen, main: Colour) -> None:
    pen.curve([(0, 0), (0.03, 0.3), (0, 0.66)], 0.035, LEAF)
    pen.blob([(0.01, 0.2), (0.2, 0.36), (0.26, 0.3), (0.12, 0.18)], LEAF)
    pen.blob([(0.02, 0.3), (-0.18, 0.44), (-0.24, 0.36), (-0.1, 0.26)], lighter(LEAF, 0.05))
    for layer, reach in ((0, 0.17), (1, 0.1)):
        for index in range(7):
            turn = 2 * pi * (index + layer * 0.5) / 7
            pen.oval(
                reach * cos(turn),
                0.76 + reach * sin(turn),
                0.115 - layer * 0.03,
                0.085 - layer * 0.02,
                lighter(main, 0.06 * layer),
                turn=turn,
            )
    pen.oval(0, 0.76, 0.075, 0.075, mix("#f8c030", main, 0.15))


def sunflower(pen: Pen, main: Colour) -> None:
    pen.curve([(0, 0), (-0.03, 0.3), (0, 0.66)], 0.04, LEAF)
    for side in (-1, 1):
        pen.blob([(0, 0.2), (side * 0.16, 0.36), (side * 0.3, 0.34), (side * 0.14, 0.2)], LEAF)
    for index in range(16):
        turn = 2 * pi * index / 16
        pen.oval(0.2 * cos(turn), 0.74 + 0.2 * sin(turn), 0.1, 0.042, lighter(main, 0.03 * (index % 2)), turn=turn)
    pen.oval(0, 0.74, 0.14, 0.14, "#6a4020", "#4a2c18")
    pen.oval(0, 0.74, 0.08, 0.08, "#84542c")


def mushroom(pen: Pen, main: Colour) -> None:
    pen.blob([(-0.13, 0), (-0.1, 0.3), (-0.14, 0.56), (0.14, 0.56), (0.1, 0.3), (0.14, 0)], "#fbf2e0", "#dcc8a8")
    pen.oval(0, 0.52, 0.38, 0.08, "#e8d8bc")
    pen.blob(
        [(-0.46, 0.5), (-0.36, 0.84), (0, 1.0), (0.36, 0.84), (0.46, 0.5), (0, 0.56)],
        lighter(main, 0.05),
        lighter(main, -0.06),
    )
    for x, y, radius in ((-0.22, 0.74, 0.07), (0.04, 0.86, 0.06), (0.24, 0.7, 0.075), (0, 0.66, 0.05)):
        pen.oval(x, y, radius, radius * 0.85, "#fff8ee")


def rock(pen: Pen, main: Colour) -> None:
    pen.poly(
        [(-0.6, 0), (-0.5, 0.5), (-0.16, 0.9), (0.26, 0.84), (0.54, 0.46), (0.62, 0)],
        lighter(main, 0.05),
        lighter(main, -0.1),
    )
    pen.poly([(-0.16, 0.9), (0.26, 0.84), (0.1, 0.5), (-0.2, 0.56)], lighter(main, 0.12))
    pen.poly([(0.26, 0.84), (0.54, 0.46), (0.62, 0), (0.2, 0), (0.1, 0.5)], lighter(main, -0.06))


def bush(pen: Pen, main: Colour) -> None:
    for x, y, radius in ((-0.46, 0.34, 0.34), (0.46, 0.34, 0.34), (0, 0.54, 0.44)):
        pen.oval(x, y, radius, radius * 0.9, main, lighter(main, -0.12))
    for x, y in ((-0.4, 0.42), (0.02, 0.66), (0.4, 0.4)):
        pen.oval(x, y, 0.22, 0.18, lighter(main, 0.06), main)


def moon(pen: Pen, main: Colour) -> None:
    pen.glow(0, 0.5, 1.3, main, 0.5)
    pen.oval(0, 0.5, 0.5, 0.5, lighter(main, 0.03), lighter(main, -0.05))
    for x, y, radius in ((-0.18, 0.62, 0.12), (0.16, 0.44, 0.09), (-0.1, 0.26, 0.07), (0.2, 0.74, 0.06)):
        pen.oval(x, y, radius, radius, lighter(main, -0.07), lighter(main, -0.04))


def sun(pen: Pen, main: Colour) -> None:
    pen.glow(0, 0.5, 2.4, mix(main, "#fff0c0", 0.4), 0.55)
    pen.glow(0, 0.5, 1.1, "#fff4d0", 0.7)
    pen.oval(0, 0.5, 0.46, 0.46, mix(main, "#fffbe8", 0.6), main)


def star(pen: Pen, main: Colour) -> None:
    pen.glow(0, 0.5, 0.9, main, 0.6)
    points = []
    for index in range(10):
        radius = 0.2 if index % 2 else 0.5
        points.append((radius * sin(pi * index / 5), 0.5 + radius * cos(pi * index / 5)))
    pen.poly(points, lighter(main, 0.06), main)


def planet(pen: Pen, main: Colour) -> None:
    pen.glow(0, 0.5, 0.9, main, 0.35)
    back = [(-0.62 + 1.24 * index / 20, 0.5 + 0.16 * sin(pi * index / 20)) for index in range(21)]
    pen.line(back, 0.05, mix(main, "#fff0d0", 0.6))
    pen.oval(0, 0.5, 0.4, 0.4, lighter(main, 0.1), lighter(main, -0.14))
    for y, across in ((0.66, 0.33), (0.48, 0.385), (0.32, 0.33)):
        pen.oval(0, y, across, 0.035, lighter(main, 0.12), alpha=130)
    pen.line([(x, 1 - y) for x, y in back], 0.05, mix(main, "#fff0d0", 0.75))


def cloud(pen: Pen, main: Colour) -> None:
    foot = lighter(main, -0.07)
    for x, y, radius in ((-0.5, 0.3, 0.26), (0.5, 0.3, 0.28), (-0.22, 0.52, 0.36), (0.2, 0.56, 0.4), (0, 0.3, 0.3)):
        pen.oval(x, y, radius, radius, main, foot)
    pen.box(-0.5, 0.06, 0.5, 0.3, lighter(foot, 0.02), foot)


def rainbow(pen: Pen, main: Colour) -> None:
    bands = ("#e84848", "#f09040", "#f8dc50", "#58b858", "#4890e0", "#8858c0")
    for index, band in enumerate(bands):
        radius = 1.0 - index * 0.055
        arc = [(radius * cos(pi * step / 48), radius * sin(pi * step / 48)) for step in range(49)]
        pen.line(arc, 0.06, mix(band, main, 0.1), 165)


def comet(pen: Pen, main: Colour) -> None:
    pen.glow(0.3, 0.3, 0.7, main, 0.6)
    for spread, alpha in ((0.2, 70), (0.12, 110), (0.05, 190)):
        pen.poly(
            [(0.3 + spread, 0.3 + spread), (0.3 - spread, 0.3 - spread), (-1.1, 1.2)], lighter(main, 0.1), main, alpha
        )
    pen.oval(0.3, 0.3, 0.15, 0.15, "#fffdf0", main)


def volcano(pen: Pen, main: Colour) -> None:
    for x, y, radius in ((0, 1.05, 0.16), (0.12, 1.22, 0.2), (-0.08, 1.36, 0.22)):
        pen.oval(x, y, radius, radius * 0.8, "#8c8488", "#6c666c", alpha=150)
    pen.glow(0, 0.96, 0.5, "#ff7030", 0.8)
    pen.poly([(-0.85, 0), (-0.3, 0.62), (-0.16, 0.92), (0.16, 0.92), (0.32, 0.6), (0.85, 0)], main, lighter(main, -0.1))
    pen.blob(
        [
            (-0.16, 0.92),
            (0.16, 0.92),
            (0.14, 0.7),
            (0.24, 0.4),
            (0.1, 0.52),
            (0.02, 0.24),
            (-0.05, 0.56),
            (-0.16, 0.44),
            (-0.1, 0.7),
        ],
        "#ffb030",
        "#e83c20",
    )


NATURE = {
    "tree": Figure(tree, LEAF, 0.58, 0.85, Home.BACK),
    "pine": Figure(pine, "#2f7050", 0.58, 0.6, Home.BACK, "mountains"),
    "palm": Figure(palm, "#4ca050", 0.6, 0.85, Home.BACK, "beach"),
    "cactus": Figure(cactus, "#4c9458", 0.46, 0.6, Home.GROUND, "desert"),
    "flower": Figure(flower, "#e8486c", 0.36, 0.5, Home.GROUND, "garden"),
    "sunflower": Figure(sunflower, "#f8c420", 0.46, 0.6),
    "mushroom": Figure(mushroom, "#d83a30", 0.34, 0.95, Home.GROUND, "forest"),
    "rock": Figure(rock, "#8c8c94", 0.22, 1.2),
    "bush": Figure(bush, "#468c48", 0.2, 1.6),
    "moon": Figure(moon, "#f6f0d4", 0.2, 1.0, Home.SKY),
    "sun": Figure(sun, "#ffd048", 0.18, 1.0, Home.SKY),
    "star": Figure(star, "#ffe88c", 0.12, 1.0, Home.SKY),
    "planet": Figure(planet, "#d8a060", 0.3, 1.3, Home.SKY, "space"),
    "cloud": Figure(cloud, "#ffffff", 0.14, 1.6, Home.SKY),
    "rainbow": Figure(rainbow, "#ffffff", 0.46, 2.0, Home.SKY),
    "comet": Figure(comet, "#bce4ff", 0.22, 1.4, Home.SKY, "space"),
    "volcano": Figure(volcano, "#5c5058", 0.5, 1.7, Home.BACK, "mountains"),
}
