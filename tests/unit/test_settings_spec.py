import dataclasses
import re
import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot import replies, settings
from bot.errors import SettingsError
from bot.model import QuotaSettings, Style, Tier
from bot.settings import Settings, spec, tables
from tests.unit.full_settings import EVERYTHING


def no_file(path: str) -> tuple[str, int]:
    raise FileNotFoundError(path)


def load(text: str) -> Settings:
    return settings.load(text, {}, no_file)


# -- the spec and the dataclasses


SPECIFIED: list[tuple[tuple[spec.Key, ...], Any, set[str]]] = [
    (spec.STORE, tables.StoreSettings, {"images_key", "images_secret", "images_token"}),
    (spec.WEB, tables.WebSettings, set()),
    (spec.DISCORD, tables.DiscordSettings, {"token"}),
    (spec.SLACK, tables.SlackSettings, {"bot_token", "app_token", "signing_secret", "client_id", "client_secret"}),
    (spec.ROUTING, tables.RoutingSettings, set()),
    (spec.LIMITS, QuotaSettings, {"tiers", "guilds"}),
    (spec.TIER, Tier, {"name"}),
    (spec.STYLE, Style, {"name"}),
    (spec.MODERATION, tables.ModerationSettings, set()),
    ((spec.KIND, *spec.BACKEND, *spec.HOSTED), tables.BackendSettings, {"name", "key", "options"}),
    *((spec.OPTIONS[kind], made, set()) for kind, made in spec.MAKE.items()),
]


@pytest.mark.parametrize(("keys", "table", "elsewhere"), SPECIFIED)
def test_every_field_has_a_setting_and_every_setting_a_field(
    keys: tuple[spec.Key, ...], table: Any, elsewhere: set[str]
) -> None:
    assert {key.name for key in keys} | elsewhere == {field.name for field in dataclasses.fields(table)}


def uncommented(text: str) -> str:
    return re.sub(r"(?m)^# (?=\[[a-z]|[a-z_]+ = )", "", text)


def test_the_sample_file_says_what_an_empty_one_means() -> None:
    assert load(settings.sample()) == load("")


def test_the_sample_file_is_right_with_everything_switched_on() -> None:
    loaded = load(uncommented(settings.sample()))
    assert set(loaded.backends) == set(spec.KINDS)
    assert loaded.discord is not None
    assert loaded.slack is not None
    assert list(loaded.styles) == ["noir"]


def test_the_sample_file_shows_every_setting() -> None:
    document = tomllib.loads(uncommented(settings.sample()))
    for name in ("store", "web", "discord", "slack", "routing", "moderation"):
        keys = getattr(spec, name.upper())
        assert list(document[name]) == [key.name for key in keys]
    for kind in spec.KINDS:
        assert set(document["backends"][kind]) == {key.name for key in spec.backend_keys(kind)}


@pytest.mark.parametrize("kind", [kind for kind in spec.KINDS if kind != "sketch"])
def test_two_edits_of_the_sample_file_switch_on_any_backend(kind: str) -> None:
    text = settings.sample().replace(f"# [backends.{kind}]", f"[backends.{kind}]")
    block = text.index(f"[backends.{kind}]")
    needed = "model" if kind == "diffusers" else "kind"
    text = text[:block] + re.sub(rf"(?m)^# (?={needed} = )", "", text[block:], count=1)
    assert load(text).backends[kind].kind == kind


@pytest.mark.parametrize("name", ["discord", "slack"])
def test_one_edit_of_the_sample_file_switches_on_a_platform(name: str) -> None:
    assert getattr(load(settings.sample().replace(f"# [{name}]", f"[{name}]")), name) is not None


# -- whatever the file says


names = st.sampled_from(
    [*spec.TABLES, "kind", "port", "order", "guilds", "members", "url", "token", "x", "é", "a.b", "\x00", ""]
)
scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.just("x" * 5000)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=4), max_leaves=8
)


def toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{quoted(key)} = {toml(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    if isinstance(value, str):
        return quoted(value)
    return str(value).lower() if isinstance(value, bool) or value is not None else '"none"'


def quoted(text: str) -> str:
    return '"' + "".join(f"\\U{ord(letter):08X}" for letter in text) + '"'


def only_settings_errors(text: str, environ: dict[str, str]) -> None:
    said = ["right"]
    try:
        settings.load(text, environ, no_file)
    except SettingsError as error:
        said = [replies.problem(finding) for finding in error.findings]
    assert all(said)
    assert said


@given(
    st.dictionaries(names, values, max_size=5),
    st.dictionaries(st.sampled_from(["DISCORD_TOKEN", "DISCORD_TOKEN_FILE"]), st.text()),
)
def test_s44_any_document_is_settings_or_findings(document: dict[str, Any], environ: dict[str, str]) -> None:
    only_settings_errors("\n".join(f"{quoted(key)} = {toml(value)}" for key, value in document.items()), environ)


@given(st.text() | st.text(alphabet="[]{}\"'=.,#\\\n abeu01"))
def test_s44_any_text_is_settings_or_findings(text: str) -> None:
    only_settings_errors(text, {})


@given(st.data())
def test_s44_any_damage_to_a_right_file_is_settings_or_findings(data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(EVERYTHING)))
    until = data.draw(st.integers(at, min(at + 30, len(EVERYTHING))))
    damaged = EVERYTHING[:at] + data.draw(st.text(max_size=5)) + EVERYTHING[until:]
    only_settings_errors(damaged, {"IMAGINE_SECRET": "x"})
