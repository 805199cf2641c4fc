"""Rows to nouns and back."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

from adapters.store.engine import Row
from bot.model import (
    AuditEvent,
    Breaker,
    ImageRequest,
    Job,
    JobState,
    Message,
    Origin,
    Person,
    Picture,
    Place,
    Problem,
    Progress,
    Ratio,
    Size,
    Speed,
)

_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))
_PERSON, _PLACE, _REQUEST = (tuple(each.name for each in fields(noun)) for noun in (Person, Place, ImageRequest))


def text(value: object) -> str:
    return _ENCODER.encode(value)


def _said(noun: object, names: Sequence[str]) -> dict[str, Any]:
    """Its fields as they are: `asdict` copies them deeply, which costs more than writing the row."""
    return {name: getattr(noun, name) for name in names}


def lane(candidates: Sequence[str]) -> str:
    """Backends in order as one key; a job is in the line of its lane."""
    return text(list(candidates))


def candidates(lane_key: str) -> tuple[str, ...]:
    return tuple(json.loads(lane_key))


def request_text(request: ImageRequest) -> str:
    said = {name: value for name, value in _said(request, _REQUEST).items() if value is not None}
    if request.size is not None:
        said["size"] = str(request.size)
    return text(said)


def request(stored: str) -> ImageRequest:
    said = json.loads(stored)
    if "size" in said:
        said["size"] = _size(said["size"])
    return ImageRequest(**said)


def _size(stored: str) -> Size | Ratio:
    separator, kind = ("x", Size) if "x" in stored else (":", Ratio)
    width, height = stored.split(separator)
    return kind(int(width), int(height))


def origin_text(origin: Origin) -> str:
    person, place = _said(origin.person, _PERSON), _said(origin.place, _PLACE)
    return text({"person": person, "place": place, "locale": origin.locale})


def origin(stored: str, address: str) -> Origin:
    said = json.loads(stored)
    person = said["person"]
    return Origin(
        person=Person(person["key"], person["name"], tuple(person["groups"])),
        place=Place(**said["place"]),
        address=json.loads(address),
        locale=said["locale"],
    )


def problem_text(problem: Problem) -> str:
    return text(_plain(problem))


def problems_text(problems: Sequence[Problem]) -> str:
    return text([_plain(problem) for problem in problems])


def _plain(problem: Problem) -> dict[str, Any]:
    return {"code": problem.code, "values": {name: _scalar(value) for name, value in problem.values.items()}}


def _scalar(value: object) -> object:
    return value if isinstance(value, str | int | float | bool) or value is None else str(value)


def _problem(said: Mapping[str, Any]) -> Problem:
    return Problem(said["code"], said["values"])


_JOB_NUMBERS = (
    "cost", "weight", "tag", "seed", "attempt", "backend", "errors", "crashes", "paid_attempts", "task", "lease_until",
    "due_at", "deliveries", "missing", "created_at", "acked_at", "queued_at", "started_at", "drawn_at", "finished_at",
)  # fmt: skip


def job(row: Row) -> Job:
    return Job(
        id=row["id"],
        key=row["key"],
        origin=origin(row["origin"], row["address"]),
        request=request(row["request"]),
        state=JobState(row["state"]),
        candidates=candidates(row["lane"]),
        cancel_requested=bool(row["cancel_requested"]),
        told=bool(row["told"]),
        review=bool(row["review"]),
        reason=_problem(json.loads(row["reason"])) if row["reason"] else None,
        notes=tuple(_problem(note) for note in json.loads(row["notes"])),
        **{name: row[name] for name in _JOB_NUMBERS},
    )


def job_values(new: Job, day: int) -> dict[str, object]:
    """The parameters of `insert_job`."""
    return {
        "id": new.id,
        "key": new.key,
        "person": new.origin.person.key,
        "platform": new.platform,
        "tenant": new.origin.place.tenant,
        "channel": new.origin.place.channel,
        "origin": origin_text(new.origin),
        "address": text(dict(new.origin.address)),
        "request": request_text(new.request),
        "day": day,
        "images": new.request.count,
        "lane": lane(new.candidates),
        "cost": new.cost,
        "weight": new.weight,
        "seed": new.seed,
        "notes": problems_text(new.notes),
        "review": int(new.review),
        "created_at": new.created_at,
    }


def picture(row: Row) -> Picture:
    return Picture(
        sha256=row["sha256"],
        width=row["width"],
        height=row["height"],
        media_type=row["media_type"],
        size_bytes=row["size_bytes"],
        seed=row["seed"],
        index=row["position"],
        hidden=bool(row["hidden"]),
        deleted=bool(row["deleted"]),
        shared=bool(row["shared"]),
    )


def message(row: Row) -> Message:
    names = ("seq", "person", "name", "text", "at", "audience", "correction", "decision")
    return Message(**{name: row[name] for name in names}, job_id=row["job"])


def breaker(row: Row) -> Breaker:
    return Breaker(row["backend"], row["failures"], row["closed_until"], row["reason"], row["opened_times"])


def speed(row: Row) -> Speed:
    return Speed(row["backend"], row["megapixel_steps"], row["samples"])


def progress(row: Row) -> Progress:
    return Progress(row["job"], row["step"], row["steps"], row["previews"], row["at"])


def audit_event(row: Row) -> AuditEvent:
    names = ("tenant", "actor", "action", "subject", "reason", "before", "after", "at", "seq", "previous_hash", "hash")
    return AuditEvent(**{name: row[name] for name in names})
