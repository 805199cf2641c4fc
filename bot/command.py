r"""``/imagine`` text to a request and back, pure.

    /imagine a red fox in snow --no blur, hands --ar 16:9 --count 2

An option starts at the beginning or after white space with ``--``, or with what phones make of it (one or two long
dashes, or a hyphen and one), directly before a letter. Its value runs to the next option. A long dash before a word
that is no option's name is prose; ``--`` before one is an error. A backslash before such a dash makes it prose
(``\--no``), which is how `format_command` writes a prompt that holds one. Everything else of a prompt is kept byte
for byte.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

from bot.errors import Refused
from bot.model import ImageRequest, Problem, Ratio
from bot.options import (
    LONGEST_TEXT,
    OPTIONS,
    Kind,
    Option,
    Reading,
    is_quoted,
    misfit,
    nearest,
    options_for,
    plain,
    read_inline,
    read_typed,
    without_forbidden,
)

__all__ = [
    "OPTIONS", "Further", "Kind", "Option",
    "format_command", "merge", "options_for", "parse", "scan", "tidied", "typed",
]  # fmt: skip

Further = Callable[[ImageRequest], Sequence[Problem]]
"""What else a request must satisfy, such as `routing.objections`, so that all errors come together."""

LONGEST_COMMAND = 6000  #: code points; room for both prompts at their longest, escapes and options
MOST_OPTIONS = 50  #: in one command

_DASHES = "\u2012-\u2015\u2212\ufe58\uff0d"
_DASH_AND_NAME = rf"(?P<dash>--|-–|[{_DASHES}]{{1,2}})(?P<name>[^\W\d_][\w-]*)"
_OPENER = re.compile(rf"(?<!\S){_DASH_AND_NAME}")
_ESCAPABLE = re.compile(rf"(?<!\S)(?P<slashes>\\*){_DASH_AND_NAME}")
_COMMAND = re.compile(r"\A\s*/imagine(?!\S)", re.IGNORECASE)
_BY_NAME = {name: option for option in OPTIONS for name in option.names}


def nothing_further(_: ImageRequest) -> tuple[Problem, ...]:
    return ()


def parse(text: str, options: Sequence[Option] = OPTIONS, further: Further = nothing_further) -> ImageRequest:
    """What a person wrote after ``/imagine`` (or with it). Raises Refused with every problem at once."""
    return merge(text, {}, options, further)


def merge(
    text: str,
    values: Mapping[str, object],
    options: Sequence[Option] = OPTIONS,
    further: Further = nothing_further,
) -> ImageRequest:
    """A prompt that may hold inline options, and typed options beside it, by ImageRequest field; None: not said.

    An option given in both places must say the same, except that negative prompts join. Raises Refused.
    """
    _refuse_endless(text)
    clean = without_forbidden(text)
    prompt, written = scan(_COMMAND.sub("", clean))
    if len(written) > MOST_OPTIONS:
        raise Refused(Problem("options_many", {"limit": MOST_OPTIONS}))
    table = {option.name: option for option in options}
    inline = [_read_written(name, raw, table) for name, raw in written]
    beside = [reading for reading in _read_values(values, options) if not _said_among(inline, reading)]
    return _settle(prompt, [*inline, *beside], _character_problems(text, clean), further)


def typed(
    prompt: str,
    values: Mapping[str, object],
    options: Sequence[Option] = OPTIONS,
    further: Further = nothing_further,
) -> ImageRequest:
    """A prompt to be taken literally, and typed options by ImageRequest field; None: not said. Raises Refused."""
    _refuse_endless(prompt)
    clean = without_forbidden(prompt)
    return _settle(clean, _read_values(values, options), _character_problems(prompt, clean), further)


def tidied(
    request: ImageRequest, options: Sequence[Option] = OPTIONS, further: Further = nothing_further
) -> ImageRequest:
    """As `parse` would give it: without outer white space, blank texts left out. Raises Refused with a correction."""
    values = {option.field: getattr(request, option.field) for option in options}
    return typed(request.prompt, values, options, further)


def format_command(request: ImageRequest) -> str:
    """The command that `parse` reads as ``request``, which is tidy and valid."""
    parts = [f"/imagine {_escape(request.prompt)}"]
    for option in OPTIONS:
        value = getattr(request, option.field)
        if value is None or (option.field == "count" and value == 1):
            continue
        if option.field == "size" and isinstance(value, Ratio) is not (option.kind is Kind.RATIO):
            continue
        parts.append(f"--{option.name} {_written(value)}")
    return " ".join(parts)


def _written(value: object) -> str:
    if isinstance(value, str):
        return _escape(f'"{value}"' if is_quoted(value) else value)
    return plain(value) if isinstance(value, float) else str(value)


# -- finding the options


def _opens(match: re.Match[str]) -> bool:
    return match["dash"] == "--" or match["name"].lower() in _BY_NAME


def scan(text: str) -> tuple[str, list[tuple[str, str]]]:
    """The prompt, and each option's name as written with the raw text of its value."""
    openers = [match for match in _OPENER.finditer(text) if _opens(match)]
    ends = [*(match.start() for match in openers), len(text)]
    written = [
        (match["name"].lower(), _unescape(_after_separator(text[match.end() : end])))
        for match, end in zip(openers, ends[1:], strict=True)
    ]
    return _unescape(text[: ends[0]]), written


