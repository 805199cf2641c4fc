"""Derived forms: what is folded, what stays apart, and that nothing a person can type breaks it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.moderation import normalise
from bot.moderation.normalise import forms, plain, skeleton, strip_weights, words

ANY_TEXT = st.text(st.characters(), max_size=120)
TRICKY = st.text(st.sampled_from("aA1!|$@. -_*\u200b́ǅßŉͅİıﬁΝновШ🅱🇦한각नि١ꙮ\u2800\n\u202e\ufdfa\ud800"), max_size=60)


@given(ANY_TEXT | TRICKY)
def test_no_text_makes_the_normaliser_raise(text: str) -> None:
    forms(text)


@given(ANY_TEXT | TRICKY | st.text(st.sampled_from("абвгдеёжз е́ο\u200bＡ"), max_size=40))
def test_the_quick_way_maps_characters_as_translate_does(text: str) -> None:
    for table in (normalise._VISIBLE, normalise._LETTERS, normalise._UNMARKED, normalise._WORDS, normalise._COMPACT):
        assert normalise._mapped(text, table) == text.translate(table)


@given(st.text(st.characters(max_codepoint=127), max_size=120) | TRICKY)
def test_ascii_text_is_as_plain_as_the_words_of_its_skeleton(text: str) -> None:
    assert forms(text).plain == plain(strip_weights(text))


@given(ANY_TEXT | TRICKY)
def test_plain_skeleton_and_words_leave_their_own_forms_alone(text: str) -> None:
    for fold in (plain, skeleton, words):
        once = fold(text)
        assert fold(once) == once


@given(ANY_TEXT | TRICKY)
def test_the_forms_of_a_form_hold_that_form(text: str) -> None:
    for line in forms(text).words:
        assert line in forms(line).words


@given(ANY_TEXT | TRICKY)
def test_lines_hold_no_line_break_and_no_double_space(text: str) -> None:
    made = forms(text)
    for line in (made.plain, *made.words, *made.compact, *made.joined):
        assert line == " ".join(line.split())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a (red:1.3) fox", "a (red) fox"),
        ("<lora:ink:0.8> fox", "<lora:ink> fox"),
        ("fox::2 snow::-0.5", "fox snow"),
        ("16:9 at 10:30", "16:9 at 10:30"),
        ("((fox))", "((fox))"),
    ],
)
def test_prompt_weights_go_and_other_numbers_stay(text: str, expected: str) -> None:
    assert strip_weights(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ΝΟΥΝ", "noyn"),  # Greek capitals look like Latin ones, their small letters do not
        ("ÅNGSTRÖM", "angstrom"),
        ("ｆｕｌｌ", "full"),
        ("𝖒𝖆𝖙𝖍", "math"),
        ("🅲🅰🆃", "cat"),
        ("🇨🇦🇹", "cat"),
        ("ⅭⒶⓣ", "cat"),
        ("c\u200ba\u00adt\ufe0f", "cat"),
        ("c̷̛̦a͜t҉", "cat"),
    ],
)
def test_look_alikes_fold_to_ascii(text: str, expected: str) -> None:
    assert skeleton(text) == expected


def test_plain_keeps_a_script_that_look_alikes_would_mangle() -> None:
    assert plain("Чёрный КОТ") == "чёрный кот"
    assert plain("कुत्ता") == "कुत्ता"


def test_numbers_alone_are_never_read_as_leet() -> None:
    assert forms("455 1337 50").words == ("455 1337 50",)


def test_one_and_bar_are_read_both_as_i_and_as_l() -> None:
    assert forms("k1ll").words == ("k1ll", "kill", "klll")
    assert "kill" in forms("ki|l").words


def test_an_exclamation_mark_at_the_end_is_no_letter() -> None:
    assert "shit" in forms("sh!t!").words[1].split()


def test_commas_separate_words_and_hyphens_inside_a_word_do_not() -> None:
    assert forms("cat,item").compact == ()
    assert forms("ca-t it_em").compact == ("cat item",)


def test_two_single_letters_are_not_joined() -> None:
    assert forms("plan b c").joined == ()
    assert forms("a b c").joined == ("abc",)
