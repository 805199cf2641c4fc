"""DiscordChat: how progress and results reach people. REST only; everything it needs is in the stored job.

A result is put into a message that exists and is known by its id, so repeating it changes nothing. Where such a message
has to be made first, it is made without pictures, under a nonce, and remembered before the pictures go in.

    the status message -> a new one in the thread -> the placeholder -> the channel -> a direct message -> kept
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any
from weakref import WeakValueDictionary

import discord

from adapters.chat.discord import rows, text
from adapters.chat.discord.address import DEFAULT_UPLOAD_LIMIT, Address, nonce
from adapters.chat.discord.marks import Marks
from adapters.chat.discord.parcels import REQUEST_LIMIT, SMALLEST, Fit, Packer, Parcel
from adapters.chat.discord.rest import Archived, Body, Closed, Missing, Rest, TooLarge, Upload
from bot import replies, wording
from bot.errors import ChatBusy, ChatGone
from bot.model import FINAL_STATES, Job, Progress, Settled
from bot.ports import Clock, Observer, Pictures, Remember
from bot.recent import Newest
from bot.studio import is_withheld

Open = Callable[[str], str | None]
"""A sealed token -> the token; None where it cannot be opened."""

BETWEEN_EDITS = 4.0
"""Seconds between two progress edits of one message; Discord takes about five edits in five seconds a channel."""

JUST_POSTED = 2.0
"""Seconds in which a request that is drawn quickly goes without a progress edit."""

SLOWEST_LOOK = 5.0
"""Seconds for finding out at the start whether an answer arrived; the bot waits for it."""

EDITS_AT_ONCE = 8
REMEMBERED = 10_000


@dataclass(frozen=True, slots=True)
class Errand:
    job: Job
    address: Address
    parcel: Parcel
    remember: Remember

    def at(self, **changes: Any) -> "Errand":
        return replace(self, address=replace(self.address, **changes))


Show = Callable[[Body], Awaitable[None]]
Way = Callable[[Errand], Awaitable[None]]


class DiscordChat:
    """Implements `bot.ports.Chat`."""

    platform = "discord"

    def __init__(
        self,
        rest: Rest,
        pictures: Pictures,
        fit: Fit,
        marks: Marks,
        open_sealed: Open,
        clock: Clock,
        observer: Observer,
    ) -> None:
        self.rest = rest
        self._packer, self._marks = Packer(pictures, fit), marks
        self._open, self._clock, self._observer = open_sealed, clock, observer
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._said = Newest[tuple[float, str]](REMEMBERED)
        self._settled = Newest[None](REMEMBERED)
        self._edits = asyncio.Semaphore(EDITS_AT_ONCE)

    # -- progress

    async def progress(
        self, job: Job, position: int | None, eta_seconds: float | None, progress: Progress | None
    ) -> None:
        done_at = None if eta_seconds is None else int(self._clock.now() + eta_seconds) // 10 * 10
        if progress is not None and self._clock.now() - job.acked_at < JUST_POSTED:
            return
        if progress is None:
            words = text.waiting(position, done_at)
        else:
            tenths = replace(progress, step=progress.step * 10 // max(1, progress.steps), steps=10)
            words = text.drawing(progress if progress.loading else tenths, done_at)
        try:
            await self._say(job, words)
        except (ChatBusy, Closed) as error:
            self._observer.event("progress_dropped", job=job.id, detail=str(error))
        except Exception as error:  # noqa: BLE001 - progress never fails a drawing
            self._observer.event("alert", text="progress_failed", job=job.id, detail=repr(error))

    async def _say(self, job: Job, words: str) -> None:
        at, last = self._said.get(job.id, (float("-inf"), ""))
        now = self._clock.monotonic()
        idle = self.rest.strained or self._edits.locked() or job.id in self._settled
        if idle or last == words or now - at < BETWEEN_EDITS:
            return
        self._said.keep(job.id, (now, words))
        address = Address.read(job.origin.address)
        header = self._header(job) if address.in_place else ""
        body = Body(text.lines(header, words), rows.waiting_row(self._marks, job.id))
        async with self._edits, self._turn(job.id):
            if job.id in self._settled:
                return
            if address.by_token:
                if token := self._token(address):
                    await self.rest.edit_original(address.application, token, body, keep_files=True)
            elif address.status:
                await self.rest.edit(address.room, address.status, body, keep_files=True)
            elif address.placeholder:
                whole = replace(body, content=text.lines(self._header(job), words))
                await self.rest.edit(address.channel, address.placeholder, whole, keep_files=True)

    def _turn(self, job_id: str) -> asyncio.Lock:
        """A progress edit that is under way is waited for: it must not land on top of the result."""
        return self._turns.setdefault(job_id, asyncio.Lock())

    # -- after a crash

    async def arrived(self, job: Job) -> Mapping[str, str] | None:
        """The address of a request whose public answer is there, though the crash came before it was stored (F03)."""
        address = Address.read(job.origin.address)
        token = self._token(address)
        if token is None:
            return None
        try:
            async with asyncio.timeout(SLOWEST_LOOK):
                message = await self.rest.original(address.application, token)
        except (Closed, ChatBusy, TimeoutError) as error:
            self._observer.event("discord_answer_lost", job=job.id, detail=str(error))
            return None
        placed = replace(address, placeholder=message)
        return (placed if address.wants_thread else replace(placed, room=address.channel, status=message)).stored()

    # -- results

    async def deliver(self, settled: Settled, remember: Remember) -> None:
        address = Address.read(settled.job.origin.address)
        errand = Errand(settled.job, address, self._parcel(settled, address), remember)
        self._settled.keep(settled.job.id, None)
        async with self._turn(settled.job.id):
            if await self._tried_unheard(errand):
                return
            if errand.parcel.spoiler and not address.spoiler:
                await remember({"spoiler": "1"})
            way = await self._through_the_chain(errand)
            if way != self._on_placeholder:
                await self._tidy_placeholder(errand)

    async def reshow(self, settled: Settled) -> None:
        """A delivered result as it is now, on its own message. Raises ChatBusy; ChatGone where that is out of reach."""
        job = settled.job
        address = Address.read(job.origin.address)
        errand = Errand(job, address, self._parcel(settled, address), _forget)
        refusals = list[str]()
        async with self._turn(job.id):
            for way in (self._on_status, self._by_token):
                try:
                    return await way(errand)
                except Closed as error:
                    refusals.append(str(error))
        raise ChatGone("; ".join(refusals))

    async def _through_the_chain(self, errand: Errand) -> Way:
        """Tries each way in turn; a place that refused once is not asked again, unless only a message was gone.

        The way that it went.
        """
        address, refusals, shut = errand.address, list[str](), set[str]()
        short = errand.job.review and not errand.parcel.pictures and not address.status
        ways: tuple[tuple[str, Way], ...] = (
            (address.room, self._on_status),
            ("", self._by_token),
            *([(address.channel, self._on_placeholder)] if short else []),
            (address.placeholder, self._in_thread),
            (address.channel, self._on_placeholder),
            (address.channel, self._in_channel),
            ("", self._in_dm),
        )
        for room, way in ways:
            if room in shut:
                continue
            try:
                await way(errand)
            except Closed as error:
                tried = str(error)
                refusals += [tried] if tried else []
                shut |= {room} if tried and room and not isinstance(error, Missing) else set()
                continue
            if refusals:
                detail = "; ".join(refusals)
                self._observer.event("delivery_fell_back", job=errand.job.id, to=way.__name__, detail=detail)
            return way
        raise ChatGone("; ".join(refusals))

    def _parcel(self, settled: Settled, address: Address) -> Parcel:
        job = settled.job
        pictures = tuple(each for each in settled.pictures if not each.deleted and not each.hidden)
        header = self._header(job)
        if not pictures:
            gone = settled.pictures and text.without(settled.pictures)
            return Parcel(header, gone or wording.outcome(job.reason), self._view_without(job))
        spoiler = address.spoiler or any(note.code == "spoiler" for note in job.notes)
        stem = f"{'SPOILER_' if spoiler else ''}imagine-{job.id[:8]}"
        view = rows.result_row(self._marks, job.id)
        alt = text.alt_text(job.request.prompt)
        return Parcel(header, text.result(job, pictures), view, pictures, alt, stem, spoiler)

    def _view_without(self, job: Job) -> discord.ui.View | None:
        """The buttons of a request that ended without pictures."""
        about, buttons = wording.left(job)
        return rows.row(self._marks, about, *buttons) if buttons else None

    def _header(self, job: Job) -> str:
        """"" where moderators did not let the prompt pass, or may not have: then nothing public shows it."""
        withheld = is_withheld(job)
        if withheld and job.state in FINAL_STATES:
            return ""
        return text.placeholder(None if withheld else job.request.prompt, job.request.count)

    async def _tidy_placeholder(self, errand: Errand) -> None:
        """Where moderators had a say, or progress was shown: the prompt as it is now, or no prompt."""
        address, header = errand.address, errand.parcel.header
        if address.by_token or not address.placeholder or address.in_place:
            return
        if errand.job.review or not address.status or not header:
            with suppress(Closed):
                shown = Body(header or replies.say("discord_withheld"))
                await self.rest.edit(address.channel, address.placeholder, shown)
        if not header and address.room == address.placeholder:
            with suppress(Closed):
                await self.rest.rename_thread(address.room, text.neutral_name())

    async def _tried_unheard(self, errand: Errand) -> bool:
        """A crash came before the acknowledgement was known. Had the person not got one, they saw an error at once."""
        token = self._token(errand.address)
        if errand.address.placeholder or not token or errand.job.acked_at or errand.parcel.pictures:
            return False
        body = Body(text.lines(errand.parcel.header, errand.parcel.content))
        with suppress(Closed):
            message = await self.rest.edit_original(errand.address.application, token, body)
            if errand.address.wants_thread:
                await self._tell_thread(message, errand)
        return True

    async def _tell_thread(self, thread: str, errand: Errand) -> None:
        """The crash may have come after the thread and its message were made; the nonce finds that message again."""
        body = Body(errand.parcel.content)
        status = await self.rest.send(thread, body, nonce(errand.job.id, "thread"))
        await self.rest.edit(thread, status, body)

    # -- the ways, each raising Closed where it leads nowhere (without a word where it was not even tried)

    async def _on_status(self, errand: Errand) -> None:
        address, parcel = errand.address, errand.parcel
        if address.by_token or not address.status:
            raise Closed
        await self._fitted(parcel if address.in_place else replace(parcel, header=""), address, self._awake(address))

    def _awake(self, address: Address) -> Show:
        """Edits the status message, waking its thread where that sleeps."""

        async def show(body: Body) -> None:
            try:
                await self.rest.edit(address.room, address.status, body)
            except Archived:
                await self.rest.wake_thread(address.room)
                await self.rest.edit(address.room, address.status, body)

        return show

    async def _by_token(self, errand: Errand) -> None:
        address = errand.address
        token = self._token(address)
        if token is None or not (address.by_token or not address.placeholder):
            raise Closed
        await self._fitted(errand.parcel, address, self._original(address, token))

    def _original(self, address: Address, token: str) -> Show:
        async def show(body: Body) -> None:
            await self.rest.edit_original(address.application, token, body)

        return show

    async def _in_thread(self, errand: Errand) -> None:
        address = errand.address
        if address.by_token or not address.wants_thread or not address.placeholder or address.in_place:
            raise Closed
        thread = await self.open_thread(errand.job, address)
        await self._in_new_message(errand.at(room=thread), "thread", replace(errand.parcel, header=""))

    async def _on_placeholder(self, errand: Errand) -> None:
        address = errand.address
        if address.by_token or not address.placeholder or address.in_place:
            raise Closed
        there = replace(address, room=address.channel, status=address.placeholder)
        await self._fitted(errand.parcel, there, self._awake(there))
        await errand.remember({"room": there.room, "status": there.status})

    async def _in_channel(self, errand: Errand) -> None:
        address = errand.address
        if address.by_token or not address.channel:
            raise Closed
        await self._in_new_message(errand.at(room=address.channel), "channel", errand.parcel)

    async def _in_dm(self, errand: Errand) -> None:
        address = errand.address
        if not address.user:
            raise Closed
        room = await self.rest.open_dm(address.user)
        limit = min(address.upload_limit, DEFAULT_UPLOAD_LIMIT)
        await self._in_new_message(errand.at(room=room, upload_limit=limit), "direct", errand.parcel)

    async def _in_new_message(self, errand: Errand, step: str, parcel: Parcel) -> None:
        room = errand.address.room
        first = Body(replies.say("discord_ready") if parcel.pictures else parcel.content)
        message = await self.rest.send(room, first, nonce(errand.job.id, step))
        await errand.remember({"room": room, "status": message, "by_token": ""})
        there = replace(errand.address, status=message)
        await self._fitted(parcel, there, self._awake(there))

    async def open_thread(self, job: Job, address: Address) -> str:
        """The placeholder's thread, made now or before. Raises Closed, ChatBusy."""
        spoken = [] if is_withheld(job) else [text.thread_name(job.request.prompt)]
        names = [*spoken, text.neutral_name()]
        return await self.rest.start_thread(address.channel, address.placeholder, names)

    # -- the files

    async def _fitted(self, parcel: Parcel, address: Address, show: Show) -> None:
        """Shows it with files of at most the place's limit, and smaller again where that was still too much."""
        limit = max(SMALLEST, min(address.upload_limit, REQUEST_LIMIT))
        while True:
            try:
                return await show(await self._packer.body(parcel, limit))
            except TooLarge:
                if limit <= SMALLEST or not parcel.pictures:
                    raise
                limit = max(SMALLEST, limit // 2)

    async def uploads(self, settled: Settled, address: Address) -> tuple[Upload, ...]:
        """The pictures of a request that could not be posted, for whoever asked. Raises ChatGone without the files."""
        parcel = self._parcel(settled, address)
        return (await self._packer.uploads(parcel, max(SMALLEST, min(address.upload_limit, REQUEST_LIMIT))))[0]

    def now(self) -> float:
        return self._clock.now()

    def _token(self, address: Address) -> str | None:
        """None: none was stored, it cannot be opened, or its time is over."""
        if not address.token or self._clock.now() > address.token_until:
            return None
        return self._open(address.token)


async def _forget(_: Mapping[str, str]) -> None:
    """A result that is shown again stays where it is."""
