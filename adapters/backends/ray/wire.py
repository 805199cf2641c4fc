"""What the bot and a replica say to each other.

    GET  /       a JSON object: `version`, `capabilities` as `to_plain` makes them, and of the replica that answers its
                 `process` and how many `requests` it is `drawing`, has `ended`, and had `cancelled`
    POST /draw   the body is a JSON object `drawing`; the answer is frames of diffusers/wire.py as they come:
                     begun     `process`, the replica's
                     alive     every few seconds, so that a cluster that went away is noticed
                     progress  step, steps
                     preview   index, and the small picture
                     drawn     seeds, missing, and the pictures; or
                     failed    kind, detail, and what the kind has besides; one of the two is the last

Where a token is set both send and expect it as `Authorization: Bearer …`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from bot.errors import BackendError, Broken, Busy, Down, Rejected
from bot.model import Capabilities, Drawing, Range, Size, Stage

VERSION = 1
ALIVE_SECONDS = 3.0
TOKEN_VARIABLE = "IMAGINE_RAY_TOKEN"  # noqa: S105 - the name of the variable

_RANGES = ("side", "steps", "guidance", "seed")


def to_plain(capabilities: Capabilities) -> dict[str, Any]:
    """As JSON can hold it; `from_plain` is the way back."""
    return asdict(capabilities)


def from_plain(plain: Mapping[str, Any]) -> Capabilities:
    """Raises KeyError, TypeError, ValueError for what a replica of this version does not send."""
    ranges = {name: Range(**plain[name]) if plain[name] is not None else None for name in _RANGES}
    lists = {"sizes": tuple(Size(**size) for size in plain["sizes"]), "subjects": tuple(plain.get("subjects", ()))}
    return Capabilities(**{**plain, **ranges, **lists, "default_size": Size(**plain["default_size"])})


def drawing_of(plain: Mapping[str, Any]) -> Drawing:
    """Raises KeyError, TypeError."""
    return Drawing(**{**plain, "size": Size(**plain["size"])})


def failure(error: BackendError) -> dict[str, Any]:
    """An error as a frame's values; `error_of` is the way back."""
    told = {"kind": type(error).__name__, "detail": error.detail}
    match error:
        case Busy():
            return {**told, "retry_after": error.retry_after}
        case Down():
            return {**told, "until_fixed": error.until_fixed}
        case Rejected():
            return {**told, "stage": str(error.stage)}
        case _:
            return told


def error_of(values: Mapping[str, Any]) -> BackendError:
    """Raises KeyError, ValueError."""
    detail = str(values["detail"])
    match values["kind"]:
        case "Busy":
            return Busy(detail, retry_after=values["retry_after"])
        case "Rejected":
            return Rejected(detail, stage=Stage(values["stage"]))
        case "Broken":
            return Broken(detail)
        case _:
            return Down(detail, until_fixed=bool(values.get("until_fixed")))


def checked_seeds(seeds: Sequence[Any]) -> tuple[int | None, ...]:
    """Raises TypeError."""
    if any(seed is not None and not isinstance(seed, int) for seed in seeds):
        raise TypeError("a seed is no number")
    return tuple(seeds)
