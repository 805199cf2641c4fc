"""The app as `imagine-bot init` writes it agrees with the code that answers."""

import re

import yaml

from adapters.chat.slack.preflight import OPTIONAL_SCOPES, SCOPES
from adapters.chat.slack.receiving import SHORTCUT
from adapters.chat.slack.workflow import OPTIONAL, STEP
from adapters.init import slack_manifest

MANIFEST = yaml.safe_load(slack_manifest())


def test_the_scopes_are_those_that_check_asks_for() -> None:
    scopes = MANIFEST["oauth_config"]["scopes"]
    assert scopes == {"bot": sorted(SCOPES), "bot_optional": sorted(OPTIONAL_SCOPES)}


def test_commands_shortcut_and_step_are_those_that_are_answered() -> None:
    features = MANIFEST["features"]
    named = ["/imagine", "/imagine-status", "/imagine-history", "/imagine-style", "/imagine-forget", "/imagine-mod"]
    assert [command["command"] for command in features["slash_commands"]] == named
    assert all(command["should_escape"] for command in features["slash_commands"])
    assert [shortcut["callback_id"] for shortcut in features["shortcuts"]] == [SHORTCUT]
    step = MANIFEST["functions"][STEP]
    assert set(step["input_parameters"]) == {"prompt", "channel", *OPTIONAL}
    assert set(step["output_parameters"]) == {"file_ids", "permalinks", "seed"}
    assert MANIFEST["settings"]["org_deploy_enabled"]
    assert MANIFEST["settings"]["function_runtime"] == "remote"


def test_lengths_are_within_what_slack_takes() -> None:
    assert len(MANIFEST["display_information"]["description"]) <= 140
    assert len(MANIFEST["display_information"]["name"]) <= 35
    for command in MANIFEST["features"]["slash_commands"]:
        assert re.fullmatch(r"/[a-z-]{1,31}", command["command"])
    for shortcut in MANIFEST["features"]["shortcuts"]:
        assert len(shortcut["name"]) <= 24
