"""What a setting may hold: small readers from a TOML value to a checked Python value, or `Wrong` with a sentence."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol
from urllib.parse import urlsplit

from rapidfuzz import fuzz, process

from bot.model import Size
from bot.settings.tables import Shards

LONGEST_SHOWN = 40
LONGEST_TEXT = 4000
ALIKE = 60  # of 100 by rapidfuzz's ratio: two letters swapped in a word of five still count


@dataclass(frozen=True)
class Fault:
    """``code`` and ``values`` make a sentence once somebody adds where it is; ``path`` leads on from the value read."""

    code: str
    values: Mapping[str, object]
    path: tuple[str, ...] = ()

    def under(self, *path: str) -> "Fault":
        return replace(self, path=(*path, *self.path))


class Wrong(Exception):
    def __init__(self, *faults: Fault) -> None:
        super().__init__(", ".join(fault.code for fault in faults))
        self.faults = faults


def wrong(code: str, **values: object) -> Wrong:
    return Wrong(Fault(code, values))


class Value(Protocol):
    def read(self, raw: object) -> Any:
        """Raises Wrong."""


def shown(raw: object) -> str:
    """A value as a person wrote it, cut short; nothing here may fail, however odd the value."""
    if isinstance(raw, bool):
        return "true" if raw else "false"
    if isinstance(raw, Mapping):
        return "{…}"
    if isinstance(raw, list):
        return "[…]"
    text = hex(raw) if isinstance(raw, int) and raw.bit_length() > 64 else str(raw)
    text = text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}…"
    if not isinstance(raw, str):
        return text
    return f'"{text}"' if text.isprintable() else ascii(text)


def alike(word: str, known: list[str]) -> str:
    """The known word that was probably meant, or ""."""
    found = process.extractOne(word.casefold(), known, scorer=fuzz.ratio, score_cutoff=ALIKE)
    return str(found[0]) if found else ""


@dataclass(frozen=True)
class Flag:
    def read(self, raw: object) -> bool:
        if not isinstance(raw, bool):
            raise wrong("settings_flag", found=shown(raw))
        return raw


@dataclass(frozen=True)
class Whole:
    low: int
    high: int

    def read(self, raw: object) -> int:
        if isinstance(raw, bool) or not isinstance(raw, int) or not self.low <= raw <= self.high:
            raise wrong("settings_whole", low=self.low, high=self.high, found=shown(raw))
        return raw


@dataclass(frozen=True)
class Number:
    low: float
    high: float

    def read(self, raw: object) -> float:
        if isinstance(raw, bool) or not isinstance(raw, (int, float)) or not self.low <= raw <= self.high:
            raise wrong("settings_number", low=f"{self.low:g}", high=f"{self.high:g}", found=shown(raw))
        return float(raw)


@dataclass(frozen=True)
class Text:
    longest: int = LONGEST_TEXT

    def read(self, raw: object) -> str:
        if not isinstance(raw, str):
            raise wrong("settings_text", found=shown(raw))
        if not raw.strip() or "\0" in raw:
            raise wrong("settings_empty")
        if len(raw) > self.longest:
            raise wrong("settings_long", longest=self.longest, length=len(raw))
        return raw


@dataclass(frozen=True)
class Matching:
    """A text of a known form; ``code`` is the sentence that describes the form."""

    pattern: str
    code: str
    shows: bool = True  #: False: what stands there could be a secret

    def read(self, raw: object) -> str:
        text = Text().read(raw)
        if not re.fullmatch(self.pattern, text, re.ASCII):
            raise wrong(self.code, found=shown(raw) if self.shows else "…")
        return text


@dataclass(frozen=True)
class Choice:
    choices: tuple[str, ...]

    def read(self, raw: object) -> str:
        if isinstance(raw, str) and raw in self.choices:
            return raw
        like = alike(raw, list(self.choices)) if isinstance(raw, str) else ""
        code = "settings_choice_like" if like else "settings_choice"
        raise wrong(code, choices=", ".join(self.choices), found=shown(raw), like=like)


@dataclass(frozen=True)
class Url:
    schemes: tuple[str, ...]

    def read(self, raw: object) -> str:
        text = Text().read(raw)
        refusal = wrong("settings_url", schemes=", ".join(f"{scheme}://" for scheme in self.schemes))
        try:
            parts = urlsplit(text)
            good = parts.scheme in self.schemes and bool(parts.hostname) and parts.port != 0
        except ValueError:
            raise refusal from None
        if parts.username is not None or parts.password is not None:
            raise wrong("settings_url_secret")
        if not good or re.search(r"[\s\x00-\x1f\x7f]", text):
            raise refusal
        return text


@dataclass(frozen=True)
class StoreUrl:
    """sqlite:///path, or postgresql:// without a password: that one comes from PGPASSWORD or a PGPASSFILE."""

    def read(self, raw: object) -> str:
        text = Text().read(raw)
        if re.fullmatch(r"sqlite:///[^?#\x00]+", text) and not text.endswith("/:memory:"):
            return text
        if not text.startswith(("postgresql://", "postgres://")):
            raise wrong("settings_store_url")
        try:
            parts = urlsplit(text)
        except ValueError:
            raise wrong("settings_store_url") from None
        if parts.password or re.search(r"[?&]password=", text):
            raise wrong("settings_store_password")
        return text


