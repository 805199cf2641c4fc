"""From an interaction to a queued job: stored, then acknowledged to Discord, then given its thread, then queued.

The acknowledgement is the public placeholder itself (or the private refusal): one call, whose answer names
the message.
"""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any

import aiohttp
import discord

from adapters.chat.discord import reading, rows, text
from adapters.chat.discord.address import Address, nonce
from adapters.chat.discord.delivery import DiscordChat
from adapters.chat.discord.marks import Marks
from adapters.chat.discord.reading import Interaction
from adapters.chat.discord.rest import NO_MENTIONS, Body, Closed
from bot import replies
from bot.answering import AnswersFirst
from bot.errors import ChatBusy, Refused, StoreError
from bot.model import Job, Origin, Problem, Ticket
from bot.ports import Observer
from bot.studio import SLOWEST_COMMIT, Studio, is_withheld
from bot.under_way import UnderWay

SLOWEST_ANSWER = 2.7
"""Seconds from the event's arrival; a lost answer is looked for after that."""

THREAD_SECONDS = 1.5
"""A thread that takes longer to make does not hold the request up: the delivery finds or makes it."""

UNKNOWN_INTERACTION = 10062
PRIVATE: Mapping[str, Any] = {"ephemeral": True, "allowed_mentions": NO_MENTIONS, "suppress_embeds": True}

Submit = Callable[[Origin], Awaitable[Ticket]]


@dataclass(frozen=True, slots=True)
class Asked:
    """An interaction on its way, and when it arrived (monotonic seconds)."""

    interaction: Interaction
    address: Address
    began: float


