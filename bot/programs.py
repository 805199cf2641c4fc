"""The nouns of galleries, API keys and the operators' page, as `model` has those of drawing."""

from collections.abc import Mapping
from dataclasses import dataclass

from bot.model import Job, Picture, Usage


@dataclass(frozen=True, slots=True)
class GalleryFilter:
    """Which pictures of a gallery; "" is any."""

    words: str = ""  #: in the prompt, in any case
    backend: str = ""
    style: str = ""


@dataclass(frozen=True, slots=True)
class GalleryPlace:
    """Where one page of a gallery ends and the next begins."""

    at: float
    job_id: str
    index: int


@dataclass(frozen=True, slots=True)
class Hung:
    """A picture in a gallery."""

    job: Job
    picture: Picture
    place: GalleryPlace


@dataclass(frozen=True, slots=True)
class ApiKey:
    name: str
    created_at: float
    revoked_at: float = 0.0
    used_at: float = 0.0  #: its newest request


@dataclass(frozen=True, slots=True)
class PersonToday:
    key: str
    name: str
    usage: Usage


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that went wrong in this process, as the `Observer` was told."""

    at: float
    event: str
    values: Mapping[str, object]
