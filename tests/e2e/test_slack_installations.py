"""Several workspaces: OAuth installation, the right token each, rotation, and removal."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest

from adapters.chat.slack.installations import App, Installed, ManyWorkspaces
from adapters.chat.slack.web import Closed
from adapters.chat.slack.workspaces import new_session
from adapters.sealing import Sealer
from bot.errors import ChatBusy
from bot.model import JobState
from tests.house import TestHouse, open_house
from tests.slack_house import SlackTest, open_test
from tests.standins.slack import Human, SlackStandIn, Workspace

HALF_A_DAY = 12 * 3600


@pytest.fixture
async def slack() -> AsyncIterator[SlackStandIn]:
    async with SlackStandIn() as standing:
        standing.workspaces.append(Workspace("T2", "xoxb-2"))
        yield standing
        assert standing.problems == []


@pytest.fixture
async def test(tmp_path: Path, slack: SlackStandIn, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[SlackTest]:
    environment = {"SLACK_CLIENT_ID": "1.2", "SLACK_CLIENT_SECRET": "secret", "HOME": str(tmp_path / "home")}
    for name, value in environment.items():
        monkeypatch.setenv(name, value)  # as in production, where bolt reads them too
    async with open_test(tmp_path, slack, mode="http", installable=True) as opened:
        yield opened


def pictures(house: TestHouse) -> list[Path]:
    return [file for file in house.folder.rglob("images/??/*") if file.is_file()]


def page(test: SlackTest, path: str) -> str:
    return f"http://127.0.0.1:{test.opened.port}{path}"


async def install(test: SlackTest, team: str) -> int:
    """As a browser does: the page, Slack's own page, and back; the status of the last page."""
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as browser:
        async with browser.get(page(test, "/slack/install")) as response:
            assert "/oauth/v2/authorize" in await response.text()
            state = response.cookies["slack-app-oauth-state"].value
        return await come_back(browser, test, f"code-{team}", state, state)


async def come_back(browser: aiohttp.ClientSession, test: SlackTest, code: str, state: str, cookie: str) -> int:
    back = page(test, f"/slack/oauth_redirect?code={code}&state={state}")
    async with browser.get(back, headers={"Cookie": f"slack-app-oauth-state={cookie}"}) as response:
        return response.status


def person_in(test: SlackTest, workspace: Workspace) -> Human:
    human = Human(workspace, test.slack.methods, test.human.way)
    human.response_urls = test.human.response_urls
    return human


async def test_each_workspace_is_answered_with_its_own_token(test: SlackTest, slack: SlackStandIn) -> None:
    assert [await install(test, team) for team in ("T1", "T2")] == [200, 200]
    for workspace in slack.workspaces:
        assert (await person_in(test, workspace).slash("/imagine", "a hill")).acknowledged
    jobs = await test.all_settled(2)
    assert {job.origin.place.tenant for job in jobs} == {"slack:T1", "slack:T2"}
    assert {job.state for job in jobs} == {JobState.DELIVERED}
    await slack.settled_down()
    assert [len(workspace.with_files()) for workspace in slack.workspaces] == [1, 1]


async def test_nothing_is_kept_outside_the_store(test: SlackTest) -> None:
    await install(test, "T1")
    await test.human.slash("/imagine", "a hill")
    await test.job()
    assert not (test.house.folder / "home").exists()


async def test_an_unknown_workspace_is_told_and_nothing_breaks(test: SlackTest, slack: SlackStandIn) -> None:
    await install(test, "T1")
    stranger = person_in(test, slack.workspaces[1])
    answer = await stranger.slash("/imagine", "a hill")
    assert answer.status == 200
    assert await test.jobs() == []


async def test_an_organizations_installation_serves_all_of_its_workspaces(test: SlackTest, slack: SlackStandIn) -> None:
    slack.workspace.enterprise, slack.workspace.org_wide = "E1", True
    assert await install(test, "T1") == 200
    human = person_in(test, slack.workspace)
    payload = human.slash_payload("/imagine", "a hill") | {"enterprise_id": "E1", "is_enterprise_install": "true"}
    assert (await human.send("slash_commands", payload)).acknowledged
    assert (await test.job()).state is JobState.DELIVERED
    assert await test.house.store.installation("slack:team:T1")


@pytest.mark.parametrize("wrong", ["", "forged", "other"])
async def test_a_state_that_is_forged_or_of_another_browser_installs_nothing(test: SlackTest, wrong: str) -> None:
    async with aiohttp.ClientSession() as browser:
        async with browser.get(page(test, "/slack/install")) as response:
            state = response.cookies["slack-app-oauth-state"].value
        forged = {"": ("", ""), "forged": ("x" * 60, "x" * 60), "other": (state, "somebody-elses")}[wrong]
        assert await come_back(browser, test, "code-T1", *forged) in {400, 401}
    assert await test.house.store.installation("slack:team:T1") is None


