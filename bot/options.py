"""What can be said beside the prompt, as data, and how each value is read. Pure; no reader raises."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import lru_cache

from rapidfuzz import fuzz, process

from bot.model import Capabilities, Problem, Range, Ratio, Size

LONGEST_TEXT = 2000  #: code points of a prompt and of a negative prompt, so at most 8 kB each
LONGEST_NAME = 100  #: of a backend or a style
MAX_DIGITS = 10  #: before and after the decimal point


class Kind(StrEnum):
    TEXT = "text"
    NAME = "name"
    INTEGER = "integer"
    NUMBER = "number"
    SIZE = "size"
    RATIO = "ratio"


@dataclass(frozen=True, slots=True)
class Option:
    """One inline option. ``limits``: of a number, of each side of a size, or of a text's length."""

    name: str
    field: str  #: of ImageRequest
    kind: Kind
    limits: Range
    aliases: tuple[str, ...] = ()
    backends: tuple[tuple[str, Range], ...] = ()  #: what each backend takes, where that is known

    @property
    def names(self) -> tuple[str, ...]:
        return (self.name, *self.aliases)

    @property
    def summary(self) -> str:
        """The code of its one-line description."""
        return f"option_{self.name}"


OPTIONS: tuple[Option, ...] = (
    Option("no", "negative_prompt", Kind.TEXT, Range(1, LONGEST_TEXT), ("negative",)),
    Option("size", "size", Kind.SIZE, Range(1, 16384)),
    Option("ar", "size", Kind.RATIO, Range(1, 16384), ("aspect",)),
    Option("steps", "steps", Kind.INTEGER, Range(1, 1000)),
    Option("guidance", "guidance", Kind.NUMBER, Range(0, 100), ("cfg",)),
    Option("seed", "seed", Kind.INTEGER, Range(0, 2**32 - 1)),
    Option("count", "count", Kind.INTEGER, Range(1, 10), ("n",)),
    Option("backend", "backend", Kind.NAME, Range(1, LONGEST_NAME)),
    Option("style", "style", Kind.NAME, Range(1, LONGEST_NAME)),
)


def options_for(backends: Mapping[str, Capabilities]) -> tuple[Option, ...]:
    """OPTIONS as far as at least one backend can honour them, so that a refusal names ranges that help."""
    return _narrowed(tuple((name, (each.steps, each.guidance, each.seed)) for name, each in backends.items()))


NARROWED = ("steps", "guidance", "seed")


@lru_cache(maxsize=64)
def _narrowed(offers: tuple[tuple[str, tuple[Range | None, ...]], ...]) -> tuple[Option, ...]:
    """``offers``: each backend's ranges of NARROWED."""
    columns = {field: number for number, field in enumerate(NARROWED)}
    return tuple(
        _within(option, [(name, ranges[columns[option.field]]) for name, ranges in offers])
        if option.field in columns
        else option
        for option in OPTIONS
    )


def _within(option: Option, offers: Sequence[tuple[str, Range | None]]) -> Option:
    ranges = tuple((name, offer) for name, offer in offers if offer is not None)
    if not ranges:
        return option
    low = max(option.limits.low, min(offer.low for _, offer in ranges))
    high = min(option.limits.high, max(offer.high for _, offer in ranges))
    return replace(option, limits=Range(low, high), backends=ranges)


@dataclass(frozen=True, slots=True)
class Reading:
    """One value as it was understood. Beside a ``problem``, ``value`` is the best guess, None where there is none."""

    option: Option
    value: object = None
    problem: Problem | None = None
    spill: str = ""  #: words after a value that takes none; they belong to the prompt


def read_inline(option: Option, raw: str) -> Reading:
    """The text after an option's name, as far as the next option."""
    text = raw.strip()
    if not text:
        return Reading(option, problem=Problem("option_missing", {"option": option.name}))
    if option.kind in {Kind.TEXT, Kind.NAME}:
        return _read_words(option, unquoted(text).strip())
    reading = _read_value(option, text)
    first, *rest = text.split(maxsplit=1)
    if reading.problem is None or not rest:
        return reading
    alone = _read_value(option, first)
    if alone.problem is not None:
        return reading
    return replace(alone, problem=Problem("option_trailing", {"option": option.name}), spill=rest[0])


