"""What goes wrong on Discord's side: nothing is lost, nothing is posted twice, and the person is told."""

import asyncio
import io
import random
import sqlite3
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from adapters.chat.discord.client import serve
from bot.errors import Rejected
from bot.model import Drawn, JobState
from tests.discord_house import DiscordHouse, open_discord_house
from tests.fakes import FakeBackend, png
from tests.standins.discord import Channel, Message, Permission, When, buttons


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[DiscordHouse]:
    async with open_discord_house(tmp_path) as house, house.working(), house.connected():
        yield house


@pytest.fixture
async def idle(tmp_path: Path) -> AsyncIterator[DiscordHouse]:
    """No worker yet: requests wait."""
    async with open_discord_house(tmp_path) as house, house.connected():
        yield house


async def charged(house: DiscordHouse) -> int:
    """Images of ada's that count today."""
    usage = await house.core.store.usage(f"discord:user:{house.ada.id}", house.core.core.day())
    return usage.images_today


# -- the acknowledgement


async def test_f46_an_acknowledgement_that_comes_too_late_cancels_and_refunds(house: DiscordHouse) -> None:
    house.discord.interactions.ack_seconds = 0
    await house.discord.human.slash(house.ada, house.room, "imagine", prompt="a red fox")
    [job] = await house.settled()
    assert job.state is JobState.CANCELLED
    assert await charged(house) == 0
    assert house.shown() == []


@pytest.mark.parametrize("when", list(When))
@pytest.mark.parametrize("status", [0, 502])
async def test_f03_a_lost_acknowledgement_is_looked_for_and_the_request_runs_once(
    house: DiscordHouse, when: When, status: int
) -> None:
    house.discord.faults.order("POST", "/callback", status, when=when)
    await house.discord.human.slash(house.ada, house.room, "imagine", prompt="a red fox")
    [job] = await house.settled(seconds=15)
    taken = bool(house.shown())
    assert job.state is (JobState.DELIVERED if taken else JobState.CANCELLED)
    assert len(house.with_pictures()) == int(taken)
    assert taken == (when is When.AFTER or status == 502)
    assert await charged(house) == int(taken)


async def test_f02_a_request_whose_answer_never_arrived_is_cancelled_at_the_start(idle: DiscordHouse) -> None:
    await idle.imagine()
    async with asyncio.timeout(30):
        while (await idle.jobs())[0].state is not JobState.QUEUED:
            await asyncio.sleep(0.01)
    [asked] = await idle.jobs()
    studio, address = idle.core.studio, {**asked.origin.address, "placeholder": "", "token": ""}
    for sealed in ("", idle.desk._seal("a token of nothing")):
        origin = replace(asked.origin, address={**address, "token": sealed})
        lost = (await studio.submit(origin, "a lost fox", sealed or "none")).job
        assert await studio.drop_unacknowledged(arrived=idle.chat.arrived) == 1
        [state] = [job.state for job in await idle.jobs() if job.id == lost.id]
        assert state is JobState.CANCELLED


async def test_f51_the_same_interaction_twice_is_one_request_and_one_answer(house: DiscordHouse) -> None:
    asked = await house.imagine()
    await house.discord.human.repeat(asked)
    await house.discord.human.repeat(asked)
    await house.settled()
    assert len(await house.jobs()) == 1
    assert len(house.discord.calls("POST", "/callback")) == 1


async def test_f14_two_processes_on_one_token_answer_once(house: DiscordHouse) -> None:
    stop = asyncio.Event()
    second = asyncio.create_task(serve(house.desk, house.setup, stop))
    await house.discord.gateway.until("identified", 2)
    await house.imagine()
    await house.settled()
    stop.set()
    await second
    assert len(await house.jobs()) == 1
    assert [call.status for call in house.discord.calls("POST", "/callback")] == [200]


