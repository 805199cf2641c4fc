"""A picture of the engine is the picture the pipeline alone makes, whoever shared its batch."""

import io
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("diffusers")
pytest.importorskip("transformers")

import numpy as np  # noqa: E402
from diffusers import DiffusionPipeline, StableDiffusionPipeline, StableDiffusionXLPipeline  # noqa: E402
from PIL import Image  # noqa: E402

from adapters.backends.diffusers import schedulers  # noqa: E402
from adapters.backends.diffusers.config import DiffusersConfig  # noqa: E402
from adapters.backends.diffusers.model import Model  # noqa: E402
from adapters.backends.diffusers.pipeline import load  # noqa: E402
from bot.model import Drawing, Size  # noqa: E402
from tests import checkpoints  # noqa: E402
from tests.engines import draw  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore")  # the libraries' own, from within their schedulers
torch.set_num_threads(1)

SIZE = Size(32, 32)
FOX = Drawing("a red fox", SIZE, 1, negative_prompt="blur", steps=6, guidance=6.0, seed=11)
COMPANY = {
    "hurried": Drawing("b", SIZE, 2, steps=2, guidance=1.0, seed=3),
    "verbose": Drawing("a very long prompt with many more words", SIZE, 1, steps=9, guidance=2.5, seed=4),
    "other size": Drawing("c", Size(48, 32), 1, steps=4, seed=5),
    "plain": Drawing("d", SIZE, 1, steps=7, guidance=9.0, seed=6),
}


