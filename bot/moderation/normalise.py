"""A text's derived forms, for matching rules against it. They are never shown as the text, and never drawn.

Steps: ignorable characters out, NFKC, look-alikes, case, combining marks, leet, separators, joined single letters
(after UTS #39's skeletons, which likewise serve comparison only). Look-alikes come before case because capitals have
shapes of their own: Greek Nu looks like N, its small letter like v. Repeated letters and reversed words are the
rules' side of matching (see patterns.py).
"""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from bot.moderation.lookalikes import LOOKALIKES

TABLES = 1
"""Grows with every change to the tables or the order of the steps; verdicts name it."""
MAX_REMEMBERED = 20_000  #: characters a table keeps its decision about

_WEIGHT = re.compile(r":\s{0,3}[-+]?\d{0,3}(?:\.\d{1,4})?(?=\s{0,3}[)\]}>])|::\s{0,3}[-+]?\d{0,3}(?:\.\d{1,4})?")
_SPACED = re.compile(r"(?<!\S)\S(?: \S(?!\S)){2,}")
_DOUBLED = re.compile(r"(?<!\S)(?:(\S)\1++){3,}+(?!\S)")
_RUN = re.compile(r"(\S)\1+")
_LEET_TOKEN = re.compile(r"(?<![a-z0-9@$!|+€£¢¥])[a-z]*+[0-9@$!|+€£¢¥][a-z0-9@$!|+€£¢¥]*+")
_LETTER = re.compile(r"[a-z]")
_LEET = {ord(sign): letter for sign, letter in zip("4@830695$7+2€£¢¥", "aabeoggssttzelcy", strict=True)}
_LEET_I, _LEET_L = ({**_LEET, **dict.fromkeys(map(ord, "1!|"), bar)} for bar in "il")
_LEET_SIGNS = frozenset(map(chr, _LEET_I))
_BARS = frozenset("1!|")
_LOOKALIKES = {int(code, 16): letter for letter, codes in LOOKALIKES.items() for code in codes.split()}

#: Signs that end a thought even without a space after them: "red,car" are two words, "r-e-d" is one.
_BREAKS = frozenset(",;:/?!&…、。，；：！？\n")
#: Drawn as nothing, though Unicode does not call them format characters: fillers, joiners, variation selectors.
_INVISIBLE = frozenset(
    {0x34F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x3164, 0xFFA0, *range(0x180B, 0x1810), *range(0xFE00, 0xFE10)}
)
_DIACRITICS = ((0x300, 0x36F), (0x483, 0x489), (0x1AB0, 0x1AFF), (0x1DC0, 0x1DFF), (0x20D0, 0x20FF), (0xFE20, 0xFE2F))


@dataclass(frozen=True, slots=True)
class Forms:
    """What one text is compared as. Lines hold words separated by single spaces."""

    text: str  #: as written, without prompt weights
    plain: str  #: case folded, nothing else guessed: what rules in any script meet
    skeleton: str  #: look-alikes, case and marks folded, punctuation kept: what expressions meet
    words: tuple[str, ...]  #: the skeleton's words, and with leet signs read as letters
    foreign: tuple[str, ...]  #: the skeleton of the words that were not ASCII; what rules of other scripts meet
    compact: tuple[str, ...]  #: words that separators or doubled letters had broken up; only matched as whole words
    joined: tuple[str, ...]  #: single letters that stood apart, put together; matched anywhere inside


class _Lazy(dict[int, str]):
    """What becomes of each character, decided once."""

    def __init__(self, decide: Callable[[str], str]) -> None:
        super().__init__()
        self._decide = decide

    def __missing__(self, code: int) -> str:
        result = self._decide(chr(code))
        if len(self) < MAX_REMEMBERED:
            self[code] = result
        return result


MAX_REPLACED = 32  #: characters that change; from there on one pass over the text is quicker


def _mapped(text: str, table: _Lazy) -> str:
    """As `str.translate`, whose one look-up for each character of other scripts is what most of a match would take."""
    if text.isascii():
        return text.translate(table)
    changes = {character: table[ord(character)] for character in set(text)}
    changes = {character: result for character, result in changes.items() if result != character}
    if len(changes) > MAX_REPLACED or any(not changes.keys().isdisjoint(result) for result in changes.values()):
        return text.translate(table)
    for character, result in changes.items():
        text = text.replace(character, result)
    return text


def _visible(character: str) -> str:
    if character.isspace() or character == "\u2800":
        return " "
    code = ord(character)
    if code in _INVISIBLE or 0xE0000 <= code <= 0xE0FFF or unicodedata.category(character) in {"Cc", "Cf", "Cs"}:
        return ""
    return character


def _in_word(character: str) -> bool:
    return unicodedata.category(character)[0] in "LMN"


def _word_or_space(character: str) -> str:
    return character if _in_word(character) else " "


def _symbol_word_or_space(character: str) -> str:
    if not _visible(character):
        return ""
    return character if _in_word(character) or unicodedata.category(character) == "So" else " "