async def test_a_store_that_is_too_slow_says_busy_in_time_and_charges_nothing(house: DiscordHouse) -> None:
    blocker = sqlite3.connect(house.core.folder / "imagine.db", isolation_level=None, timeout=60)
    blocker.execute("BEGIN IMMEDIATE")
    asked = await house.discord.human.slash(house.ada, house.room, "imagine", prompt="a red fox")
    await asked.reply(3)
    assert asked.private
    assert asked.latency < 2.5
    blocker.execute("ROLLBACK")
    blocker.close()
    await asyncio.sleep(0.5)
    assert house.with_pictures() == []
    assert await charged(house) == 0


# -- the gateway


@pytest.mark.parametrize("how", ["cut", "op 7", "op 9 resumable"])
async def test_f40_a_request_made_during_a_gap_is_answered_after_the_resume(house: DiscordHouse, how: str) -> None:
    gateway = house.discord.gateway
    await {"cut": _cut, "op 7": _op7, "op 9 resumable": _op9}[how](house)
    await house.imagine()
    await house.settled()
    assert (gateway.resumed, gateway.identified) == (1, 1)


async def _cut(house: DiscordHouse) -> None:
    house.discord.gateway.cut()


async def _op7(house: DiscordHouse) -> None:
    await house.discord.gateway.reconnect()


async def _op9(house: DiscordHouse) -> None:
    await house.discord.gateway.invalidate(resumable=True)


async def test_f41_a_lost_session_identifies_anew_and_running_requests_go_on(idle: DiscordHouse) -> None:
    await idle.imagine()
    await idle.discord.gateway.invalidate(resumable=False)
    async with idle.working():
        await idle.settled()
    assert len(idle.with_pictures()) == 1
    await idle.discord.gateway.until("identified", 2)
    await idle.imagine(prompt="a blue fox")


async def test_f42_a_silent_connection_is_resumed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adapters.chat.discord.client.ZOMBIE_SECONDS", 0.4)
    async with open_discord_house(tmp_path) as house:
        house.discord.gateway.heartbeat_ms = 100
        async with house.connected():
            house.discord.gateway.deaf = True
            await house.discord.gateway.until("resumed", 1)
            house.discord.gateway.deaf = False
            await house.imagine()
        assert set(house.discord.gateway.close_codes) & {1000, 1001} <= {1000}


async def test_a_gateway_of_ones_own_serves_every_connection_resumes_too(tmp_path: Path) -> None:
    async with open_discord_house(tmp_path) as house:
        house.discord.rest.advertised = house.discord.gateway.advertised = "ws://127.0.0.1:9/"
        async with house.working(), house.connected():
            house.discord.gateway.cut()
            await house.imagine()
            assert house.discord.gateway.resumed == 1


async def test_each_shard_hears_its_guilds(tmp_path: Path) -> None:
    async with open_discord_house(tmp_path) as house:
        house.discord.rest.shards = 2
        other = house.guild
        while (other.id ^ house.guild.id) >> 22 & 1 == 0:
            house.discord.world.clock.offset += 0.001  # an id's time stamp chooses the shard
            other = house.discord.world.guild()
        house.discord.world.join(other, house.ada)
        room = house.discord.world.text_channel(other)
        async with house.working(), house.connected():
            await house.discord.gateway.until("identified", 2)
            await house.imagine()
            await house.imagine(house.ada, room)
            await house.settled(count=2)
        assert sorted(session.shard for session in house.discord.gateway.sessions.values()) == [0, 1]


async def test_the_process_survives_a_malformed_event(house: DiscordHouse) -> None:
    await house.discord.human.malformed(house.room)
    await house.discord.gateway.until("identified", 2)
    await house.imagine()
    await house.settled()
    assert len(house.with_pictures()) == 1


async def test_f12_stopping_closes_the_gateway_and_finishes_what_was_being_taken_in(tmp_path: Path) -> None:
    async with open_discord_house(tmp_path) as house:
        async with house.connected():
            gate = asyncio.Event()
            house.discord.faults.slow("POST", "/callback", gate)
            asked = await house.discord.human.slash(house.ada, house.room, "imagine", prompt="a red fox")
            await house.eventually(lambda: house.discord.calls("POST", "/callback"))
            asyncio.get_running_loop().call_later(0.3, gate.set)
        await asked.reply()
        [job] = await house.jobs()
        assert job.state is JobState.QUEUED
        assert house.discord.gateway.close_codes == [1000]


