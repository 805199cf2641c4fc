import base64
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml

from adapters import configuration, init
from bot.settings import Role, missing_secrets, sample

TOKEN = base64.urlsafe_b64encode(b"1234567890123456789").decode().rstrip("=") + ".Gabcde.secret-part"


def test_init_writes_a_file_that_runs_without_any_token(tmp_path: Path) -> None:
    lines, clean = init.init(tmp_path / "new" / "folder", {})
    loaded = configuration.load(tmp_path / "new" / "folder" / "imagine.toml", {})
    assert clean
    assert missing_secrets(loaded, Role.ALL) == ()
    assert list(loaded.backends) == ["sketch"]
    assert (tmp_path / "new" / "folder" / "slack-manifest.yaml").read_text() == init.slack_manifest()
    assert lines[0] == f"Wrote {tmp_path / 'new' / 'folder' / 'imagine.toml'}"


@pytest.mark.parametrize(
    ("there", "other"), [("imagine.toml", "slack-manifest.yaml"), ("slack-manifest.yaml", "imagine.toml")]
)
def test_init_leaves_what_is_there_and_writes_the_other(tmp_path: Path, there: str, other: str) -> None:
    (tmp_path / there).write_text("mine")
    lines, clean = init.init(tmp_path, {})
    assert clean
    assert (tmp_path / there).read_text() == "mine"
    assert (tmp_path / other).stat().st_size > 1000
    assert f"{tmp_path / there} exists already and was left as it is." in lines


def test_init_does_not_write_through_a_link_that_leads_nowhere(tmp_path: Path) -> None:
    (tmp_path / "imagine.toml").symlink_to(tmp_path / "elsewhere")
    lines, _ = init.init(tmp_path, {})
    assert not (tmp_path / "elsewhere").exists()
    assert "exists already" in lines[0]


def test_init_says_in_one_line_that_a_folder_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    lines, clean = init.init(tmp_path / "file", {})
    assert not clean
    assert "could not be written" in lines[0]


def test_the_invitation_names_the_application_and_the_least_permissions(tmp_path: Path) -> None:
    link = init.init(tmp_path, {"DISCORD_TOKEN": TOKEN})[0][-1].split()[-1]
    query = parse_qs(urlsplit(link).query)
    assert link.startswith("https://discord.com/oauth2/authorize?")
    assert query["client_id"] == ["1234567890123456789"]
    assert query["scope"] == ["bot applications.commands"]
    assert query["permissions"] == [str(0x400 | 0x800 | 0x4000 | 0x8000 | 0x10000 | 0x800000000 | 0x4000000000)]
    assert "secret-part" not in link


@pytest.mark.parametrize("token", ["", "nonsense", "é.a.b", "bm8.a.b", "A.b", "====", "9" * 400])
def test_a_token_that_names_no_application_leaves_a_place_for_the_id(tmp_path: Path, token: str) -> None:
    assert "client_id=YOUR_APPLICATION_ID" in init.init(tmp_path, {"DISCORD_TOKEN": token})[0][-1]


def test_the_slack_app_has_the_commands_the_shortcut_the_step_and_the_least_scopes() -> None:
    manifest = yaml.safe_load(init.slack_manifest())
    commands = manifest["features"]["slash_commands"]
    assert [command["command"] for command in commands] == [
        "/imagine",
        "/imagine-status",
        "/imagine-history",
        "/imagine-style",
        "/imagine-forget",
        "/imagine-mod",
    ]
    assert all(command["should_escape"] is True for command in commands)
    assert [shortcut["type"] for shortcut in manifest["features"]["shortcuts"]] == ["message"]
    assert set(manifest["oauth_config"]["scopes"]["bot"]) == {
        "app_mentions:read",
        "chat:write",
        "commands",
        "files:read",
        "files:write",
        "im:write",
        "usergroups:read",
    }
    assert manifest["settings"]["event_subscriptions"]["bot_events"] == [
        "app_mention",
        "app_uninstalled",
        "function_executed",
        "tokens_revoked",
    ]
    assert manifest["settings"]["socket_mode_enabled"] is True
    step = manifest["functions"]["imagine"]
    assert list(step["input_parameters"]) == ["prompt", "negative_prompt", "size", "count", "channel"]
    assert list(step["output_parameters"]) == ["file_ids", "permalinks", "seed"]
    for name, parameter in {**step["input_parameters"], **step["output_parameters"]}.items():
        assert parameter["name"] == name


def test_the_slack_app_keeps_to_slacks_lengths() -> None:
    manifest = yaml.safe_load(init.slack_manifest())
    assert len(manifest["display_information"]["name"]) <= 35
    assert len(manifest["display_information"]["description"]) <= 140
    for command in manifest["features"]["slash_commands"]:
        assert len(command["command"]) <= 32


@pytest.mark.parametrize("kind", ["ovh", "dataoorts", "hive", "imagepipeline"])
def test_a_provider_that_is_switched_on_draws_before_the_built_in_one(tmp_path: Path, kind: str) -> None:
    text = sample()
    assert f"# [backends.{kind}]" in text
    (tmp_path / "imagine.toml").write_text(text.replace(f"# [backends.{kind}]", f"[backends.{kind}]"))
    loaded = configuration.load(tmp_path / "imagine.toml", {})
    assert loaded.routing.order == (kind, "sketch")
