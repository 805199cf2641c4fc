"""One task a process reads what changed in the room, renders each change once, and hands it to every open page."""

import asyncio
import contextlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from adapters.chat.web import views
from adapters.chat.web.names import handle_of
from adapters.chat.web.pages import Pages
from adapters.chat.web.sessions import TENANT, Seals
from adapters.chat.web.views import Live
from bot.conduct import ItemState
from bot.errors import StoreError
from bot.fairness import Standing
from bot.model import FINAL_STATES, Job, JobState, Message, Progress
from bot.ports import Clock, Observer, Store, Topic, Wakeup
from bot.ports_moderation import ModerationStore
from bot.replies import say
from bot.studio import Studio

POLL_SECONDS = 1.0
PROGRESS_SECONDS = 0.15
"""Between two rounds of progress: smooth to look at, and few bytes."""

LINE_SECONDS = 2.0
BATCH = 200
"""Changes a page may have missed before it loads anew."""

MOST_PAGES = 20
"""Open pages of one person; the next one ends another's stream."""

QUEUE = 256
"""Unsent events of one page; a page that lags further is cut off and catches up when it comes back."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far a page has seen: the newest message and the newest change of a job."""

    said: int
    changed: int

    def __str__(self) -> str:
        return f"{self.said}.{self.changed}"

    @classmethod
    def parse(cls, text: str) -> "Cursor | None":
        said, _, changed = text.partition(".")
        if not all(part.isascii() and part.isdigit() and len(part) < 16 for part in (said, changed)):
            return None
        return cls(int(said), int(changed))


@dataclass(frozen=True, slots=True)
class Event:
    """One server-sent event. ``audience`` is a person's key where only they may have it."""

    kind: str
    data: str
    audience: str = ""

    def encode(self) -> str:
        return f"event: {self.kind}\ndata: {self.data}\n"


def event(kind: str, audience: str = "", **values: object) -> Event:
    return Event(kind, json.dumps(values, ensure_ascii=False, separators=(",", ":")), audience)


def encode(events: Iterable[Event], person: str, cursor: Cursor) -> bytes:
    """What this person may see, as one block whose last event carries the cursor."""
    mine = [each.encode() for each in events if each.audience in {"", person}]
    return "".join(f"{each}{f'id: {cursor}' + chr(10) if each is mine[-1] else ''}\n" for each in mine).encode()


@dataclass(slots=True, eq=False)
class Listener:
    person: str
    queue: asyncio.Queue[bytes | None] = field(default_factory=lambda: asyncio.Queue(QUEUE))

    def push(self, block: bytes | None) -> bool:
        try:
            self.queue.put_nowait(block)
        except asyncio.QueueFull:
            return False
        return True


def _is_of_forgetting(message: Message) -> bool:
    """The bot's answer to a person whose data it deleted: in every process it clears the open pages of them."""
    return bool(message.audience) and message.text == say("web_forgotten")


