"""Socket Mode and signed HTTP: acknowledgements, redeliveries, connections that end, requests that are forged."""

import asyncio
import time
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.app.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from adapters.chat.slack.signed import Signatures
from bot.conduct import Item
from bot.errors import StoreBusy
from bot.model import JobState, NewJob
from tests.slack_house import SECRET, SlackTest, open_test
from tests.standins.slack import HttpWay, Link, SlackStandIn
from tests.waiting import until


@pytest.fixture
async def by_socket(tmp_path: Path, slack: SlackStandIn) -> AsyncIterator[SlackTest]:
    async with open_test(tmp_path, slack) as opened:
        yield opened


@pytest.fixture
async def by_http(tmp_path: Path, slack: SlackStandIn) -> AsyncIterator[SlackTest]:
    async with open_test(tmp_path, slack, mode="http") as opened:
        yield opened


# -- acknowledgements


async def test_bolt_loses_an_acknowledgement_when_something_fails_in_the_same_tick(slack: SlackStandIn) -> None:
    """The bug that this adapter is built around (bolt 1.30): if it goes, so may the construction."""
    app = AsyncApp(client=AsyncWebClient(slack.workspace.token, base_url=slack.api), signing_secret="x")

    @app.command("/imagine")
    async def failing(ack: Any) -> None:
        await ack()
        raise ValueError

    handler = AsyncSocketModeHandler(app, slack.app_token)
    await handler.connect_async()  # type: ignore[no-untyped-call] # of the library
    try:
        assert not (await slack.human.slash("/imagine", "a hill")).acknowledged
    finally:
        await handler.close_async()  # type: ignore[no-untyped-call] # of the library


