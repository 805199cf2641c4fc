"""What pictures of the demo model show, read off their pixels."""

from collections.abc import Sequence

from PIL import Image, ImageChops, ImageStat

from adapters.backends.diffusers.demo.reading import Reading, read


def readings(pictures: Sequence[Image.Image]) -> list[Reading]:
    return [read(picture) for picture in pictures]


def backgrounds(pictures: Sequence[Image.Image]) -> list[str]:
    return [reading.background for reading in readings(pictures)]


def colours(pictures: Sequence[Image.Image]) -> list[str]:
    """Of the largest thing on each."""
    return [reading.things[0].colour if reading.things else "" for reading in readings(pictures)]


def difference(one: Image.Image, other: Image.Image) -> float:
    """Mean over all values, of 255."""
    return sum(ImageStat.Stat(ImageChops.difference(one, other)).mean) / 3
