"""Birds, insects, and what lives in water."""

from functools import partial

from adapters.backends.sketch.canvas import Pen
from adapters.backends.sketch.colour import Colour, lighter, mix
from adapters.backends.sketch.figure import Figure, Home

DARK = "#2a2226"
PALE = "#fbf3e6"
BEAK = "#f0a030"


def bird(pen: Pen, main: Colour) -> None:
    deep = lighter(main, -0.14)
    pen.blob([(-0.3, 0.42), (-0.72, 0.36), (-0.8, 0.5), (-0.7, 0.58), (-0.3, 0.6)], deep)
    pen.blob([(-0.4, 0.5), (-0.2, 0.72), (0.2, 0.74), (0.42, 0.56), (0.3, 0.34), (-0.1, 0.28)], main)
    pen.blob([(-0.1, 0.32), (0.2, 0.5), (0.36, 0.5), (0.3, 0.34)], mix(main, PALE, 0.7))
    pen.oval(0.4, 0.68, 0.19, 0.18, main)
    pen.poly([(0.56, 0.74), (0.76, 0.66), (0.56, 0.62)], BEAK)
    pen.blob([(-0.1, 0.58), (-0.34, 1.0), (-0.5, 1.06), (-0.16, 0.92), (0.2, 0.62)], deep, main)
    pen.oval(0.45, 0.72, 0.034, 0.038, DARK)
    pen.oval(0.46, 0.735, 0.012, 0.012, "#ffffff", "#ffffff")


def owl(pen: Pen, main: Colour) -> None:
    deep = lighter(main, -0.12)
    for side in (-1, 1):
        pen.blob([(side * 0.1, 0.82), (side * 0.3, 1.02), (side * 0.33, 0.72)], deep)
    pen.blob([(-0.32, 0.4), (-0.3, 0.8), (0, 0.94), (0.3, 0.8), (0.32, 0.4), (0, 0.02)], main)
    pen.oval(0, 0.34, 0.2, 0.27, mix(main, PALE, 0.7))
    for row, y in enumerate((0.48, 0.38, 0.28)):
        for x in (-0.1, 0, 0.1) if row % 2 else (-0.05, 0.05):
            pen.curve([(x - 0.03, y), (x, y - 0.03), (x + 0.03, y)], 0.014, deep)
    for side in (-1, 1):
        pen.blob([(side * 0.3, 0.62), (side * 0.4, 0.34), (side * 0.22, 0.12), (side * 0.22, 0.44)], deep)
        pen.oval(side * 0.14, 0.72, 0.145, 0.145, PALE)
        pen.oval(side * 0.13, 0.72, 0.1, 0.1, "#f8c030")
        pen.oval(side * 0.13, 0.72, 0.058, 0.06, DARK, DARK)
        pen.oval(side * 0.13 + 0.02, 0.75, 0.02, 0.02, "#ffffff", "#ffffff")
        pen.oval(side * 0.1, 0.03, 0.07, 0.03, BEAK)
    pen.poly([(-0.045, 0.68), (0.045, 0.68), (0, 0.58)], BEAK)


def penguin(pen: Pen, main: Colour) -> None:
    for side in (-1, 1):
        pen.oval(side * 0.13, 0.03, 0.12, 0.04, BEAK)
        pen.blob([(side * 0.24, 0.62), (side * 0.42, 0.3), (side * 0.36, 0.24), (side * 0.22, 0.4)], main)
    pen.blob([(-0.3, 0.34), (-0.25, 0.74), (0, 0.98), (0.25, 0.74), (0.3, 0.34), (0, 0.03)], main)
    pen.blob([(-0.22, 0.32), (-0.2, 0.6), (0, 0.68), (0.2, 0.6), (0.22, 0.32), (0, 0.07)], "#ffffff", "#dfe6ee")
    for side in (-1, 1):
        pen.oval(side * 0.09, 0.76, 0.1, 0.1, "#ffffff", "#f0f2f6")
    pen.eyes(0.08, 0.79, 0.03)
    pen.poly([(-0.06, 0.73), (0.06, 0.73), (0, 0.66)], BEAK)