@dataclass(frozen=True)
class ImagesPlace:
    """A folder, or s3://BUCKET or s3://BUCKET/PREFIX by S3's own rules for names."""

    def read(self, raw: object) -> str:
        text = Text().read(raw)
        if re.fullmatch(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[A-Za-z0-9!_.*'()-]+)*/?", text, re.ASCII):
            return text.rstrip("/")
        if re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", text):
            raise wrong("settings_images")
        return text


@dataclass(frozen=True)
class Listed:
    """A list; what is repeated counts once."""

    item: Value
    longest: int = 1000

    def read(self, raw: object) -> tuple[Any, ...]:
        if not isinstance(raw, list):
            raise wrong("settings_list", found=shown(raw))
        if len(raw) > self.longest:
            raise wrong("settings_list_long", longest=self.longest, length=len(raw))
        return tuple(dict.fromkeys(_parts((f"[{number}]", self.item, item) for number, item in enumerate(raw, 1))))


@dataclass(frozen=True)
class Named:
    """An inline table whose keys the operator chooses."""

    name: Value
    value: Value

    def read(self, raw: object) -> Mapping[str, Any]:
        if not isinstance(raw, Mapping):
            raise wrong("settings_table", found=shown(raw))
        keys = _parts((str(key), self.name, key) for key in raw)
        return dict(zip(keys, _parts((str(key), self.value, value) for key, value in raw.items()), strict=True))


@dataclass(frozen=True)
class Parsed:
    """A text of a known form, as something better than text."""

    form: Value
    parse: Callable[[str], Any]

    def read(self, raw: object) -> Any:
        return self.parse(self.form.read(raw))


@dataclass(frozen=True)
class Snowflake:
    """A Discord id, as a number or in quotes."""

    def read(self, raw: object) -> int:
        if isinstance(raw, int) and not isinstance(raw, bool) and 0 < raw < 2**64:
            return raw
        if isinstance(raw, str) and re.fullmatch(r"[0-9]{1,20}", raw) and 0 < int(raw) < 2**64:
            return int(raw)
        raise wrong("settings_snowflake", found=shown(raw))


@dataclass(frozen=True)
class ShardRange:
    """FIRST-LAST/ALL, counted from 0."""

    def read(self, raw: object) -> Shards:
        found = re.fullmatch(r"([0-9]{1,5})-([0-9]{1,5})/([0-9]{1,5})", raw) if isinstance(raw, str) else None
        first, last, count = (int(each) for each in found.groups()) if found else (0, 0, 0)
        if not first <= last < count:
            raise wrong("settings_shards", found=shown(raw))
        return Shards(first, last, count)


def size(text: str) -> Size:
    width, _, height = text.partition("x")
    return Size(int(width), int(height))


def _parts(parts: Iterable[tuple[str, Value, object]]) -> list[Any]:
    """Reads (name, reader, raw value); raises Wrong with the faults of all of them."""
    values: list[Any] = []
    faults: list[Fault] = []
    for name, value, raw in parts:
        try:
            values.append(value.read(raw))
        except Wrong as refusal:
            faults += [fault.under(name) for fault in refusal.faults]
    if faults:
        raise Wrong(*faults)
    return values
