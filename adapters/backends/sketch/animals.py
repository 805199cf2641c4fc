"""Animals on land: a sitting and a standing kind, and what each of them changes."""

from dataclasses import dataclass

from adapters.backends.sketch.canvas import Pen
from adapters.backends.sketch.colour import Colour, Paint, lighter, mix
from adapters.backends.sketch.figure import Figure

DARK = "#2a2226"
PALE = "#fbf3e6"
BLUSH = "#e88c8c"


@dataclass(frozen=True, slots=True)
class Sitting:
    """Seen from the front."""

    ears: str = "point"  #: point, round, long, flop
    tail: str = "thin"  #: thin, bushy, puff, none
    belly: Paint = PALE
    mask: str = "cheeks"  #: cheeks, muzzle, panda, none
    stripes: bool = False
    mane: Paint | None = None
    socks: bool = False
    whiskers: bool = False

    def __call__(self, pen: Pen, main: Colour) -> None:
        deep = lighter(main, -0.1)
        self._tail(pen, main)
        if self.mane is not None:
            pen.oval(0, 0.66, 0.33, 0.31, self.mane)
        pen.oval(0, 0.29, 0.23, 0.29, main, deep)
        pen.oval(0, 0.27, 0.13, 0.2, self.belly)
        limb = DARK if self.socks else deep
        for side in (-1, 1):
            pen.oval(side * 0.19, 0.11, 0.1, 0.11, main, deep)
            pen.blob([(side * 0.03, 0.3), (side * 0.13, 0.3), (side * 0.13, 0.03), (side * 0.03, 0.03)], main, limb)
            pen.oval(side * 0.09, 0.03, 0.075, 0.035, limb if self.socks else self.belly)
            self._ear(pen, main, side)
        pen.oval(0, 0.67, 0.27, 0.21, lighter(main, 0.03), main)
        self._mask(pen)
        self._marks(pen, deep)
        self._face(pen)

    def _tail(self, pen: Pen, main: Colour) -> None:
        if self.tail == "bushy":
            pen.blob([(0.1, 0.04), (0.38, 0.02), (0.5, 0.22), (0.46, 0.46), (0.4, 0.34), (0.28, 0.2)], main)
            pen.blob([(0.5, 0.22), (0.47, 0.47), (0.42, 0.36), (0.4, 0.26)], self.belly)
        elif self.tail == "thin":
            pen.curve([(0.12, 0.06), (0.34, 0.06), (0.4, 0.2), (0.34, 0.34), (0.4, 0.42)], 0.06, main)
        elif self.tail == "puff":
            pen.oval(0.22, 0.1, 0.09, 0.09, self.belly)

    def _ear(self, pen: Pen, main: Colour, side: int) -> None:
        inner = mix(main, BLUSH, 0.55)
        if self.ears == "point":
            tip = DARK if self.socks else lighter(main, -0.05)
            pen.blob([(side * 0.08, 0.8), (side * 0.23, 1.0), (side * 0.26, 0.72), (side * 0.17, 0.7)], tip, main)
            pen.blob([(side * 0.13, 0.82), (side * 0.215, 0.93), (side * 0.23, 0.78)], inner)
        elif self.ears == "round":
            ear = DARK if self.mask == "panda" else main
            pen.oval(side * 0.2, 0.84, 0.085, 0.085, ear)
            pen.oval(side * 0.2, 0.84, 0.05, 0.05, inner)
        elif self.ears == "long":
            pen.oval(side * 0.11, 0.92, 0.065, 0.2, main, turn=-side * 0.16)
            pen.oval(side * 0.11, 0.92, 0.033, 0.15, inner, turn=-side * 0.16)
        else:
            pen.oval(side * 0.25, 0.68, 0.08, 0.17, lighter(main, -0.12), turn=side * 0.25)

    def _mask(self, pen: Pen) -> None:
        for side in (-1, 1):
            if self.mask == "cheeks":
                pen.blob(
                    [(0, 0.66), (side * 0.1, 0.66), (side * 0.265, 0.64), (side * 0.16, 0.5), (0, 0.465)], self.belly
                )
            elif self.mask == "panda":
                pen.oval(side * 0.11, 0.69, 0.07, 0.085, DARK, turn=side * 0.5)
        if self.mask in ("muzzle", "panda"):
            pen.oval(0, 0.575, 0.12, 0.085, self.belly)

    def _marks(self, pen: Pen, deep: Colour) -> None:
        if self.stripes:
            for x, top in ((-0.09, 0.85), (0, 0.88), (0.09, 0.85)):
                pen.line([(x, top), (x * 0.8, top - 0.08)], 0.025, lighter(deep, -0.15))
            for side in (-1, 1):
                for y in (0.68, 0.61):
                    pen.line([(side * 0.27, y), (side * 0.19, y - 0.01)], 0.02, lighter(deep, -0.15))
                for y in (0.4, 0.3, 0.2):
                    pen.line([(side * 0.21, y), (side * 0.15, y - 0.02)], 0.022, lighter(deep, -0.15))

    def _face(self, pen: Pen) -> None:
        eye = "#ffffff" if self.mask == "panda" else DARK
        pen.eyes(0.11, 0.685, 0.036 if eye == DARK else 0.02, eye)
        pen.blob([(-0.035, 0.605), (0.035, 0.605), (0, 0.57)], DARK)
        pen.curve([(-0.055, 0.545), (-0.025, 0.53), (0, 0.55), (0.025, 0.53), (0.055, 0.545)], 0.012, DARK)
        for side in (-1, 1):
            pen.oval(side * 0.18, 0.6, 0.035, 0.022, BLUSH, BLUSH, alpha=110)
            if self.whiskers:
                for end in (0.6, 0.56):
                    pen.line([(side * 0.12, 0.57), (side * 0.31, end)], 0.007, "#ffffff", 190)


