"""The sketches themselves: the same every time, and different where the request says so."""

import asyncio
import time
from dataclasses import dataclass, field, replace
from io import BytesIO

import pytest
from PIL import Image, ImageStat

from adapters.backends.sketch import SketchBackend
from adapters.backends.sketch.compose import FIGURES
from adapters.backends.sketch.painter import Painter, Sheet, paint
from adapters.backends.sketch.scenes import SCENES
from adapters.images import decode
from bot.model import Drawing, Size
from bot.ports import Backend

SMALL = Size(128, 96)
FOX = Sheet("a red fox in a meadow", "", 128, 128, 8, 7.0, 42)


@dataclass
class Heard:
    """A `bot.ports.Report` that remembers."""

    steps: list[tuple[int, int]] = field(default_factory=list)
    previews: list[tuple[int, bytes]] = field(default_factory=list)
    begun: asyncio.Event = field(default_factory=asyncio.Event)

    async def progress(self, step: int, steps: int) -> None:
        self.begun.set()
        self.steps.append((step, steps))

    async def preview(self, index: int, image: bytes) -> None:
        self.previews.append((index, image))

    async def remember(self, task: str) -> None:
        raise AssertionError("a sketch has nothing to resume")


def drawing(*, seed: int | None = 42, count: int = 1, size: Size = SMALL) -> Drawing:
    return Drawing("a red fox in snow", size, count, steps=6, seed=seed)


def image_of(sheet: Sheet) -> Image.Image:
    """Without the strip of text."""
    image = decode(paint(sheet))
    return image.crop((0, 0, image.width, image.height - 18))


def mean(sheet: Sheet) -> list[float]:
    return ImageStat.Stat(image_of(sheet)).mean


def much_red(sheet: Sheet) -> int:
    """How many pixels are clearly more red than anything else."""
    return sum(red > 120 and red > 1.7 * max(green, blue) for red, green, blue in _pixels(sheet))


def _pixels(sheet: Sheet) -> list[tuple[int, ...]]:
    data = image_of(sheet).tobytes()
    return [tuple(data[start : start + 3]) for start in range(0, len(data), 3)]


def test_the_same_request_gives_the_same_bytes() -> None:
    assert paint(FOX) == paint(FOX)


@pytest.mark.parametrize("prompt", ["a red fox in a meadow", "zxqv blorp", "fish", "room", "space", "city"])
def test_another_seed_gives_another_picture(prompt: str) -> None:
    one, other = replace(FOX, prompt=prompt), replace(FOX, prompt=prompt, seed=43)
    assert image_of(one).tobytes() != image_of(other).tobytes()


@pytest.mark.parametrize("change", [{"steps": 9}, {"guidance": 2.0}, {"negative_prompt": "fox"}, {"width": 129}])
def test_every_option_changes_the_picture(change: dict[str, int]) -> None:
    assert paint(replace(FOX, **change)) != paint(FOX)  # type: ignore[arg-type]  # each value fits its own field


def test_night_is_darker_than_day_and_snow_brighter_than_a_forest() -> None:
    assert sum(mean(replace(FOX, prompt="a house at night"))) < 0.6 * sum(mean(replace(FOX, prompt="a house by day")))
    assert sum(mean(replace(FOX, prompt="snowfield"))) > sum(mean(replace(FOX, prompt="forest")))


def test_a_sunset_is_red_and_the_deep_sea_blue() -> None:
    sunset, deep = mean(replace(FOX, prompt="sunset")), mean(replace(FOX, prompt="underwater"))
    assert sunset[0] > sunset[2]
    assert deep[2] > deep[0]


@pytest.mark.parametrize(("word", "channel"), [("red", 0), ("green", 1), ("blue", 2)])
def test_a_colour_in_the_prompt_shifts_the_picture_that_way(word: str, channel: int) -> None:
    plain, tinted = mean(replace(FOX, prompt="desert")), mean(replace(FOX, prompt=f"desert, all in {word}"))
    assert tinted[channel] / sum(tinted) > plain[channel] / sum(plain) + 0.02


def test_guidance_says_how_strictly_the_colour_is_followed() -> None:
    loose, strict = (much_red(replace(FOX, prompt="a red elephant", guidance=one)) for one in (0.0, 12.0))
    assert strict > loose + 200


def test_a_subject_is_there_and_the_negative_prompt_takes_it_away() -> None:
    with_fox, without = much_red(FOX), much_red(replace(FOX, negative_prompt="fox"))
    assert with_fox > 300
    assert without < with_fox / 5


def test_the_negative_prompt_takes_a_colour_away() -> None:
    assert much_red(replace(FOX, negative_prompt="red, orange")) < much_red(FOX) / 20


def test_what_is_taken_away_leaves_the_rest_where_it_was() -> None:
    here, there = image_of(FOX), image_of(replace(FOX, negative_prompt="fox"))
    corner = (0, 0, 128, 24)
    assert here.crop(corner).tobytes() == there.crop(corner).tobytes()


def test_two_foxes_are_more_fox_than_none_and_each_is_seen() -> None:
    wide = replace(FOX, width=256)
    one, three = (much_red(replace(wide, prompt=f"{number} red fox in a meadow")) for number in ("one", "three"))
    assert three > one * 1.2


@pytest.mark.parametrize("size", [(64, 64), (65, 97), (64, 2048), (2048, 64), (511, 300)])
def test_any_size_comes_out_exactly(size: tuple[int, int]) -> None:
    image = decode(paint(replace(FOX, width=size[0], height=size[1], steps=1)))
    assert image.size == size


