"""`/imagine-history`: what a person asked for, for their eyes only, a page at a time.

The small picture is the one in the result's own message, asked for now: Discord's addresses of files run out.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import aiohttp
import discord

from adapters.chat.discord import reading, rows, text
from adapters.chat.discord.address import Address
from adapters.chat.discord.asking import Desk
from adapters.chat.discord.reading import Interaction
from adapters.chat.discord.rest import NO_MENTIONS, Closed
from bot import replies, wording
from bot.errors import ChatBusy, StoreError
from bot.model import FINAL_STATES, JobState, Settled

PAGE = 5
LONGEST_PROMPT, LONGEST_RECORD = 400, 400


@dataclass(frozen=True, slots=True)
class Entry:
    settled: Settled
    thumbnail: str = ""


async def command(desk: Desk, interaction: Interaction) -> None:
    await _page(desk, interaction, float("inf"))


async def older(desk: Desk, interaction: Interaction, before: str) -> None:
    """The button of a page: those asked for before its last one. ``before``: microseconds since 1970."""
    await _page(desk, interaction, int(before) / 1e6)


async def _page(desk: Desk, interaction: Interaction, before: float) -> None:
    """Acknowledged first, since Discord is asked for every picture."""
    try:
        await interaction.response.defer(ephemeral=True, thinking=True)
        try:
            found = await desk.studio.past(reading.person(interaction), PAGE + 1, before)
        except StoreError:
            await interaction.edit_original_response(content=replies.say("store_busy"))
            return
        entries = await asyncio.gather(*(_entry(desk, settled) for settled in found[:PAGE]))
        await _show(desk, interaction, entries, more=len(found) > PAGE)
    except (discord.HTTPException, aiohttp.ClientError, OSError, TimeoutError) as error:
        desk.observer.event("discord_reply_lost", detail=str(error))


async def _show(desk: Desk, interaction: Interaction, entries: Sequence[Entry], *, more: bool) -> None:
    if not entries:
        await interaction.edit_original_response(content=replies.say("chat_no_history"))
        return
    again = {number: entry.settled.job.id for number, entry in enumerate(entries, 1) if _may_be_drawn_again(entry)}
    last = int(entries[-1].settled.job.created_at * 1e6)
    await interaction.edit_original_response(
        embeds=[_embed(number, entry) for number, entry in enumerate(entries, 1)],
        view=rows.history_rows(desk.marks, again, str(last) if more else ""),
        allowed_mentions=NO_MENTIONS,
    )


def _may_be_drawn_again(entry: Entry) -> bool:
    state = entry.settled.job.state
    return state in FINAL_STATES and state is not JobState.REJECTED


def _embed(number: int, entry: Entry) -> discord.Embed:
    """People's words stand in code blocks, where nothing is parsed."""
    job = entry.settled.job
    head = f"**{number}** · <t:{int(job.created_at)}:R>{_link(entry.settled)}"
    words = (text.block(job.request.prompt, LONGEST_PROMPT), text.block(wording.record(entry.settled), LONGEST_RECORD))
    embed = discord.Embed(description="\n".join([head, *words]))
    if entry.thumbnail:
        embed.set_thumbnail(url=entry.thumbnail)
    return embed


def _link(settled: Settled) -> str:
    """To the message with the pictures."""
    job, address = settled.job, Address.read(settled.job.origin.address)
    if job.state is not JobState.DELIVERED or not address.status:
        return ""
    guild = "@me" if job.origin.place.private else job.origin.place.tenant.removeprefix("discord:")
    link = f"https://discord.com/channels/{guild}/{address.room}/{address.status}"
    return f" · [{replies.say('discord_message_link')}]({link})"


async def _entry(desk: Desk, settled: Settled) -> Entry:
    """Without the picture where it is covered or out of reach, or where the message does not show what is stored."""
    address = Address.read(settled.job.origin.address)
    if not settled.pictures or not address.status or address.by_token or address.spoiler:
        return Entry(settled)
    try:
        files = await desk.chat.rest.files(address.room, address.status)
    except (Closed, ChatBusy):
        return Entry(settled)
    return Entry(settled, files[0] if len(files) == len(settled.pictures) else "")