# -- the REST side during a delivery


@pytest.mark.parametrize("scope", ["user", "global", "shared", "cloudflare"])
async def test_f43_a_rate_limit_delays_a_result_and_loses_nothing(house: DiscordHouse, scope: str) -> None:
    house.discord.faults.rate_limit("PATCH", "/messages/", 0.2, scope=scope)
    await house.imagine()
    await house.settled(seconds=20)
    assert len(house.with_pictures()) == 1


async def test_f43_progress_is_dropped_under_a_rate_limit_and_the_result_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adapters.chat.discord.delivery.JUST_POSTED", 0.0)
    async with open_discord_house(tmp_path, [FakeBackend(seconds=0.5)]) as house, house.working(), house.connected():
        house.discord.faults.rate_limit("PATCH", "/messages/", 40, times=1)
        await house.imagine()
        [job] = await house.settled()
        assert job.state is JobState.DELIVERED
        assert house.core.recorder.named("progress_dropped")


@pytest.mark.parametrize("when", list(When))
@pytest.mark.parametrize("status", [0, 503])
async def test_f44_a_failing_result_edit_is_repeated_and_shows_one_set_of_pictures(
    house: DiscordHouse, when: When, status: int
) -> None:
    house.discord.faults.order("PATCH", "/messages/", status, when=when, times=2)
    await house.imagine(count=3)
    await house.settled(seconds=20)
    [result] = house.with_pictures()
    assert len(result.attachments) == 3
    assert len(house.thread(house.shown()[0]).shown()) == 1


@pytest.mark.parametrize("when", list(When))
async def test_f44_a_failing_thread_or_status_message_is_made_by_the_delivery(house: DiscordHouse, when: When) -> None:
    for path in ("/threads", "/messages$"):
        house.discord.faults.order("POST", path, 0, when=when)
        await house.imagine()
        await house.settled(count=1 if path == "/threads" else 2)
    for placeholder in house.shown():
        [result] = house.thread(placeholder).shown()
        assert len(result.attachments) == 1


async def test_f45_a_token_that_is_refused_leads_to_a_direct_message_and_is_not_tried_again(idle: DiscordHouse) -> None:
    elsewhere = idle.discord.world.guild("not ours", bot=False)
    idle.discord.world.join(elsewhere, idle.ada)
    room = idle.discord.world.text_channel(elsewhere)
    asked = await idle.discord.human.installed_slash(idle.ada, room, "imagine", prompt="a red fox")
    await asked.reply()
    asked.expired = True
    async with idle.working():
        await idle.settled()
    assert len(idle.discord.world.dm(idle.ada).shown()[0].attachments) == 1
    assert len([call for call in idle.discord.calls("PATCH", "@original") if call.status == 401]) == 1


# -- the place is gone, or closed


def thread_of(house: DiscordHouse) -> Channel:
    return house.thread(house.shown()[0])


def archive(house: DiscordHouse) -> None:
    thread_of(house).archived = True


def lock(house: DiscordHouse) -> None:
    thread_of(house).archived = thread_of(house).locked = True


def delete_status(house: DiscordHouse) -> None:
    thread_of(house).messages.clear()


def delete_thread(house: DiscordHouse) -> None:
    thread_of(house).deleted = True


def delete_placeholder(house: DiscordHouse) -> None:
    delete_thread(house)
    house.room.messages.clear()


def delete_channel(house: DiscordHouse) -> None:
    house.room.deleted = True


def kick(house: DiscordHouse) -> None:
    house.discord.world.leave(house.guild)


def forbid_files(house: DiscordHouse) -> None:
    house.room.denied[house.guild.id] = Permission.ATTACH_FILES