class Hub:
    def __init__(
        self,
        store: Store,
        conduct: ModerationStore,
        studio: Studio,
        clock: Clock,
        observer: Observer,
        seals: Seals,
        pages: Pages,
    ) -> None:
        self._store = store
        self._conduct = conduct
        self._studio = studio
        self._clock = clock
        self._observer = observer
        self._seals = seals
        self._pages = pages
        self._listeners: dict[Listener, None] = {}  #: in the order they came
        self._shown: set[str] = set()  #: jobs put on a page since the last round
        self._live: dict[str, Job] = {}  #: jobs on pages that still change
        self._progress: dict[str, Progress] = {}
        self._standings: Mapping[str, Standing] = {}
        self._cursor = Cursor(0, 0)
        self._progress_at = self._line_at = float("-inf")
        self._closed = False

    # -- pages

    def join(self, person: str) -> Listener:
        listener = Listener(person)
        mine = [each for each in self._listeners if each.person == person]
        for oldest in mine[: max(0, len(mine) - MOST_PAGES + 1)]:
            self._drop(oldest)
        if self._closed:
            listener.push(None)
        self._listeners[listener] = None
        return listener

    def leave(self, listener: Listener) -> None:
        self._listeners.pop(listener, None)

    async def cursor(self) -> Cursor:
        return Cursor(*await self._store.newest())

    async def missed(self, person: str, since: Cursor) -> tuple[list[Event], Cursor]:
        """What happened after ``since``; one `reload` where that is too much. Raises StoreError."""
        now_at = await self.cursor()
        said = await self._store.messages_after(since.said, BATCH)
        changed, job_ids = await self._store.changed_since(since.changed, BATCH)
        if len(said) >= BATCH or since.said > now_at.said or (job_ids and changed < now_at.changed):
            return [event("reload")], now_at
        seen = [message for message in said if message.audience in {"", person}]
        seen += [each for each in await self._store.messages_of_jobs(job_ids) if each.seq <= since.said]
        return await self.show(seen), now_at

    async def show(self, messages: Sequence[Message]) -> list[Event]:
        """Each message as it looks now. Raises StoreError."""
        articles = await self.articles(messages)
        return [
            event("article", message.audience, id=f"m{message.seq}", seq=message.seq, html=self._pages.article(article))
            for message, article in zip(messages, articles, strict=True)
        ]

    async def articles(self, messages: Sequence[Message]) -> list[views.Article]:
        """Raises StoreError."""
        settled = {each.job.id: each for each in await self._store.settled([m.job_id for m in messages if m.job_id])}
        live = [each.job for each in settled.values() if each.job.state not in FINAL_STATES]
        self._shown.update(job.id for job in live)
        progress = {each.job_id: each for each in await self._store.progress_of([job.id for job in live])}
        standings = await self._studio.standings() if any(job.state is JobState.QUEUED for job in live) else {}
        appeals = await self._appeals([message.decision for message in messages if message.decision])
        now = self._clock.now()
        return [
            views.article(
                message,
                settled.get(message.job_id),
                Live(progress.get(message.job_id), standings.get(message.job_id)),
                now,
                self.link,
                appeals.get(message.decision),
            )
            for message in messages
        ]

    async def _appeals(self, decisions: Sequence[str]) -> Mapping[str, ItemState]:
        return await self._conduct.appeals_among(TENANT, decisions) if decisions else {}

    async def show_decision(self, decision: str, person: str) -> None:
        """What told of it looks different once there is an appeal. Raises StoreError."""
        self.tell(*await self.show(await self._store.messages_about(decision, person)))

    def link(self, path: str) -> str:
        return self._seals.link(TENANT, path, self._clock.now())

    def tell(self, *events: Event) -> None:
        """To everybody who may have it, at once; not repeated to pages that come later."""
        blocks = {each: encode(events, each, self._cursor) for each in {"", *(each.audience for each in events)}}
        for listener in list(self._listeners):
            block = blocks.get(listener.person, blocks[""])
            if block and not listener.push(block):
                self._drop(listener)

    def _drop(self, listener: Listener) -> None:
        self._listeners.pop(listener, None)
        with contextlib.suppress(asyncio.QueueEmpty):
            listener.queue.get_nowait()
        listener.push(None)

    # -- the task

    async def run(self, stop: asyncio.Event) -> None:
        """Until ``stop``; then every page is let go, so that the server can end."""
        wakeup = self._store.subscribe(Topic.FEED)
        feeding = asyncio.create_task(self._feed(wakeup))
        try:
            await stop.wait()
        finally:
            feeding.cancel()
            await asyncio.gather(feeding, return_exceptions=True)
            self._closed = True
            for listener in list(self._listeners):
                self._drop(listener)

    async def _feed(self, wakeup: Wakeup) -> None:
        started = False
        while True:
            try:
                if not started:
                    self._cursor = await self.cursor()
                    started = True
                await self._round()
            except StoreError as error:
                self._observer.event("store_error", detail=str(error))
                await asyncio.sleep(POLL_SECONDS)
            except Exception as error:  # noqa: BLE001 - a feed that ends leaves every page standing still
                self._observer.event("alert", text="room_feed_failed", detail=repr(error))
                await asyncio.sleep(POLL_SECONDS)
            await wakeup.wait(self._pause())

    def _pause(self) -> float:
        """Progress that was held back is shown soon, even if it was the last."""
        return PROGRESS_SECONDS if any(job.state is JobState.RUNNING for job in self._live.values()) else POLL_SECONDS

    async def _round(self) -> None:
        events = await self._news()
        await self._follow_shown()
        now = self._clock.monotonic()
        if now - self._progress_at >= PROGRESS_SECONDS:
            self._progress_at = now
            events += await self._steps()
        if now - self._line_at >= LINE_SECONDS:
            self._line_at = now
            events += await self._line()
        if events:
            self.tell(*events)

    async def _news(self) -> list[Event]:
        """New messages, and the messages whose jobs changed. Moves the cursor."""
        said = await self._store.messages_after(self._cursor.said, BATCH)
        changed, job_ids = await self._store.changed_since(self._cursor.changed, BATCH)
        older = [each for each in await self._store.messages_of_jobs(job_ids) if each.seq <= self._cursor.said]
        for job_id in job_ids:
            self._live.pop(job_id, None)
            self._progress.pop(job_id, None)
        events = [event("gone", by=handle_of(message.audience)) for message in said if _is_of_forgetting(message)]
        events += await self.show([*older, *said]) if said or older else []
        self._cursor = Cursor(said[-1].seq if said else self._cursor.said, changed)
        return events

    async def _follow_shown(self) -> None:
        """Read after the cursor moved, so that whatever ends one of these jobs is news yet to come."""
        shown, self._shown = self._shown, set()
        for each in await self._store.settled(list(shown)) if shown else ():
            if each.job.state not in FINAL_STATES:
                self._live[each.job.id] = each.job

    async def _steps(self) -> list[Event]:
        running = [job for job in self._live.values() if job.state is JobState.RUNNING]
        events = []
        for progress in await self._store.progress_of([job.id for job in running]) if running else ():
            if progress != self._progress.get(progress.job_id):
                self._progress[progress.job_id] = progress
                events.append(self._step(self._live[progress.job_id], progress))
        return events

    def _step(self, job: Job, progress: Progress) -> Event:
        live = Live(progress)
        return event(
            "progress",
            job=job.id,
            headline=views.headline(job, (), live),
            step=progress.step,
            steps=progress.steps,
            eta=views.eta(job, live, self._clock.now()),
            previews=views.previews(job, progress, self.link) if progress.previews else (),
        )

    async def _line(self) -> list[Event]:
        waiting = [job for job in self._live.values() if job.state is JobState.QUEUED]
        if not waiting or not self._listeners:
            return []
        before, self._standings = self._standings, await self._studio.standings()
        now = self._clock.now()
        return [
            event("progress", job=job.id, headline=views.queue_words(here), eta=views.eta(job, Live(None, here), now))
            for job in waiting
            if (here := self._standings.get(job.id)) != before.get(job.id)
        ]

