import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.command import OPTIONS, format_command, merge, options_for, parse, tidied, typed
from bot.errors import Refused
from bot.model import Capabilities, ImageRequest, Problem, Range, Ratio, Size
from bot.replies import problem as sentence
from bot.replies import say, sentences

LONG_DASHES = ["—", "–", "‒", "―", "−", "﹘", "－", "——", "––", "-–"]

# Words, dashes and option names far more often than chance would bring them together.
PIECES = st.sampled_from(
    [*' \n\\-=:"”', "--", *LONG_DASHES, "no", "size", "n", "ar", "cfg", "seed", "hour", "stesp"]
)
TRICKY = st.lists(st.one_of(PIECES, st.text(max_size=3)), max_size=20).map("".join)
WORDS = TRICKY.map(lambda text: f"a {text}")


def refusal(text: str) -> Refused:
    with pytest.raises(Refused) as caught:
        parse(text)
    return caught.value


def codes(text: str) -> list[str]:
    return [problem.code for problem in refusal(text).problems]


def test_the_contracts_example_is_read() -> None:
    assert parse("/imagine a red fox in snow --no blur, hands --ar 16:9 --count 2") == ImageRequest(
        "a red fox in snow", negative_prompt="blur, hands", size=Ratio(16, 9), count=2
    )


@pytest.mark.parametrize(
    ("inline", "field", "value"),
    [
        ("--negative blur", "negative_prompt", "blur"),
        ("--no blur --no two hands", "negative_prompt", "blur, two hands"),
        ("--no “blur, hands”", "negative_prompt", "blur, hands"),
        ('--no "text", "watermark"', "negative_prompt", '"text", "watermark"'),
        ("--no don’t", "negative_prompt", "don’t"),
        ("--size 1024x768", "size", Size(1024, 768)),
        ("--size 1024 × 768", "size", Size(1024, 768)),
        ("--size 16:9", "size", Ratio(16, 9)),
        ("--ar 16:9", "size", Ratio(16, 9)),
        ("--aspect 16×9", "size", Ratio(16, 9)),
        ("--ar 16/9", "size", Ratio(16, 9)),
        ("--steps 20", "steps", 20),
        ("--steps=20", "steps", 20),
        ("--steps:20", "steps", 20),
        ("--steps “20”", "steps", 20),
        ("--STEPS +20", "steps", 20),
        ("--cfg 7,5", "guidance", 7.5),
        ("--guidance 7.5", "guidance", 7.5),
        ("--seed 0", "seed", 0),
        ("--n 10", "count", 10),
        ("--backend hive", "backend", "hive"),
        ("--style film noir", "style", "film noir"),
    ],
)
def test_each_inline_option_is_read(inline: str, field: str, value: object) -> None:
    assert getattr(parse(f"a fox {inline}"), field) == value


@pytest.mark.parametrize("dash", LONG_DASHES)
def test_a_long_dash_before_a_known_name_starts_that_option(dash: str) -> None:
    assert parse(f"a cat {dash}no blur {dash}ar 16:9") == parse("a cat --no blur --ar 16:9")


@pytest.mark.parametrize("dash", LONG_DASHES)
def test_a_long_dash_before_anything_else_is_prose(dash: str) -> None:
    prompt = f"sunset {dash} golden hour {dash}golden {dash}no-smoking sign{dash}no {dash}5"
    assert parse(prompt) == ImageRequest(prompt)


@pytest.mark.parametrize(
    "prompt",
    ["sci-fi cat--like", "“quoted” 'words' don’t", "a -- b --- c --5", "-no hands", r"C:\--5", "two\n\nlines\ttabs"],
)
def test_a_prompt_is_kept_byte_for_byte(prompt: str) -> None:
    assert parse(prompt).prompt == prompt


def test_a_backslash_makes_an_option_prose() -> None:
    assert parse(r"the words \--no and \--frobnicate") == ImageRequest("the words --no and --frobnicate")


def test_an_unknown_option_is_refused_with_a_guess_and_a_corrected_command() -> None:
    refused = refusal("a fox --stesp 20")
    assert refused.problems == (Problem("option_misspelt", {"option": "stesp", "guess": "steps"}),)
    assert refused.corrected == "/imagine a fox --steps 20"
    assert refused.dropped == ()
    assert len(sentences(refused)) == 1


def test_an_option_like_nothing_known_is_refused_and_left_out_of_the_correction() -> None:
    refused = refusal("a fox --v 5 --count 2")
    assert [problem.code for problem in refused.problems] == ["option_unknown"]
    assert refused.corrected == "/imagine a fox --count 2"
    assert refused.dropped == ("v",)
    assert sentences(refused)[-1] == "The corrected command leaves out --v, because it could not be guessed."


