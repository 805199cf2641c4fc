"""What an operator can get wrong becomes one clear line; LoRAs; and pipelines that cannot be stepped."""

import io
import shutil
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("diffusers")
pytest.importorskip("transformers")

import numpy as np  # noqa: E402
from diffusers import StableDiffusionXLPipeline  # noqa: E402
from PIL import Image  # noqa: E402

from adapters.backends.diffusers import pipeline  # noqa: E402
from adapters.backends.diffusers.config import DiffusersConfig  # noqa: E402
from adapters.backends.diffusers.model import Model  # noqa: E402
from adapters.backends.diffusers.pipeline import Unloadable, load  # noqa: E402
from adapters.backends.diffusers.whole import WholeEngine, WholePipeline  # noqa: E402
from bot import replies  # noqa: E402
from bot.model import Drawing, Size  # noqa: E402
from tests import checkpoints  # noqa: E402
from tests.engines import Heard, draw  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore")
torch.set_num_threads(1)

FOX = Drawing("a red fox", Size(32, 32), 1, steps=4, guidance=5.0, seed=11)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return checkpoints.sdxl(tmp_path_factory.mktemp("sdxl"))


def complaint(config: DiffusersConfig) -> str:
    with pytest.raises(Unloadable) as caught:
        load(config)
    line = replies.problem(caught.value.problem)
    assert "\n" not in line
    return line


def test_a_wrong_path_is_one_clear_line(tmp_path: Path) -> None:
    assert complaint(DiffusersConfig(str(tmp_path / "none"))) == (
        f"The model folder {tmp_path / 'none'} does not exist. Mend `model`."
    )
    assert "no model_index.json" in complaint(DiffusersConfig(str(tmp_path)))


def test_a_single_file_is_named_as_such(tmp_path: Path) -> None:
    file = tmp_path / "model.safetensors"
    file.write_bytes(b"x")
    assert "is a single file" in complaint(DiffusersConfig(str(file)))


def test_a_name_the_hub_does_not_give_is_one_clear_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    assert "the hub did not give it" in complaint(DiffusersConfig("nobody/nothing-of-that-name"))


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:1000])


def nonsense(path: Path) -> None:
    path.write_text("{ this is no JSON")


@pytest.mark.parametrize(
    ("file", "harm"),
    [
        ("unet/diffusion_pytorch_model.safetensors", cut),
        ("vae/diffusion_pytorch_model.safetensors", Path.unlink),
        ("text_encoder/model.safetensors", cut),
        ("unet/config.json", nonsense),
        ("model_index.json", nonsense),
        ("tokenizer_2/tokenizer.json", nonsense),
        ("tokenizer", shutil.rmtree),
    ],
)
def test_a_broken_file_is_one_clear_line(
    folder: Path, tmp_path: Path, file: str, harm: Callable[[Path], None]
) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(folder, broken)
    harm(broken / file)
    assert complaint(DiffusersConfig(str(broken))).startswith(f"The model {broken} could not be read: ")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"device": "cuda:7"}, "no usable device cuda:7"),
        ({"device": "xyz"}, "no usable device xyz"),
        ({"dtype": "int4"}, "`dtype` cannot be int4"),
        ({"scheduler": "eular"}, "There is no scheduler eular. Known are ddim,"),
        ({"loras": {"ink": "/nowhere/ink.safetensors"}}, "The LoRA ink could not be loaded from /nowhere"),
        ({"refiner": "/nowhere"}, "The model folder /nowhere does not exist"),
        ({"safety_checker": "/nowhere"}, "The model folder /nowhere does not exist"),
    ],
)
def test_every_wrong_setting_is_one_clear_line(folder: Path, options: dict[str, Any], words: str) -> None:
    assert words in complaint(DiffusersConfig(str(folder), **options))


def test_a_scheduler_whose_library_is_missing_says_which(folder: Path) -> None:
    if "scipy" in sys.modules:
        pytest.skip("SciPy is here")
    assert "scipy" in complaint(DiffusersConfig(str(folder), scheduler="lms"))


def test_f35_too_little_memory_for_the_model_is_one_clear_line(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit is the operating system's, so that the allocator really fails."""
    resource = pytest.importorskip("resource")
    real = pipeline._from_pretrained

    def starved(*args: Any, **options: Any) -> Any:
        before = resource.getrlimit(resource.RLIMIT_AS)
        used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + (1 << 20), before[1]))
        try:
            torch.ones(1 << 28)  # as the weights of a large model
            return real(*args, **options)
        finally:
            resource.setrlimit(resource.RLIMIT_AS, before)

    monkeypatch.setattr(pipeline, "_from_pretrained", starved)
    assert complaint(DiffusersConfig(str(folder), device="cpu")) == (
        f"There is too little memory for the model {folder}. Take a smaller `dtype` or model."
    )