@dataclass(frozen=True, slots=True)
class Standing:
    """Seen from the side, looking right."""

    leg: float = 0.34
    body: float = 0.16  #: half its height
    neck: tuple[float, float] = (0.36, 0.82)  #: where the head is
    head: float = 0.1
    ears: str = "point"  #: point, flop, fan
    horns: str = ""  #: horn, antlers, short, one, ossicones
    mane: Paint | None = None
    marks: str = ""  #: patches, stripes, spots
    wool: bool = False
    trunk: bool = False
    snout: Paint = "#00000000"
    hump: bool = False

    def __call__(self, pen: Pen, main: Colour) -> None:
        deep = lighter(main, -0.12)
        middle = self.leg + self.body
        for x in (-0.2, 0.24):
            self._leg(pen, x, deep)
        tail = [(-0.33, middle + 0.08), (-0.42, middle), (-0.41, middle - 0.2)]
        pen.curve(tail, 0.07 if self.mane is not None else 0.025, deep if self.mane is None else self.mane)
        self._neck(pen, main, middle)
        if self.hump:
            pen.oval(-0.08, middle + self.body, 0.15, 0.12, main)
        if self.wool:
            for x, y in (
                (-0.26, 0),
                (-0.14, 0.09),
                (0, 0.11),
                (0.14, 0.09),
                (0.26, 0),
                (-0.14, -0.09),
                (0.14, -0.09),
                (0, -0.1),
            ):
                pen.oval(x, middle + y, 0.12, 0.1, main)
        pen.blob(
            [
                (-0.35, middle),
                (-0.28, middle + self.body),
                (0, middle + self.body * 0.86),
                (0.24, middle + self.body),
                (0.36, middle + 0.02),
                (0.26, middle - self.body),
                (0, middle - self.body * 0.95),
                (-0.28, middle - self.body),
            ],
            lighter(main, 0.03),
            deep,
        )
        self._marks(pen, middle)
        for x in (-0.27, 0.17):
            self._leg(pen, x, main)
        self._head(pen, main)

    def _leg(self, pen: Pen, x: float, paint: Colour) -> None:
        thick = 0.045 + self.body * 0.1
        pen.poly(
            [(x - thick, self.leg + 0.08), (x + thick, self.leg + 0.08), (x + thick * 0.7, 0), (x - thick * 0.7, 0)],
            paint,
        )
        pen.box(x - thick * 0.75, 0, x + thick * 0.75, 0.035, DARK)

    def _neck(self, pen: Pen, main: Colour, middle: float) -> None:
        x, y = self.neck
        thick = 0.06 + self.body * 0.25
        if self.mane is not None:
            back = [(0.1, middle + self.body), (x - 0.16, y), (x - 0.1, y + 0.1), (x, y + 0.1), (x, y), (0.3, middle)]
            pen.blob(back, self.mane)
        pen.blob(
            [
                (0.14, middle + self.body * 0.7),
                (x - thick, y),
                (x + thick * 0.6, y),
                (0.36, middle - 0.02),
                (0.2, middle),
            ],
            main,
        )

    def _head(self, pen: Pen, main: Colour) -> None:
        x, y = self.neck
        size = self.head
        if self.ears == "fan":
            pen.oval(x - size * 1.1, y - 0.01, size * 1.0, size * 1.25, lighter(main, -0.07))
        self._horns(pen, x, y + size * 0.8)
        pen.blob(
            [
                (x - size, y + size * 0.7),
                (x + size * 0.3, y + size * 0.9),
                (x + size * 2, y - size * 0.1),
                (x + size * 2, y - size * 0.9),
                (x + size * 1.3, y - size),
                (x - size * 0.6, y - size * 0.6),
            ],
            main,
        )
        if self.snout != "#00000000":
            pen.oval(x + size * 1.75, y - size * 0.5, size * 0.5, size * 0.5, self.snout)
        if self.trunk:
            pen.curve(
                [
                    (x + size * 1.5, y - size * 0.4),
                    (x + size * 2.3, y - 0.2),
                    (x + size * 2, y - 0.38),
                    (x + size * 2.6, y - 0.42),
                ],
                size * 0.8,
                main,
            )
            pen.curve(
                [(x + size * 1.1, y - size * 0.8), (x + size * 2, y - 0.17), (x + size * 3, y - 0.13)], 0.03, PALE
            )
        if self.ears == "point":
            pen.blob(
                [(x - size * 0.8, y + size * 0.5), (x - size * 0.7, y + size * 1.5), (x - size * 0.1, y + size * 0.8)],
                lighter(main, -0.04),
            )
        elif self.ears == "flop":
            pen.oval(x - size * 0.9, y + size * 0.2, size * 0.3, size * 0.65, lighter(main, -0.1), turn=-0.7)
        pen.oval(x + size * 0.5, y + size * 0.2, size * 0.17, size * 0.2, DARK, DARK)
        pen.oval(x + size * 0.56, y + size * 0.28, size * 0.06, size * 0.06, "#ffffff", "#ffffff")

    def _horns(self, pen: Pen, x: float, y: float) -> None:
        if self.horns == "one":
            pen.poly([(x - 0.01, y), (x + 0.05, y), (x + 0.09, y + 0.2)], "#f8d878", "#fff4c8")
        elif self.horns == "antlers":
            for lean in (-0.1, 0.03):
                pen.curve([(x, y), (x + lean, y + 0.1), (x + lean * 0.6, y + 0.2)], 0.022, "#a8845c")
                pen.line([(x + lean, y + 0.1), (x + lean + 0.08, y + 0.15)], 0.018, "#a8845c")
                pen.line([(x + lean, y + 0.1), (x + lean - 0.07, y + 0.16)], 0.018, "#a8845c")
        elif self.horns == "short":
            pen.curve([(x - 0.02, y - 0.01), (x - 0.04, y + 0.07), (x + 0.02, y + 0.1)], 0.03, "#e8dcc4")
        elif self.horns == "ossicones":
            pen.line([(x - 0.02, y - 0.02), (x - 0.03, y + 0.05)], 0.02, "#7a5230")

    def _marks(self, pen: Pen, middle: float) -> None:
        if self.marks == "patches":
            for x, y, across in ((-0.18, 0.06, 0.09), (0.06, -0.04, 0.1), (0.22, 0.07, 0.06)):
                pen.blob(
                    [
                        (x - across, middle + y),
                        (x, middle + y + 0.07),
                        (x + across, middle + y + 0.02),
                        (x, middle + y - 0.07),
                    ],
                    DARK,
                )
        elif self.marks == "spots":
            for x, y in (
                (-0.24, 0.03),
                (-0.12, 0.08),
                (-0.1, -0.06),
                (0.03, 0.02),
                (0.15, 0.07),
                (0.17, -0.06),
                (0.26, 0.02),
            ):
                pen.oval(x, middle + y, 0.045, 0.038, "#9c5c28")
        elif self.marks == "stripes":
            for x in (-0.26, -0.17, -0.08, 0.01, 0.1, 0.19, 0.27):
                pen.curve([(x, middle + 0.13), (x + 0.02, middle), (x, middle - 0.13)], 0.026, DARK)


