"""What an operator may say to `serve run`, read by imagine.toml's own rules."""

import pytest

from adapters.backends.ray import config
from adapters.factory import build_backend
from bot import replies
from bot.errors import SettingsError
from bot.model import Size
from bot.settings import BackendSettings, DiffusersOptions


def test_arguments_of_a_file_and_of_a_command_line_come_to_the_same() -> None:
    from_file = {"model": "/srv/sdxl", "max_replicas": 4, "gpus": 0.5, "sizes": ["512x512"], "compile": True}
    typed = {"model": "/srv/sdxl", "max_replicas": "4", "gpus": "0.5", "sizes": '["512x512"]', "compile": "true"}
    assert config.read(from_file) == config.read(typed)
    engine, cluster = config.read(from_file)
    assert (engine.model, engine.sizes, engine.compile) == ("/srv/sdxl", (Size(512, 512),), True)
    assert (cluster.min_replicas, cluster.max_replicas, cluster.gpus) == (1, 4, 0.5)


def test_everything_that_is_wrong_is_told_at_once() -> None:
    with pytest.raises(SettingsError) as caught:
        config.read({"modle": "/srv/sdxl", "max_replicas": 0, "gpus": "many", "device": "tpu"})
    lines = [replies.problem(finding) for finding in caught.value.findings]
    assert [line.split()[0] for line in lines] == ["modle", "max_replicas", "gpus", "device", "args"]
    with pytest.raises(SettingsError) as caught:
        config.read({"model": "m", "min_replicas": 3, "max_replicas": 2})
    assert replies.problem(caught.value.findings[0]) == "min_replicas (3) is more than max_replicas (2)."


def test_the_sizes_of_a_local_engine_reach_it_as_sizes() -> None:
    options = DiffusersOptions(model="/nowhere", sizes=(Size(640, 512), Size(512, 512)))
    capabilities = build_backend(BackendSettings("local", "diffusers", options=options)).capabilities
    assert (capabilities.sizes, capabilities.default_size) == (options.sizes, Size(640, 512))