@pytest.fixture(scope="module")
def sdxl(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return checkpoints.sdxl(tmp_path_factory.mktemp("sdxl"))


def loaded(folder: Path, **options: Any) -> Model:
    model, _ = load(DiffusersConfig(str(folder), device="cpu", **options))
    assert isinstance(model, Model)
    return model


class Recorder:
    """A model that keeps each finished picture before it becomes 8 bits, by its seed."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self.latents: dict[int, Any] = {}
        self.calls: list[int] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)

    def denoise(self, part: str, inputs: Any, rows: int) -> Any:
        self.calls.append(rows)
        return self._model.denoise(part, inputs, rows)

    def advance(self, row: Any, predicted: Any) -> None:
        self._model.advance(row, predicted)
        if row.finished:
            self.latents[row.seed] = row.latents


def alone(pipe: Any, drawing: Drawing, **options: Any) -> Any:
    """(height, width, 3) from 0 to 1, as the library itself draws it."""
    pipe.set_progress_bar_config(disable=True)
    words = {"prompt": drawing.prompt, "negative_prompt": drawing.negative_prompt}
    return pipe(
        **{**words, **options},
        width=drawing.size.width,
        height=drawing.size.height,
        num_inference_steps=drawing.steps,
        guidance_scale=drawing.guidance,
        generator=torch.Generator("cpu").manual_seed(drawing.seed),
        output_type="np",
    ).images[0]


def shared(model: Model, drawing: Drawing, company: Mapping[str, Drawing] = COMPANY) -> tuple[Any, Any]:
    """The engine's picture in company: before it became 8 bits, and as delivered."""
    recorder = Recorder(model)
    heard = draw(recorder, {"wanted": drawing, **company})
    assert not heard.failures
    assert not company or max(recorder.calls) > 2, "nothing was shared"
    with torch.inference_mode():
        decoded = model._decoded(recorder.latents[drawing.seed or 0])
    exact = (decoded[0] * 0.5 + 0.5).clamp(0, 1).permute(1, 2, 0).numpy()
    return exact, np.asarray(Image.open(io.BytesIO(heard.pictures["wanted"][0]))) / 255.0


def assert_equal(pair: tuple[Any, Any], expected: Any) -> None:
    """1e-4 of the range in single precision, and 40 dB in 8 bits."""
    exact, delivered = pair
    assert expected.std() > 0.01, "the checkpoint draws nothing to compare"
    assert np.abs(exact - expected).max() <= 1e-4
    noise = np.mean((delivered - expected) ** 2)
    assert 10 * np.log10(1 / noise) >= 40


def image_pipe(kind: Any, folder: Path, **parts: Any) -> Any:
    return kind.from_pretrained(folder, local_files_only=True, **parts)


@pytest.fixture(scope="module")
def pipe(sdxl: Path) -> Any:
    return image_pipe(StableDiffusionXLPipeline, sdxl)


@pytest.fixture(scope="module")
def model(sdxl: Path) -> Model:
    return loaded(sdxl)


@pytest.mark.parametrize("name", sorted(set(schedulers.NAMES) - {"lms"}))
def test_every_scheduler_draws_in_company_what_the_pipeline_draws_alone(pipe: Any, model: Model, name: str) -> None:
    pipe.scheduler = model._parts["base"].scheduler = schedulers.make(name, checkpoints.scheduler())
    asked = replace(FOX, steps=5, guidance=3.0)  # some amplify rounding a hundredfold, with more guidance even more
    assert_equal(shared(model, asked, {"plain": COMPANY["plain"]}), alone(pipe, asked))


def test_the_scheduler_of_the_configuration_is_used(sdxl: Path, pipe: Any) -> None:
    pipe.scheduler = schedulers.make("heun", checkpoints.scheduler())
    assert_equal(shared(loaded(sdxl, scheduler="Heun"), FOX, {}), alone(pipe, FOX))


@pytest.mark.parametrize("steps", [1, 2, 13])
def test_any_number_of_steps_is_equal(pipe: Any, model: Model, steps: int) -> None:
    pipe.scheduler = model._parts["base"].scheduler = checkpoints.scheduler()
    asked = replace(FOX, steps=steps)
    assert_equal(shared(model, asked, {"plain": COMPANY["plain"]}), alone(pipe, asked))


@pytest.mark.parametrize("negative", [None, "", "snow"])
def test_an_empty_negative_prompt_is_none_at_all(pipe: Any, model: Model, negative: str | None) -> None:
    pipe.scheduler = model._parts["base"].scheduler = checkpoints.scheduler()
    asked = replace(FOX, negative_prompt=negative)
    assert_equal(shared(model, asked, {}), alone(pipe, replace(FOX, negative_prompt=negative or None)))


def test_without_guidance_it_is_equal_too(pipe: Any, model: Model) -> None:
    pipe.scheduler = model._parts["base"].scheduler = checkpoints.scheduler()
    asked = replace(FOX, guidance=1.0, negative_prompt=None)
    assert_equal(shared(model, asked), alone(pipe, asked))


def test_a_v_prediction_checkpoint_with_zero_terminal_snr_and_a_tiny_vae_is_equal(tmp_path: Path) -> None:
    schedule = checkpoints.scheduler(
        prediction_type="v_prediction", rescale_betas_zero_snr=True, timestep_spacing="trailing"
    )
    folder = checkpoints.sdxl(tmp_path / "v", tiny=True, schedule=schedule)
    pipe = image_pipe(StableDiffusionXLPipeline, folder)
    assert_equal(shared(loaded(folder), FOX), alone(pipe, FOX))


def test_the_older_format_is_equal(tmp_path: Path) -> None:
    folder = checkpoints.sd15(tmp_path / "sd15")
    pipe = image_pipe(StableDiffusionPipeline, folder)
    assert_equal(shared(loaded(folder), FOX), alone(pipe, FOX))


def test_a_distilled_unet_that_takes_the_guidance_as_an_input_is_equal(tmp_path: Path) -> None:
    folder = checkpoints.sdxl(tmp_path / "small-lcm", time_cond_proj_dim=16)
    pipe = image_pipe(StableDiffusionXLPipeline, folder)
    pipe.scheduler = schedulers.make("lcm", pipe.scheduler)
    asked = replace(FOX, negative_prompt=None, steps=4)
    assert_equal(shared(loaded(folder), asked), alone(pipe, asked))


@pytest.mark.parametrize("name", ["euler", "heun", "dpmpp_2m"])
def test_a_refiner_takes_over_where_the_two_pipelines_hand_over(sdxl: Path, tmp_path: Path, name: str) -> None:
    folder = checkpoints.refiner(tmp_path / "refiner")
    base = image_pipe(StableDiffusionXLPipeline, sdxl)
    second = image_pipe(DiffusionPipeline, folder, vae=base.vae)
    for one in (base, second):
        one.scheduler = schedulers.make(name, one.scheduler)
        one.set_progress_bar_config(disable=True)
    asked = replace(FOX, steps=10)
    told: dict[str, Any] = {
        "prompt": asked.prompt,
        "negative_prompt": asked.negative_prompt,
        "num_inference_steps": asked.steps,
        "guidance_scale": asked.guidance,
    }
    noisy = base(
        **told,
        width=32,
        height=32,
        generator=torch.Generator("cpu").manual_seed(11),
        denoising_end=0.8,
        output_type="latent",
    ).images
    expected = second(**told, image=noisy, denoising_start=0.8, output_type="np").images[0]
    assert_equal(shared(loaded(sdxl, scheduler=name, refiner=str(folder)), asked), expected)


def test_a_long_prompt_is_drawn_whole_in_company_of_short_ones(pipe: Any, model: Model) -> None:
    pipe.scheduler = model._parts["base"].scheduler = checkpoints.scheduler()
    asked = replace(FOX, prompt="a red fox in the deep snow", negative_prompt="blurred hands and feet")
    encoder = model._parts["base"].encoder
    with torch.inference_mode():
        positive, negative = encoder.encode(asked.prompt), encoder.encode(asked.negative_prompt or "")
    assert positive.hidden.shape[1] == negative.hidden.shape[1] == 2 * checkpoints.TOKENS
    expected = alone(
        pipe,
        asked,
        prompt=None,
        negative_prompt=None,
        prompt_embeds=positive.hidden,
        pooled_prompt_embeds=positive.pooled,
        negative_prompt_embeds=negative.hidden,
        negative_pooled_prompt_embeds=negative.pooled,
    )
    assert_equal(shared(model, asked), expected)
    cut = alone(pipe, asked)
    assert np.abs(cut - expected).max() > 1e-3, "the words beyond the first chunk changed nothing"


def test_a_short_prompt_keeps_its_picture_in_company_of_a_long_one(pipe: Any, model: Model) -> None:
    pipe.scheduler = model._parts["base"].scheduler = checkpoints.scheduler()
    company = {"verbose": replace(COMPANY["verbose"], steps=FOX.steps)}
    assert_equal(shared(model, FOX, company), alone(pipe, FOX))


class Counted(Recorder):
    """Notes the rows of each call and the prompt lengths in it; can be told to have room for one row only."""

    def __init__(self, model: Model, room: int = 64) -> None:
        super().__init__(model)
        self._room = room
        self.lengths: set[frozenset[int]] = set()

    def denoise(self, part: str, inputs: Any, rows: int) -> Any:
        if rows > self._room:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        self.lengths.add(frozenset(one.prompt.hidden.shape[1] for one in inputs))
        return super().denoise(part, inputs, rows)


def test_a_long_prompt_with_a_short_negative_one_is_what_the_two_make_in_calls_of_their_own(model: Model) -> None:
    model._parts["base"].scheduler = checkpoints.scheduler()
    asked = replace(FOX, prompt="a red fox in the deep snow")
    single, paired = Counted(model, 1), Counted(model)
    for recorder in (single, paired):
        assert not draw(recorder, {"fox": asked}).failures
    assert set(single.calls) == {1}
    assert paired.lengths == {frozenset({16, 32})}
    assert (single.latents[11] - paired.latents[11]).abs().max() <= 1e-4


def test_exact_mode_always_calls_with_the_same_rows_and_never_mixes_prompt_lengths(model: Model) -> None:
    recorder = Counted(model)
    asked = {**COMPANY, "fox": FOX, "long": replace(FOX, prompt="a red fox in the deep snow")}
    draw(recorder, asked, max_batch=4, exact=True)
    assert set(recorder.calls) == {8}
    assert recorder.lengths == {frozenset({16}), frozenset({16, 32}), frozenset({48})}


def test_in_exact_mode_a_picture_is_bit_identical_whoever_shares_the_batch(sdxl: Path) -> None:
    model = loaded(sdxl)
    long = replace(FOX, prompt="a red fox in the deep snow", seed=12)
    free = replace(FOX, guidance=1.0, seed=13)
    mine = {"fox": FOX, "long": long, "free": free}
    files = {name: draw(model, {name: one}, max_batch=4, exact=True).pictures[name] for name, one in mine.items()}
    together = draw(model, {**COMPANY, **mine, "more": replace(FOX, count=3, seed=20)}, max_batch=4, exact=True)
    for name, alone_ in files.items():
        assert list(together.pictures[name]) == list(alone_), name
