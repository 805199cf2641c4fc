"""The engine's manners: who joins, who leaves, and what happens where memory, numbers or the card give out."""

import io
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("diffusers")
pytest.importorskip("transformers")

import numpy as np  # noqa: E402
from PIL import Image  # noqa: E402

from adapters.backends.diffusers import model as model_module  # noqa: E402
from adapters.backends.diffusers.config import DiffusersConfig  # noqa: E402
from adapters.backends.diffusers.engine import Engine  # noqa: E402
from adapters.backends.diffusers.model import Model  # noqa: E402
from adapters.backends.diffusers.pipeline import load  # noqa: E402
from adapters.backends.diffusers.ports import Unusable  # noqa: E402
from bot.model import Drawing, Size  # noqa: E402
from tests import checkpoints  # noqa: E402
from tests.engines import Heard, draw  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore")
torch.set_num_threads(1)

SIZE = Size(32, 32)
FOX = Drawing("a red fox", SIZE, 1, steps=4, seed=11)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return checkpoints.sdxl(tmp_path_factory.mktemp("sdxl"))


def loaded(folder: Path, **options: Any) -> Model:
    model, _ = load(DiffusersConfig(str(folder), device="cpu", **options))
    assert isinstance(model, Model)
    return model


@pytest.fixture
def model(folder: Path) -> Model:
    return loaded(folder)


class Wrapped:
    """A model with one method in other hands."""

    def __init__(self, model: Model, **methods: Callable[..., Any]) -> None:
        self._model = model
        self._methods = methods
        self.calls: list[int] = []

    def __getattr__(self, name: str) -> Any:
        return self._methods.get(name, getattr(self._model, name))


def with_room_for(model: Model, rows: int) -> Wrapped:
    """A card whose memory ends where a call has more than ``rows`` rows."""

    def denoise(part: str, inputs: Sequence[Any], count: int) -> Any:
        wrapped.calls.append(count)
        if count > rows:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        return model.denoise(part, inputs, count)

    wrapped = Wrapped(model, denoise=denoise)
    return wrapped


def pixels(heard: Heard, name: str) -> Any:
    return np.asarray(Image.open(io.BytesIO(heard.pictures[name][0]))).astype(int)


@contextmanager
def running(model: Any, **options: Any) -> Iterator[tuple[Engine, Heard]]:
    heard = Heard()
    engine = Engine(model, heard, **options)
    thread = threading.Thread(target=engine.run)
    thread.start()
    try:
        yield engine, heard
    finally:
        engine.close()
        thread.join()


# -- joining and leaving
def test_a_short_request_that_comes_later_is_done_before_a_long_one(model: Model) -> None:
    with running(model) as (engine, heard):
        engine.submit("long", replace(FOX, steps=60))
        heard.wait_step("long", 3)
        engine.submit("short", replace(FOX, steps=2))
        heard.wait(["long", "short"])
    assert heard.order == ["short", "long"]


def test_a_cancelled_request_leaves_within_a_step_and_the_others_go_on(model: Model) -> None:
    with running(model) as (engine, heard):
        engine.submit("gone", replace(FOX, steps=100, count=2))
        engine.submit("kept", replace(FOX, steps=12))
        heard.wait_step("gone", 1)
        engine.cancel("gone")
        heard.wait(["kept"])
        engine.submit("next", replace(FOX, steps=1))
        heard.wait(["next"])
        assert not engine._orders
    assert "gone" not in heard.order
    assert max(step for order, step, _ in heard.steps if order == "gone") < 90


def test_each_picture_of_a_request_has_the_next_seed_and_is_what_that_seed_alone_draws(model: Model) -> None:
    heard = draw(model, {"three": replace(FOX, count=3), "second": replace(FOX, seed=12)})
    assert list(heard.seeds["three"]) == [11, 12, 13]
    second = np.asarray(Image.open(io.BytesIO(heard.pictures["three"][1]))).astype(int)
    assert np.abs(second - pixels(heard, "second")).max() <= 1
    assert ("three", 4, 4) in heard.steps


def test_the_first_preview_comes_after_the_first_step_and_is_a_small_webp(model: Model) -> None:
    heard = draw(model, {"fox": replace(FOX, count=2)})
    assert {index for _, index, _ in heard.previews} == {0, 1}
    image = Image.open(io.BytesIO(heard.previews[0][2]))
    assert (image.format, image.size) == ("WEBP", (128, 128))


def test_previews_follow_the_colours_of_the_picture(model: Model) -> None:
    """With a VAE that maps latents to colours linearly, the fitted preview is what it makes."""
    torch.manual_seed(1)
    colours = torch.nn.Conv2d(4, 3, 1)
    torch.nn.init.normal_(colours.weight, std=0.02)

    class Linear:
        config = model._vae.config
        dtype = torch.float32

        def decode(self, latents: Any, *, return_dict: bool) -> Any:
            return (torch.nn.functional.interpolate(colours(latents), scale_factor=2),)

    model._vae = Linear()
    model._preview = model._fit_preview()
    latents = torch.randn(1, 4, 16, 16)
    with torch.inference_mode():
        shown, made = model.preview(latents), model.decode(latents)
    assert np.abs(shown.astype(int) - made[::2, ::2].astype(int)).max() <= 3


