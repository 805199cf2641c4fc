"""People, robots and ghosts."""

from functools import partial

from adapters.backends.sketch.canvas import Pen
from adapters.backends.sketch.colour import Colour, lighter
from adapters.backends.sketch.figure import Figure

SKIN = "#e8b48c"
HAIR = "#4a3024"
DARK = "#2a2226"
GOLD = "#f0c040"
STEEL = "#b4bcc8"


def person(pen: Pen, main: Colour, *, hat: str = "") -> None:
    legs = STEEL if hat == "helmet" else "#384868"
    for side in (-1, 1):
        if hat not in ("wizard", "crown"):
            pen.box(side * 0.065 - 0.045, 0.02, side * 0.065 + 0.045, 0.36, legs)
        pen.oval(side * 0.075, 0.02, 0.07, 0.028, DARK)
        sleeve = STEEL if hat == "helmet" else lighter(main, -0.06)
        pen.curve([(side * 0.13, 0.64), (side * 0.2, 0.5), (side * 0.2, 0.38)], 0.07, sleeve)
        pen.oval(side * 0.2, 0.36, 0.036, 0.036, SKIN)
    if hat in ("wizard", "crown"):
        pen.blob([(-0.1, 0.7), (-0.2, 0.3), (-0.22, 0.03), (0.22, 0.03), (0.2, 0.3), (0.1, 0.7)], main)
    pen.blob([(-0.15, 0.68), (-0.16, 0.46), (-0.13, 0.32), (0.13, 0.32), (0.16, 0.46), (0.15, 0.68)], main)
    pen.oval(0, 0.83, 0.145, 0.16, HAIR)
    pen.oval(0, 0.81, 0.125, 0.14, SKIN)
    pen.eyes(0.05, 0.82, 0.018)
    pen.curve([(-0.035, 0.755), (0, 0.74), (0.035, 0.755)], 0.012, "#a04838")
    HATS[hat](pen, main)


def _fringe(pen: Pen, _main: Colour) -> None:
    pen.blob([(-0.14, 0.82), (-0.12, 0.95), (0, 1.0), (0.12, 0.95), (0.14, 0.82), (0.06, 0.91), (-0.06, 0.92)], HAIR)


def _wizard(pen: Pen, main: Colour) -> None:
    pen.blob([(-0.1, 0.74), (0, 0.5), (0.1, 0.74), (0, 0.71)], "#f4f2f0")
    pen.oval(0, 0.92, 0.22, 0.04, lighter(main, -0.08))
    pen.poly([(-0.14, 0.92), (0.05, 1.24), (0.14, 0.92)], main)
    pen.line([(0.22, 0.02), (0.22, 0.72)], 0.025, "#8a5c34")
    pen.glow(0.22, 0.76, 0.2, "#a8e8ff", 0.9)
    pen.oval(0.22, 0.76, 0.04, 0.04, "#e0fbff")


def _crown(pen: Pen, _main: Colour) -> None:
    _fringe(pen, _main)
    pen.poly([(-0.12, 0.93), (-0.14, 1.08), (-0.06, 1.0), (0, 1.1), (0.06, 1.0), (0.14, 1.08), (0.12, 0.93)], GOLD)


def _helmet(pen: Pen, main: Colour) -> None:
    pen.blob([(-0.15, 0.7), (-0.16, 0.9), (0, 1.0), (0.16, 0.9), (0.15, 0.7), (0, 0.67)], STEEL)
    pen.box(-0.12, 0.8, 0.12, 0.84, DARK)
    pen.blob([(0, 0.98), (-0.16, 1.1), (-0.24, 0.98), (-0.1, 1.0)], main)
    pen.line([(0.22, 0.36), (0.28, 0.84)], 0.025, "#e8ecf4")
    pen.line([(0.17, 0.42), (0.28, 0.4)], 0.025, GOLD)


HATS = {"": _fringe, "wizard": _wizard, "crown": _crown, "helmet": _helmet}


def astronaut(pen: Pen, main: Colour) -> None:
    pen.box(-0.2, 0.3, 0.2, 0.66, "#9aa4b4")
    for side in (-1, 1):
        pen.curve([(side * 0.15, 0.6), (side * 0.25, 0.48), (side * 0.24, 0.34)], 0.1, main)
        pen.blob([(side * 0.02, 0.36), (side * 0.16, 0.36), (side * 0.17, 0.02), (side * 0.02, 0.02)], main)
        pen.oval(side * 0.1, 0.03, 0.1, 0.04, "#7c8698")
    pen.blob([(-0.18, 0.64), (-0.17, 0.34), (0.17, 0.34), (0.18, 0.64)], main)
    pen.box(-0.08, 0.42, 0.08, 0.54, "#4c6cb0")
    pen.oval(0, 0.8, 0.2, 0.2, main)
    pen.oval(0.02, 0.8, 0.145, 0.135, "#2c4470", "#5c90d0")
    pen.blob([(-0.06, 0.86), (0.02, 0.9), (-0.04, 0.8)], "#ffffff", "#ffffff", 150)


