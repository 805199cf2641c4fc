"""Which pictures look alike: the same one saved anew does, another one does not, a flat one is like nothing."""

import io
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from adapters.images.likeness import likeness
from bot.moderation.likeness import NEAR, distance, is_blocked

HASHES = st.integers(0, 2**64 - 1).map(lambda bits: f"{bits:016x}")


def picture(seed: int, side: int = 96, kind: str = "PNG") -> bytes:
    """A smooth field of its own for every seed."""
    small = Image.new("L", (6, 6))
    chance = random.Random(seed)
    small.putdata([chance.randrange(256) for _ in range(36)])
    out = io.BytesIO()
    small.resize((side, side), Image.Resampling.BICUBIC).convert("RGB").save(out, kind)
    return out.getvalue()


@pytest.mark.parametrize("seed", range(5))
def test_a_picture_saved_anew_and_scaled_is_the_same(seed: int) -> None:
    one = likeness(picture(seed))
    for other in (picture(seed, kind="JPEG"), picture(seed, side=64), picture(seed, kind="WEBP")):
        assert is_blocked(likeness(other), [one])


def test_other_pictures_are_not_alike() -> None:
    hashes = [likeness(picture(seed)) for seed in range(12)]
    assert all(distance(a, b) > NEAR for place, a in enumerate(hashes) for b in hashes[:place])


@pytest.mark.parametrize("colour", ["black", "white", "#808080"])
def test_a_flat_picture_has_no_hash_and_is_never_blocked(colour: str) -> None:
    out = io.BytesIO()
    Image.new("RGB", (64, 64), colour).save(out, "PNG")
    assert likeness(out.getvalue()) == ""
    assert not is_blocked("", ["0" * 16])


@given(HASHES, HASHES)
def test_distance_is_one(one: str, other: str) -> None:
    assert distance(one, one) == 0
    assert distance(one, other) == distance(other, one) <= 64
    assert is_blocked(one, [other]) == (distance(one, other) <= NEAR)
