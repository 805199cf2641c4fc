from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import Refused
from bot.model import Capabilities, ImageRequest, Problem, Range, Ratio, Size, Style
from bot.replies import problem as sentence
from bot.routing import (
    SEEDS,
    candidates,
    drawing,
    estimated_tokens,
    fits,
    objections,
    passed_over,
)

SQUARE = Size(1024, 1024)
OVH = Capabilities(SQUARE, sizes=(SQUARE,))
DATAOORTS = Capabilities(
    SQUARE, side=Range(256, 2048), steps=Range(1, 20), guidance=Range(0, 100), seed=Range(0, 2**32 - 1), min_prompt=2
)
HIVE = Capabilities(
    SQUARE,
    sizes=(SQUARE, Size(1344, 768), Size(1280, 960), Size(960, 1280), Size(768, 1344)),
    steps=Range(1, 60),
    guidance=Range(2, 12),
    seed=Range(0, 2**31 - 1),
    images_per_call=6,
)
PIPELINE = Capabilities(
    Size(768, 768), side=Range(64, 768), side_step=8, steps=Range(1, 100), guidance=Range(1, 20), max_tokens=75
)
BACKENDS = {"ovh": OVH, "dataoorts": DATAOORTS, "hive": HIVE, "pipeline": PIPELINE}
ORDER = ("hive", "ovh", "dataoorts", "pipeline")
FOX = ImageRequest("a fox")
STYLES = {"noir": Style("noir", "{prompt}, film noir", "colour"), "anime": Style("anime")}


def refused(request: ImageRequest, order: tuple[str, ...] = ORDER) -> list[str]:
    with pytest.raises(Refused) as caught:
        candidates(request, BACKENDS, order, STYLES)
    assert objections(request, BACKENDS, order, STYLES) == caught.value.problems
    return [sentence(problem) for problem in caught.value.problems]


def test_what_every_backend_can_do_goes_to_all_in_order() -> None:
    assert candidates(FOX, BACKENDS, ORDER) == ORDER
    assert objections(FOX, BACKENDS, ORDER) == ()


@pytest.mark.parametrize(
    ("request_", "names"),
    [
        (replace(FOX, steps=61), ("pipeline",)),
        (replace(FOX, steps=20), ("hive", "dataoorts", "pipeline")),
        (replace(FOX, guidance=1.0), ("dataoorts", "pipeline")),
        (replace(FOX, seed=2**31 - 1), ("hive", "dataoorts")),
        (replace(FOX, seed=2**31 - 1, count=2), ("dataoorts",)),
        (replace(FOX, prompt="x"), ("hive", "ovh", "pipeline")),
        (replace(FOX, prompt="word " * 80), ("hive", "ovh", "dataoorts")),
        (replace(FOX, negative_prompt="word " * 80), ("hive", "ovh", "dataoorts")),
        (replace(FOX, backend="dataoorts"), ("dataoorts",)),
    ],
)
def test_options_that_a_backend_cannot_honour_rule_it_out(request_: ImageRequest, names: tuple[str, ...]) -> None:
    assert candidates(request_, BACKENDS, ORDER) == names


def test_s07_a_request_that_none_can_do_is_refused_naming_the_range_of_each() -> None:
    assert refused(replace(FOX, steps=500)) == [
        "No backend here can draw that as asked.",
        "hive takes steps from 1 to 60.",
        "ovh does not take steps.",
        "dataoorts takes steps from 1 to 20.",
        "pipeline takes steps from 1 to 100.",
    ]


def test_a_named_backend_alone_says_why_it_cannot() -> None:
    assert refused(replace(FOX, backend="hive", steps=61, guidance=1.0, seed=2**31, count=3)) == [
        "No backend here can draw that as asked.",
        "hive takes steps from 1 to 60.",
        "hive takes guidance from 2 to 12.",
        "hive takes seed from 0 to 2147483645.",
    ]


def test_unknown_backend_and_style_are_refused_together_with_a_guess() -> None:
    assert refused(replace(FOX, backend="Hvie", style="nope")) == [
        "There is no such backend. Did you mean hive? There are: dataoorts, hive, ovh, pipeline.",
        "There is no such style. There are: anime, noir.",
    ]
    assert objections(replace(FOX, style="noir"), BACKENDS, ORDER) == (Problem("style_none"),)
    assert objections(FOX, {}, ()) == (Problem("no_backend"),)


def test_a_backend_outside_the_order_is_asked_only_by_name() -> None:
    assert candidates(FOX, BACKENDS, ("ovh", "gone")) == ("ovh",)
    assert candidates(replace(FOX, backend="hive"), BACKENDS, ("ovh",)) == ("hive",)