async def test_a_state_works_once(test: SlackTest) -> None:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as browser:
        async with browser.get(page(test, "/slack/install")) as response:
            state = response.cookies["slack-app-oauth-state"].value
        assert await come_back(browser, test, "code-T1", state, state) == 200
        assert await come_back(browser, test, "code-T2", state, state) == 401


async def test_tokens_are_sealed_in_the_store(test: SlackTest, slack: SlackStandIn) -> None:
    slack.workspace.token_seconds = HALF_A_DAY
    await install(test, "T1")
    stored = b"".join(file.read_bytes() for file in test.house.folder.glob("imagine.db*"))
    assert slack.workspace.token.encode() not in stored
    assert slack.workspace.refresh.encode() not in stored


async def test_f60_an_app_that_was_removed_is_forgotten(test: SlackTest, slack: SlackStandIn) -> None:
    await install(test, "T1")
    await test.human.event({"type": "tokens_revoked", "tokens": {"oauth": ["U1"]}})
    assert await test.house.store.installation("slack:team:T1")
    await test.human.slash("/imagine", "a hill")
    await test.job()
    await test.human.event({"type": "app_uninstalled"})
    async with asyncio.timeout(60):
        while await test.jobs() or pictures(test.house):
            await asyncio.sleep(0.01)
    assert await test.house.store.installation("slack:team:T1") is None
    await test.human.slash("/imagine", "a hill")
    assert await test.jobs() == []


# -- rotation


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[TestHouse]:
    async with open_house(tmp_path) as opened:
        yield opened


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with new_session() as opened:
        yield opened


def replica(slack: SlackStandIn, house: TestHouse, session: aiohttp.ClientSession) -> ManyWorkspaces:
    app = App("1.2", "secret", slack.api)
    return ManyWorkspaces(house.store, Sealer(b"secret", "slack"), app, session, house.core.clock, house.recorder)


async def installed(slack: SlackStandIn, house: TestHouse, many: ManyWorkspaces, left: float) -> Installed:
    """A rotating installation that has ``left`` seconds to live."""
    slack.workspace.token_seconds, slack.workspace.refresh = HALF_A_DAY, "refresh-0"
    ends = house.core.clock.now() + left
    made = Installed(slack.workspace.token, "UBOT", "BBOT", "T1", "", "refresh-0", ends)
    await many.save(made)
    return made


async def test_a_token_is_renewed_ahead_of_its_end_and_used(
    slack: SlackStandIn, house: TestHouse, session: aiohttp.ClientSession
) -> None:
    many = replica(slack, house, session)
    await installed(slack, house, many, HALF_A_DAY)
    assert (await many.bot("T1", "")).token == "xoxb-1"
    await installed(slack, house, many, 3600)
    bots = await asyncio.gather(*(many.bot("T1", "") for _ in range(20)))
    assert {bot.token for bot in bots} == {slack.workspace.token}
    assert slack.workspace.old_tokens == ["xoxb-1"]
    await (await many.web("T1", "")).call("auth.test")


async def test_two_replicas_do_not_spend_one_refresh_token_twice(
    slack: SlackStandIn, house: TestHouse, session: aiohttp.ClientSession
) -> None:
    one, other = replica(slack, house, session), replica(slack, house, session)
    await installed(slack, house, one, 3600)
    await asyncio.gather(*(each.bot("T1", "") for each in (one, other) for _ in range(10)))
    assert len(slack.named("oauth.v2.access")) == 1
    other._known.clear()
    assert (await other.bot("T1", "")).token == (await one.bot("T1", "")).token == slack.workspace.token


async def test_a_renewal_that_fails_leaves_the_old_token_until_its_end(
    slack: SlackStandIn, house: TestHouse, session: aiohttp.ClientSession
) -> None:
    many = replica(slack, house, session)
    await installed(slack, house, many, 3600)
    slack.faults.refuse("oauth.v2.access", "internal_error")
    assert (await many.bot("T1", "")).token == "xoxb-1"
    made = await installed(slack, house, many, -1)
    await house.store.save_installation(made.key, Sealer(b"secret", "slack").seal("{}"), 0)
    await many.save(replace(made, refresh="spent"))
    with pytest.raises(ChatBusy):
        await many.bot("T1", "")
    assert house.recorder.named("alert")


async def test_what_is_not_installed_or_sealed_by_another_secret_is_closed(
    slack: SlackStandIn, house: TestHouse, session: aiohttp.ClientSession
) -> None:
    many = replica(slack, house, session)
    await house.store.save_installation("slack:team:T1", Sealer(b"another", "slack").seal("{}"), 0)
    for team in ("T1", "T9"):
        with pytest.raises(Closed, match="not_installed"):
            await many.bot(team, "")