def test_a_prompt_is_encoded_once_however_often_it_is_asked_for(model: Model) -> None:
    encoder = model._parts["base"].encoder
    model.rows(replace(FOX, count=3), 1)
    first = encoder.encode("a red fox", ())
    model.rows(FOX, 2)
    assert encoder.encode("a red fox", ()) is first
    assert len(encoder._cache) == 1


def test_a_request_the_model_library_cannot_begin_fails_alone(model: Model) -> None:
    def rows(drawing: Drawing, seed: int) -> Any:
        if drawing.prompt == "bad":
            raise ValueError("no such thing\nwith details")
        return model.rows(drawing, seed)

    heard = draw(Wrapped(model, rows=rows), {"bad": replace(FOX, prompt="bad"), "good": FOX})
    assert heard.failures == {"bad": ("broken", "no such thing")}
    assert heard.pictures["good"]


def test_a_preview_that_fails_costs_no_picture(model: Model) -> None:
    def preview(latents: Any) -> Any:
        raise RuntimeError("no")

    heard = draw(Wrapped(model, preview=preview), {"fox": FOX})
    assert heard.pictures["fox"]
    assert not heard.previews


def test_few_step_models_draw_without_guidance_unless_asked(tmp_path: Path) -> None:
    few = loaded(checkpoints.sdxl(tmp_path / "small-turbo"))
    row = few.rows(Drawing("a fox", SIZE, 1), 1)[0]
    assert (row.steps, row.course.rows) == (4, 1)
    assert type(row.course.scheduler).__name__ == "EulerAncestralDiscreteScheduler"
    assert few.rows(Drawing("a fox", SIZE, 1, guidance=3.0, steps=6), 1)[0].course.rows == 2


# -- memory
def test_f35_out_of_memory_draws_the_same_pictures_in_smaller_batches(model: Model) -> None:
    asked = {f"{number}": replace(FOX, steps=16, seed=number) for number in range(8)}
    cramped = with_room_for(model, 3)
    heard, roomy = draw(cramped, asked), draw(model, asked)
    assert not heard.failures
    assert max(cramped.calls) > 3, "memory was never short"
    for name in asked:
        assert np.abs(pixels(heard, name) - pixels(roomy, name)).max() <= 1
    assert max(cramped.calls[-20:]) <= 3


def test_f35_guidance_still_works_one_row_at_a_time(model: Model) -> None:
    heard, roomy = draw(with_room_for(model, 1), {"fox": FOX}), draw(model, {"fox": FOX})
    assert np.abs(pixels(heard, "fox") - pixels(roomy, "fox")).max() <= 1


def test_f35_exact_mode_takes_fewer_rows_where_memory_does_not_hold_them(model: Model) -> None:
    cramped = with_room_for(model, 5)
    heard, roomy = draw(cramped, {"fox": FOX}, max_batch=8, exact=True), draw(model, {"fox": FOX})
    assert cramped.calls == [16, 8, 4, 4, 4, 4]
    assert np.abs(pixels(heard, "fox") - pixels(roomy, "fox")).max() <= 1


def test_f35_a_size_that_fits_in_no_way_fails_and_is_not_offered_again(model: Model) -> None:
    def denoise(part: str, inputs: Sequence[Any], count: int) -> Any:
        if inputs[0].latent.shape[-1] > 16:
            raise RuntimeError("[enforce fail at alloc_cpu.cpp:118] DefaultCPUAllocator: can't allocate memory")
        return model.denoise(part, inputs, count)

    heard = draw(Wrapped(model, denoise=denoise), {"large": replace(FOX, size=Size(64, 64)), "small": FOX})
    assert heard.failures["large"][0] == "broken"
    assert "can't allocate memory" in heard.failures["large"][1]
    assert heard.max_pixels == 64 * 64 - 1
    assert heard.pictures["small"]


def test_f35_a_decoder_out_of_memory_decodes_in_tiles_and_keeps_the_size(model: Model) -> None:
    def decode(latents: Any) -> Any:
        if not model._vae.use_tiling:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return model.decode(latents)

    heard = draw(Wrapped(model, decode=decode), {"fox": FOX})
    assert Image.open(io.BytesIO(heard.pictures["fox"][0])).size == (32, 32)


def test_f35_a_decoder_that_never_fits_fails_the_request(model: Model) -> None:
    def decode(latents: Any) -> Any:
        raise torch.OutOfMemoryError("CUDA out of memory.")

    heard = draw(Wrapped(model, decode=decode), {"fox": FOX})
    assert heard.failures["fox"][0] == "broken"
    assert heard.max_pixels == 32 * 32 - 1


