"""The local picture check: a real, tiny model in the transformers format, made here, with a weight for redness."""

import asyncio
import json
import threading
from pathlib import Path

import pytest

from adapters.images.classifier import Classifier
from bot.conduct import Action
from bot.judging import thresholds
from bot.settings import ModerationSettings
from tests.fakes import png

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(1)
    config = transformers.ViTConfig(
        hidden_size=8,
        num_hidden_layers=1,
        num_attention_heads=1,
        intermediate_size=8,
        image_size=16,
        patch_size=8,
        id2label={0: "normal", 1: "nsfw"},
        label2id={"normal": 0, "nsfw": 1},
    )
    made = tmp_path_factory.mktemp("check")
    transformers.ViTForImageClassification(config).save_pretrained(made)
    (made / "preprocessor_config.json").write_text(json.dumps({"size": {"height": 16, "width": 16}}))
    return made


async def test_every_label_has_its_share_and_pictures_differ(folder: Path) -> None:
    check = Classifier(folder)
    red, blue = await check.classify(png("red")), await check.classify(png("blue"))
    await check.close()
    assert set(red) == {"normal", "nsfw"}
    assert sum(red.values()) == pytest.approx(1)
    assert red != blue


async def test_the_event_loop_goes_on_meanwhile(folder: Path) -> None:
    check = Classifier(folder)
    await check.classify(png())
    names = {thread.name for thread in threading.enumerate()}
    assert any(name.startswith("picture-check") for name in names)
    results = await asyncio.gather(*(check.classify(png(side=256)) for _ in range(4)))
    await check.close()
    assert len(results) == 4


@pytest.mark.parametrize("data", [b"", b"GIF89a", png()[:40]])
async def test_f79_what_is_no_picture_is_an_error(folder: Path, data: bytes) -> None:
    check = Classifier(folder)
    with pytest.raises((OSError, ValueError, SyntaxError)):
        await check.classify(data)
    await check.close()


async def test_f79_a_folder_without_a_model_is_an_error(tmp_path: Path) -> None:
    check = Classifier(tmp_path)
    with pytest.raises((OSError, ValueError)):
        await check.classify(png())
    await check.close()


def test_the_limits_of_the_settings_become_thresholds() -> None:
    said = ModerationSettings(picture_holds={"nsfw": 0.5, "gore": 0.6}, picture_blocks={"nsfw": 0.9})
    assert thresholds(said) == {
        "nsfw": {Action.HOLD: 0.5, Action.BLOCK: 0.9},
        "gore": {Action.HOLD: 0.6},
    }