def hide(house: DiscordHouse) -> None:
    house.room.denied[house.guild.id] = Permission.VIEW_CHANNEL


@pytest.mark.parametrize(
    ("fault", "where"),
    [
        (archive, "thread"),
        (delete_status, "thread"),
        (lock, "channel"),
        (delete_thread, "channel"),
        (delete_placeholder, "channel"),
        (delete_channel, "direct"),
        (kick, "direct"),
        (forbid_files, "direct"),
        (hide, "direct"),
    ],
)
async def test_f47_the_pictures_find_another_way(
    idle: DiscordHouse, fault: Callable[[DiscordHouse], None], where: str
) -> None:
    await idle.imagine()
    await idle.status()
    thread = thread_of(idle)
    fault(idle)
    async with idle.working():
        [job] = await idle.settled()
    assert job.state is JobState.DELIVERED
    [result] = idle.with_pictures()
    everywhere = [thread, idle.room, idle.discord.world.dm(idle.ada)]
    assert not [each for place in everywhere for each in place.shown() if each.content == "The pictures are ready."]
    places = {"thread": thread, "channel": idle.room, "direct": idle.discord.world.dm(idle.ada)}
    assert result.channel == places[where].id


async def test_f47_the_buttons_of_a_result_in_a_direct_message_are_its_owners(idle: DiscordHouse) -> None:
    await idle.imagine()
    await idle.status()
    hide(idle)
    human = idle.discord.human
    async with idle.working():
        [job] = await idle.settled()
        [result] = idle.with_pictures()
        assert result.channel == idle.discord.world.dm(idle.ada).id
        await (await human.click(idle.ada, result, "Again")).reply()
        again, _ = await idle.settled(count=2)
        assert (again.request.prompt, again.origin.place.private) == (job.request.prompt, True)
        opened = await human.click(idle.ada, result, "Vary")
        assert (await opened.reply())["type"] == 9
        await (await human.submit(opened, prompt="a blue fox")).reply()
        await idle.settled(count=3)
        foreign = Message(1, idle.discord.world.dm(idle.bob).id, idle.discord.world.bot)
        for button in buttons(result):
            pressed = await human.press(idle.bob, foreign, button["custom_id"])
            await pressed.reply()
            assert pressed.private or button["label"] == "Report"
        assert len(result.attachments) == 1
        await (await human.click(idle.ada, result, "Delete")).reply()
        assert result.attachments == []


@pytest.mark.parametrize("when", list(When))
@pytest.mark.parametrize("method", ["POST", "PATCH"])
async def test_f44_a_direct_message_that_breaks_off_is_repeated_and_shows_one_set_of_pictures(
    idle: DiscordHouse, when: When, method: str
) -> None:
    await idle.imagine()
    await idle.status()
    delete_channel(idle)
    private = idle.discord.world.dm(idle.ada)
    idle.discord.faults.drop(method, f"/channels/{private.id}/", when=when)
    async with idle.working():
        await idle.settled()
    [result] = private.shown()
    assert len(result.attachments) == 1


async def test_f47_where_no_way_is_left_it_is_refunded_and_kept_for_the_status_command(idle: DiscordHouse) -> None:
    await idle.imagine(prompt="a lonely fox")
    await idle.status()
    idle.ada.dms_open = False
    delete_channel(idle)
    async with idle.working():
        [job] = await idle.settled()
    assert job.state is JobState.UNDELIVERABLE
    assert await charged(idle) == 0
    other = idle.discord.world.text_channel(idle.guild, "other")
    asked = await idle.discord.human.slash(idle.ada, other, "imagine-status")
    await asked.reply()
    await idle.eventually(lambda: asked.followups)
    [kept] = asked.followups
    assert kept.audience == idle.ada.id
    assert len(kept.attachments) == 1