def duck(pen: Pen, main: Colour) -> None:
    pen.blob([(-0.5, 0.5), (-0.62, 0.66), (-0.36, 0.44), (0.1, 0.46), (0.3, 0.3), (0.2, 0.06), (-0.3, 0.06)], main)
    pen.blob([(0.08, 0.36), (0.14, 0.7), (0.34, 0.7), (0.32, 0.3)], main)
    pen.oval(0.27, 0.8, 0.18, 0.17, lighter(main, 0.03))
    pen.blob([(0.4, 0.82), (0.62, 0.78), (0.62, 0.72), (0.4, 0.72)], BEAK)
    pen.blob([(-0.36, 0.4), (0.02, 0.42), (0.08, 0.26), (-0.14, 0.18)], lighter(main, -0.1))
    pen.oval(0.33, 0.84, 0.03, 0.035, DARK)


def chicken(pen: Pen, main: Colour) -> None:
    for x in (-0.06, 0.1):
        pen.line([(x, 0.2), (x, 0.02), (x + 0.08, 0.01)], 0.03, BEAK)
    pen.blob([(-0.2, 0.3), (-0.5, 0.5), (-0.52, 0.78), (-0.3, 0.66), (-0.1, 0.54)], lighter(main, -0.12))
    for x in (0.18, 0.25, 0.32):
        pen.oval(x, 0.95, 0.05, 0.06, "#d83c34")
    pen.blob(
        [(-0.36, 0.44), (-0.2, 0.2), (0.14, 0.16), (0.34, 0.4), (0.38, 0.84), (0.24, 0.94), (0.12, 0.82), (0, 0.54)],
        main,
    )
    pen.blob([(-0.22, 0.44), (0.1, 0.48), (0.1, 0.3), (-0.08, 0.24)], lighter(main, -0.08))
    pen.poly([(0.36, 0.84), (0.5, 0.78), (0.36, 0.74)], BEAK)
    pen.oval(0.35, 0.7, 0.035, 0.06, "#d83c34")
    pen.oval(0.28, 0.84, 0.026, 0.03, DARK)


def fish(pen: Pen, main: Colour) -> None:
    deep = lighter(main, -0.1)
    pen.blob([(-0.36, 0.5), (-0.78, 0.86), (-0.66, 0.5), (-0.78, 0.14)], deep)
    pen.blob([(-0.14, 0.72), (-0.16, 1.0), (0.2, 0.84), (0.26, 0.68)], deep)
    pen.blob([(-0.05, 0.3), (-0.16, 0.1), (0.14, 0.22)], deep)
    pen.blob(
        [(-0.48, 0.5), (-0.16, 0.78), (0.3, 0.78), (0.6, 0.5), (0.3, 0.22), (-0.16, 0.22)], lighter(main, 0.05), main
    )
    for x in (-0.12, 0.12):
        pen.curve([(x, 0.74), (x + 0.08, 0.5), (x, 0.26)], 0.07, mix(main, "#ffffff", 0.75))
    pen.blob([(0.05, 0.46), (-0.12, 0.36), (0.02, 0.32)], deep)
    pen.oval(0.38, 0.57, 0.07, 0.075, "#ffffff", "#ffffff")
    pen.oval(0.4, 0.57, 0.038, 0.042, DARK)


