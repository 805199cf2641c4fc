"""``<lora:name>`` and ``<lora:name:0.8>`` in a prompt: the spelling people know from other image programs."""

import re
from collections.abc import Collection

Loras = tuple[tuple[str, float], ...]
"""Name and weight, sorted by name: two requests with the same ones can share a batch."""

_TAG = re.compile(r"<lora:([^:<>]{1,64})(?::(-?\d{1,3}(?:\.\d{1,4})?))?>", re.ASCII)
_MOST = 4.0  #: a weight beyond this makes noise only


def split(prompt: str, known: Collection[str]) -> tuple[str, Loras]:
    """The prompt without its tags, and the LoRAs they name. A tag naming none of ``known`` stays as words."""
    found: dict[str, float] = {}

    def take(match: re.Match[str]) -> str:
        name, weight = match[1], match[2]
        if name not in known:
            return match[0]
        found[name] = max(-_MOST, min(float(weight or 1.0), _MOST))
        return " "

    words = _TAG.sub(take, prompt)
    return (re.sub(r" {2,}", " ", words).strip() if found else prompt), tuple(sorted(found.items()))
