"""What the sketch understands."""

from hypothesis import given
from hypothesis import strategies as st

from adapters.backends.sketch.colour import mix, oklch, to_oklch
from adapters.backends.sketch.compose import FIGURES, setting
from adapters.backends.sketch.scenes import SCENES as DRAWN_SCENES
from adapters.backends.sketch.words import COLOURS, SCENES, SUBJECTS, Subject, understand


def kinds(prompt: str, negative: str | None = None) -> list[tuple[str, int]]:
    return [(one.kind, one.count) for one in understand(prompt, negative).subjects]


def test_every_subject_has_a_figure_and_every_scene_is_drawn() -> None:
    assert set(SUBJECTS.values()) == set(FIGURES)
    assert set(SCENES.values()) == set(DRAWN_SCENES)
    assert {figure.scene for figure in FIGURES.values()} <= set(DRAWN_SCENES)


def test_a_colour_belongs_to_the_thing_after_it() -> None:
    idea = understand("a red fox beside a big blue house")
    assert idea.subjects == (Subject("fox", 1, COLOURS["red"]), Subject("house", 1, COLOURS["blue"], 1.25))
    assert idea.tints == ()


def test_a_colour_before_a_place_is_the_colour_of_the_place() -> None:
    idea = understand("a green sky over a pink desert")
    assert idea.scene == "desert"
    assert idea.scene_colours == {"sky": COLOURS["green"], "desert": COLOURS["pink"]}


def test_a_colour_of_nothing_in_particular_tints_everything() -> None:
    assert understand("a cat, everything in teal").tints == (COLOURS["teal"],)


def test_numbers_and_plurals_say_how_many() -> None:
    assert kinds("two cats, three wolves, 5 mice and an owl") == [("cat", 2), ("wolf", 3), ("mouse", 5), ("owl", 1)]
    assert kinds("foxes") == [("fox", 3)]


def test_two_words_for_one_thing_are_one_thing() -> None:
    assert kinds("a cup of tea") == [("cup", 1)]
    assert kinds("a palm tree and an oak tree") == [("palm", 1), ("tree", 1)]
    assert kinds("cherry blossoms") == [("flower", 1)]


def test_the_hour_the_weather_and_the_season_are_heard() -> None:
    idea = understand("rainy autumn evening, foggy")
    assert (idea.time, idea.season, sorted(idea.weather)) == ("sunset", "autumn", ["fog", "rain"])


def test_the_first_thing_that_has_a_home_brings_its_scene() -> None:
    assert setting(understand("a penguin"))[0] == "snow"
    assert setting(understand("a fox and a penguin"))[0] == "snow"
    assert setting(understand("a penguin in the city"))[0] == "city"
    assert setting(understand("a cat and the moon")) == ("meadow", "night")


def test_the_negative_prompt_takes_away_things_places_weather_and_colours() -> None:
    idea = understand("a red fox and a cat in the snow at night, rain", "cats, snow, rain, night, red")
    assert [one.kind for one in idea.subjects] == ["fox"]
    assert (idea.scene, idea.time, idea.weather) == ("", "", frozenset())
    assert idea.unwanted_colours == (COLOURS["red"],)


def test_without_in_the_prompt_does_the_same() -> None:
    idea = understand("a house without trees, no clouds")
    assert [one.kind for one in idea.subjects] == ["house"]
    assert {"tree", "cloud"} <= idea.unwanted


def test_words_it_does_not_know_make_an_abstract_picture() -> None:
    assert understand("zxqv blorp").empty
    assert understand("лиса в снегу").empty
    assert not understand("fog").empty


@given(st.text(max_size=300), st.none() | st.text(max_size=100))
def test_no_text_is_too_strange(prompt: str, negative: str | None) -> None:
    idea = understand(prompt, negative)
    assert len(idea.subjects) <= 8
    assert setting(idea)[0] in DRAWN_SCENES


NAMES = st.sampled_from(sorted(SUBJECTS))


@given(st.lists(NAMES, max_size=12), st.lists(NAMES, max_size=4))
def test_nothing_that_is_unwanted_stands_on_the_picture(words: list[str], unwanted: list[str]) -> None:
    named = {one.kind for one in understand(" ".join(words), " ".join(unwanted)).subjects}
    assert not named & {SUBJECTS[word] for word in unwanted}


@given(st.tuples(*[st.integers(0, 255)] * 3))
def test_colours_survive_the_way_through_oklab(colour: tuple[int, int, int]) -> None:
    back = oklch(*to_oklch(colour))
    assert max(abs(one - other) for one, other in zip(colour, back, strict=True)) <= 1


def test_mixing_goes_from_the_first_colour_to_the_second() -> None:
    assert mix("#ff0000", "#0000ff", 0) == (255, 0, 0)
    assert mix("#ff0000", "#0000ff", 1) == (0, 0, 255)
