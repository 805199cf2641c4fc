"""One picture being made: its canvas, its light and its luck."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from random import Random

from adapters.backends.sketch.canvas import Canvas
from adapters.backends.sketch.colour import Colour, Paint, from_oklab, hue_distance, mix, oklab, oklch, rgb, to_oklch
from adapters.backends.sketch.words import Idea

Op = Callable[[], None]
"""A piece of drawing work, some milliseconds long."""

Ops = Iterator[Op]

OVERCAST = frozenset({"rain", "storm", "cloudy", "fog", "snowfall"})
SKIES: dict[str, tuple[tuple[float, float, float], ...]] = {  # OKLCH, from the top down to the horizon
    "day": ((0.62, 0.13, 248), (0.77, 0.09, 234), (0.94, 0.035, 210)),
    "dawn": ((0.6, 0.1, 285), (0.78, 0.1, 355), (0.93, 0.08, 75)),
    "sunset": ((0.38, 0.12, 290), (0.62, 0.17, 20), (0.87, 0.14, 75)),
    "night": ((0.16, 0.055, 282), (0.26, 0.075, 274), (0.43, 0.085, 264)),
}
LIGHTS: dict[str, tuple[Colour, float]] = {  # what everything is mixed with, and how much
    "day": (oklch(0.9, 0.05, 95), 0.05),
    "dawn": (oklch(0.8, 0.09, 30), 0.14),
    "sunset": (oklch(0.5, 0.13, 25), 0.26),
    "night": (oklch(0.2, 0.07, 274), 0.55),
}
GREY = oklch(0.66, 0.015, 240)


@dataclass(frozen=True, slots=True)
class Stage:
    canvas: Canvas
    idea: Idea
    seed: int
    detail: float  #: how many small things there are; 1 at 20 steps
    scene: str
    time: str

    @property
    def width(self) -> int:
        return self.canvas.width

    @property
    def height(self) -> int:
        return self.canvas.height

    @property
    def side(self) -> int:
        return min(self.width, self.height)

    def luck(self, label: str) -> Random:
        """Each thing has its own: what is taken away leaves the others where they are."""
        return Random(f"{self.seed}:{label}")  # noqa: S311 - pictures, not secrets

    def many(self, number: float) -> int:
        return max(1, round(number * self.detail))

    def wants(self, meaning: str) -> bool:
        return meaning not in self.idea.unwanted

    @property
    def overcast(self) -> bool:
        return bool(self.idea.weather & OVERCAST)

    def sky(self) -> list[Colour]:
        hue = self.luck("sky").uniform(-7, 7)
        stops = [oklch(light, chroma, turn + hue) for light, chroma, turn in SKIES[self.time]]
        asked = self.idea.scene_colours.get("sky")
        if asked is not None:
            light = [0.0, 0.3, 0.62]
            stops = [mix(mix(asked, stop, 0.15), "#ffffff", part) for stop, part in zip(stops, light, strict=True)]
        if self.overcast:
            veil = mix(GREY, "#1c2430", 0.45 if "storm" in self.idea.weather else 0.0)
            stops = [mix(stop, mix(veil, stops[0], 0.2), 0.62) for stop in stops]
        return stops

    def lit(self, paint: Paint, depth: float = 0.0) -> Colour:
        """The colour in this light; ``depth`` 1 is lost in the haze at the horizon."""
        light, part = LIGHTS[self.time]
        colour = mix(paint, light, part)
        if self.overcast:
            colour = mix(colour, GREY, 0.18)
        return mix(colour, self.sky()[-1], depth * 0.8) if depth else colour

    def figure_light(self, colour: Colour) -> Colour:
        """Dimmed less than the land, so that what was asked for can be seen."""
        light, part = LIGHTS[self.time]
        return mix(colour, light, part * 0.32)

    def ground(self, natural: Paint) -> Colour:
        """The land's colour as asked for, by season or ``natural``."""
        asked = self.idea.scene_colours.get(self.scene)
        if asked is not None:
            return asked
        if self.idea.season == "winter" or "snowfall" in self.idea.weather:
            return mix(natural, "#f4f8fc", 0.86)
        if self.idea.season == "autumn":
            return mix(natural, "#cc8c34", 0.6)
        return rgb(natural)


def strictness(guidance: float) -> float:
    """How far colours follow the words, 0.3 to 1."""
    return min(1.0, 0.3 + 0.1 * guidance)


def tone_of(idea: Idea, guidance: float) -> Callable[[Colour], Colour]:
    """What happens to every colour of the picture: moods, tints, what the negative prompt bans, and the guidance."""
    strength = strictness(guidance)
    vigour = 0.65 + 0.05 * min(guidance, 12.0)

    @lru_cache(maxsize=8192)
    def tone(colour: Colour) -> Colour:
        light, chroma, hue = _mood(idea, *to_oklch(colour))
        changed = oklch(light, chroma * vigour, hue)
        for tint in idea.tints:
            changed = _tinted(changed, tint, 0.6 * strength / len(idea.tints))
        return _without(changed, idea.unwanted_colours)

    return tone


def _mood(idea: Idea, light: float, chroma: float, hue: float) -> tuple[float, float, float]:
    if "grey" in idea.moods:
        chroma = 0.0
    if "sepia" in idea.moods:
        chroma, hue = 0.05, 75.0
    if "pastel" in idea.moods:
        light, chroma = 0.5 + 0.48 * light, chroma * 0.7
    if "vivid" in idea.moods:
        chroma *= 1.35
    if "dark" in idea.moods:
        light *= 0.74
    if "bright" in idea.moods:
        light += (1 - light) * 0.25
    return light, chroma, hue


def _tinted(colour: Colour, tint: Colour, part: float) -> Colour:
    light, a, b = oklab(colour)
    towards, hue_a, hue_b = oklab(tint)
    return from_oklab(light + (towards - light) * part * 0.4, a + (hue_a - a) * part, b + (hue_b - b) * part)


def _without(colour: Colour, unwanted: tuple[Colour, ...]) -> Colour:
    for one in unwanted:
        light, chroma, hue = to_oklch(colour)
        bad_light, bad_chroma, bad_hue = to_oklch(one)
        if bad_chroma >= 0.04:
            if chroma > 0.02 and hue_distance(hue, bad_hue) < 42:
                colour = oklch(light, chroma * 0.12, hue)
        elif bad_light > 0.85:
            colour = oklch(min(light, 0.84), chroma, hue)
        elif bad_light < 0.35:
            colour = oklch(max(light, 0.42), chroma, hue)
    return colour
