"""The private answers: what is waiting, what is set, and forgetting it all."""

from collections.abc import Sequence
from typing import Any

import aiohttp
import discord

from adapters.chat.discord import reading, text
from adapters.chat.discord.address import Address
from adapters.chat.discord.asking import Desk
from adapters.chat.discord.reading import Interaction
from adapters.chat.discord.rest import NO_MENTIONS, Upload
from bot import replies, wording
from bot.errors import ChatGone, Refused, StoreError
from bot.model import Settled
from bot.studio import Status


async def style(desk: Desk, interaction: Interaction, name: str) -> None:
    who, where = reading.person(interaction), reading.place(interaction)
    try:
        said = await desk.studio.style(who, where, name)
    except Refused as refused:
        said = "\n".join(replies.problem(each) for each in refused.problems)
    except StoreError:
        said = replies.say("store_busy")
    await desk.private(interaction, text.clip(said, text.MESSAGE))


async def status(desk: Desk, interaction: Interaction) -> None:
    who, where = reading.person(interaction), reading.place(interaction)
    try:
        found = await desk.studio.status(who, where)
        kept = await desk.studio.kept(who)
    except StoreError:
        await desk.private(interaction, replies.say("store_busy"))
        return
    await desk.private(interaction, text.clip(status_text(found, desk.chat.now()), text.MESSAGE))
    for settled in kept:
        await _hand_over(desk, interaction, settled)


def status_text(status: Status, now: float) -> str:
    lines = [wording.allowance(status)]
    if not status.active:
        lines.append(replies.say("chat_nothing_waits"))
    for job in status.active:
        standing = status.standings.get(job.id)
        if standing is None:
            state = wording.state(job)
        else:
            done_at = None if standing.eta_seconds is None else int(now + standing.eta_seconds)
            state = text.waiting(standing.position, done_at)
        lines.append(f"{state}\n{text.block(job.request.prompt, 100)}")
    return "\n".join(lines)


async def _hand_over(desk: Desk, interaction: Interaction, settled: Settled) -> None:
    """Pictures that could not be posted are shown to the one who asked for them."""
    address = Address(upload_limit=interaction.filesize_limit)
    try:
        files: Sequence[Upload] = await desk.chat.uploads(settled, address)
        await interaction.followup.send(
            f"{replies.say('discord_kept')}\n{text.block(settled.job.request.prompt, 200)}",
            files=[upload.file() for upload in files],
            ephemeral=True,
            allowed_mentions=NO_MENTIONS,
            suppress_embeds=True,
        )
    except (discord.HTTPException, aiohttp.ClientError, OSError, TimeoutError, ChatGone) as error:
        desk.observer.event("discord_reply_lost", detail=str(error))


async def forget(desk: Desk, interaction: Interaction) -> None:
    """Deleting files takes a while, so Discord is answered first."""
    try:
        await interaction.response.defer(ephemeral=True, thinking=True)
        await desk.studio.forget(reading.person(interaction))
        await _finish(interaction, replies.say("chat_forgotten"))
    except StoreError:
        await _finish(interaction, replies.say("store_busy"))
    except (discord.HTTPException, aiohttp.ClientError, OSError, TimeoutError) as error:
        desk.observer.event("discord_reply_lost", detail=str(error))


async def _finish(interaction: discord.Interaction[Any], words: str) -> None:
    await interaction.edit_original_response(content=words, allowed_mentions=NO_MENTIONS)