def _word_or_nothing(character: str) -> str:
    if _in_word(character):
        return character
    return " " if character in _BREAKS or character.isspace() else ""


def _without_diacritic(character: str) -> str:
    code = ord(character)
    return "" if any(low <= code <= high for low, high in _DIACRITICS) else character


_VISIBLE = _Lazy(_visible)
_WORDS = _Lazy(_word_or_space)
_PLAIN_WORDS = _Lazy(_symbol_word_or_space)
_COMPACT = _Lazy(_word_or_nothing)
_UNMARKED = _Lazy(_without_diacritic)
_LETTERS = _Lazy(lambda character: _LOOKALIKES.get(ord(character), character))
_MARKS = _Lazy(lambda character: "mark" if unicodedata.category(character) in {"Mn", "Me"} else "")
_STRAY_MARKS = re.compile(r"(?<=[a-z0-9])[^\x00-\x7f]+")


def strip_weights(text: str) -> str:
    """Without the numbers of ``(word:1.3)``, ``<lora:word:0.8>`` and ``word::2``."""
    return _WEIGHT.sub("", text)


def plain(text: str) -> str:
    """Words in lower case, in their own script, symbols such as emoji kept."""
    folded = unicodedata.normalize("NFKC", _mapped(text, _VISIBLE)).casefold()
    return _spaced(_mapped(unicodedata.normalize("NFKC", folded), _PLAIN_WORDS))


def skeleton(text: str) -> str:
    """Look-alikes, case and combining marks folded; punctuation and spaces stay."""
    for _ in range(4):
        folded = _fold_once(text)
        if folded == text:
            break
        text = folded
    return text


def words(text: str) -> str:
    """Only what words are made of, separated by single spaces."""
    return _spaced(_mapped(text, _WORDS))


def forms(text: str) -> Forms:
    """Every derived form of ``text``, in time linear in its length. Never raises."""
    written = strip_weights(text)
    base = skeleton(written)
    bases = tuple(dict.fromkeys((base, *_leet(base))))
    spaced = [words(each) for each in bases]
    lines = tuple(dict.fromkeys(spaced))
    joined = tuple(dict.fromkeys(run for line in lines for run in _joined(line)))
    simple = spaced[0] if written.isascii() else plain(written)
    return Forms(
        text=written,
        plain=simple,
        skeleton=base,
        words=lines,
        foreign=_foreign(simple),
        compact=tuple(dict.fromkeys(filter(None, map(_compact, bases, spaced)))),
        joined=tuple(dict.fromkeys(form for run in joined for form in (run, *_leet(run)))),
    )


def _spaced(text: str) -> str:
    return " ".join(text.split())


def _foreign(line: str) -> tuple[str, ...]:
    found = " ".join(token for token in line.split() if not token.isascii())
    return (words(skeleton(found)),) if found else ()


def _fold_once(text: str) -> str:
    if text.isascii():
        return text.translate(_VISIBLE).lower()
    seen = _mapped(unicodedata.normalize("NFKC", _mapped(text, _VISIBLE)), _LETTERS).casefold()
    unmarked = _mapped(unicodedata.normalize("NFD", seen), _UNMARKED)
    if any(_MARKS[ord(character)] for character in set(unmarked)):
        unmarked = _STRAY_MARKS.sub(_drop_leading_marks, unmarked)
    return unicodedata.normalize("NFC", unmarked)


def _drop_leading_marks(match: re.Match[str]) -> str:
    """Marks of any script hung on a Latin letter or a digit: its word is Latin."""
    tail = match.group()
    kept = 0
    while kept < len(tail) and unicodedata.category(tail[kept]) in {"Mn", "Me"}:
        kept += 1
    return tail[kept:]


def _leet(text: str) -> tuple[str, ...]:
    """With digits and signs in words read as letters: 1, ! and | once as i and once as l."""
    if _LEET_SIGNS.isdisjoint(text):
        return ()
    tables = (_LEET_I,) if _BARS.isdisjoint(text) else (_LEET_I, _LEET_L)
    return tuple(_LEET_TOKEN.sub(partial(_read_leet, table), text) for table in tables)


def _read_leet(table: dict[int, str], match: re.Match[str]) -> str:
    """A number stays a number, and an exclamation mark at the end stays one."""
    token = match.group()
    if not _LETTER.search(token):
        return token
    core = token.rstrip("!|+")
    return core.translate(table) + token[len(core) :]


def _compact(text: str, whole: str) -> str:
    """The words that appear only when separators inside them, or doubled letters, are taken out of ``text``.

    ``whole``: its words.
    """
    known = set(whole.split())
    glued = [token for token in _mapped(text, _COMPACT).split() if token not in known]
    halved = [_RUN.sub(_half, match.group()) for match in _DOUBLED.finditer(whole)]
    return " ".join(dict.fromkeys(glued + halved))


def _half(run: re.Match[str]) -> str:
    return run.group(1) * (len(run.group()) // 2)


def _joined(line: str) -> list[str]:
    return [match.group().replace(" ", "") for match in _SPACED.finditer(line)]
