"""What a scene may be called: captions of many forms, so that the model understands people's ways of saying it."""

from dataclasses import dataclass
from random import Random

from adapters.backends.diffusers.demo.scenes import (
    BACKGROUNDS,
    Amount,
    Position,
    Relation,
    Scene,
    Shape,
    Style,
    Thing,
)

OPENINGS = ("a picture of", "a drawing of", "an image of", "draw", "paint", "show me", "please draw")
_POSITIONS: dict[Position, tuple[str, ...]] = {
    Position.CENTRE: ("in the centre", "in the center", "in the middle"),
    Position.LEFT: ("on the left", "at the left", "on the left side"),
    Position.RIGHT: ("on the right", "at the right", "on the right side"),
    Position.TOP: ("at the top", "on top"),
    Position.BOTTOM: ("at the bottom", "on the bottom"),
    Position.TOP_LEFT: ("in the top left corner", "at the top left"),
    Position.TOP_RIGHT: ("in the top right corner", "at the top right"),
    Position.BOTTOM_LEFT: ("in the bottom left corner", "at the bottom left"),
    Position.BOTTOM_RIGHT: ("in the bottom right corner", "at the bottom right"),
}
_RELATIONS: dict[Relation, tuple[str, ...]] = {
    Relation.LEFT_OF: ("left of", "to the left of"),
    Relation.RIGHT_OF: ("right of", "to the right of"),
    Relation.ABOVE: ("above", "over"),
    Relation.BELOW: ("below", "under"),
    Relation.INSIDE: ("inside", "in", "within"),
}
_AMOUNTS: dict[Amount, tuple[str, ...]] = {
    Amount.SMALL: ("small", "small", "little", "tiny"),
    Amount.MEDIUM: ("medium",),
    Amount.LARGE: ("large", "large", "big", "huge"),
}
_STYLES: dict[Style, tuple[str, ...]] = {
    Style.PLAIN: ("plain",),
    Style.OUTLINED: ("outlined",),
    Style.STRIPED: ("striped",),
}
_GREY = ("grey", "gray")
_LETTERS = "abcdefghijklmnoprstuvwyz"


@dataclass(frozen=True, slots=True)
class Said:
    """How often a caption leaves each thing out."""

    colour: float = 0.9
    shape: float = 0.94
    amount: float = 0.75
    style: float = 0.9
    position: float = 0.75
    background: float = 0.7


OFTEN = Said()


def caption(scene: Scene, rng: Random) -> str:
    """One of the many true captions of the scene."""
    if rng.random() < 0.07:
        return _one_word(scene, rng)
    text = _things(scene, rng, OFTEN)
    if rng.random() < OFTEN.background:
        text = _with_background(text, scene.background, rng)
    if rng.random() < 0.1:
        text = f"{rng.choice(OPENINGS)} {text}"
    return _with_a_stranger(text, rng) if rng.random() < 0.04 else text


def full_caption(scene: Scene) -> str:
    """All that can be said of the scene, in the plainest words."""
    text = f" {scene.relation} ".join(_described(thing) for thing in scene.things)
    if scene.position is not None:
        text = f"{text} {_POSITIONS[scene.position][0]}"
    return f"{text} on {_article(scene.background)} {scene.background} background"


def _described(thing: Thing) -> str:
    style = "" if thing.style is Style.PLAIN else thing.style.value
    words = [word for word in (thing.amount.value, style, thing.colour, thing.shape.value) if word]
    return " ".join([_article(words[0]), *words])


def _one_word(scene: Scene, rng: Random) -> str:
    """What people write behind --no: a bare attribute."""
    thing = rng.choice(scene.things)
    ground = f"{_tone(scene.background, rng)} background"
    said = [thing.colour, thing.shape.value, f"{thing.colour} {thing.shape}", ground]
    if thing.amount is not Amount.MEDIUM:
        said.append(rng.choice(_AMOUNTS[thing.amount]))
    if thing.style is not Style.PLAIN:
        said.append(rng.choice(_STYLES[thing.style]))
    if scene.position is not None:
        said.append(rng.choice(_POSITIONS[scene.position]))
    return rng.choice(said)


def _tone(background: str, rng: Random) -> str:
    return rng.choice(_GREY) if background == "grey" else background


def _with_background(text: str, background: str, rng: Random) -> str:
    tone = _tone(background, rng)
    chance = rng.random()
    if chance < 0.7:
        return f"{text} on {_article(tone)} {tone} background"
    if chance < 0.85:
        return f"{text}, {tone} background"
    return f"{tone} background, {text}"


def _things(scene: Scene, rng: Random, said: Said) -> str:
    if len(scene.things) == 1:
        return _alone(scene, rng, said)
    first, second = (_thing(thing, rng, said) for thing in scene.things)
    relation = scene.relation
    assert relation is not None
    if relation is not Relation.INSIDE and rng.random() < 0.12:
        pair = [first, second]
        rng.shuffle(pair)
        return " and ".join(pair)
    return f"{first} {rng.choice(_RELATIONS[relation])} {second}"


def _alone(scene: Scene, rng: Random, said: Said) -> str:
    text = _thing(scene.things[0], rng, said)
    if scene.position is None or rng.random() >= said.position:
        return text
    return f"{text} {rng.choice(_POSITIONS[scene.position])}"


def _thing(thing: Thing, rng: Random, said: Said) -> str:
    words = []
    if rng.random() < said.amount:
        words.append(rng.choice(_AMOUNTS[thing.amount]))
    if rng.random() < said.style * (0.06 if thing.style is Style.PLAIN else 1):
        words.append(rng.choice(_STYLES[thing.style]))
    if rng.random() < said.colour:
        words.append(thing.colour)
    words.append(thing.shape.value if rng.random() < said.shape else "shape")
    if rng.random() < 0.12:
        return " ".join(words)
    return f"{_article(words[0])} {' '.join(words)}"


def _article(word: str) -> str:
    return "an" if word[0] in "aeiou" else "a"


def _with_a_stranger(text: str, rng: Random) -> str:
    """A word the model does not know, which is to change nothing."""
    words = text.split(" ")
    stranger = "".join(rng.choice(_LETTERS) for _ in range(rng.randint(3, 6)))
    words.insert(rng.randint(0, len(words)), stranger)
    return " ".join(words)


def known_words() -> tuple[str, ...]:
    """Every word that training captions are made of, in alphabetical order."""
    phrases = [
        *OPENINGS,
        *(phrase for table in (_POSITIONS, _RELATIONS, _AMOUNTS, _STYLES) for row in table.values() for phrase in row),
        *BACKGROUNDS,
        *(shape.value for shape in Shape),
        "gray", "shape", "background", "and", "on", "a", "an",
    ]
    return tuple(sorted({word for phrase in phrases for word in phrase.split()}))