def test_backends_with_the_exact_size_come_first_and_a_size_rules_none_out() -> None:
    assert candidates(replace(FOX, size=Size(1280, 960)), BACKENDS, ("ovh", "dataoorts", "pipeline", "hive")) == (
        "dataoorts", "hive", "ovh", "pipeline",
    )  # fmt: skip
    assert set(candidates(replace(FOX, size=Size(1, 16384)), BACKENDS, ORDER)) == set(ORDER)


def test_of_backends_without_the_size_one_that_comes_far_nearer_goes_first() -> None:
    painters = {"small": replace(OVH, sizes=(Size(128, 128),)), "large": replace(OVH, sizes=(Size(2048, 2048),))}
    order = ("small", "large")
    assert candidates(replace(FOX, size=Size(5000, 5000)), painters, order) == ("large", "small")
    assert candidates(replace(FOX, size=Size(500, 500)), painters, order) == ("small", "large"), "both are far off"
    assert candidates(replace(FOX, size=Size(190, 190)), painters, order) == order


SHAPES = Capabilities(Size(128, 128), sizes=(Size(128, 128),), subjects=("circle", "Square"))
PAINTERS = {"shapes": SHAPES, "ovh": OVH}


@pytest.mark.parametrize(
    ("prompt", "first"),
    [
        ("a red circle", "shapes"),
        ("A CIRCLE, red", "shapes"),
        ("a square!", "shapes"),
        ("a red fox", "ovh"),
        ("a circlet and squares", "ovh"),
        ("…", "ovh"),
    ],
)
def test_a_backend_that_knows_the_subject_comes_first_and_the_other_stays(prompt: str, first: str) -> None:
    found = candidates(ImageRequest(prompt), PAINTERS, ("shapes", "ovh"))
    assert (found[0], set(found)) == (first, {"shapes", "ovh"})


def test_the_subject_says_more_than_the_size_and_a_style_may_name_it() -> None:
    assert candidates(replace(FOX, size=Size(128, 128)), PAINTERS, ("shapes", "ovh"))[0] == "ovh"
    styles = {"round": Style("round", "{prompt} in a circle")}
    assert candidates(replace(FOX, style="round"), PAINTERS, ("shapes", "ovh"), styles)[0] == "shapes"


def test_the_reply_says_which_backend_did_not_know_the_subject() -> None:
    (note,) = passed_over(FOX, None, PAINTERS, ("shapes", "ovh"), "ovh")
    assert sentence(note) == "shapes knows nothing but circle, Square, so ovh draws this."
    assert passed_over(FOX, None, PAINTERS, ("ovh", "shapes"), "ovh") == ()
    assert passed_over(FOX, None, PAINTERS, ("shapes", "ovh"), "shapes") == ()
    assert passed_over(ImageRequest("a circle"), None, PAINTERS, ("shapes", "ovh"), "ovh") == ()
    assert passed_over(replace(FOX, backend="ovh"), None, PAINTERS, ("shapes", "ovh"), "ovh") == ()


def test_the_reply_says_which_backend_has_not_got_the_size() -> None:
    circle = ImageRequest("a circle", size=Size(1024, 1024))
    (note,) = passed_over(circle, None, PAINTERS, ("shapes", "ovh"), "ovh")
    assert sentence(note) == "shapes has no 1024x1024, so ovh draws this."
    assert passed_over(replace(circle, size=Size(128, 128)), None, PAINTERS, ("shapes", "ovh"), "ovh") == ()


def test_who_insists_on_a_backend_that_does_not_know_the_subject_is_told() -> None:
    assert candidates(replace(FOX, backend="shapes"), PAINTERS, ("shapes", "ovh")) == ("shapes",)
    _, notes = drawing(replace(FOX, backend="shapes"), None, SHAPES, None)
    assert [sentence(note) for note in notes] == [
        "The backend that draws this knows nothing but circle, Square; the prompt names none of them."
    ]
    assert drawing(ImageRequest("one circle"), None, SHAPES, None)[1] == ()


def test_a_negative_prompt_rules_out_a_backend_without_but_a_styles_does_not() -> None:
    plain = Capabilities(SQUARE, negative_prompt=False)
    (problem,) = fits(replace(FOX, negative_prompt="blur"), plain, "plain")
    assert sentence(problem) == "plain does not take negative_prompt."
    assert fits(FOX, plain, "plain", STYLES["noir"]) == ()
    drawn, notes = drawing(FOX, STYLES["noir"], plain, None)
    assert drawn.negative_prompt is None
    assert [note.code for note in notes] == ["style_without_negative"]