def robot(pen: Pen, main: Colour) -> None:
    deep = lighter(main, -0.14)
    for side in (-1, 1):
        pen.box(side * 0.11 - 0.05, 0.04, side * 0.11 + 0.05, 0.26, deep)
        pen.box(side * 0.12 - 0.09, 0, side * 0.12 + 0.09, 0.06, lighter(deep, -0.08))
        pen.curve([(side * 0.22, 0.52), (side * 0.33, 0.42), (side * 0.33, 0.28)], 0.06, deep)
        pen.oval(side * 0.33, 0.25, 0.055, 0.055, lighter(deep, -0.08))
        pen.oval(side * 0.24, 0.77, 0.045, 0.07, deep)
    pen.blob([(-0.24, 0.54), (-0.22, 0.24), (0.22, 0.24), (0.24, 0.54), (0, 0.58)], main)
    pen.box(-0.11, 0.34, 0.11, 0.48, "#30384c")
    for x, light in ((-0.06, "#ff6060"), (0, "#ffd050"), (0.06, "#60e080")):
        pen.oval(x, 0.41, 0.022, 0.022, light, light)
    pen.line([(0, 0.9), (0, 1.0)], 0.02, deep)
    pen.glow(0, 1.0, 0.12, "#ff8060", 0.8)
    pen.oval(0, 1.0, 0.035, 0.035, "#ff6050")
    pen.blob([(-0.23, 0.9), (-0.23, 0.64), (0.23, 0.64), (0.23, 0.9)], lighter(main, 0.05), main)
    pen.blob([(-0.17, 0.85), (-0.17, 0.69), (0.17, 0.69), (0.17, 0.85)], "#26304a")
    for side in (-1, 1):
        pen.glow(side * 0.075, 0.79, 0.09, "#60e8ff", 0.7)
        pen.oval(side * 0.075, 0.79, 0.035, 0.035, "#a0f8ff", "#60e0ff")
    pen.curve([(-0.06, 0.72), (0, 0.705), (0.06, 0.72)], 0.014, "#80f0ff")


def ghost(pen: Pen, main: Colour) -> None:
    pen.glow(0, 0.5, 0.8, main, 0.4)
    pen.blob(
        [
            (-0.3, 0.5),
            (-0.26, 0.84),
            (0, 1.0),
            (0.26, 0.84),
            (0.3, 0.5),
            (0.34, 0.06),
            (0.2, 0.14),
            (0.1, 0.03),
            (0, 0.13),
            (-0.1, 0.03),
            (-0.2, 0.14),
            (-0.34, 0.06),
        ],
        main,
        lighter(main, -0.08),
        225,
    )
    for side in (-1, 1):
        pen.oval(side * 0.1, 0.68, 0.05, 0.075, DARK)
        pen.oval(side * 0.18, 0.56, 0.04, 0.025, "#f0a0b0", alpha=150)
    pen.oval(0, 0.53, 0.04, 0.055, DARK)


def snowman(pen: Pen, main: Colour) -> None:
    for side in (-1, 1):
        pen.line([(side * 0.16, 0.54), (side * 0.42, 0.66)], 0.025, "#6a4830")
        pen.line([(side * 0.35, 0.625), (side * 0.42, 0.58)], 0.02, "#6a4830")
    for y, radius in ((0.2, 0.24), (0.51, 0.18), (0.77, 0.14)):
        pen.oval(0, y, radius, radius * 0.94, main, lighter(main, -0.1))
    pen.poly([(0.02, 0.79), (0.02, 0.74), (0.22, 0.75)], "#f08830")
    pen.eyes(0.055, 0.81, 0.02)
    for y in (0.46, 0.54):
        pen.oval(0, y, 0.02, 0.02, DARK)
    pen.blob([(-0.15, 0.67), (0, 0.63), (0.15, 0.67), (0.14, 0.61), (0, 0.58), (-0.14, 0.61)], "#d83838")
    pen.blob([(0.06, 0.62), (0.14, 0.62), (0.16, 0.42), (0.08, 0.42)], "#c03030")
    pen.box(-0.17, 0.88, 0.17, 0.91, DARK)
    pen.box(-0.11, 0.9, 0.11, 1.06, "#38343c")
    pen.box(-0.11, 0.91, 0.11, 0.95, "#d83838")


PEOPLE = {
    "person": Figure(person, "#d85848", 0.52, 0.5),
    "knight": Figure(partial(person, hat="helmet"), "#c03838", 0.54, 0.6),
    "wizard": Figure(partial(person, hat="wizard"), "#5848a8", 0.52, 0.6, scene="forest"),
    "king": Figure(partial(person, hat="crown"), "#8c3c98", 0.54, 0.55),
    "astronaut": Figure(astronaut, "#f2f4f8", 0.52, 0.6, scene="space"),
    "robot": Figure(robot, "#8ca4bc", 0.52, 0.8, scene="city"),
    "ghost": Figure(ghost, "#f2f4fc", 0.46, 0.7, scene="forest"),
    "snowman": Figure(snowman, "#fbfdff", 0.52, 0.7, scene="snow"),
}
