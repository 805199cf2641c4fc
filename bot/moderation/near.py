"""Near misses of rule words: typos such as "forbiden". They are for people to look at, so they only ever flag.

The candidates come from an index of words with one letter left out (as SymSpell has it), which keeps the search linear
in the text; rapidfuzz's ratio then decides.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from rapidfuzz.fuzz import ratio

MIN_RATIO = 90.0
MIN_LENGTH = 6  #: no shorter pair of words reaches the ratio
MAX_LENGTH = 61
HEAD, TAIL = slice(3), slice(-3, None)
"""A slip of a letter or two side by side leaves one of a word's ends as it is: most words need no closer look."""


@dataclass(frozen=True, slots=True)
class Index:
    words: Mapping[int, str]  #: pattern number to its word
    shortened: Mapping[str, tuple[int, ...]]  #: the words themselves, and with any one letter left out
    heads: frozenset[str]  #: how they begin
    tails: frozenset[str]  #: how they end


def index(words: Mapping[int, str]) -> Index:
    """Phrases and short words have no near misses."""
    kept = {number: word for number, word in words.items() if len(word) >= MIN_LENGTH and " " not in word}
    shortened: dict[str, list[int]] = defaultdict(list)
    for number, word in kept.items():
        for text in {word, *_shorter(word)}:
            shortened[text].append(number)
    heads, tails = (frozenset(word[part] for word in kept.values()) for part in (HEAD, TAIL))
    return Index(kept, {text: tuple(numbers) for text, numbers in shortened.items()}, heads, tails)


def find(index: Index, lines: Iterable[str]) -> frozenset[int]:
    """The patterns with a near miss in the lines, exact finds among them."""
    if not index.words:
        return frozenset()
    tokens = {token for line in lines for token in line.split() if MIN_LENGTH - 1 <= len(token) <= MAX_LENGTH}
    candidates = {
        (number, token)
        for token in tokens
        if token[HEAD] in index.heads or token[TAIL] in index.tails
        for text in (token, *_shorter(token))
        for number in index.shortened.get(text, ())
    }
    return frozenset(number for number, token in candidates if _near(index.words[number], token))


def _near(word: str, token: str) -> bool:
    """A word that merely goes on, such as a plural, is another word: its author could have written ``word*``."""
    longer = len(token) > len(word) and (token.startswith(word) or token.endswith(word))
    return not longer and ratio(word, token) >= MIN_RATIO


def _shorter(word: str) -> list[str]:
    return [word[:place] + word[place + 1 :] for place in range(len(word))]
