"""Nouns for tests, with everything that does not matter filled in."""

import itertools
from dataclasses import replace

from bot.model import ImageRequest, Job, JobState, Limits, NewJob, Origin, Person, Picture, Place
from bot.programs import GalleryFilter

DAY = 20_000
NOW = DAY * 86_400.0 + 3600.0
_numbers = itertools.count(1)


def person(name: str = "ann", platform: str = "web") -> Person:
    return Person(f"{platform}:user:{name}", name)


def origin(name: str = "ann", tenant: str = "web", platform: str = "web") -> Origin:
    return Origin(person(name, platform), Place(tenant, "room"), {"message": "1"})


def job(name: str = "ann", *, prompt: str = "a red fox", count: int = 1, cost: float = 1.0, **fields: object) -> Job:
    number = next(_numbers)
    made = Job(
        id=f"{number:032x}",
        key=f"key-{number}",
        origin=origin(name),
        request=ImageRequest(prompt, count=count),
        state=JobState.RECEIVED,
        created_at=NOW,
        candidates=("sketch",),
        cost=cost,
        seed=7,
    )
    return replace(made, **fields)  # type: ignore[arg-type] # the caller names fields of Job


def new(made: Job | None = None, limits: Limits | None = None, day: int = DAY) -> NewJob:
    return NewJob(made or job(), limits or Limits(images_per_day=0, running=1, waiting=0), day)


def picture(index: int = 0, sha256: str = "a" * 64) -> Picture:
    return Picture(sha256, 64, 64, "image/png", 100, seed=7 + index, index=index)


ANY = GalleryFilter()
