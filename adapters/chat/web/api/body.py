"""The body of a request for pictures, read strictly: what the published schema forbids is refused. Pure."""

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Never

from adapters.chat.web.api.errors import ApiError, Finding, bad
from bot.conduct import LONGEST_APPEAL
from bot.options import LONGEST_TEXT
from bot.replies import say

SIDE = r"(?:[1-9][0-9]{0,3}|1[0-5][0-9]{3}|16[0-2][0-9]{2}|163[0-7][0-9]|1638[0-4])"  # as in chat: 1 to 16384
SIZE = rf"auto|{SIDE}[x:]{SIDE}"
FORMATS = ("b64_json", "url")
MOST_PARTIALS = 3
LONGEST_NAME = 100
DECISION = r"[0-9a-f]{32}"
OF_OTHERS: Mapping[str, tuple[str, ...]] = {
    "background": ("auto", "opaque"),
    "moderation": ("auto", "low"),
    "output_format": ("png",),
    "quality": ("auto", "low", "medium", "high", "xhigh", "max", "standard", "hd"),
}
"""OpenAI's fields with the values that are taken and change nothing here; any other value is refused."""


@dataclass(frozen=True, slots=True)
class Asked:
    """``values`` are by `ImageRequest` field, None: not said. ``fingerprint`` is the body's own."""

    prompt: str
    values: Mapping[str, object]
    as_url: bool
    stream: bool
    partials: int
    fingerprint: str


def read(raw: bytes) -> Asked:
    """Raises ApiError with everything that is wrong with the fields themselves."""
    body = _document(raw)
    findings = [*_unknown(body, FIELDS), *_misfits(body)]
    if findings:
        raise ApiError(400, tuple(findings))
    size = body.get("size")
    values = {
        "negative_prompt": body.get("negative_prompt"),
        "size": None if size == "auto" else size,
        "steps": _whole(body.get("steps")),
        "guidance": body.get("guidance"),
        "seed": _whole(body.get("seed")),
        "count": _whole(body.get("n")),
        "backend": body.get("model"),
        "style": body.get("style"),
    }
    partials = body.get("partial_images")
    return Asked(
        prompt=body["prompt"],
        values=values,
        as_url=body.get("response_format") == "url",
        stream=bool(body.get("stream")),
        partials=MOST_PARTIALS if partials is None else int(partials),
        fingerprint=hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest(),
    )


@dataclass(frozen=True, slots=True)
class Appeal:
    decision: str
    reason: str


def read_appeal(raw: bytes) -> Appeal:
    """Raises ApiError with everything that is wrong."""
    body = _document(raw)
    findings = [*_unknown(body, APPEAL)]
    for name, field in APPEAL.items():
        if name not in body:
            findings.append(Finding(say("api_missing", param=name), "missing_required_parameter", name))
        elif not field.fits(body[name]):
            findings.append(Finding(say(field.code, option=name, **field.values), "invalid_type", name))
    if findings:
        raise ApiError(400, tuple(findings))
    return Appeal(body["decision"], body["reason"])


def _document(raw: bytes) -> Mapping[str, Any]:
    try:
        body = json.loads(raw, parse_constant=_not_json)
    except (ValueError, RecursionError):
        raise bad("api_not_json") from None
    if not isinstance(body, dict):
        raise bad("api_not_json")
    return body


def _not_json(word: str) -> Never:
    raise ValueError(word)


def _whole(value: object) -> object:
    return int(value) if isinstance(value, float) else value


# -- what each field may be

Fits = Callable[[object], bool]


def _text(longest: int, shortest: int = 0) -> Fits:
    return lambda value: isinstance(value, str) and shortest <= len(value) <= longest


def _matching(pattern: str) -> Fits:
    return lambda value: isinstance(value, str) and re.fullmatch(pattern, value) is not None


def _one_of(choices: tuple[str, ...]) -> Fits:
    return lambda value: isinstance(value, str) and value in choices


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_whole(value: object) -> bool:
    return _is_number(value) and (isinstance(value, int) or (isinstance(value, float) and value.is_integer()))


def _is_partials(value: object) -> bool:
    return _is_whole(value) and isinstance(value, int | float) and 0 <= value <= MOST_PARTIALS


def _is_percent(value: object) -> bool:
    return _is_whole(value) and isinstance(value, int | float) and 0 <= value <= 100


@dataclass(frozen=True)
class Field:
    """``code``: the sentence that says what it takes, ``values`` fill its gaps."""

    fits: Fits
    code: str
    values: Mapping[str, object]


def _field(fits: Fits, code: str, **values: object) -> Field:
    return Field(fits, code, values)


FIELDS: Mapping[str, Field] = {
    "prompt": _field(lambda value: isinstance(value, str), "takes_text", high=LONGEST_TEXT),
    "negative_prompt": _field(lambda value: isinstance(value, str), "takes_text", high=LONGEST_TEXT),
    "n": _field(_is_whole, "api_takes_whole"),
    "steps": _field(_is_whole, "api_takes_whole"),
    "seed": _field(_is_whole, "api_takes_whole"),
    "guidance": _field(_is_number, "api_takes_number"),
    "size": _field(_matching(SIZE), "takes_size", low=1, high=16384),
    "model": _field(_text(LONGEST_NAME, 1), "takes_name", high=LONGEST_NAME),
    "style": _field(_text(LONGEST_NAME, 1), "takes_name", high=LONGEST_NAME),
    "response_format": _field(_one_of(FORMATS), "api_takes_one_of", choices=", ".join(FORMATS)),
    "stream": _field(lambda value: isinstance(value, bool), "api_takes_one_of", choices="true, false"),
    "partial_images": _field(_is_partials, "takes_integer", low=0, high=MOST_PARTIALS, backends=""),
    "output_compression": _field(_is_percent, "takes_integer", low=0, high=100, backends=""),
    "user": _field(_text(512), "takes_text", high=512),
    "safety_identifier": _field(_text(512), "takes_text", high=512),
    **{
        name: _field(_one_of(choices), "api_takes_one_of", choices=", ".join(choices))
        for name, choices in OF_OTHERS.items()
    },
}


APPEAL: Mapping[str, Field] = {
    "decision": _field(_matching(DECISION), "api_takes_decision"),
    "reason": _field(_text(LONGEST_APPEAL, 1), "takes_text", high=LONGEST_APPEAL),
}


def _unknown(body: Mapping[str, Any], fields: Mapping[str, Field]) -> list[Finding]:
    return [
        Finding(say("api_unknown_field", param=ascii(name)[1:-1][:60]), "unknown_parameter", name[:60])
        for name in body
        if name not in fields
    ]


def _misfits(body: Mapping[str, Any]) -> list[Finding]:
    if "prompt" not in body:
        return [Finding(say("api_no_prompt"), "missing_required_parameter", "prompt")]
    return [
        Finding(say(field.code, option=name, **field.values), "invalid_type", name)
        for name, field in FIELDS.items()
        if name in body and not (body[name] is None and name != "prompt") and not field.fits(body[name])
    ]
