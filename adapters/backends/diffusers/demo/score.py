"""How well pictures show what was asked: the share of right answers, facet by facet."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import permutations

from PIL import Image

from adapters.backends.diffusers.demo.reading import Reading, Seen, is_nested, position, read, relation
from adapters.backends.diffusers.demo.scenes import Relation, Scene, Thing

FACETS = ("count", "colour", "shape", "size", "style", "position", "relation", "background")


@dataclass(frozen=True)
class Score:
    """How many were right, of how many asked, per facet."""

    right: Mapping[str, int]
    asked: Mapping[str, int]

    def share(self, facet: str) -> float:
        return self.right.get(facet, 0) / self.asked[facet] if self.asked.get(facet) else 1.0

    def __str__(self) -> str:
        known = [facet for facet in FACETS if facet in self.asked]
        return ", ".join(f"{facet} {self.right.get(facet, 0)}/{self.asked[facet]}" for facet in known)


def score(pictures: Iterable[tuple[Scene, Image.Image]]) -> Score:
    right: Counter[str] = Counter()
    asked: Counter[str] = Counter()
    for scene, picture in pictures:
        for facet, was_right in marks(scene, read(picture)):
            asked[facet] += 1
            right[facet] += was_right
    return Score(right, asked)


def marks(scene: Scene, reading: Reading) -> list[tuple[str, bool]]:
    """Each thing asked for is marked on its own; one that is missing is wrong in everything."""
    found = _matched(scene, reading)
    all_marks = [("background", reading.background == scene.background)]
    all_marks.append(("count", len(reading.things) == len(scene.things)))
    for thing, seen in zip(scene.things, found, strict=True):
        all_marks.extend(_marks_of(thing, seen))
    if scene.position is not None:
        all_marks.append(("position", found[0] is not None and position(found[0]) is scene.position))
    if scene.relation is not None:
        all_marks.append(("relation", _related(*found) is scene.relation))
    return all_marks


def _related(first: Seen | None, second: Seen | None) -> Relation | None:
    if first is None or second is None:
        return None
    return relation(first, second, nested=is_nested(first, second))


def _marks_of(thing: Thing, seen: Seen | None) -> list[tuple[str, bool]]:
    return [
        ("colour", seen is not None and seen.colour == thing.colour),
        ("shape", seen is not None and seen.shape is thing.shape),
        ("size", seen is not None and seen.amount is thing.amount),
        ("style", seen is not None and seen.style is thing.style),
    ]


def _matched(scene: Scene, reading: Reading) -> tuple[Seen | None, ...]:
    """For each thing asked for the one seen that fits best, none twice."""
    things = scene.things
    clearest = sorted(reading.things, key=lambda seen: -seen.likeness)[:4]
    candidates: list[Seen | None] = [*clearest, *[None] * len(things)]
    return max(permutations(candidates, len(things)), key=lambda found: _fit(things, found))


def _fit(things: tuple[Thing, ...], found: tuple[Seen | None, ...]) -> int:
    """Colour says most about which thing is meant, then shape, then size; any thing is better than none."""
    return sum(
        4 * (seen.colour == thing.colour) + 3 * (seen.shape is thing.shape) + (seen.amount is thing.amount) + 1
        for thing, seen in zip(things, found, strict=True)
        if seen is not None
    )