@pytest.mark.parametrize("kind", sorted(FIGURES))
def test_every_figure_can_be_drawn_and_seen(kind: str) -> None:
    sheet = Sheet(f"{kind} in a meadow", "", 72, 72, 1, 7.0, 5)
    assert image_of(sheet).tobytes() != image_of(replace(sheet, negative_prompt=kind)).tobytes()


@pytest.mark.parametrize("scene", sorted(SCENES))
@pytest.mark.parametrize("time_of_day", ["night", "sunset"])
def test_every_scene_is_drawn_in_every_light_with_figures_of_every_home(scene: str, time_of_day: str) -> None:
    prompt = f"{scene} {time_of_day} with a cat, a house, a boat, a whale, a bird, a star, rain, fog and snowfall"
    spread = ImageStat.Stat(image_of(Sheet(prompt, "", 96, 64, 3, 7.0, 1))).stddev
    assert min(spread) > 5


EXTRAS = ["autumn", "spring", "winter", "storm", "aurora", "fireworks", "sepia", "pastel", "vivid", "dark", "noir"]


@pytest.mark.parametrize("extra", EXTRAS)
def test_every_season_weather_and_mood_changes_the_picture(extra: str) -> None:
    plain = replace(FOX, prompt="mountain trees")
    assert image_of(replace(plain, prompt=f"mountain trees {extra}")).tobytes() != image_of(plain).tobytes()


def test_more_steps_draw_more() -> None:
    few, many = (len(Painter(replace(FOX, steps=steps))._work) for steps in (5, 60))
    assert many > few * 1.5


async def test_it_is_a_backend_and_says_that_it_is_ready() -> None:
    backend: Backend = SketchBackend("sketch", pace=0)
    assert backend.name == "sketch"
    assert await backend.probe() == ""
    can = backend.capabilities
    assert (str(can.default_size), can.at_once, can.timeout_seconds, can.images_per_call) == ("768x768", 4, 120.0, 10)
    await backend.close()


async def test_every_picture_has_its_own_seed_and_can_be_repeated_alone() -> None:
    backend = SketchBackend("sketch", pace=0)
    drawn = await backend.generate(drawing(count=3), "", Heard())
    assert (drawn.seeds, drawn.missing) == ((42, 43, 44), 0)
    assert all(decode(picture).size == (128, 96) for picture in drawn.pictures)
    again = await backend.generate(drawing(seed=44), "", Heard())
    assert again.pictures == drawn.pictures[2:]


async def test_without_a_seed_it_draws_one_and_says_which() -> None:
    backend = SketchBackend("sketch", pace=0)
    drawn = await backend.generate(drawing(seed=None), "", Heard())
    [seed] = drawn.seeds
    assert seed is not None
    assert (await backend.generate(drawing(seed=seed), "", Heard())).pictures == drawn.pictures


async def test_progress_rises_to_the_end_and_previews_are_small() -> None:
    heard = Heard()
    await SketchBackend("sketch", pace=0).generate(drawing(count=2, size=Size(640, 320)), "", heard)
    assert heard.steps == [(step, 12) for step in range(1, 13)]
    assert {index for index, _ in heard.previews} == {0, 1}
    assert len(heard.previews) >= 6
    for _, data in heard.previews:
        assert max(decode(data).size) <= 256


async def test_previews_show_the_picture_grow() -> None:
    heard = Heard()
    await SketchBackend("sketch", pace=0).generate(replace(drawing(), steps=20), "", heard)
    assert len({data for _, data in heard.previews}) == len(heard.previews) == 4


async def test_cancelling_ends_the_drawing_at_once() -> None:
    heard = Heard()
    backend = SketchBackend("sketch", pace=0)
    request = replace(drawing(count=10, size=Size(1024, 1024)), steps=100)
    task = asyncio.create_task(backend.generate(request, "", heard))
    await heard.begun.wait()
    start = time.monotonic()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert time.monotonic() - start < 10  # all of them take minutes
    seen = len(heard.steps)
    await asyncio.sleep(0.1)
    assert len(heard.steps) == seen


def test_a_stopped_painter_leaves_its_work() -> None:
    painter = Painter(FOX)
    painter.step(8, lambda: True)
    assert painter._done == 0


async def test_f71_the_event_loop_runs_on_while_four_are_drawn() -> None:
    backend = SketchBackend("sketch", pace=0)
    requests = [backend.generate(drawing(seed=seed, size=Size(768, 768)), "", Heard()) for seed in range(4)]
    together = asyncio.gather(*requests)
    rounds = 0
    while not together.done():
        await asyncio.sleep(0.005)
        rounds += 1
    assert len({drawn.pictures for drawn in await together}) == 4
    assert rounds > 20


STRANGE = ["", "x" * 2000, "лиса 🦊 \u202e\u0000", "\n\n", "fox " * 400, "--no", "a" + "\u0301" * 50]


@pytest.mark.parametrize("prompt", STRANGE)
def test_the_strip_of_text_takes_any_prompt(prompt: str) -> None:
    assert decode(paint(replace(FOX, prompt=prompt, steps=1))).size == (128, 128)


def test_the_strip_says_that_this_is_a_sketch() -> None:
    image = Image.open(BytesIO(paint(replace(FOX, prompt="night", width=400))))
    strip = image.crop((0, image.height - 12, image.width, image.height)).convert("L")
    assert strip.getpixel((1, 1)) != max(strip.tobytes())
    assert max(strip.tobytes()) > 150