def _after_separator(raw: str) -> str:
    return raw[1:] if raw.startswith(("=", ":")) else raw


def _escape(text: str) -> str:
    return _ESCAPABLE.sub(lambda match: "\\" + match[0] if _opens(match) else match[0], text)


def _unescape(text: str) -> str:
    return _ESCAPABLE.sub(lambda match: match[0][1:] if match["slashes"] and _opens(match) else match[0], text)


# -- reading them


def _read_written(name: str, raw: str, table: Mapping[str, Option]) -> Reading:
    known = _BY_NAME.get(name)
    if known:
        return read_inline(table.get(known.name, known), raw)
    close = nearest(name, _BY_NAME)
    if close is None:
        option = Option(name[:40], "", Kind.TEXT, OPTIONS[0].limits)
        return Reading(option, problem=Problem("option_unknown", {"option": name[:40]}))
    guess = _BY_NAME[close]
    problem = Problem("option_misspelt", {"option": name[:40], "guess": close})
    reading = read_inline(table.get(guess.name, guess), raw)
    return replace(reading, problem=problem)


def _read_values(values: Mapping[str, object], options: Iterable[Option]) -> list[Reading]:
    """``size`` is read by the option of that name, which takes a ratio too."""
    by_field = {option.field: option for option in options if option.kind is not Kind.RATIO}
    said = {field: value for field, value in values.items() if not _blank(value)}
    return [read_typed(by_field[field], value) for field, value in said.items()]


def _said_among(readings: Iterable[Reading], said: Reading) -> bool:
    again = ((other.option.field, other.value) == (said.option.field, said.value) for other in readings)
    return said.problem is None and any(again)


def _blank(value: object) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def _settle(prompt: str, readings: Sequence[Reading], problems: Sequence[Problem], further: Further) -> ImageRequest:
    """The request, or Refused with everything that is wrong and the nearest request that would be accepted."""
    spilled = " ".join([prompt.strip(), *(reading.spill for reading in readings if reading.spill)]).strip()
    fields, repeated = _fields(readings)
    of_prompt = _prompt_problems(spilled)
    found = [*of_prompt, *problems, *(reading.problem for reading in readings if reading.problem), *repeated]
    guess = ImageRequest(spilled, **fields)
    objections = () if of_prompt else tuple(further(guess))
    if found or objections:
        hopeless = bool(of_prompt or objections)
        raise Refused(
            *_once_each([*found, *objections]),
            corrected=None if hopeless else format_command(guess),
            dropped=list(dict.fromkeys(reading.option.name for reading in readings if reading.value is None)),
        )
    return guess


def _once_each(problems: Sequence[Problem]) -> list[Problem]:
    return [problem for index, problem in enumerate(problems) if problem not in problems[:index]]


def _fields(readings: Iterable[Reading]) -> tuple[dict[str, Any], list[Problem]]:
    """Values by field. Negative prompts join; anything else said twice is a problem, and the first one counts."""
    fields: dict[str, Any] = {}
    seen: set[str] = set()
    repeated: list[Problem] = []
    for reading in readings:
        option, field = reading.option, reading.option.field
        if option.kind is not Kind.TEXT and field in seen:
            repeated.append(Problem("option_twice", {"option": field}))
        elif reading.value is not None:
            joins = option.kind is Kind.TEXT and field in fields
            fields[field] = f"{fields[field]}, {reading.value}" if joins else reading.value
        seen.add(field)
    if len(fields.get("negative_prompt", "")) > LONGEST_TEXT:
        repeated.append(misfit(_BY_NAME["no"]))
        del fields["negative_prompt"]
    return fields, repeated


# -- the prompt


def _refuse_endless(text: str) -> None:
    if len(text) > LONGEST_COMMAND:
        raise Refused(Problem("prompt_long", {"count": len(text), "limit": LONGEST_TEXT}))


def _character_problems(text: str, clean: str) -> list[Problem]:
    return [] if clean == text else [Problem("character_forbidden")]


def _prompt_problems(prompt: str) -> list[Problem]:
    if len(prompt) > LONGEST_TEXT:
        return [Problem("prompt_long", {"count": len(prompt), "limit": LONGEST_TEXT})]
    return [] if _has_words(prompt) else [Problem("prompt_empty")]


_BLANK_LETTERS = "\u115f\u1160\u3164\uffa0"  #: Hangul fillers: letters that show nothing
_EMOJI_MARKS = "\ufe0f\u20e3"  #: after a digit or letter they make an emoji of it


def _has_words(prompt: str) -> bool:
    """Whether there is a letter or digit in it that is no part of an emoji."""
    return any(
        unicodedata.category(char)[0] in "LN" and char not in _BLANK_LETTERS and after not in _EMOJI_MARKS
        for char, after in pairwise(f"{prompt} ")
    )
