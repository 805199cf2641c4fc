"""What crawls, and what never lived: frogs, reptiles, dragons."""

from adapters.backends.sketch.animals import BLUSH, DARK, PALE
from adapters.backends.sketch.canvas import Pen
from adapters.backends.sketch.colour import Colour, lighter, mix
from adapters.backends.sketch.figure import Figure


def frog(pen: Pen, main: Colour) -> None:
    for side in (-1, 1):
        pen.oval(side * 0.36, 0.16, 0.2, 0.16, lighter(main, -0.05))
        pen.oval(side * 0.34, 0.03, 0.16, 0.05, lighter(main, -0.08))
        pen.oval(side * 0.2, 0.78, 0.14, 0.14, main)
    pen.oval(0, 0.34, 0.36, 0.34, main)
    pen.oval(0, 0.24, 0.24, 0.22, mix(main, PALE, 0.65))
    pen.oval(0, 0.6, 0.38, 0.24, lighter(main, 0.03))
    pen.eyes(0.2, 0.8, 0.075)
    pen.curve([(-0.26, 0.58), (-0.1, 0.5), (0.1, 0.5), (0.26, 0.58)], 0.022, lighter(main, -0.25))
    for side in (-1, 1):
        pen.oval(side * 0.27, 0.6, 0.05, 0.03, BLUSH, BLUSH, alpha=130)


def turtle(pen: Pen, main: Colour) -> None:
    skin = mix(main, "#c8d878", 0.6)
    for x in (-0.42, 0.28):
        pen.oval(x, 0.1, 0.1, 0.12, skin)
    pen.blob([(0.4, 0.28), (0.56, 0.6), (0.74, 0.66), (0.8, 0.52), (0.64, 0.4), (0.55, 0.2)], skin)
    pen.blob([(-0.62, 0.2), (-0.5, 0.55), (-0.1, 0.82), (0.3, 0.66), (0.52, 0.22), (0, 0.14)], main)
    for x, y in ((-0.28, 0.42), (-0.02, 0.52), (0.22, 0.4)):
        pen.oval(x, y, 0.11, 0.12, lighter(main, 0.1))
    pen.oval(0.68, 0.56, 0.03, 0.035, DARK)


def snake(pen: Pen, main: Colour) -> None:
    body = [(-0.6, 0.08), (-0.4, 0.2), (-0.15, 0.06), (0.1, 0.2), (0.35, 0.1), (0.42, 0.36), (0.24, 0.6), (0.3, 0.82)]
    pen.curve(body, 0.16, main)
    pen.curve([(x, y - 0.03) for x, y in body], 0.05, lighter(main, 0.12))
    pen.oval(0.36, 0.86, 0.16, 0.11, main)
    pen.oval(0.42, 0.89, 0.026, 0.03, DARK)
    pen.curve([(0.5, 0.84), (0.6, 0.83), (0.66, 0.88)], 0.018, "#d83848")


def dragon(pen: Pen, main: Colour) -> None:
    deep, pale = lighter(main, -0.14), mix(main, "#f8e0a0", 0.65)
    pen.blob(
        [
            (0.0, 0.5),
            (-0.2, 0.98),
            (-0.62, 0.94),
            (-0.5, 0.8),
            (-0.62, 0.66),
            (-0.42, 0.62),
            (-0.44, 0.48),
            (-0.22, 0.46),
        ],
        deep,
    )
    for tip in ((-0.6, 0.93), (-0.6, 0.67), (-0.43, 0.49)):
        pen.line([(-0.04, 0.52), tip], 0.015, lighter(deep, -0.08))
    pen.blob([(-0.1, 0.1), (-0.4, 0.02), (-0.66, 0.12), (-0.72, 0.3), (-0.58, 0.2), (-0.36, 0.16), (-0.2, 0.3)], main)
    pen.poly([(-0.78, 0.26), (-0.68, 0.42), (-0.62, 0.26)], deep)
    pen.blob(
        [(-0.28, 0.24), (-0.14, 0.5), (0.06, 0.62), (0.14, 0.86), (0.36, 0.86), (0.3, 0.56), (0.28, 0.2), (0.04, 0.06)],
        main,
    )
    pen.blob([(0.06, 0.1), (0.12, 0.5), (0.24, 0.74), (0.31, 0.6), (0.29, 0.2)], pale)
    for x in (-0.12, 0.16):
        pen.oval(x, 0.1, 0.12, 0.12, lighter(main, -0.04))
        pen.oval(x + 0.06, 0.03, 0.12, 0.035, deep)
    for x, y in ((-0.19, 0.46), (-0.06, 0.58), (0.06, 0.7), (0.09, 0.83)):
        pen.poly([(x - 0.05, y - 0.02), (x - 0.07, y + 0.11), (x + 0.05, y + 0.04)], "#f8c850")
    pen.blob([(0.1, 0.84), (0.2, 0.98), (0.38, 0.96), (0.62, 0.86), (0.64, 0.76), (0.4, 0.74), (0.18, 0.74)], main)
    for x in (0.14, 0.24):
        pen.blob([(x, 0.94), (x - 0.08, 1.1), (x + 0.07, 0.98)], PALE)
    pen.oval(0.34, 0.89, 0.04, 0.045, "#ffe066")
    pen.oval(0.35, 0.89, 0.018, 0.036, DARK)
    pen.oval(0.58, 0.84, 0.014, 0.014, DARK)


def dinosaur(pen: Pen, main: Colour) -> None:
    deep = lighter(main, -0.1)
    pen.blob([(-0.06, 0.5), (-0.5, 0.3), (-0.8, 0.1), (-0.5, 0.16), (-0.1, 0.2)], main)
    pen.oval(0.14, 0.18, 0.1, 0.18, deep)
    pen.blob(
        [(-0.2, 0.36), (-0.08, 0.56), (0.12, 0.66), (0.16, 0.86), (0.4, 0.84), (0.34, 0.5), (0.22, 0.2), (-0.06, 0.18)],
        main,
    )
    pen.blob([(0.14, 0.24), (0.2, 0.56), (0.3, 0.66), (0.31, 0.46), (0.22, 0.22)], mix(main, PALE, 0.6))
    pen.blob([(0.12, 0.82), (0.18, 0.98), (0.4, 1.0), (0.64, 0.9), (0.62, 0.78), (0.34, 0.74)], main)
    pen.line([(0.4, 0.82), (0.62, 0.82)], 0.014, deep)
    pen.oval(-0.06, 0.16, 0.13, 0.17, lighter(main, 0.03))
    for x in (-0.04, 0.18):
        pen.oval(x, 0.03, 0.12, 0.035, deep)
    pen.curve([(0.3, 0.54), (0.42, 0.48), (0.44, 0.42)], 0.045, deep)
    pen.eyes(0.0, 0.9, 0.032, middle=0.36)
    for x, y in ((-0.4, 0.36), (-0.22, 0.46), (-0.08, 0.58), (0.03, 0.7), (0.08, 0.86)):
        pen.poly([(x - 0.05, y - 0.02), (x - 0.05, y + 0.1), (x + 0.06, y + 0.02)], deep)


CREATURES = {
    "frog": Figure(frog, "#58b04c", 0.3, 1.1, scene="lake"),
    "turtle": Figure(turtle, "#5c8c48", 0.28, 1.5, scene="beach"),
    "snake": Figure(snake, "#68a848", 0.36, 1.4, scene="desert"),
    "dragon": Figure(dragon, "#3c9858", 0.54, 1.56, scene="mountains"),
    "dinosaur": Figure(dinosaur, "#6ca84c", 0.56, 1.3, scene="forest"),
}
