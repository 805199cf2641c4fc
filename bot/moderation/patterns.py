"""One pattern of a rule, from what a moderator wrote to what RE2 is given.

A word pattern becomes up to three RE2 texts: for words (with its edges), for compact words (whole words only) and for
joined single letters (anywhere inside). A rule is folded the same way as the text it meets. A letter stands for itself
once or three times and more, so ``god`` never meets ``good``, and ``ladiiies`` does not escape.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol, cast

import re2

from bot.model import Problem
from bot.moderation.harmless import BOTH_WAYS
from bot.moderation.normalise import plain, skeleton, words

MAX_WORD = 60
MAX_EXPRESSION = 260
EXPRESSION = "re:"
EXPRESSION_MEMORY = 4 << 20  #: bytes for one compiled expression
MAX_PROGRAM = 3_000  #: RE2 instructions of one expression: bounds its slowest search
MIN_JOINED = 3
MIN_REVERSED = 5

#: Scripts written without spaces: the edge of a rule in them is no edge of a word.
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
)
_RUN = re.compile(r"(.)\1*", re.DOTALL)


class Expression(Protocol):
    """A compiled RE2 expression, as far as it is used here."""

    programsize: int

    def search(self, text: str | bytes) -> object | None: ...

    def finditer(self, text: str) -> Iterator[re.Match[str]]: ...


@dataclass(frozen=True, slots=True)
class Word:
    """A word pattern's RE2 texts."""

    source: str
    words: tuple[str, ...]
    foreign: tuple[str, ...]  #: for words of another script whose look-alikes are all Latin
    compact: tuple[str, ...]
    joined: tuple[str, ...]
    core: str  #: what near misses are measured against; "" where wildcards leave no core


@dataclass(frozen=True, slots=True)
class _Spelling:
    """A pattern in one spelling: literal pieces between wildcards."""

    pieces: tuple[str, ...]
    open_start: bool
    open_end: bool

    @property
    def core(self) -> str:
        return self.pieces[0] if len(self.pieces) == 1 else ""


def parse_word(source: str) -> Word | Problem:
    """Raises nothing: a pattern that cannot be used comes back as the Problem."""
    if len(source) > MAX_WORD:
        return Problem("rule_word_too_long", {"limit": MAX_WORD, "pattern": source[:20]})
    spellings, foreign = _spellings(source)
    if not spellings:
        return Problem("rule_empty", {"pattern": source})
    if any(_too_wide(spelling) for spelling in spellings):
        return Problem("rule_catch_all", {"pattern": source})
    backwards = [turned for spelling in spellings if (turned := _backwards(spelling))]
    return Word(
        source=source,
        words=tuple(dict.fromkeys(_edged(spelling) for spelling in [*spellings, *backwards])),
        foreign=tuple(map(_edged, foreign)),
        compact=tuple(dict.fromkeys(_edged(_closed(spelling)) for spelling in spellings)),
        joined=tuple(dict.fromkeys(_inside(spelling) for spelling in spellings if _joinable(spelling))),
        core="" if "*" in source else spellings[-1].core,
    )


def parse_expression(source: str) -> Expression | Problem:
    """``source`` without its prefix. Look-around, back-references and huge repeats come back as a readable Problem."""
    if len(source) > MAX_EXPRESSION:
        return Problem("rule_expression_too_long", {"limit": MAX_EXPRESSION})
    if not source.strip():
        return Problem("rule_empty", {"pattern": EXPRESSION})
    try:
        compiled = cast("Expression", re2.compile(source, expression_options()))
    except (re2.error, UnicodeEncodeError) as error:
        return _unreadable(source, error)
    if compiled.programsize > MAX_PROGRAM:
        return Problem("rule_expression_too_costly", {"pattern": source})
    if compiled.search("") is not None:
        return Problem("rule_catch_all", {"pattern": EXPRESSION + source})
    return compiled


def expression_options() -> re2.Options:
    options = re2.Options()
    options.log_errors = False
    options.case_sensitive = False
    options.max_mem = EXPRESSION_MEMORY
    return options


def without(allow: Expression, text: str) -> str:
    """``text`` with the allow list's words taken out where they stand as whole words."""
    kept, end = [], 0
    for match in allow.finditer(text.encode("utf-8", "replace").decode()):
        start, stop = match.span()
        if not _glued(text, start) and not _glued(text, stop):
            kept.append(text[end:start])
            end = stop
    return " ; ".join([*kept, text[end:]])