SITTING = {
    "fox": Figure(Sitting(tail="bushy", socks=True), "#e8742c", wide=0.9),
    "cat": Figure(Sitting(mask="muzzle", whiskers=True, stripes=True), "#e0a058"),
    "dog": Figure(Sitting(ears="flop", mask="muzzle"), "#c89058"),
    "wolf": Figure(Sitting(tail="bushy"), "#8890a0", wide=0.9),
    "rabbit": Figure(Sitting(ears="long", tail="puff", mask="muzzle"), "#c8b4a4"),
    "bear": Figure(Sitting(ears="round", tail="none", mask="muzzle", belly="#d8b088"), "#8a5a38", 0.5),
    "panda": Figure(Sitting(ears="round", tail="none", mask="panda", socks=True, belly="#ffffff"), "#f4f2ee", 0.5),
    "mouse": Figure(Sitting(ears="round", mask="muzzle", whiskers=True), "#a8a4ac", 0.3),
    "tiger": Figure(Sitting(ears="round", stripes=True, whiskers=True), "#f09030", 0.5),
    "lion": Figure(Sitting(ears="round", mask="muzzle", mane="#a85c20"), "#e8b458", 0.52, scene="desert"),
}
STANDING = {
    "horse": Figure(Standing(mane="#3c2820"), "#9a6238", 0.52, 1.1),
    "unicorn": Figure(Standing(mane="#d890e0", horns="one"), "#fbf8ff", 0.54, 1.1),
    "zebra": Figure(Standing(mane="#2a2628", marks="stripes"), "#f6f4f0", 0.5, 1.1, scene="desert"),
    "cow": Figure(
        Standing(0.26, 0.2, (0.4, 0.74), ears="flop", horns="short", marks="patches", snout="#e8a8a0"),
        "#f4efe8",
        0.46,
        1.2,
    ),
    "sheep": Figure(Standing(0.22, 0.17, (0.38, 0.62), 0.09, "flop", wool=True), "#f6f2ea", 0.36, 1.2),
    "deer": Figure(
        Standing(0.38, 0.13, (0.32, 0.82), 0.08, horns="antlers", marks=""), "#b87840", 0.52, 1.0, scene="forest"
    ),
    "elephant": Figure(
        Standing(0.26, 0.26, (0.4, 0.68), 0.13, "fan", trunk=True), "#98a0ac", 0.52, 1.3, scene="desert"
    ),
    "giraffe": Figure(
        Standing(0.34, 0.1, (0.36, 0.98), 0.06, horns="ossicones", marks="spots"), "#f0c468", 0.7, 0.95, scene="desert"
    ),
    "pig": Figure(Standing(0.16, 0.2, (0.36, 0.44), 0.12, snout="#f08c98"), "#f4b0b0", 0.36, 1.4),
    "camel": Figure(Standing(0.34, 0.13, (0.42, 0.8), 0.075, hump=True), "#cc9c5c", 0.5, 1.1, scene="desert"),
}
ANIMALS = {**SITTING, **STANDING}
