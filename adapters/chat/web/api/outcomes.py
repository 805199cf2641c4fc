"""Waiting for jobs: one task a process reads what changed and wakes whoever waits for that job."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from bot.errors import StoreError
from bot.model import FINAL_STATES, Job, JobState
from bot.ports import Observer, Store, Topic

POLL_SECONDS = 1.0
"""Behind every wake-up there is a slow poll: another process may have done it."""

BATCH = 500


class Stopping(Exception):
    """The process ends before the job does."""


class Outcomes:
    def __init__(self, store: Store, observer: Observer) -> None:
        self._store = store
        self._observer = observer
        self._waiting: dict[str, set[asyncio.Event]] = {}
        self._stopped = False

    async def run(self, stop: asyncio.Event) -> None:
        """Until ``stop``; then whoever still waits hears that it is over."""
        feeding = asyncio.create_task(self._feed())
        try:
            await stop.wait()
        finally:
            self._stopped = True
            feeding.cancel()
            await asyncio.gather(feeding, return_exceptions=True)
            self._wake(list(self._waiting))

    async def _feed(self) -> None:
        wakeup = self._store.subscribe(Topic.FEED)
        seen: int | None = None
        while True:
            try:
                if seen is None:
                    seen = (await self._store.newest())[1]
                    self._wake(list(self._waiting))
                seen, changed = await self._store.changed_since(seen, BATCH)
                self._wake(changed)
            except StoreError as error:
                self._observer.event("store_error", detail=str(error))
                await asyncio.sleep(POLL_SECONDS)
            except Exception as error:  # noqa: BLE001 - the slow poll goes on, and the operator hears of it
                self._observer.event("alert", text="api_feed_failed", detail=repr(error))
                await asyncio.sleep(POLL_SECONDS)
            await wakeup.wait(POLL_SECONDS)

    def _wake(self, job_ids: list[str]) -> None:
        for job_id in job_ids:
            for event in self._waiting.get(job_id, ()):
                event.set()

    @contextmanager
    def _listening(self, job_id: str) -> Iterator[asyncio.Event]:
        event = asyncio.Event()
        self._waiting.setdefault(job_id, set()).add(event)
        try:
            yield event
        finally:
            self._waiting[job_id].discard(event)
            if not self._waiting[job_id]:
                del self._waiting[job_id]

    async def until(self, job_id: str, wanted: Callable[[Job], bool]) -> Job | None:
        """The job once it is as wanted; None where it was deleted meanwhile. Raises Stopping."""
        with self._listening(job_id) as event:
            while True:
                try:
                    job = await self._store.job(job_id)
                except StoreError as error:
                    self._observer.event("store_error", detail=str(error))
                else:
                    if job is None or wanted(job):
                        return job
                if self._stopped:
                    raise Stopping
                await _wait(event)
                event.clear()


async def _wait(event: asyncio.Event) -> None:
    try:
        async with asyncio.timeout(POLL_SECONDS):
            await event.wait()
    except TimeoutError:
        pass


def is_over(job: Job) -> bool:
    """Ended, or held by moderation, which a program cannot wait for."""
    return job.state in FINAL_STATES or job.state in {JobState.REVIEW, JobState.HELD}


def is_under_way(job: Job) -> bool:
    return job.state is JobState.RUNNING or is_over(job)