async def test_f68_a_picture_whose_file_is_gone_is_refunded_and_the_person_told(idle: DiscordHouse) -> None:
    await idle.imagine()
    await idle.status()
    gate = asyncio.Event()
    idle.discord.faults.order("PATCH", "/messages/", 503)
    idle.discord.faults.slow("PATCH", "/messages/", gate)
    async with idle.working():
        await idle.eventually(lambda: idle.discord.calls("PATCH", "/messages/"))
        for file in (idle.core.folder / "images").rglob("*"):
            if file.is_file():
                file.unlink()
        gate.set()
        [job] = await idle.settled()
    assert job.state is JobState.UNDELIVERABLE
    assert await charged(idle) == 0


async def test_a_failure_is_told_in_the_thread_too(tmp_path: Path) -> None:
    backend = FakeBackend(plan=[Rejected("451")])
    async with open_discord_house(tmp_path, [backend]) as house, house.working(), house.connected():
        await house.imagine()
        [job] = await house.settled()
        assert job.state is JobState.REJECTED
        assert "refused" in (await house.status()).content
        assert await charged(house) == 0


# -- size


def big_png() -> bytes:
    """About 800 kB of noise, which no format without loss makes smaller."""
    out = io.BytesIO()
    Image.frombytes("RGB", (512, 512), random.Random(1).randbytes(512 * 512 * 3)).save(out, "PNG")
    return out.getvalue()


async def test_f48_a_picture_over_the_limit_is_made_smaller_and_the_person_is_told(tmp_path: Path) -> None:
    async with open_discord_house(tmp_path, [FakeBackend(plan=[Drawn((big_png(), png()), (1, 2))])]) as house:
        house.guild.upload_limit = 400_000
        async with house.working(), house.connected():
            await house.imagine(count=2)
            await house.settled(seconds=30)
            [result] = house.with_pictures()
            assert all(attachment["size"] <= 400_000 for attachment in result.attachments)
            assert len(result.attachments) == 2
            assert "smaller" in result.content


async def test_f48_a_limit_that_fell_since_is_met_by_trying_smaller(tmp_path: Path) -> None:
    async with open_discord_house(tmp_path, [FakeBackend(plan=[Drawn((big_png(),), (1,))])]) as house:
        house.guild.upload_limit = 2_000_000
        async with house.connected():
            await house.imagine()
            await house.status()
            house.guild.upload_limit = 300_000
            async with house.working():
                await house.settled(seconds=40)
            [result] = house.with_pictures()
            assert result.attachments[0]["size"] <= 300_000


# -- the token


async def test_f50_a_revoked_token_stops_all_calls_keeps_the_queue_and_alerts_once(idle: DiscordHouse) -> None:
    await idle.imagine()
    await idle.status()
    idle.discord.rest.revoked = True
    before = len(idle.discord.rest.calls)
    async with idle.working():
        await asyncio.sleep(3)
    refused = [call for call in idle.discord.rest.calls[before:] if call.status == 401]
    assert len(refused) == 1
    [job] = await idle.jobs()
    assert job.state in (JobState.DRAWN, JobState.DELIVERING)
    assert [event["text"] for event in idle.core.recorder.named("alert")] == ["discord_token_refused"]


async def test_f50_a_wrong_token_at_the_start_is_tried_once(tmp_path: Path) -> None:
    async with open_discord_house(tmp_path) as house:
        stop = asyncio.Event()
        task = asyncio.create_task(serve(house.desk, replace(house.setup, token="wrong"), stop))
        await asyncio.sleep(1)
        stop.set()
        await task
        assert len(house.discord.rest.calls) == 1


async def test_f49_near_the_ban_for_refused_calls_only_results_go(idle: DiscordHouse) -> None:
    await idle.imagine()
    await idle.status()
    idle.chat.rest._invalid.extend([time.monotonic()] * 5000)
    [job] = await idle.jobs()
    before = len(idle.discord.calls("PATCH"))
    await idle.chat.progress(job, 7, 30.0, None)
    assert len(idle.discord.calls("PATCH")) == before
    async with idle.working():
        await idle.settled()
    assert len(idle.with_pictures()) == 1