def test_all_errors_of_a_request_come_together() -> None:
    refused = refusal("a fox --steps many --ar 0:1 --count 11 --no --stlye noir --seed 1 --seed 2")
    assert [problem.code for problem in refused.problems] == [
        "takes_integer", "takes_ratio", "takes_integer", "option_missing", "option_misspelt", "option_twice",
    ]  # fmt: skip
    assert refused.corrected == "/imagine a fox --seed 1 --count 10 --style noir"
    assert refused.dropped == ("steps", "ar", "no")


def test_what_the_backends_object_to_comes_with_the_errors_of_form() -> None:
    def further(request: ImageRequest) -> tuple[Problem, ...]:
        return (Problem("elsewhere"),) if request.backend == "hive" else ()

    with pytest.raises(Refused) as caught:
        parse("a fox --steps many --backend hive", OPTIONS, further)
    assert [problem.code for problem in caught.value.problems] == ["takes_integer", "elsewhere"]
    assert caught.value.corrected is None


def test_words_after_an_options_value_are_given_back_to_the_prompt() -> None:
    refused = refusal("--ar 16:9 a red fox")
    assert [problem.code for problem in refused.problems] == ["option_trailing"]
    assert refused.corrected == "/imagine a red fox --ar 16:9"


def test_more_options_than_anybody_writes_are_refused() -> None:
    assert parse("a fox" + " --no b" * 50).negative_prompt == ", ".join("b" * 50)
    assert codes("a fox" + " --no b" * 51) == ["options_many"]


def test_size_and_ratio_together_are_one_thing_said_twice() -> None:
    assert codes("a fox --size 512x512 --ar 1:1") == ["option_twice"]


@pytest.mark.parametrize("empty", ["", "   \n", "/imagine", "/imagine  ", "🦊🦊", "1️⃣ ℹ️", "\u3164", "!?", "--no blur"])
def test_s06_a_prompt_without_words_is_refused_kindly(empty: str) -> None:
    refused = refusal(empty)
    assert [problem.code for problem in refused.problems] == ["prompt_empty"]
    assert refused.corrected is None


@pytest.mark.parametrize("prompt", ["42", "狐", "🦊 fox", "é"])
def test_s06_any_letter_or_digit_makes_a_prompt(prompt: str) -> None:
    assert parse(prompt) == ImageRequest(prompt)


@pytest.mark.parametrize("text", ["a" * 100_000, "a" + "\n" * 10_000 + "b", "a" * 2001, "🦊" * 2000 + "a"])
def test_s05_an_endless_prompt_is_refused_with_the_number(text: str) -> None:
    (problem,) = refusal(text).problems
    assert sentence(problem) == f"That is {len(text)} characters long; a prompt may have up to 2000."


def test_s05_the_limit_counts_code_points_and_includes_its_end() -> None:
    assert parse("🦊" * 1999 + "a --no " + "ß" * 2000).negative_prompt == "ß" * 2000
    assert codes("a fox --no " + "b" * 2001) == ["takes_text"]
    assert codes("a fox" + " --no " + "b" * 1500 + " --no " + "c" * 1500) == ["takes_text"]


@pytest.mark.parametrize("bad", ["\x00", chr(0xD800), chr(0xDFFF)])
def test_s05_nul_and_lone_surrogates_are_refused(bad: str) -> None:
    refused = refusal(f"a {bad}fox --no bl{bad}ur")
    assert [problem.code for problem in refused.problems] == ["character_forbidden"]
    assert refused.corrected == "/imagine a fox --no blur"
    with pytest.raises(Refused) as again:
        tidied(ImageRequest("a fox", style=f"no{bad}ir"))
    assert [problem.code for problem in again.value.problems] == ["character_forbidden"]


NO_NUMBERS = [
    "NaN", "inf", "-inf", "Infinity", "1e400", "1e2", "-1", "−1", str(2**64), "٣", "２０", "1_000", "9" * 5000, "0x10",
    "1.2.3", "1 000", "²", "--", "twenty", "0" * 11 + "5",
]  # fmt: skip


@pytest.mark.parametrize("value", NO_NUMBERS)
@pytest.mark.parametrize("name", ["steps", "seed", "count", "guidance"])
def test_s07_what_is_no_plain_number_in_range_is_refused_naming_the_range(name: str, value: str) -> None:
    option = next(option for option in OPTIONS if option.name == name)
    problems = refusal(f"a fox --{name} {value}").problems
    assert {problem.code for problem in problems} <= {f"takes_{option.kind}", "option_trailing"}
    named = f"from {option.limits.low} to {option.limits.high}"
    assert named in sentence(problems[0]) or value == "1 000"


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 10**400, True, "x", 1.5, -1, [], "NaN"])
def test_s07_typed_numbers_obey_the_same_rules(value: object) -> None:
    with pytest.raises(Refused) as caught:
        typed("a fox", {"steps": value})
    assert sentence(caught.value.problems[0]) == "steps takes a whole number from 1 to 1000."


NO_SIZES = ["0x512", "512x0", "512", "512x", "x", "٣x٣", "1e3x5", "99999x1", "-5x5", "1" * 5000 + "x1"]