class Desk:
    """Takes requests in. ``seal`` hides an interaction's token for the store."""

    def __init__(
        self,
        studio: Studio,
        chat: DiscordChat,
        marks: Marks,
        seal: Callable[[str], str],
        observer: Observer,
        *,
        threads: bool = True,
    ) -> None:
        self.studio, self.chat, self.marks = studio, chat, marks
        self.observer = observer
        self._seal, self._threads = seal, threads
        self._late: set[asyncio.Task[None]] = set()
        self._at_work = UnderWay()
        self._answers = AnswersFirst()
        self.stopping = False

    # -- its life

    def at_work(self) -> AbstractContextManager[None]:
        return self._at_work.one()

    async def drain(self, seconds: float) -> None:
        """Takes nothing new, and waits for what is between storing and acknowledging."""
        self.stopping = True
        await self._at_work.over(seconds)

    # -- asking

    async def ask(self, interaction: Interaction, submit: Submit) -> None:
        """Never raises for what a person or Discord can cause."""
        began = time.monotonic()
        with self.at_work():
            problem = reading.objection(interaction)
            if self.stopping:
                problem = Problem("chat_stopping")
            if problem is not None:
                await self.private(interaction, replies.problem(problem))
                return
            address = reading.address(interaction, self._seal(interaction.token), threads=self._threads)
            asked = Asked(interaction, address, began)
            with self._answers.answering():
                ticket = await self._submitted(interaction, submit, reading.origin(interaction, address))
                if ticket is None or not ticket.fresh:
                    return
                message = await self._answer(asked, ticket.job)
            if message is None:
                await self._given_back(ticket.job.id)
                return
            await self._answers.all_answered()
            await self._acknowledged(ticket.job, replace(asked.address, placeholder=message))

    async def _submitted(self, interaction: Interaction, submit: Submit, origin: Origin) -> Ticket | None:
        """None: the person was told why not."""
        task = asyncio.ensure_future(submit(origin))
        await asyncio.wait({task}, timeout=SLOWEST_COMMIT)
        try:
            if task.done():
                return task.result()
            task.add_done_callback(self._withdraw)
            await self.private(interaction, replies.say("store_busy"))
        except Refused as refused:
            await self.refuse(interaction, refused)
        except StoreError as error:
            self.observer.event("store_error", detail=str(error))
            await self.private(interaction, replies.say("store_busy"))
        return None

    def _withdraw(self, late: "asyncio.Future[Ticket]") -> None:
        """It was stored after the person had been told that it would not be."""
        if not late.cancelled() and late.exception() is None and late.result().fresh:
            task = asyncio.ensure_future(self._given_back(late.result().job.id))
            self._late.add(task)
            task.add_done_callback(self._late.discard)

    async def _given_back(self, job_id: str) -> None:
        with self.at_work(), contextlib.suppress(StoreError):
            await self.studio.unacknowledged(job_id)

    async def _acknowledged(self, job: Job, placed: Address) -> None:
        address = await self._with_status(job, placed)
        queued = await self._queued(job.id, address)
        if queued is not None and queued.position is not None and queued.position > 1:
            told = replace(queued.job, origin=replace(queued.job.origin, address=address.stored()))
            await self.chat.progress(told, queued.position, queued.eta_seconds, None)

    async def _queued(self, job_id: str, address: Address) -> Ticket | None:
        """None: the store would not take it; within a minute or two it is cancelled, and the person told."""
        for pause in (0.2, 1.0, 5.0, 20.0, None):
            try:
                return await self.studio.acknowledged(job_id, address.stored())
            except StoreError as error:
                self.observer.event("store_error", job=job_id, detail=str(error))
                if pause is not None:
                    await asyncio.sleep(pause)
        return None

    # -- the answer

    async def _answer(self, asked: Asked, job: Job) -> str | None:
        """The placeholder's id; None: Discord did not take it, so the person saw an error."""
        held = is_withheld(job)
        shown = text.placeholder(None if held else job.request.prompt, job.request.count)
        elsewhere = asked.address.wants_thread and not held
        more: dict[str, Any] = {} if elsewhere else {"view": rows.waiting_row(self.marks, job.id)}
        try:
            async with asyncio.timeout(max(0.1, SLOWEST_ANSWER - (time.monotonic() - asked.began))):
                answer = await asked.interaction.response.send_message(
                    shown, allowed_mentions=NO_MENTIONS, suppress_embeds=True, **more
                )
        except discord.HTTPException as error:
            if error.code == UNKNOWN_INTERACTION:
                self.observer.event("discord_too_late", job=job.id)
                return None
            return await self._found(asked.interaction, job)
        except (aiohttp.ClientError, OSError, TimeoutError):
            return await self._found(asked.interaction, job)
        return str(answer.message_id) if answer.message_id else await self._found(asked.interaction, job)

    async def _found(self, interaction: Interaction, job: Job) -> str | None:
        """The answer's answer was lost, or the library's own second try was told 40060: did the first one arrive?"""
        self.observer.event("discord_answer_lost", job=job.id)
        for pause in (0.5, 1.0, 2.0, 4.0):
            try:
                return await self.chat.rest.original(str(interaction.application_id), interaction.token)
            except ChatBusy:
                await asyncio.sleep(pause)
            except Closed:
                return None
        return None

    async def _with_status(self, job: Job, address: Address) -> Address:
        """With the message that will show the progress and the pictures, as far as it could be made in time."""
        if not address.wants_thread:
            return replace(address, room=address.channel, status=address.placeholder)
        if is_withheld(job):
            return address
        try:
            async with asyncio.timeout(THREAD_SECONDS):
                thread = await self.chat.open_thread(job, address)
                body = Body(text.waiting(None, None), rows.waiting_row(self.marks, job.id))
                status = await self.chat.rest.send(thread, body, nonce(job.id, "thread"))
        except Closed as error:
            self.observer.event("discord_no_thread", job=job.id, detail=str(error))
            return replace(address, room=address.channel, status=address.placeholder)
        except (ChatBusy, TimeoutError) as error:
            self.observer.event("discord_slow_thread", job=job.id, detail=str(error))
            return address
        return replace(address, room=thread, status=status)

    # -- saying something to one person

    async def refuse(self, interaction: Interaction, refused: Refused) -> None:
        """With `Appeal` where a decision is behind it."""
        view = rows.appeal_row(self.marks, refused.decision) if refused.decision else None
        await self.private(interaction, text.refusal(refused), view)

    async def private(self, interaction: Interaction, words: str, view: discord.ui.View | None = None) -> None:
        """Only the person who asked reads it. Never raises."""
        below: dict[str, Any] = {"view": view} if view else {}
        try:
            if interaction.response.is_done():
                await interaction.followup.send(words, **PRIVATE, **below)
            else:
                await interaction.response.send_message(words, **PRIVATE, **below)
        except (discord.HTTPException, aiohttp.ClientError, OSError, TimeoutError) as error:
            self.observer.event("discord_reply_lost", detail=str(error))