def swimmer(pen: Pen, main: Colour, *, kind: str) -> None:
    """Whale, dolphin or shark."""
    deep, fat = lighter(main, -0.1), {"whale": 0.34, "dolphin": 0.2, "shark": 0.22}[kind]
    pen.blob([(-0.6, 0.46), (-0.9, 0.76), (-0.98, 0.66), (-0.84, 0.48), (-0.96, 0.34), (-0.86, 0.28)], deep)
    if kind != "whale":
        pen.blob([(-0.12, 0.58), (-0.22, 0.92), (-0.1, 0.9), (0.2, 0.6)], deep)
    pen.blob(
        [
            (-0.78, 0.46),
            (-0.3, 0.46 + fat * 0.8),
            (0.3, 0.48 + fat),
            (0.7, 0.5),
            (0.34, 0.44 - fat),
            (-0.3, 0.42 - fat * 0.6),
        ],
        main,
    )
    pen.blob(
        [(-0.3, 0.4 - fat * 0.4), (0.3, 0.42), (0.66, 0.46), (0.34, 0.45 - fat), (-0.2, 0.42 - fat * 0.6)],
        mix(main, "#ffffff", 0.8),
    )
    if kind == "dolphin":
        pen.blob([(0.56, 0.54), (0.84, 0.46), (0.6, 0.42)], main)
    pen.blob([(0.1, 0.34), (-0.1, 0.06), (-0.16, 0.12), (-0.04, 0.36)], deep)
    pen.eyes(0.0, 0.5, 0.032, middle=0.46)
    if kind == "shark":
        for x in (0.2, 0.25, 0.3):
            pen.curve([(x, 0.56), (x - 0.03, 0.49), (x, 0.42)], 0.013, deep)
    if kind == "whale":
        for side in (-1, 1):
            pen.curve([(0.24, 0.8), (0.24 + side * 0.03, 1.0), (0.24 + side * 0.16, 0.98)], 0.04, "#d8f0fc")


def octopus(pen: Pen, main: Colour) -> None:
    for index, x in enumerate((-0.36, -0.24, -0.1, 0.1, 0.24, 0.36)):
        bend = 0.12 if index % 2 else -0.08
        pen.curve(
            [(x * 0.6, 0.42), (x, 0.24), (x * 1.25, 0.1), (x * 1.3 + bend, 0.05)],
            0.1,
            lighter(main, -0.05 * (index % 2)),
        )
    pen.blob([(-0.3, 0.44), (-0.33, 0.78), (0, 1.0), (0.33, 0.78), (0.3, 0.44), (0, 0.34)], lighter(main, 0.04))
    pen.eyes(0.12, 0.58, 0.05)
    pen.curve([(-0.06, 0.47), (0, 0.44), (0.06, 0.47)], 0.018, lighter(main, -0.3))


def jellyfish(pen: Pen, main: Colour) -> None:
    pen.glow(0, 0.7, 0.6, main, 0.5)
    for index, x in enumerate((-0.24, -0.14, -0.04, 0.06, 0.16, 0.26)):
        wave = 0.05 if index % 2 else -0.05
        pen.curve([(x, 0.62), (x + wave, 0.42), (x - wave, 0.22), (x + wave, 0.02)], 0.03, lighter(main, 0.1), 210)
    pen.blob(
        [(-0.38, 0.6), (-0.3, 0.88), (0, 1.0), (0.3, 0.88), (0.38, 0.6), (0, 0.66)], lighter(main, 0.12), main, 235
    )
    pen.blob([(-0.2, 0.8), (0, 0.92), (0.02, 0.84)], "#ffffff", "#ffffff", 110)


def crab(pen: Pen, main: Colour) -> None:
    for side in (-1, 1):
        for y, end in ((0.34, 0.06), (0.26, 0.0), (0.4, 0.14)):
            pen.curve([(side * 0.3, y), (side * 0.6, y + 0.06), (side * 0.68, end)], 0.06, lighter(main, -0.1))
        pen.curve([(side * 0.34, 0.46), (side * 0.58, 0.6), (side * 0.5, 0.74)], 0.09, main)
        pen.blob(
            [(side * 0.4, 0.72), (side * 0.36, 0.98), (side * 0.5, 0.84), (side * 0.62, 0.98), (side * 0.64, 0.72)],
            main,
        )
        pen.line([(side * 0.1, 0.54), (side * 0.1, 0.74)], 0.04, main)
    pen.oval(0, 0.36, 0.42, 0.24, lighter(main, 0.04))
    pen.eyes(0.1, 0.76, 0.05)
    pen.curve([(-0.1, 0.32), (0, 0.27), (0.1, 0.32)], 0.022, lighter(main, -0.3))


