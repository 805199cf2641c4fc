"""Who stands where: from an `Idea` to the whole list of drawing work."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import pi, sin

from adapters.backends.sketch.abstract import abstract
from adapters.backends.sketch.animals import ANIMALS
from adapters.backends.sketch.canvas import Pen
from adapters.backends.sketch.colour import Colour, mix, oklch, rgb, to_oklch
from adapters.backends.sketch.creatures import CREATURES
from adapters.backends.sketch.figure import Figure, Home
from adapters.backends.sketch.nature import NATURE
from adapters.backends.sketch.objects import OBJECTS
from adapters.backends.sketch.people import PEOPLE
from adapters.backends.sketch.scenes import SCENES, Scene
from adapters.backends.sketch.stage import Op, Ops, Stage, strictness
from adapters.backends.sketch.things import BUILT
from adapters.backends.sketch.weather import weather
from adapters.backends.sketch.wildlife import WILDLIFE
from adapters.backends.sketch.words import Idea, Subject

FIGURES: Mapping[str, Figure] = {**ANIMALS, **CREATURES, **WILDLIFE, **NATURE, **PEOPLE, **BUILT, **OBJECTS}
MOST = 14  # figures on one picture
ABOVE = (Home.AIR, Home.SKY)
VARIED = frozenset(
    {"balloon", "kite", "butterfly", "flower", "fish", "car", "gift", "umbrella", "book", "boat", "bird"}
)


@dataclass(frozen=True, slots=True)
class Placed:
    figure: Figure
    paint: Colour
    x: float  #: of the width
    y: float  #: of the height, where it stands
    size: float  #: pixels
    flip: bool


def setting(idea: Idea) -> tuple[str, str]:
    """The scene and the time of day: as asked, else where the first figure is at home."""
    scene = idea.scene
    if not scene:
        homes = [FIGURES[subject.kind].scene for subject in idea.subjects]
        special = [home for home in homes if home != "meadow"]
        scene = (special or homes or ["meadow"])[0]
        if scene in idea.unwanted:
            scene = "meadow"
        if scene == "meadow" and not idea.subjects and idea.weather & {"snowfall"}:
            scene = "snow"
    kinds = {subject.kind for subject in idea.subjects}
    night = bool(kinds & {"moon", "star", "comet", "ghost"}) or bool(idea.weather & {"aurora", "fireworks"})
    return scene, idea.time or ("night" if night and "night" not in idea.unwanted else "day")


def composition(stage: Stage, words: str, guidance: float) -> list[Op]:
    """Every piece of work, in order from the back to the front."""
    if stage.idea.empty:
        return [*abstract(stage, words), *touches(stage)]
    scene = SCENES[stage.scene]
    placed = _placed(stage, scene, guidance)
    at_back = [one for one in placed if one.figure.home is Home.SKY and stage.scene not in ("room", "underwater")]
    others = [one for one in placed if one not in at_back]
    ops = [*scene.sky(stage, scene.horizon)]
    ops += [op for one in at_back for op in _drawn(stage, one, scene)]
    ops += scene.land(stage, scene.horizon)
    ops += [op for one in sorted(others, key=_nearness) for op in _drawn(stage, one, scene)]
    return [*ops, *weather(stage), *touches(stage)]


def _nearness(one: Placed) -> tuple[bool, float]:
    return one.figure.home is Home.AIR, one.y


def touches(stage: Stage) -> Ops:
    """Light strokes in the colours that are there: what more steps add."""
    for index in range(stage.many(30)):
        yield partial(_strokes, stage, index)


def _strokes(stage: Stage, index: int) -> None:
    luck = stage.luck(f"touch{index}")
    for _ in range(9):
        x, y = luck.uniform(0, stage.width), luck.uniform(0, stage.height)
        reach = stage.side * luck.uniform(0.015, 0.05)
        paint = mix(stage.canvas.colour_at(x, y), luck.choice(("#ffffff", "#1c1c30")), 0.35)
        line = [(x + reach * part / 6, y - reach * 0.12 * sin(pi * part / 6)) for part in range(7)]
        stage.canvas.line(line, stage.side * 0.0025, paint, 15)


def _placed(stage: Stage, scene: Scene, guidance: float) -> list[Placed]:
    groups: dict[str, list[tuple[Figure, Subject]]] = {"back": [], "front": [], "above": [], "below": []}
    for subject in stage.idea.subjects:
        figure = _at_home(FIGURES[subject.kind], stage.scene, scene)
        group = groups[_group(figure)]
        group += [(figure, subject)] * min(subject.count, MOST - sum(map(len, groups.values())))
    return [
        one
        for name, members in groups.items()
        for one in _row(stage, scene, name, members, guidance, both=_both(groups))
    ]


def _both(groups: Mapping[str, Sequence[object]]) -> bool:
    return sum(bool(groups[name]) for name in ("back", "front", "above")) > 1


def _at_home(figure: Figure, name: str, scene: Scene) -> Figure:
    """Where the figure is in this scene: a fish on land lies on the ground, a boat there stands on it."""
    if figure.home is Home.UNDER and name != "underwater":
        return replace(figure, home=Home.WATER if scene.wet else Home.AIR if name in ("sky", "space") else Home.GROUND)
    if name == "underwater" and figure.home in (Home.WATER, Home.AIR, Home.SKY):
        return replace(figure, home=Home.UNDER)
    if name == "sky" and figure.home in (Home.GROUND, Home.WATER):
        return replace(figure, home=Home.AIR)
    return figure


def _group(figure: Figure) -> str:
    if figure.home in ABOVE:
        return "above"
    return {Home.BACK: "back", Home.UNDER: "below"}.get(figure.home, "front")


def _row(
    stage: Stage, scene: Scene, name: str, members: Sequence[tuple[Figure, Subject]], guidance: float, *, both: bool
) -> list[Placed]:
    """The first one is nearest to the middle, or beside it where something stands behind."""
    luck = stage.luck(f"row {name}")
    count = len(members)
    centre = 0.5 + (luck.choice((-0.06, 0.06)) if count == 1 else 0)
    if both and count == 1:
        side = 1 if stage.luck("sides").random() < 0.5 else -1
        centre = 0.5 + side * (-0.17 if name == "front" else 0.2)
    slots = sorted(((index + 0.5) / count + (centre - 0.5) for index in range(count)), key=lambda x: abs(x - centre))
    placed = []
    for index, (slot, (figure, subject)) in enumerate(zip(slots, members, strict=True)):
        each = stage.luck(f"{name} {index}")
        room = stage.width * 0.94 / count / figure.wide
        size = min(
            stage.side * figure.height * subject.scale * 1.12 / count**0.25, room * 1.08, _headroom(stage, scene, name)
        ) * each.uniform(0.93, 1.0)
        half = min(0.5, size * figure.wide / stage.width / 2)
        x = min(1 - half, max(half, slot + each.uniform(-0.12, 0.12) / max(2, count)))
        paint = _coat(figure, subject, guidance)
        if subject.colour is None and index and subject.kind in VARIED:
            paint = _another(paint, each.uniform(40, 320))
        placed.append(
            Placed(figure, paint, x, _level(stage, scene, name, figure, size, each.random()), size, each.random() < 0.5)
        )
    return placed


def _headroom(stage: Stage, scene: Scene, name: str) -> float:
    """Pixels up to which a figure may grow and still be seen whole."""
    return stage.height * (scene.feet[0] * 0.92 if name in ("back", "front") else 0.62)


def _another(paint: Colour, turn: float) -> Colour:
    light, chroma, hue = to_oklch(paint)
    return oklch(light, chroma, hue + turn)


def _coat(figure: Figure, subject: Subject, guidance: float) -> Colour:
    if subject.colour is None:
        return rgb(figure.paint)
    return mix(figure.paint, subject.colour, strictness(guidance))


def _level(stage: Stage, scene: Scene, name: str, figure: Figure, size: float, chance: float) -> float:
    """Of the height, where its foot is."""
    far, near = scene.feet
    if name == "back":
        return far + (near - far) * 0.25 * chance
    if name == "front":
        return near - (near - far) * (0.28 if figure.home is Home.WATER else 0.22) * chance
    tall = size / stage.height
    low, high = (0.32, 0.74) if name == "below" else (0.08, max(0.1, scene.horizon - 0.1))
    top = low + (high - low) * 0.55 * chance
    if figure.home is Home.SKY and figure.wide > 1.9:
        return scene.horizon + 0.02
    return min(top + tall, 0.9)


def _drawn(stage: Stage, one: Placed, scene: Scene) -> Ops:
    x, y = one.x * stage.width, one.y * stage.height
    wide = one.size * one.figure.wide
    afloat = scene.wet and one.figure.home in (Home.WATER, Home.GROUND)
    if one.figure.home in (Home.GROUND, Home.BACK) and not afloat:
        yield partial(stage.canvas.glow, x, y, wide * 0.62, "#0c1020", 0.62, 0.2)
    elif afloat:
        yield partial(stage.canvas.glow, x, y + one.size * 0.05, wide * 0.8, mix(one.paint, "#10243c", 0.6), 0.6, 0.28)
    pen = Pen(stage.canvas, x, y, one.size, one.flip, lit=stage.figure_light)
    yield partial(one.figure.draw, pen, one.paint)
    if afloat:
        yield partial(_ripples, stage, x, y, wide)


def _ripples(stage: Stage, x: float, y: float, wide: float) -> None:
    for index in range(3):
        half, down = wide * (0.62 - index * 0.12), stage.side * 0.012 * (index + 0.2)
        line = [
            (x - half + half * part / 6, y + down + stage.side * 0.003 * sin(part * 1.7 + index)) for part in range(13)
        ]
        stage.canvas.line(line, stage.side * 0.004, stage.lit("#eaf6ff"), 150)