async def test_what_fails_right_after_the_acknowledgement_does_not_take_it_back(
    by_socket: SlackTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(*_: object) -> None:
        raise ValueError("at once")

    monkeypatch.setattr(by_socket.opened.desk, "_placed", fails)  # what follows the acknowledgement
    answer = await by_socket.human.slash("/imagine", "a hill")
    assert answer.acknowledged
    await until(lambda: by_socket.house.recorder.named("alert"))


@pytest.mark.parametrize("mode", ["socket", "http"])
async def test_a_request_is_stored_before_it_is_acknowledged(
    tmp_path: Path, slack: SlackStandIn, mode: Any
) -> None:
    async with open_test(tmp_path, slack, mode=mode, working=False) as test:
        slack.faults.hold("chat.postMessage", gate := asyncio.Event())
        for act in (test.human.slash("/imagine", "a hill"), test.human.mention("a fox")):
            before = len(await test.jobs())
            assert (await act).acknowledged
            assert len(await test.jobs()) == before + 1
        gate.set()


async def test_f01_a_store_that_is_busy_is_said_and_nothing_is_charged(
    by_socket: SlackTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def busy(*_: object) -> None:
        raise StoreBusy

    monkeypatch.setattr(by_socket.house.store, "submit", busy)
    answer = await by_socket.human.slash("/imagine", "a hill")
    assert "very busy" in answer.text


async def test_f02_a_commit_that_comes_too_late_is_taken_back(
    by_socket: SlackTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    submit = by_socket.house.store.submit

    async def slow(new: NewJob, item: Item | None) -> Any:
        await asyncio.sleep(6.0)  # twice as long as Slack waits
        return await submit(new, item)

    monkeypatch.setattr(by_socket.house.store, "submit", slow)
    answer = await by_socket.human.slash("/imagine", "a hill")
    assert answer.acknowledged
    assert "very busy" in answer.text
    job = await by_socket.job()
    assert job.state is JobState.CANCELLED
    usage = await by_socket.house.store.usage("slack:user:U1", by_socket.house.core.day())
    assert (usage.images_today, usage.waiting) == (0, 0)
    assert by_socket.workspace.by_bot() == []


async def test_f02_an_acknowledgement_that_cannot_leave_cancels_the_request(
    tmp_path: Path, slack: SlackStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_test(tmp_path, slack) as test:

        async def lost(*_: object) -> None:
            raise ConnectionResetError

        monkeypatch.setattr("adapters.chat.slack.receiving.send_async_response", lost)
        assert not (await test.human.slash("/imagine", "a hill")).acknowledged
        job = await test.job()
        assert job.state is JobState.CANCELLED
        await test.human.sees("Nothing was charged")


# -- redelivery


@pytest.mark.parametrize("mode", ["socket", "http"])
async def test_f56_commands_forms_and_events_that_come_again_are_one_request(
    tmp_path: Path, slack: SlackStandIn, mode: Any
) -> None:
    async with open_test(tmp_path, slack, mode=mode) as test:
        payload = test.human.slash_payload("/imagine", "a hill", trigger="t1")
        for again in range(3):
            await test.human.send("slash_commands", payload | {"token": f"{again}"})
        said = test.human.say("<@UBOT> a fox")
        event = {"type": "app_mention", "user": "U1", "text": said.text, "ts": said.ts, "channel": "C1"}
        for number in range(4):
            await test.human.event(event, "Ev1", {"x-slack-retry-num": str(number)} if number else {})
        await test.human.slash("/imagine", "")
        await until(lambda: test.workspace.views)
        form = test.human.submit_payload(test.human.form(), prompt="a tree")
        for again in range(2):
            await test.human.send("interactive", form | {"token": f"{again}"})
        jobs = await test.all_settled(3)
        await asyncio.sleep(0.3)
        assert len(await test.jobs()) == 3
        assert {job.state for job in jobs} == {JobState.DELIVERED}
        assert len(test.workspace.with_files()) == 3


async def test_f56_two_deliveries_at_the_same_moment_are_one_request(by_socket: SlackTest) -> None:
    payload = by_socket.human.slash_payload("/imagine", "a hill", trigger="t1")
    answers = await asyncio.gather(*(by_socket.human.send("slash_commands", payload) for _ in range(5)))
    assert all(answer.acknowledged for answer in answers)
    await by_socket.job()
    assert len(await by_socket.jobs()) == 1
    assert len(by_socket.workspace.with_files()) == 1


async def test_f14_two_bots_on_one_app_answer_each_command_once(by_socket: SlackTest, slack: SlackStandIn) -> None:
    """Slack gives each command to any one of an app's connections, whichever process it belongs to."""
    async with by_socket.second_bot():
        await slack.sockets.connected(4)
        answers = await asyncio.gather(*(by_socket.human.slash("/imagine", f"hill {each}") for each in range(12)))
        assert all(answer.acknowledged for answer in answers)
        await by_socket.all_settled(12)
    assert len(await by_socket.jobs()) == 12
    assert len(by_socket.workspace.with_files()) == 12


# -- connections


async def test_f55_a_refresh_leaves_no_gap(by_socket: SlackTest, slack: SlackStandIn) -> None:
    assert len(slack.sockets.links) == 2
    first, second = list(slack.sockets.links)
    for link in (first, second):
        await slack.sockets.refresh(link)
        answers = await asyncio.gather(*(by_socket.human.slash("/imagine-status") for _ in range(10)))
        assert all(answer.acknowledged for answer in answers)
        await until(partial(replaced, slack, link))
    assert slack.sockets.opened == 4


def replaced(slack: SlackStandIn, link: Link) -> bool:
    return link not in slack.sockets.links and len(slack.sockets.links) == 2


@pytest.mark.parametrize("reason", ["warning", "refresh_requested", "too_many_websockets"])
async def test_f55_every_reason_to_disconnect_ends_in_a_new_connection(
    by_socket: SlackTest, slack: SlackStandIn, reason: str
) -> None:
    await slack.sockets.refresh(slack.sockets.links[0], reason)
    await until(lambda: slack.sockets.opened == 3)
    await slack.sockets.connected(2)
    assert (await by_socket.human.slash("/imagine-status")).acknowledged


async def test_f55_a_connection_that_dies_is_made_anew(by_socket: SlackTest, slack: SlackStandIn) -> None:
    await slack.sockets.drop(slack.sockets.links[0])
    await until(lambda: slack.sockets.opened >= 3)
    await slack.sockets.connected(2)
    assert (await by_socket.human.slash("/imagine-status")).acknowledged


async def test_a_refused_token_is_an_alert_and_not_a_crash(
    tmp_path: Path, slack: SlackStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def nobody(_: int) -> None:
        pass

    monkeypatch.setattr(slack.sockets, "connected", nobody)
    slack.faults.refuse("apps.connections.open", "invalid_auth")
    async with open_test(tmp_path, slack, working=False) as test:
        await until(lambda: test.house.recorder.named("alert"))
        assert test.house.recorder.named("alert") == [{"text": "slack_token_refused", "detail": "invalid_auth"}]


async def test_f12_stopping_finishes_what_is_being_taken_in(tmp_path: Path, slack: SlackStandIn) -> None:
    async with open_test(tmp_path, slack, working=False) as test:
        slack.faults.hold("chat.postMessage", gate := asyncio.Event())
        await test.human.slash("/imagine", "a hill")
        asyncio.get_running_loop().call_later(0.3, gate.set)
        assert test.opened.desk
        await test.opened.desk.drain(3.0)
        assert (await test.jobs())[0].state is JobState.QUEUED
        assert "restarting" in (await test.human.slash("/imagine", "a tree")).text


async def test_f05_what_waits_in_the_queue_survives_a_restart(tmp_path: Path, slack: SlackStandIn) -> None:
    async with open_test(tmp_path, slack, working=False) as before:
        for words in ("first", "second", "third"):
            await before.human.slash("/imagine", words)
        async with asyncio.timeout(5):
            while [job.state for job in await before.jobs()] != [JobState.QUEUED] * 3:
                await asyncio.sleep(0.01)
    async with open_test(tmp_path, slack) as after:
        assert {job.state for job in await after.all_settled(3)} == {JobState.DELIVERED}
        await slack.settled_down()
        asked = {message.ts: message.shown() for message in after.workspace.by_bot() if not message.files}
        answered = {asked[message.thread_ts] for message in after.workspace.with_files()}
        assert len(asked) == len(answered) == 3


# -- signed HTTP


async def test_commands_clicks_and_mentions_come_over_http_too(by_http: SlackTest) -> None:
    answer = await by_http.human.slash("/imagine", "a hill")
    assert answer.acknowledged
    await by_http.job()
    await by_http.human.click(by_http.workspace.by_bot()[0], "Again")
    await by_http.human.mention("a fox")
    assert len(await by_http.all_settled(3)) == 3
    assert len(by_http.workspace.with_files()) == 3


def way_of(test: SlackTest) -> HttpWay:
    assert isinstance(test.human.way, HttpWay)
    return test.human.way


@pytest.mark.parametrize(
    ("age", "tamper"),
    [
        (301, {}),
        (-301, {}),
        (0, {"X-Slack-Signature": "v0=" + "0" * 64}),
        (0, {"X-Slack-Signature": ""}),
        (0, {"X-Slack-Signature": "v0=\xe9"}),
        (0, {"X-Slack-Request-Timestamp": "yesterday"}),
        (0, {"X-Slack-Request-Timestamp": ""}),
        (0, {"X-Slack-Request-Timestamp": "1e9"}),
        (0, {"X-Slack-Request-Timestamp": "-1"}),
        (0, {"X-Slack-Request-Timestamp": "９９"}),
    ],
)
async def test_s21_old_forged_and_nonsensical_requests_are_401(
    by_http: SlackTest, age: float, tamper: dict[str, str]
) -> None:
    way = way_of(by_http)
    body = '{"type":"url_verification","challenge":"c"}'
    headers = {"Content-Type": "application/json", **way.signed(body, time.time() - age), **tamper}
    assert (await way.post(body, headers))[0] == 401
    assert by_http.house.recorder.named("slack_forged_request")


async def test_s21_a_changed_body_and_a_replayed_request_are_401(by_http: SlackTest) -> None:
    way = way_of(by_http)
    body = '{"type":"url_verification","challenge":"c"}'
    headers = {"Content-Type": "application/json", **way.signed(body)}
    assert await way.post(body, headers) == (200, {"challenge": "c"})
    assert (await way.post(body, headers))[0] == 401
    assert (await way.post(body + " ", headers))[0] == 401


async def test_s21_without_a_secret_nothing_is_genuine() -> None:
    body = b"{}"
    stamp = str(int(time.time()))
    signature = HttpWay("", "").signed("{}")["X-Slack-Signature"]
    assert not Signatures("").genuine(stamp, signature, body)
    assert Signatures(SECRET).genuine(stamp, HttpWay("", SECRET).signed("{}")["X-Slack-Signature"], body)
