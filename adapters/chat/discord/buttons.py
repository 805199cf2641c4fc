"""What a click and a sent form do. Who may do it is looked up now, in the store; the message proves nothing."""

import time
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

import aiohttp
import discord

from adapters.chat.discord import forms, history, reading, rows
from adapters.chat.discord.asking import Desk
from adapters.chat.discord.reading import Interaction
from adapters.chat.discord.rest import NO_MENTIONS
from bot import replies
from bot.errors import Refused, StoreError
from bot.model import FINAL_STATES, Person, Place
from bot.recent import DOUBLE_CLICK, Lately
from bot.wording import RESULT, Button

Handler = Callable[[Interaction, str], Awaitable[None]]

Report = Callable[[Person, Place, str, str], Awaitable[bool]]
"""Who, where, which request, and why; False: they reported it before. Raises Refused, StoreError."""

class Buttons:
    """``more`` and ``more_forms`` are those of other parts, such as the review channel's, by their action."""

    def __init__(
        self,
        desk: Desk,
        report: Report,
        more: Mapping[str, Handler] | None = None,
        more_forms: Mapping[str, Handler] | None = None,
    ) -> None:
        self._desk, self._studio, self._report_to = desk, desk.studio, report
        self._pressed = Lately(DOUBLE_CLICK)
        self._handlers: dict[str, Handler] = {
            Button.CANCEL: self._cancel,
            Button.AGAIN: self._again,
            Button.VARY: self._vary,
            Button.REPORT: self._report,
            Button.DELETE: self._delete,
            rows.OLDER: partial(history.older, desk),
            **(more or {}),
        }
        self._forms: dict[str, Handler] = {
            forms.VARY: self._varied,
            forms.REPORT: self._reported,
            **(more_forms or {}),
        }

    async def pressed(self, interaction: Interaction) -> None:
        await self._handled(interaction, self._handlers)

    async def submitted(self, interaction: Interaction) -> None:
        await self._handled(interaction, self._forms)

    async def _handled(self, interaction: Interaction, handlers: Mapping[str, Handler]) -> None:
        """Never raises. An id that is not ours, or no more, is answered too (BAD_INPUT S24)."""
        mark = self._desk.marks.read(custom_id(interaction))
        handler = handlers.get(mark.action) if mark else None
        if mark is None or handler is None:
            await self._desk.private(interaction, replies.say("chat_expired"))
            return
        with self._desk.at_work():
            try:
                await self._tried(interaction, handler(interaction, mark.subject))
            except (discord.HTTPException, aiohttp.ClientError, OSError) as error:
                self._desk.observer.event("discord_reply_lost", detail=str(error))
            except Exception as error:  # noqa: BLE001 - a click is never without an answer
                self._desk.observer.event("alert", text="discord_click_failed", detail=repr(error))
                await self._desk.private(interaction, replies.say("chat_failed"))

    async def _tried(self, interaction: Interaction, work: Awaitable[None]) -> None:
        try:
            await work
        except Refused as refused:
            await self._desk.refuse(interaction, refused)
        except StoreError as error:
            self._desk.observer.event("store_error", detail=str(error))
            await self._desk.private(interaction, replies.say("store_busy"))

    def _is_double(self, interaction: Interaction, what: str) -> bool:
        return self._pressed.again((interaction.user.id, what), time.monotonic())

    # -- on a request

    async def _cancel(self, interaction: Interaction, job_id: str) -> None:
        job = await self._studio.cancel(reading.person(interaction), reading.place(interaction), job_id)
        code = "chat_cancelled" if job.state in FINAL_STATES else "chat_cancelling"
        await self._desk.private(interaction, replies.say(code))

    # -- on a result

    async def _again(self, interaction: Interaction, job_id: str) -> None:
        if self._is_double(interaction, f"again {job_id}"):
            await self._desk.private(interaction, replies.say("chat_already"))
            return
        await self.ask_again(interaction, job_id)

    async def ask_again(self, interaction: Interaction, job_id: str) -> None:
        key = f"discord:{interaction.id}"
        await self._desk.ask(interaction, lambda origin: self._studio.again(origin, job_id, key))

    async def _vary(self, interaction: Interaction, job_id: str) -> None:
        where, who = reading.place(interaction), reading.person(interaction)
        request = await self._studio.request_of(where, job_id, who)
        await interaction.response.send_modal(forms.vary_form(self._desk.marks, job_id, request))

    async def _varied(self, interaction: Interaction, _: str) -> None:
        given = forms.values(interaction.data)
        words = f"{given.get(forms.PROMPT, '')} {given.get(forms.OPTIONS, '')}"
        request = self._studio.read(words, {"negative_prompt": given.get(forms.NEGATIVE) or None})
        key = f"discord:{interaction.id}"
        await self._desk.ask(interaction, lambda origin: self._studio.submit(origin, request, key))

    async def _report(self, interaction: Interaction, job_id: str) -> None:
        await interaction.response.send_modal(forms.report_form(self._desk.marks, job_id))

    async def _reported(self, interaction: Interaction, job_id: str) -> None:
        reason = forms.values(interaction.data).get(forms.REASON, "")
        fresh = await self._report_to(reading.person(interaction), reading.place(interaction), job_id, reason)
        await self._desk.private(interaction, replies.say("chat_reported" if fresh else "report_only_one"))

    async def _delete(self, interaction: Interaction, job_id: str) -> None:
        await self._studio.delete(reading.person(interaction), reading.place(interaction), job_id)
        await interaction.response.edit_message(
            content=replies.say("chat_deleted"), attachments=[], view=None, allowed_mentions=NO_MENTIONS
        )


def custom_id(interaction: Interaction) -> str:
    data: Any = interaction.data
    return str((data or {}).get("custom_id", ""))


def shown_ids(message: discord.Message | None) -> set[str]:
    """The custom ids of the buttons a message has now."""
    if message is None:
        return set()
    found: set[str] = set()
    for part in message.components:
        inner: list[Any] = list(getattr(part, "children", []))
        found |= {str(child.custom_id) for child in inner if getattr(child, "custom_id", None)}
    return found


def job_of(message: discord.Message, desk: Desk) -> str | None:
    """The request that a message of ours is about."""
    for shown in shown_ids(message):
        mark = desk.marks.read(shown)
        if mark is not None and mark.action in RESULT:
            return mark.subject
    return None
