"""The demo model's world without the model: scenes, captions, and the reading of pictures that scores are made of."""

import re
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("numpy")

from PIL import Image

from adapters.backends.diffusers.demo import KNOWN_WORDS, examples
from adapters.backends.diffusers.demo.captions import caption, full_caption
from adapters.backends.diffusers.demo.reading import read
from adapters.backends.diffusers.demo.scenes import (
    COLOURS,
    DIAMETERS,
    SIDE,
    Amount,
    Position,
    Relation,
    Scene,
    Shape,
    Style,
    Thing,
    draw,
    random_scene,
    scenes,
)
from adapters.backends.diffusers.demo.score import FACETS, marks, score

SEEDS = st.integers(0, 2**32)
RED_CIRCLE = Scene(
    "white", (Thing(Shape.CIRCLE, "red", Amount.LARGE, 64, 64, 70),), position=Position.CENTRE
)


def test_every_drawn_scene_is_read_back_as_it_was() -> None:
    stream = scenes(5)
    asked = [next(stream) for _ in range(150)]
    result = score((scene, draw(scene)) for scene in asked)
    assert set(result.asked) == set(FACETS)
    assert {facet: result.share(facet) for facet in FACETS if result.share(facet) < 0.98} == {}


@pytest.mark.parametrize("shape", list(Shape))
@pytest.mark.parametrize("amount", list(Amount))
def test_each_shape_is_told_from_all_others(shape: Shape, amount: Amount) -> None:
    diameter = {Amount.SMALL: 32, Amount.MEDIUM: 48, Amount.LARGE: 70}[amount]
    scene = Scene("grey", (Thing(shape, "yellow", amount, 64, 64, diameter),), position=Position.CENTRE)
    (seen,) = read(draw(scene)).things
    assert (seen.shape, seen.colour, seen.amount) == (shape, "yellow", amount)


@pytest.mark.parametrize("shape", list(Shape))
@pytest.mark.parametrize("style", list(Style))
def test_each_style_is_told_from_the_others_however_small_the_hole_is(shape: Shape, style: Style) -> None:
    (low, high) = DIAMETERS[Amount.MEDIUM]
    for diameter in range(low, high + 1):
        scene = Scene("red", (Thing(shape, "black", Amount.MEDIUM, 60.5, 64, diameter, style),))
        (seen,) = read(draw(scene)).things
        assert (seen.shape, seen.style, seen.amount) == (shape, style, Amount.MEDIUM)


def wrong(scene: Scene, picture: Scene) -> set[str]:
    return {facet for facet, right in marks(scene, read(draw(picture))) if not right}


def test_each_mistake_is_marked_as_what_it_is() -> None:
    (thing,) = RED_CIRCLE.things

    def instead(**changes: object) -> Scene:
        return replace(RED_CIRCLE, things=(replace(thing, **changes),))  # type: ignore[arg-type]  # by name

    assert wrong(RED_CIRCLE, RED_CIRCLE) == set()
    assert wrong(RED_CIRCLE, instead(colour="blue")) == {"colour"}
    assert wrong(RED_CIRCLE, instead(shape=Shape.STAR)) == {"shape"}
    assert wrong(RED_CIRCLE, instead(diameter=32)) == {"size"}
    assert wrong(RED_CIRCLE, instead(x=40)) == {"position"}
    assert wrong(RED_CIRCLE, replace(RED_CIRCLE, background="pink")) == {"background"}
    nothing = wrong(RED_CIRCLE, replace(RED_CIRCLE, things=()))
    assert nothing == {"count", "colour", "shape", "size", "style", "position"}


def test_two_things_that_changed_places_have_the_wrong_relation() -> None:
    left = Thing(Shape.STAR, "blue", Amount.MEDIUM, 33, 64, 48)
    right = Thing(Shape.HEART, "black", Amount.MEDIUM, 95, 64, 48)
    asked = Scene("white", (left, right), relation=Relation.LEFT_OF)
    changed = replace(asked, things=(replace(left, x=95), replace(right, x=33)))
    assert wrong(asked, asked) == set()
    assert wrong(asked, changed) == {"relation"}


def test_noise_is_nothing_that_can_be_told() -> None:
    noise = Image.frombytes("RGB", (SIDE, SIDE), Random(1).randbytes(SIDE * SIDE * 3))
    assert {"shape", "colour"} & {facet for facet, right in marks(RED_CIRCLE, read(noise)) if not right}


def test_a_picture_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match="128"):
        read(Image.new("RGB", (64, 64)))


@given(SEEDS)
@settings(max_examples=200, deadline=None)
def test_every_caption_is_made_of_known_words_or_one_stranger(seed: int) -> None:
    rng = Random(seed)
    words = caption(random_scene(rng), rng).replace(",", "").split()
    assert sum(word not in KNOWN_WORDS for word in words) <= 1


@given(SEEDS)
@settings(max_examples=100, deadline=None)
def test_things_stay_on_the_picture(seed: int) -> None:
    for thing in random_scene(Random(seed)).things:
        assert thing.diameter / 2 <= thing.x <= SIDE - thing.diameter / 2
        assert thing.diameter / 2 <= thing.y <= SIDE - thing.diameter / 2
        assert thing.colour in COLOURS


def test_a_full_caption_says_everything() -> None:
    inner = Thing(Shape.STAR, "orange", Amount.SMALL, 64, 64, 30)
    outer = Thing(Shape.CIRCLE, "blue", Amount.LARGE, 64, 64, 90)
    scene = Scene("grey", (inner, outer), relation=Relation.INSIDE)
    assert full_caption(scene) == "a small orange star inside a large blue circle on a grey background"
    assert full_caption(RED_CIRCLE) == "a large red circle in the centre on a white background"
    medium = Scene("grey", (replace(outer, amount=Amount.MEDIUM),))
    assert full_caption(medium) == "a medium blue circle on a grey background"


def test_the_same_seed_gives_the_same_scenes() -> None:
    one, other = scenes(9), scenes(9)
    assert [next(one) for _ in range(20)] == [next(other) for _ in range(20)]


def test_the_examples_use_no_unknown_word() -> None:
    for example in examples():
        assert set(re.sub(r"--[a-z]+|[0-9.]+", "", example).split()) <= set(KNOWN_WORDS)
