"""No secret leaves in a log line: exact values, and patterns for those that the bot is handed while it runs."""

import json
import math
import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote, quote_plus

from bot.settings import Secret

MASK = "[redacted]"
SHORTEST = 4  # characters; masking every "a" would make the log unreadable and protect nothing
DEEPEST = 8  # levels of nesting
LONGEST = 8000  # characters of one text; cut after masking, so that no half secret is left, and in the middle

NAMES = re.compile(r"token|secret|passw|authorization|api[-_]?key|cookie|signature|response_url", re.IGNORECASE)
PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"(?i)(\bbearer|authorization[\"']?\s*[:=,]\s*b?[\"']?[a-z]+)\s+[^\s\"',;]+"), rf"\1 {MASK}"),
    (re.compile(r"(?i)(api[-_]?key[\"']?\s*[:=,]\s*b?[\"']?)[^\s\"',;)}\]]+"), rf"\1{MASK}"),
    (re.compile(r"\bx(?:ox[a-z]|app|wfp)[-.][A-Za-z0-9.-]+"), MASK),
    # a Discord bot token: the id, a time stamp and a MAC
    (re.compile(r"\b[A-Za-z0-9_-]{18,32}\.[A-Za-z0-9_-]{5,8}\.[A-Za-z0-9_-]{25,}"), MASK),
    (re.compile(r"(/(?:webhooks|interactions)/[0-9]+/)[^\s/?\"']+"), rf"\1{MASK}"),
    (re.compile(r"(hooks\.slack(?:-gov)?\.com/)[^\s\"']+"), rf"\1{MASK}"),
    (re.compile(r"(?i)([?&](?:token|ticket|key|secret|sig|signature|password)=)[^&\s\"']+"), rf"\1{MASK}"),
    (re.compile(r"(://[^\s/:@]*:)[^\s/@]+(?=@)"), rf"\1{MASK}"),
)


class Redactor:
    def __init__(self, secrets: Iterable[Secret] = ()) -> None:
        self._values: list[str] = []
        for secret in secrets:
            self.learn(secret)

    def learn(self, secret: Secret) -> None:
        """Also masks ``secret`` from now on, however it is quoted."""
        value = secret.reveal()
        if len(value) < SHORTEST:
            return
        spellings = {value, repr(value)[1:-1], json.dumps(value)[1:-1], quote(value, safe=""), quote_plus(value)}
        self._values = sorted({*self._values, *spellings}, key=len, reverse=True)

    def text(self, text: str) -> str:
        for value in self._values:
            text = text.replace(value, MASK)
        for pattern, mask in PATTERNS:
            text = pattern.sub(mask, text)
        return text if len(text) <= LONGEST else f"{text[: LONGEST // 2]} … {text[-LONGEST // 2 :]}"

    def value(self, value: object, depth: int = 0) -> Any:
        """The same as plain data that json can write, masked to any depth. Never raises."""
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, float):
            return value if math.isfinite(value) else str(value)
        if isinstance(value, int):
            return self._whole(value)
        if isinstance(value, str):
            return self.text(str(value))
        if isinstance(value, (Mapping, list, tuple, set, frozenset)):
            return self._nested(value, depth + 1) if depth < DEEPEST else "…"
        return self.text(_described(value))

    def named(self, name: str, value: object, depth: int = 0) -> Any:
        """A value under a name that gives a secret away is masked whatever it is."""
        secretive = isinstance(value, (str, bytes)) and NAMES.search(name)
        return MASK if secretive and value else self.value(value, depth)

    def _nested(self, value: Mapping[Any, Any] | Iterable[Any], depth: int) -> Any:
        if isinstance(value, Mapping):
            named = ((key if isinstance(key, str) else _described(key), inner) for key, inner in value.items())
            return {self.text(name): self.named(name, inner, depth) for name, inner in named}
        return [self.value(inner, depth) for inner in value]

    def _whole(self, value: int) -> Any:
        if value.bit_length() > 64:
            return self.text(hex(value))
        plain = int(value)
        return plain if self.text(str(plain)) == str(plain) else MASK


def _described(value: object) -> str:
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value).decode("utf-8", "backslashreplace")
    try:
        return repr(value)
    except Exception as error:  # noqa: BLE001 - a log line never fails over what it is about
        return f"<{type(value).__name__}: {type(error).__name__} in repr>"