def test_a_style_counts_toward_the_prompts_length() -> None:
    short = Capabilities(SQUARE, max_prompt=17)
    assert fits(FOX, short, "short", STYLES["noir"]) == ()
    (problem,) = fits(replace(FOX, prompt="a red fox"), short, "short", STYLES["noir"])
    assert sentence(problem) == "short takes up to 17 characters as prompt."


@pytest.mark.parametrize(
    ("text", "least", "most"),
    [
        ("", 0, 0),
        ("a red fox in snow", 5, 6),
        ("12345", 5, 5),
        ("fox, snow!", 4, 5),
        ("狐", 3, 3),
        ("🦊", 4, 4),
        ("a highly detailed photorealistic portrait of an old fisherman, soft light, 85mm lens, bokeh", 20, 40),
    ],
)
def test_tokens_are_rather_over_than_underestimated(text: str, least: int, most: int) -> None:
    assert least <= estimated_tokens(text) <= most


def test_a_style_is_applied_and_negatives_join() -> None:
    request = replace(FOX, negative_prompt="blur", size=Ratio(16, 9), steps=20, guidance=7.0, count=2, seed=5)
    drawn, notes = drawing(request, STYLES["noir"], HIVE, 99)
    assert (drawn.prompt, drawn.negative_prompt) == ("a fox, film noir", "blur, colour")
    assert (drawn.size, drawn.steps, drawn.guidance, drawn.count, drawn.seed) == (Size(1344, 768), 20, 7.0, 2, 5)
    assert notes == (Problem("size_nearest", {"wanted": "16:9", "size": "1344x768"}),)
    assert sentence(notes[0]) == "16:9 is not to be had exactly, so this is 1344x768, the nearest to it."


def test_a_prompt_with_braces_is_no_template() -> None:
    drawn, _ = drawing(replace(FOX, prompt="{prompt} {0} {x!r}"), STYLES["noir"], OVH, None)
    assert drawn.prompt == "{prompt} {0} {x!r}, film noir"


def test_the_seed_is_the_persons_or_the_bots_or_none() -> None:
    assert drawing(FOX, None, HIVE, 99)[0].seed == 99
    assert drawing(replace(FOX, seed=7), None, HIVE, 99)[0].seed == 7
    assert drawing(FOX, None, OVH, 99)[0].seed is None


@given(st.integers(0, SEEDS - 1), st.integers(1, 10), st.integers(0, 1000), st.integers(1000, 2**32))
def test_all_seeds_of_a_request_are_in_the_backends_range(seed: int, count: int, low: int, span: int) -> None:
    offered = Range(low, low + span)
    drawn = drawing(replace(FOX, count=count), None, replace(OVH, seed=offered), seed)[0]
    assert drawn.seed is not None
    assert drawn.seed in offered
    assert drawn.seed + count - 1 in offered


@given(st.integers(0, SEEDS - 1), st.integers(1, 10))
def test_the_bots_seeds_suit_hive_unchanged(seed: int, count: int) -> None:
    assert drawing(replace(FOX, count=count), None, HIVE, seed)[0].seed == seed


REQUESTS = st.builds(
    ImageRequest,
    prompt=st.text(min_size=1, max_size=400),
    negative_prompt=st.none() | st.text(min_size=1, max_size=400),
    steps=st.none() | st.integers(1, 200),
    guidance=st.none() | st.floats(0, 30),
    seed=st.none() | st.integers(0, 2**33),
    count=st.integers(1, 10),
    backend=st.none() | st.sampled_from([*BACKENDS, "x"]),
    style=st.none() | st.sampled_from(["noir", "y"]),
)


@given(REQUESTS)
def test_whatever_is_a_candidate_gets_a_drawing_inside_its_limits(request_: ImageRequest) -> None:
    if objections(request_, BACKENDS, ORDER, STYLES):
        return
    style = STYLES.get(request_.style or "")
    for name in candidates(request_, BACKENDS, ORDER, STYLES):
        offered = BACKENDS[name]
        drawn, _ = drawing(request_, style, offered, 1)
        for option in ("steps", "guidance", "seed"):
            value, limits = getattr(drawn, option), getattr(offered, option)
            assert value is None or (limits is not None and value in limits)
        assert offered.min_prompt <= len(drawn.prompt) <= offered.max_prompt
        assert request_.seed is None or drawn.seed == request_.seed
