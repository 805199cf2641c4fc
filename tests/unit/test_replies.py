import re
import string
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.replies import ENGLISH, display, say

ANY_TEXT = st.text(st.characters() | st.sampled_from("a\n\u202e\u2066\u2069\u200b\u0301\u0489\t\u2028\x1b"))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", ""),
        ("a fox", "\u2068a fox\u2069"),
        ("a\n\nb", "\u2068a\u2069\n\n\u2068b\u2069"),
        ("a\u202egpj.exe\u200b", "\u2068agpj.exe\u2069"),
        ("a\x1b[31m\r\x00b\tc\u2028d", "\u2068a[31mb c\u2069\n\u2068d\u2069"),
        ("z\u0301\u0302\u0303\u0489a\u0301", "\u2068z\u0301\u0302a\u0301\u2069"),
        ("\u2069 out", "\u2068 out\u2069"),
    ],
)
def test_s04_what_hides_or_reorders_is_not_shown(text: str, shown: str) -> None:
    assert display(text) == shown


def bare(line: str) -> str:
    return line.removeprefix("\u2068").removesuffix("\u2069")


@given(ANY_TEXT)
def test_s04_no_line_keeps_a_control_or_more_than_two_marks_in_a_row(text: str) -> None:
    for line in display(text).split("\n"):
        kinds = "".join(unicodedata.category(char)[0] for char in bare(line))
        assert not {"Cc", "Cf", "Cs"} & {unicodedata.category(char) for char in bare(line)}
        assert "MMM" not in kinds
        assert not line or (line[0], line[-1]) == ("\u2068", "\u2069")


@given(ANY_TEXT)
def test_s04_showing_what_is_shown_changes_nothing(text: str) -> None:
    assert display(display(text)) == display(text)


@given(st.text(string.printable.replace("\t", "").replace("\r", "").replace("\x0b", "").replace("\x0c", "")))
def test_s04_plain_text_is_shown_as_it_is(text: str) -> None:
    assert "\n".join(bare(line) for line in display(text).split("\n")) == text


@pytest.mark.parametrize("code", ENGLISH)
def test_every_sentence_has_plain_gaps(code: str) -> None:
    gaps = [name for _, name, _, _ in string.Formatter().parse(ENGLISH[code]) if name is not None]
    assert all(gap.isidentifier() for gap in gaps)
    assert say(code, **dict.fromkeys(gaps, "x"))


def codes_in_use() -> set[str]:
    """Every literal code in the sources that is a Problem or is said."""
    root = Path(__file__).parents[2]
    sources = [file.read_text() for folder in ("bot", "adapters") for file in (root / folder).rglob("*.py")]
    return {code for text in sources for code in re.findall(r"(?:Problem|say)\(\s*\"([a-z_]+)\"", text)}


def test_every_code_that_is_said_has_a_sentence() -> None:
    assert codes_in_use() - set(ENGLISH) == set()