# -- the card
@pytest.mark.parametrize("method", ["denoise", "decode", "rows"])
def test_f36_a_sticky_error_ends_the_process_and_is_not_blamed_on_a_request(model: Model, method: str) -> None:
    def broken(*_: Any) -> Any:
        raise RuntimeError("CUDA error: device-side assert triggered\nCompile with `TORCH_USE_CUDA_DSA`")

    heard = Heard()
    engine = Engine(Wrapped(model, **{method: broken}), heard)
    engine.submit("fox", FOX)
    with pytest.raises(Unusable, match=r"device-side assert triggered$"):
        engine.run()
    assert not heard.order


def test_f37_the_first_call_of_a_shape_asks_for_patience(model: Model) -> None:
    heard = draw(model, {"fox": FOX})
    assert max(heard.patience) >= 600
    assert min(heard.patience) <= 120


def test_f37_a_slow_card_is_given_the_time_its_calls_take(model: Model) -> None:
    ticks = iter(range(0, 10**9, 50))  # every look at the clock is 50 s after the one before
    heard = Heard()
    engine = Engine(model, heard, clock=lambda: float(next(ticks)))
    engine.submit("fox", replace(FOX, steps=6))
    engine.close()
    engine._take()
    while engine._orders:
        engine.turn()
    engine._encoders.shutdown()
    assert sum(120 < patience < 900 for patience in heard.patience) >= 3


def test_a_warmed_engine_has_no_first_call_left(model: Model) -> None:
    heard = Heard()
    engine = Engine(model, heard, max_batch=2)
    engine.warm((SIZE,))
    assert [heard.patience.pop() for _ in engine._sizes] == [900.0] * 3
    engine.submit("fox", FOX)
    engine._take()
    engine.turn()
    assert max(heard.patience, default=0) <= 120
    engine._encoders.shutdown()


# -- black pictures and what is no number
def test_f38_a_vae_that_overflows_in_half_precision_decodes_in_single_precision(tmp_path: Path) -> None:
    made = checkpoints.sdxl(tmp_path / "overflow")
    from diffusers import AutoencoderKL

    vae = AutoencoderKL.from_pretrained(made / "vae")
    with torch.no_grad():
        vae.decoder.conv_in.weight *= 3e5  # a group norm follows, so only the half-precision range notices
    vae.register_to_config(force_upcast=False)
    vae.save_pretrained(made / "vae")
    half = loaded(made, dtype="float16")
    with torch.inference_mode():
        assert not torch.isfinite(half._decoded(torch.randn(1, 4, 16, 16).half())).all(), "nothing overflows"
    heard = draw(half, {"fox": FOX})
    assert pixels(heard, "fox").std() > 1
    assert half._vae.dtype is torch.float32


def test_f38_a_vae_known_to_overflow_starts_in_single_precision(folder: Path) -> None:
    assert loaded(folder, dtype="float16")._vae.dtype is torch.float32


def test_f38_weights_that_are_no_numbers_fail_the_request(model: Model) -> None:
    with torch.no_grad():
        next(model._parts["base"].unet.parameters()).fill_(float("nan"))
    heard = draw(model, {"fox": replace(FOX, count=2)})
    assert heard.failures["fox"] == ("broken", "the latents are not numbers")


def test_f38_a_black_picture_fails_the_request(model: Model) -> None:
    with torch.no_grad():
        for parameter in model._vae.decoder.conv_out.parameters():
            parameter.fill_(-1e3)
        model._vae.decoder.conv_out.weight.zero_()
    heard = draw(model, {"fox": FOX})
    assert heard.failures["fox"] == ("broken", "the decoded picture has one colour")


def test_f38_one_bad_picture_of_three_is_missing_and_the_others_come(model: Model) -> None:
    def advance(row: Any, predicted: Any) -> None:
        model.advance(row, predicted)
        if row.seed == 12:
            row.latents = row.latents * float("nan")

    heard = draw(Wrapped(model, advance=advance), {"fox": replace(FOX, count=3), "other": replace(FOX, seed=40)})
    assert (list(heard.seeds["fox"]), heard.missing["fox"]) == ([11, 13], 1)
    assert heard.pictures["other"]


# -- the safety checker
@pytest.mark.parametrize(("threshold", "taken"), [(-1.0, True), (1.0, False)])
def test_what_the_safety_checker_takes_is_rejected(
    folder: Path, tmp_path: Path, threshold: float, *, taken: bool
) -> None:
    checker = checkpoints.safety_checker(tmp_path / "checker", threshold)
    heard = draw(loaded(folder, safety_checker=str(checker)), {"fox": FOX})
    assert ("fox" in heard.failures) is taken
    if taken:
        assert heard.failures["fox"][0] == "rejected"


def test_every_trouble_is_told_apart() -> None:
    cases = {
        torch.OutOfMemoryError("x"): "MEMORY",
        MemoryError(): "MEMORY",
        RuntimeError("MPS backend out of memory (MPS allocated: 1 GB)"): "MEMORY",
        torch.AcceleratorError("CUDA error: an illegal memory access was encountered"): "STICKY",
        RuntimeError("CUDA error: unspecified launch failure"): "STICKY",
        RuntimeError("shapes do not match"): "OTHER",
        ValueError("CUDA error"): "OTHER",
        model_module.Blank("x"): "BLANK",
    }
    assert {error: model_module.trouble(error).name for error in cases} == cases