@pytest.mark.parametrize("value", NO_SIZES)
def test_s07_a_size_that_is_none_is_refused(value: str) -> None:
    assert codes(f"a fox --size {value}") == ["takes_size"]


def test_ranges_named_are_those_of_the_backends() -> None:
    default = Size(1024, 1024)
    options = options_for({
        "hive": Capabilities(default, steps=Range(1, 60)),
        "dataoorts": Capabilities(default, steps=Range(1, 20)),
        "ovh": Capabilities(default),
    })
    with pytest.raises(Refused) as caught:
        parse("a fox --steps 61", options)
    assert sentence(caught.value.problems[0]) == "steps takes a whole number from 1 to 60 (hive 1–60, dataoorts 1–20)."
    assert caught.value.corrected == "/imagine a fox --steps 60"


def test_typed_options_and_inline_options_make_one_request() -> None:
    values = {"negative_prompt": "hands", "size": "1024x768", "steps": 20, "guidance": 7, "seed": None, "style": " "}
    assert merge("a fox --no blur --count 2 --steps 20", values) == ImageRequest(
        "a fox", negative_prompt="blur, hands", size=Size(1024, 768), steps=20, guidance=7.0, count=2
    )


def test_typed_and_inline_options_that_differ_are_refused() -> None:
    with pytest.raises(Refused) as caught:
        merge("a fox --steps 1000", {"steps": 5000, "size": "9:16"})
    assert [problem.code for problem in caught.value.problems] == ["takes_integer", "option_twice"]
    assert caught.value.corrected == "/imagine a fox --ar 9:16 --steps 1000"


def test_a_literal_prompt_is_not_searched_for_options() -> None:
    assert typed("a fox --no blur", {"count": 2}) == ImageRequest("a fox --no blur", count=2)


def test_a_typed_request_that_is_refused_comes_back_corrected() -> None:
    with pytest.raises(Refused) as caught:
        tidied(ImageRequest(" a fox --no blur", steps=5000, negative_prompt=""))
    assert [problem.code for problem in caught.value.problems] == ["takes_integer"]
    assert caught.value.corrected == r"/imagine a fox \--no blur --steps 1000"


@given(st.one_of(st.text(), TRICKY, WORDS))
@example("--no --no")
@example("\\" * 50 + "--no")
def test_any_text_is_read_or_refused_with_a_command_that_is_accepted(text: str) -> None:
    request: ImageRequest | None
    try:
        request = parse(text)
    except Refused as refused:
        sentences = [sentence(problem) for problem in refused.problems]
        request = parse(refused.corrected) if refused.corrected else None
    else:
        sentences = ["accepted"]
    assert sentences
    assert request is None or tidied(request) == request


def sizes(low: int, high: int) -> st.SearchStrategy[Size | Ratio | None]:
    side = st.integers(low, high)
    return st.none() | st.builds(Size, side, side) | st.builds(Ratio, side, side)


OPTIONAL_WORDS = st.none() | TRICKY | st.text(max_size=20)
REQUESTS = st.builds(
    ImageRequest,
    prompt=WORDS | TRICKY | st.text(),
    negative_prompt=OPTIONAL_WORDS,
    size=sizes(0, 20000),
    steps=st.none() | st.integers(-1, 1001),
    guidance=st.none() | st.floats(),
    seed=st.none() | st.integers(-1, 2**32),
    count=st.integers(0, 11),
    backend=OPTIONAL_WORDS,
    style=OPTIONAL_WORDS,
)
VALID = st.builds(
    ImageRequest,
    prompt=WORDS.map(lambda text: text.replace("\x00", "")),
    negative_prompt=OPTIONAL_WORDS.map(lambda text: (text or "").replace("\x00", "").strip() or None),
    size=sizes(1, 16384),
    steps=st.none() | st.integers(1, 1000),
    guidance=st.none() | st.floats(0, 100),
    seed=st.none() | st.integers(0, 2**32 - 1),
    count=st.integers(1, 10),
)


@given(REQUESTS | VALID)
def test_every_valid_request_survives_being_written_and_read(request_: ImageRequest) -> None:
    try:
        tidy = tidied(request_)
    except Refused:
        return
    assert parse(format_command(tidy)) == tidy


@given(VALID)
def test_tidying_a_tidy_request_changes_nothing(request_: ImageRequest) -> None:
    assert tidied(tidied(request_)) == tidied(request_)


@given(WORDS, st.sampled_from(LONG_DASHES))
def test_long_dashes_and_hyphens_spell_the_same_options(text: str, dash: str) -> None:
    clean = text.replace("--", "").replace("\x00", "")
    assert outcome(f"{clean} --no blur --seed 7") == outcome(f"{clean} {dash}no blur {dash}seed 7")


def outcome(text: str) -> object:
    try:
        return parse(text)
    except Refused as refused:
        return refused.problems


def test_every_option_has_a_description() -> None:
    assert all(say(option.summary) for option in OPTIONS)