def butterfly(pen: Pen, main: Colour) -> None:
    for side in (-1, 1):
        pen.blob([(0, 0.5), (side * 0.24, 0.94), (side * 0.58, 0.94), (side * 0.5, 0.56)], main, lighter(main, -0.12))
        pen.blob([(0, 0.48), (side * 0.44, 0.46), (side * 0.42, 0.12), (side * 0.16, 0.12)], lighter(main, 0.08))
        pen.oval(side * 0.38, 0.78, 0.1, 0.09, mix(main, "#ffffff", 0.65))
        pen.oval(side * 0.28, 0.32, 0.07, 0.07, mix(main, "#ffffff", 0.55))
        pen.curve([(0, 0.76), (side * 0.06, 0.92), (side * 0.14, 0.98)], 0.016, DARK)
    pen.oval(0, 0.48, 0.04, 0.28, DARK)


def bee(pen: Pen, main: Colour) -> None:
    for lean in (-0.3, 0.25):
        pen.oval(lean * 0.5, 0.84, 0.15, 0.26, "#e8f4ff", turn=-lean, alpha=190)
    pen.oval(0, 0.44, 0.44, 0.32, main)
    for x in (-0.18, 0.02, 0.2):
        up = 0.3 - abs(x) * 0.2
        pen.curve([(x, 0.44 + up), (x - 0.06, 0.44), (x, 0.44 - up)], 0.1, DARK)
    pen.oval(0.4, 0.48, 0.18, 0.18, DARK)
    pen.eyes(0.0, 0.52, 0.045, "#ffffff", 0.46)


def ladybug(pen: Pen, main: Colour) -> None:
    pen.oval(0.4, 0.36, 0.2, 0.2, DARK)
    pen.blob([(-0.5, 0.14), (-0.42, 0.58), (0, 0.78), (0.36, 0.54), (0.42, 0.14), (0, 0.1)], main)
    pen.curve([(-0.46, 0.34), (0, 0.5), (0.4, 0.4)], 0.025, DARK)
    for x, y in ((-0.26, 0.54), (0.04, 0.62), (-0.22, 0.28), (0.14, 0.3)):
        pen.oval(x, y, 0.08, 0.08, DARK)
    pen.oval(0.47, 0.4, 0.04, 0.045, "#ffffff", "#ffffff")


WILDLIFE = {
    "bird": Figure(bird, "#3c8cd8", 0.24, 1.5, Home.AIR),
    "owl": Figure(owl, "#9a7048", 0.42, 0.7, scene="forest"),
    "penguin": Figure(penguin, "#2c3444", 0.44, 0.7, scene="snow"),
    "duck": Figure(duck, "#f8e070", 0.24, 1.2, Home.WATER, "lake"),
    "chicken": Figure(chicken, "#f6efe4", 0.34, 1.0),
    "fish": Figure(fish, "#f4802c", 0.28, 1.5, Home.UNDER, "underwater"),
    "shark": Figure(partial(swimmer, kind="shark"), "#7c8ca0", 0.36, 1.9, Home.UNDER, "underwater"),
    "whale": Figure(partial(swimmer, kind="whale"), "#3c70b0", 0.44, 1.8, Home.UNDER, "underwater"),
    "dolphin": Figure(partial(swimmer, kind="dolphin"), "#6ca0c8", 0.34, 1.9, Home.UNDER, "underwater"),
    "octopus": Figure(octopus, "#d86078", 0.42, 1.0, Home.UNDER, "underwater"),
    "jellyfish": Figure(jellyfish, "#c080e8", 0.4, 0.8, Home.UNDER, "underwater"),
    "crab": Figure(crab, "#e85030", 0.24, 1.4, Home.GROUND, "beach"),
    "butterfly": Figure(butterfly, "#f09030", 0.22, 1.2, Home.AIR),
    "bee": Figure(bee, "#f8c828", 0.18, 1.2, Home.AIR),
    "ladybug": Figure(ladybug, "#e03428", 0.22, 1.2),
}