# -- LoRAs
def pixels(heard: Heard, name: str) -> Any:
    return np.asarray(Image.open(io.BytesIO(heard.pictures[name][0]))).astype(int)


def test_each_request_is_drawn_with_the_loras_it_names_in_one_engine(folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("peft")
    ink = checkpoints.lora(tmp_path / "ink", folder, 1)
    oil = checkpoints.lora(tmp_path / "oil", folder, 2)
    model, _ = load(DiffusersConfig(str(folder), device="cpu", loras={"ink": str(ink), "oil.v2": str(oil.parent)}))
    assert isinstance(model, Model)
    asked = {
        "plain": FOX,
        "ink": replace(FOX, prompt="a red fox <lora:ink>"),
        "half": replace(FOX, prompt="<lora:ink:0.5> a red fox"),
        "both": replace(FOX, prompt="a red fox <lora:ink:0.5><lora:oil.v2:0.7>"),
    }
    heard = draw(model, asked)
    assert not heard.failures

    pipe = StableDiffusionXLPipeline.from_pretrained(folder, local_files_only=True)
    pipe.set_progress_bar_config(disable=True)
    drawn = {"plain": alone(pipe)}
    pipe.load_lora_weights(str(ink.parent), adapter_name="ink")
    drawn["ink"] = alone(pipe)
    pipe.set_adapters(["ink"], [0.5])
    drawn["half"] = alone(pipe)
    pipe.load_lora_weights(str(oil.parent), adapter_name="oil")
    pipe.set_adapters(["ink", "oil"], [0.5, 0.7])
    drawn["both"] = alone(pipe)
    for name, expected in drawn.items():
        assert np.abs(pixels(heard, name) - expected).max() <= 1, name
    assert np.abs(drawn["plain"] - drawn["ink"]).max() > 3, "the LoRA cannot be seen"


def alone(pipe: Any) -> Any:
    return (
        pipe(
            "a red fox",
            width=32,
            height=32,
            num_inference_steps=4,
            guidance_scale=5.0,
            generator=torch.Generator("cpu").manual_seed(11),
            output_type="np",
        ).images[0]
        * 255
    ).round()


def test_a_lora_that_distils_the_model_is_on_without_being_asked_for(folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("peft")
    file = checkpoints.lora(tmp_path / "lcm-lora", folder, 1)
    model, _ = load(DiffusersConfig(str(folder), device="cpu", loras={"fast": str(file.parent)}))
    assert isinstance(model, Model)
    row = model.rows(Drawing("a fox", Size(32, 32), 1), 1)[0]
    assert row.loras == (("fast", 1.0),)
    assert (row.steps, row.course.rows) == (4, 1)


# -- pipelines that cannot be stepped
class Told(Heard):
    """Cancels where it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.engine: Any = None

    def progress(self, order: str, step: int, steps: int) -> None:
        super().progress(order, step, steps)
        if order == "gone":
            self.engine.cancel(order)


def test_a_pipeline_that_cannot_be_stepped_is_drawn_whole(folder: Path) -> None:
    pipe = StableDiffusionXLPipeline.from_pretrained(folder, local_files_only=True)
    pipe.set_progress_bar_config(disable=True)
    heard = Told()
    heard.engine = engine = WholeEngine(WholePipeline(pipe, 4, None), heard)
    thread = threading.Thread(target=engine.run)
    thread.start()
    engine.submit("gone", replace(FOX, steps=50))
    engine.submit("fox", replace(FOX, count=2))
    engine.submit("bad", replace(FOX, size=Size(33, 33)))
    heard.wait(["fox", "bad"])
    engine.close()
    thread.join()
    assert np.abs(pixels(heard, "fox") - alone(pipe)).max() <= 1
    assert list(heard.seeds["fox"]) == [11, 12]
    assert heard.failures["bad"][0] == "broken"
    assert [step for order, step, _ in heard.steps if order == "gone"] == [1]
    assert "gone" not in heard.order


def test_another_kind_of_checkpoint_is_loaded_to_be_drawn_whole(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline, "STEPPED", ())
    whole, facts = load(DiffusersConfig(str(folder), device="cpu"))
    assert isinstance(whole, WholePipeline)
    assert (facts.side, facts.step) == (32, 2)