def read_typed(option: Option, value: object) -> Reading:
    """A value that comes from a form, a typed option or JSON."""
    if isinstance(value, str):
        wordy = option.kind in {Kind.TEXT, Kind.NAME}
        return _read_words(option, value.strip()) if wordy else _read_value(option, value)
    if isinstance(value, Size | Ratio) and option.kind in {Kind.SIZE, Kind.RATIO}:
        return _sided(option, value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return Reading(option, problem=misfit(option))
    if option.kind is Kind.INTEGER and (isinstance(value, int) or value.is_integer()):
        return _ranged(option, value)
    if option.kind is Kind.NUMBER and value == value:  # noqa: PLR0124 - NaN is the one that is not itself
        return _ranged(option, value)
    return Reading(option, problem=misfit(option))


def misfit(option: Option) -> Problem:
    """What the option takes, with its limits."""
    backends = ", ".join(f"{name} {plain(offer.low)}–{plain(offer.high)}" for name, offer in option.backends)
    name = option.field if option.kind is Kind.TEXT else option.name
    values = {"option": name, "low": plain(option.limits.low), "high": plain(option.limits.high)}
    return Problem(f"takes_{option.kind}", values | {"backends": f" ({backends})" if len(option.backends) > 1 else ""})


_SIMILAR = 65.0  #: of 100, from which on a misspelt name is guessed


def nearest(misspelt: str, names: Iterable[str]) -> str | None:
    """The name that was probably meant, whatever its case; None where none is like it."""
    text = misspelt[:LONGEST_NAME]
    close = process.extractOne(text, list(names), scorer=fuzz.ratio, processor=str.lower, score_cutoff=_SIMILAR)
    return close[0] if close else None


def plain(number: float) -> str:
    """Positional notation without trailing zeros: what `read_inline` takes back."""
    return str(number) if isinstance(number, int) else f"{number:.{MAX_DIGITS}f}".rstrip("0").rstrip(".")


# -- words

_FORBIDDEN = re.compile("[\x00\ud800-\udfff]")
_DOUBLE_QUOTES = '"“”„‟«»'


def without_forbidden(text: str) -> str:
    """``text`` less NUL and lone surrogates, which no database or protocol carries."""
    return _FORBIDDEN.sub("", text)


def _read_words(option: Option, text: str) -> Reading:
    clean = without_forbidden(text).strip()
    if clean != text:
        return Reading(option, clean or None, Problem("character_forbidden"))
    if not text:
        return Reading(option, problem=Problem("option_missing", {"option": option.name}))
    if len(text) > option.limits.high:
        return Reading(option, problem=misfit(option))
    return Reading(option, text)


def is_quoted(text: str) -> bool:
    """One pair of quotes round words without any, or round something quoted; not ``"a", "b"``."""
    while len(text) > 1 and text[0] in _DOUBLE_QUOTES and text[-1] in _DOUBLE_QUOTES:
        text = text[1:-1]
        if not any(quote in text for quote in _DOUBLE_QUOTES):
            return True
    return False


def unquoted(text: str) -> str:
    return text[1:-1] if is_quoted(text) else text


# -- numbers and sizes: ASCII digits only, no exponent, no underscore

_INTEGER = re.compile(r"[+-]?[0-9]+")
_NUMBER = re.compile(r"[+-]?[0-9]+(?:[.,][0-9]+)?")
_SIDES = re.compile(r"([0-9]{1,10})\s*([xX×*:/])\s*([0-9]{1,10})")


def _read_value(option: Option, text: str) -> Reading:
    bare = text.strip().strip(_DOUBLE_QUOTES + "'‘’").strip()
    if option.kind in {Kind.SIZE, Kind.RATIO}:
        return _read_sides(option, bare)
    return _read_number(option, bare.replace("−", "-"))


def _read_number(option: Option, text: str) -> Reading:
    grammar = _INTEGER if option.kind is Kind.INTEGER else _NUMBER
    if not grammar.fullmatch(text):
        return Reading(option, problem=misfit(option))
    whole, _, decimals = text.replace(",", ".").partition(".")
    number = float(f"{whole}.{decimals or 0}")
    if max(len(whole.lstrip("+-")), len(decimals)) > MAX_DIGITS:
        return Reading(option, _nearest(option, number), misfit(option))
    return _ranged(option, int(whole) if option.kind is Kind.INTEGER else number)


def _ranged(option: Option, number: float) -> Reading:
    if number not in option.limits:
        return Reading(option, _nearest(option, number), misfit(option))
    return Reading(option, _nearest(option, number))


def _nearest(option: Option, number: float) -> float:
    inside = min(max(number, option.limits.low), option.limits.high)
    return int(inside) if option.kind is Kind.INTEGER else round(float(inside), MAX_DIGITS)


def _read_sides(option: Option, text: str) -> Reading:
    match = _SIDES.fullmatch(text)
    if not match:
        return Reading(option, problem=misfit(option))
    exact = option.kind is Kind.SIZE and match[2] not in ":/"
    return _sided(option, (Size if exact else Ratio)(int(match[1]), int(match[3])))


def _sided(option: Option, value: Size | Ratio) -> Reading:
    if value.width in option.limits and value.height in option.limits:
        return Reading(option, value)
    return Reading(option, problem=misfit(option))
