"""DiscordReviewRoom: what moderators and the people they decided about are shown. REST only, as the delivery is.

An item is posted under a nonce, remembered, and edited from then on:

    the review channel -> the owner, by direct message -> the system channel, without any words of the request
"""

import dataclasses
import hashlib
from collections.abc import Iterator, Mapping

import discord

from adapters.chat.discord import cases, rows
from adapters.chat.discord.address import DEFAULT_UPLOAD_LIMIT, Address, nonce
from adapters.chat.discord.delivery import DiscordChat
from adapters.chat.discord.marks import Marks
from adapters.chat.discord.rest import Blocked, Body, Closed, Upload
from bot import replies
from bot.conduct import DECIDED, Case, Notice
from bot.errors import ChatGone
from bot.model import Settled
from bot.ports_moderation import Remember

REVIEW, OWNER, NOTICE = "review", "owner", "notice"
"""What a message of an item is: with buttons, for the owner to read, or only a hint that something waits."""


class DiscordReviewRoom:
    """Implements `bot.ports_moderation.ReviewRoom`."""

    def __init__(self, chat: DiscordChat, marks: Marks) -> None:
        self._chat, self._rest, self._marks = chat, chat.rest, marks

    # -- items

    async def announce(self, case: Case, channel: str, address: Mapping[str, str], remember: Remember) -> None:
        known = "message" in address
        if known and (await self._brought_up_to_date(case, address) or case.item.state in DECIDED):
            return
        times = int(address.get("times", "0")) + 1
        posted = await self._posted(case, channel, nonce(case.item.id, f"c{times}"))
        await remember({**posted, "times": str(times)})

    async def _brought_up_to_date(self, case: Case, address: Mapping[str, str]) -> bool:
        """False: its message is gone, or out of reach. Previews stay while there is something to see."""
        body = Body(self._text(case, address), self._row(case, address))
        try:
            await self._rest.edit(address["channel"], address["message"], body, keep_files=bool(case.pictures))
        except Blocked:
            wordless = dataclasses.replace(body, content=cases.text_without_words(case))
            await self._rest.edit(address["channel"], address["message"], wordless, keep_files=True)
        except Closed:
            return False
        return True

    def _text(self, case: Case, address: Mapping[str, str]) -> str:
        match address.get("kind"):
            case "owner":
                return cases.text_for_owner(case, address.get("guild", ""))
            case "notice":
                return replies.say("discord_case_elsewhere")
            case _:
                return cases.text_of(case)

    def _row(self, case: Case, address: Mapping[str, str]) -> discord.ui.View | None:
        return cases.row_of(self._marks, case) if address.get("kind", REVIEW) == REVIEW else None

    async def _posted(self, case: Case, channel: str, once: str) -> Mapping[str, str]:
        """Where it went. Raises ChatBusy; ChatGone where nobody of this community can be reached."""
        refusals = list[str]()
        if channel:
            try:
                return await self._in_review_channel(case, channel, once)
            except Closed as error:
                refusals.append(str(error))
        try:
            return await self._outside(case, once)
        except Closed as error:
            refusals.append(str(error))
        raise ChatGone("; ".join(refusals))

    async def _in_review_channel(self, case: Case, channel: str, once: str) -> Mapping[str, str]:
        """Without previews or words where those are what is refused."""
        refused = Closed()
        for body in self._bodies(case, await self._previews(case)):
            try:
                return {"kind": REVIEW, "channel": channel, "message": await self._rest.send(channel, body, once)}
            except Closed as error:
                refused = error
                if not body.uploads and not isinstance(error, Blocked):
                    break
        raise refused

    def _bodies(self, case: Case, uploads: tuple[Upload, ...]) -> Iterator[Body]:
        view = cases.row_of(self._marks, case)
        if uploads:
            yield Body(cases.text_of(case), view, uploads)
        yield Body(cases.text_of(case), view)
        yield Body(cases.text_without_words(case), view)

    async def _previews(self, case: Case) -> tuple[Upload, ...]:
        """Covered until somebody clicks."""
        if case.job is None or not case.pictures or case.item.hard:
            return ()
        shown = tuple(dataclasses.replace(picture, hidden=False) for picture in case.pictures)
        try:
            uploads = await self._chat.uploads(Settled(case.job, shown), Address(upload_limit=DEFAULT_UPLOAD_LIMIT))
        except ChatGone:
            return ()
        return tuple(dataclasses.replace(each, name=f"SPOILER_{each.name}") for each in uploads)

    async def _outside(self, case: Case, once: str) -> Mapping[str, str]:
        """Row F78. Nothing is decided here, and nothing passes meanwhile."""
        platform, _, number = case.item.tenant.partition(":")
        if platform != "discord" or not number.isdigit():
            raise Closed("there are no moderators in direct messages")
        guild = await self._rest.guild(number)
        name = str(guild.get("name", ""))
        try:
            room = await self._rest.open_dm(str(guild["owner_id"]))
            message = await self._rest.send(room, Body(cases.text_for_owner(case, name)), once)
        except Closed:
            room = str(guild.get("system_channel_id") or "")
            if not room:
                raise
            message = await self._rest.send(room, Body(replies.say("discord_case_elsewhere")), once)
            return {"kind": NOTICE, "channel": room, "message": message}
        return {"kind": OWNER, "channel": room, "message": message, "guild": name}

    # -- what was decided

    async def revise(self, settled: Settled, address: Mapping[str, str], remember: Remember) -> None:  # noqa: ARG002 - as the port has it
        await self._chat.reshow(settled)

    async def notify(self, notice: Notice) -> None:
        view = rows.appeal_row(self._marks, notice.decision) if notice.decision else None
        digest = hashlib.sha256(notice.text.encode()).hexdigest()[:4]
        try:
            room = await self._rest.open_dm(notice.person.removeprefix("discord:user:"))
            await self._rest.send(room, Body(notice.text, view), nonce(notice.id, digest))
        except Closed as error:
            raise ChatGone(str(error)) from error