def parse_allow_list(phrases: tuple[str, ...]) -> Expression | None:
    literals = sorted((str(re2.escape(phrase.strip())) for phrase in phrases if plain(phrase)), key=len, reverse=True)
    if not literals:
        return None
    options = expression_options()
    options.longest_match = True
    return cast("Expression", re2.compile("|".join(literals), options))


def _glued(text: str, place: int) -> bool:
    """Whether letters stand on both sides of ``place``."""
    return 0 < place < len(text) and text[place - 1].isalnum() and text[place].isalnum()


def _unreadable(source: str, error: Exception) -> Problem:
    detail = error.args[0]
    text = detail.decode("utf-8", "replace") if isinstance(detail, bytes) else str(error)
    if any(f"perl operator: {sign}" in text for sign in ("(?=", "(?!", "(?<")):
        return Problem("rule_expression_look_around", {"pattern": source})
    return Problem("rule_expression_wrong", {"pattern": source, "detail": text})


def _spellings(source: str) -> tuple[list[_Spelling], list[_Spelling]]:
    """In plain and in skeleton space; apart from them the skeleton of another script's word that merely looks Latin."""
    found = [spelling for fold in (plain, _skeleton_words) if (spelling := _spelling(source, fold))]
    if len(found) == 2 and "".join(found[1].pieces).isascii() and not _latin("".join(found[0].pieces)):
        return found[:1], found[1:]
    return list(dict.fromkeys(found)), []


def _skeleton_words(text: str) -> str:
    return words(skeleton(text))


def _spelling(source: str, fold: Callable[[str], str]) -> _Spelling | None:
    stripped = source.strip()
    pieces = tuple(filter(None, (fold(piece) for piece in stripped.split("*"))))
    if not pieces:
        return None
    return _Spelling(pieces, stripped.startswith("*"), stripped.endswith("*"))


def _latin(text: str) -> bool:
    return any(character.isdigit() or unicodedata.name(character, "").startswith("LATIN") for character in text)


def _too_wide(spelling: _Spelling) -> bool:
    """One letter with a wildcard beside it meets nearly every word."""
    letters = "".join(spelling.pieces).replace(" ", "")
    wild = spelling.open_start or spelling.open_end or len(spelling.pieces) > 1
    return wild and len(letters) < 2 and not _UNSPACED.match(letters) and _letter(letters)


def _letter(text: str) -> bool:
    return unicodedata.category(text[0])[0] in "LN"


def _backwards(spelling: _Spelling) -> _Spelling | None:
    core = spelling.core
    if len(core) < MIN_REVERSED or core in BOTH_WAYS or core == core[::-1]:
        return None
    return _Spelling((core[::-1],), spelling.open_end, spelling.open_start)


def _closed(spelling: _Spelling) -> _Spelling:
    """Open at one end only: glued words must not turn up inside other glued words."""
    if spelling.open_start and spelling.open_end:
        return _Spelling(spelling.pieces, open_start=False, open_end=False)
    return spelling


def _joinable(spelling: _Spelling) -> bool:
    return len("".join(spelling.pieces).replace(" ", "")) >= MIN_JOINED


def _inside(spelling: _Spelling) -> str:
    return "[^ \\n]*".join(_stretched(piece.replace(" ", "")) for piece in spelling.pieces)


def _edged(spelling: _Spelling) -> str:
    first, last = spelling.pieces[0][0], spelling.pieces[-1][-1]
    start = "" if spelling.open_start or _edgeless(first) else " "
    end = "" if spelling.open_end or _edgeless(last) else " "
    return start + "[^ \\n]*".join(_stretched(piece) for piece in spelling.pieces) + end


def _edgeless(character: str) -> bool:
    return _UNSPACED.match(character) is not None or not _letter(character)


def _stretched(text: str) -> str:
    return "".join(_run(match.group(1), len(match.group())) for match in _RUN.finditer(text))


def _run(character: str, length: int) -> str:
    """A single letter stands for one, or three and more; two and more stand for at least as many."""
    literal = str(re2.escape(character))
    if character.isspace() or character.isdigit():
        return literal * length
    return f"{literal}(?:{literal}{literal}+)?" if length == 1 else f"{literal * length}{literal}*"
