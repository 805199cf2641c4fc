"""What the demo draws with, and how `make demo` decides whether PyTorch is installed for it."""

import json
import re
import zipfile
from pathlib import Path

import pytest

from adapters import configuration, demo, local_extra
from adapters.backends.diffusers.demo import KNOWN_WORDS, examples
from adapters.backends.diffusers.demo.scenes import Shape
from adapters.factory import build_backend
from adapters.local_extra import Found
from bot import command, routing
from bot.model import ImageRequest, Size
from bot.settings import Settings


def embedded() -> Settings:
    return configuration.embedded(Path("data"), 8080, {})


# -- what draws


def test_the_model_draws_its_own_size_and_sketch_every_other() -> None:
    settings = demo.demo(model=True).applied(embedded())
    known = {name: build_backend(each).capabilities for name, each in settings.backends.items()}

    def who(size: Size | None) -> str:
        return routing.candidates(ImageRequest("a red circle", size=size), known, settings.routing.order)[0]

    assert who(None) == who(Size(128, 128)) == "demo"
    assert who(Size(256, 256)) == who(Size(128, 64)) == "sketch"


def test_what_names_no_shape_goes_to_sketch() -> None:
    settings = demo.demo(model=True).applied(embedded())
    known = {name: build_backend(each).capabilities for name, each in settings.backends.items()}

    def who(prompt: str) -> str:
        return routing.candidates(ImageRequest(prompt), known, settings.routing.order)[0]

    assert {who(f"a small {shape}") for shape in (*Shape, "shape")} == {"demo"}
    assert who("a red fox") == who("a city on a blue background") == "sketch"


def test_without_the_model_everything_is_as_it_is_embedded() -> None:
    shown = demo.demo(model=False)
    assert shown.applied(embedded()) == embedded()
    assert "LOCAL=1" in shown.announcement
    assert (shown.about, shown.examples) == ("", ())


def test_every_word_of_an_example_is_one_that_the_model_knows() -> None:
    for example in examples():
        words = re.sub(r"--(no|count|seed|steps|guidance)\b|[0-9.]+", "", example).split()
        assert set(words) <= set(KNOWN_WORDS), example


def test_the_examples_on_the_page_are_commands_that_can_be_drawn() -> None:
    shown = demo.demo(model=True)
    settings = shown.applied(embedded())
    known = {name: build_backend(each).capabilities for name, each in settings.backends.items()}
    for example in shown.examples:
        request = command.parse(example.removeprefix("/imagine "), command.options_for(known))
        assert routing.candidates(request, known, settings.routing.order)[0] == "demo"
    assert "128x128" in shown.about


# -- whether PyTorch comes


@pytest.mark.parametrize(
    ("said", "gpu", "brings", "wanted"),
    [
        ("1", False, Found.CUDA, True),
        ("0", True, Found.SMALL, False),
        ("", True, Found.CUDA, True),
        ("", False, Found.SMALL, True),
        ("", False, Found.CUDA, Found.CUDA),
        ("", False, Found.SILENT, Found.SILENT),
    ],
)
def test_pytorch_is_wanted_where_it_was_asked_for_a_gpu_is_or_no_cuda_comes_along(
    said: str, *, gpu: bool, brings: Found, wanted: bool | Found
) -> None:
    assert local_extra.is_wanted(said, has_gpu=lambda: gpu, brings=lambda: brings) is wanted


def test_pip_is_not_asked_where_it_need_not_be() -> None:
    def never() -> Found:
        raise AssertionError

    assert local_extra.is_wanted("0", has_gpu=lambda: False, brings=never) is False
    assert local_extra.is_wanted("", has_gpu=lambda: True, brings=never) is True


def report(*names: str) -> str:
    return json.dumps({"version": "1", "install": [{"metadata": {"name": name}} for name in names]})


@pytest.mark.parametrize(
    ("said", "found"),
    [
        (report("torch", "sympy"), Found.SMALL),
        (report(), Found.SMALL),
        (report("torch", "nvidia-cublas-cu12"), Found.CUDA),
        (report("torch", "cuda_bindings"), Found.CUDA),
        ("", Found.SILENT),
        ("{}", Found.SILENT),
        ("[1]", Found.SILENT),
    ],
)
def test_pips_report_is_read(said: str, found: Found) -> None:
    assert local_extra.what_it_brings(said) is found


def wheel(folder: Path, name: str, *needs: str) -> None:
    """The smallest that pip takes."""
    info = f"{name}-1.0.dist-info"
    lines = ["Metadata-Version: 2.1", f"Name: {name}", "Version: 1.0", *(f"Requires-Dist: {need}" for need in needs)]
    with zipfile.ZipFile(folder / f"{name}-1.0-py3-none-any.whl", "w") as file:
        file.writestr(f"{info}/METADATA", "\n".join(lines) + "\n")
        file.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        file.writestr(f"{info}/RECORD", "")


def test_pip_itself_is_asked_and_installs_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    constraints = tmp_path / "constraints.txt"
    constraints.write_text("painting==1.0\n")
    wheel(tmp_path, "painting", "nvidia_brushes")
    wheel(tmp_path, "nvidia_brushes")
    wheel(tmp_path, "drawing")
    for name, value in {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(tmp_path), "PIP_CONFIG_FILE": "/dev/null"}.items():
        monkeypatch.setenv(name, value)
    assert local_extra.ask_pip(str(constraints), ["painting"]) is Found.CUDA
    assert local_extra.ask_pip(str(constraints), ["drawing"]) is Found.SMALL
    assert local_extra.ask_pip(str(constraints), ["sculpting"]) is Found.SILENT


def test_what_is_installed_is_the_extra_of_the_package() -> None:
    names = [re.split(r"[<>=\[]", each)[0] for each in local_extra.requirements()]
    assert {"torch", "diffusers", "transformers", "accelerate", "safetensors"} <= set(names)
    assert "ray" not in names
    assert "pytest" not in names
