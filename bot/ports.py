"""What the core asks of the outside, in the core's words. Each Store method is one transaction."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from enum import StrEnum
from typing import Protocol

from bot.conduct import Item
from bot.model import (
    AuditEvent,
    Breaker,
    Capabilities,
    Drawing,
    Drawn,
    Job,
    JobState,
    Message,
    NewJob,
    Picture,
    Problem,
    Progress,
    Settled,
    Speed,
    Spending,
    Turn,
    Usage,
)
from bot.programs import ApiKey, GalleryFilter, GalleryPlace, Hung, PersonToday


class Clock(Protocol):
    def now(self) -> float:
        """Seconds since 1970, UTC. May jump; only for what people read and for days."""

    def monotonic(self) -> float:
        """Seconds that never go back; for durations."""


class Report(Protocol):
    """What a backend tells while it draws. Awaiting it never fails the drawing."""

    async def progress(self, step: int, steps: int) -> None:
        """0 of 0: nothing is drawn yet, the model is being loaded."""

    async def preview(self, index: int, image: bytes) -> None:
        """A small encoded picture of image ``index`` of this request."""

    async def remember(self, task: str) -> None:
        """Durable before it returns: ``task`` comes back as `resume` after a crash."""


class Backend(Protocol):
    @property
    def name(self) -> str: ...

    @property
    def capabilities(self) -> Capabilities: ...

    async def generate(self, request: Drawing, resume: str, report: Report) -> Drawn:
        """Draw. ``resume`` is "" or what `report.remember` was last told. Cancellation stops the work.

        Raises BackendError. May be called `capabilities.at_once` times concurrently.
        """

    async def probe(self) -> str:
        """"" when it answers, else one clear line with the fix. Never spends money."""

    async def close(self) -> None: ...


Remember = Callable[[Mapping[str, str]], Awaitable[None]]
"""Adds to a job's reply address, durable before it returns."""


class Chat(Protocol):
    @property
    def platform(self) -> str: ...

    async def progress(
        self, job: Job, position: int | None, eta_seconds: float | None, progress: Progress | None
    ) -> None:
        """Best effort, throttled by the adapter, never raises."""

    async def deliver(self, settled: Settled, remember: Remember) -> None:
        """Show the pictures, or say why there are none. Calling it again shows nothing twice.

        Raises DeliveryError.
        """


class Pictures(Protocol):
    """Content-addressed files."""

    async def save(self, images: Sequence[bytes], settings: Sequence[Mapping[str, str]]) -> list[Picture]:
        """Check, re-encode and write; on disk, synced, before it returns.

        An image that is none is left out: `Picture.index` is the place in ``images``. Raises Down where none is left.
        """

    async def read(self, sha256: str) -> bytes:
        """Raises FileNotFoundError where the file is missing or not what its name says."""

    async def delete(self, sha256: str) -> None: ...

    async def preview(self, job_id: str, index: int, image: bytes) -> None:
        """Overwrites the job's preview file; not synced."""

    async def drop_previews(self, job_id: str) -> None: ...


class Topic(StrEnum):
    WORK = "work"  #: a job may be claimable
    FEED = "feed"  #: something changed that the web or the API shows
    CANCEL = "cancel"  #: somebody wants a running job ended


class Wakeup(Protocol):
    async def wait(self, timeout: float) -> None:  # noqa: ASYNC109 - a slow poll behind the wake-up
        """Returns when the topic was signalled since the last call, or after ``timeout`` seconds."""

    def wake(self) -> None:
        """As if the topic was signalled, for this waiter alone."""


class Store(Protocol):
    # -- the way in
    async def submit(self, new: NewJob, item: Item | None = None) -> tuple[Job, bool]:
        """Job, quota and idempotency key in one go; False: the key was there before. Raises Refused, StoreError.

        ``item``: it is held, and moderators see this once the job is acknowledged.
        """

    async def acknowledge(
        self, job_id: str, address: Mapping[str, str], clock: str, now: float, *, review: bool
    ) -> Job:
        """To the queue, at the turn of backend ``clock``'s clock, or to review. Raises Conflict unless `received`."""

    async def cancel(
        self,
        job_id: str,
        reason: Problem,
        now: float,
        event: AuditEvent | None = None,
        *,
        unacknowledged: bool = False,
    ) -> Job:
        """Waiting or held: cancelled and refunded. Running: flagged, the worker ends it. Else: unchanged.

        ``unacknowledged``: whatever was acknowledged is left unchanged too.
        """

    async def unacknowledged(self, before: float) -> list[str]: ...

    # -- the way out; whatever takes a job raises Conflict once its attempt is no longer the stored one
    async def claim(self, worker: str, choose: "Choose", lease_until: float, now: float) -> Job | None: ...

    async def stranded(self, backends: Collection[str], before: float, limit: int) -> list[Job]:
        """Queued since before, and none of ``backends`` is to draw them."""

    async def claim_delivery(self, worker: str, lease_until: float, now: float) -> Job | None: ...

    async def claim_untold(self, worker: str, lease_until: float, now: float) -> Job | None: ...

    async def heartbeat(
        self, worker: str, lease_until: float, held: Collection[str]
    ) -> Mapping[str, tuple[int, bool]]:
        """Those of the held jobs that are still the worker's: attempt, and whether a cancel was asked for.

        One that it does not hold, because the answer to its claim was lost, runs out.
        """

    async def expired(self, now: float, *, all_workers: bool = False) -> list[Job]:
        """Jobs whose lease ran out; with ``all_workers`` every lease counts as run out."""

    async def crashed(self, job: Job, worker: str, lease_until: float) -> Job:
        """Takes the lease of a dead worker over and counts the crash. Conflict where it was extended since ``job``."""

    async def release(
        self, job: Job, candidates: Sequence[str], now: float, *, error: bool = False, paid: bool = False
    ) -> Job:
        """Back to the queue at its old place."""

    async def let_go(self, job: Job, *, expired: bool = False) -> None:
        """Drops the lease of a job that is drawn or final; another worker goes on.

        ``expired``: it is another's, and stays where it was extended since ``job``.
        """

    async def remember_task(self, job: Job, task: str) -> None: ...

    async def remember_address(self, job: Job, address: Mapping[str, str]) -> None: ...

    async def drawn(
        self,
        job: Job,
        pictures: Sequence[Picture],
        missing: int,
        notes: Sequence[Problem],
        now: float,
        *,
        held: Item | None = None,
    ) -> Job:
        """``held``: nobody but moderators sees the pictures until they decided about this."""

    async def hold(self, job: Job, item: Item, now: float) -> Job:
        """A running job to review, a drawn one to held: a moderator has to decide about ``item``."""

    async def deliver_later(self, job: Job, due_at: float) -> None: ...

    async def delivered(self, job: Job, now: float, flag: Item | None = None) -> Job:
        """``flag``: something for moderators to look at afterwards."""

    async def finish(
        self, job: Job, state: JobState, reason: Problem, now: float, event: AuditEvent | None = None
    ) -> Job:
        """Rejected, failed, cancelled or undeliverable; refunds what is still reserved."""

    async def told(self, job: Job) -> None: ...

    # -- reading
    async def job(self, job_id: str) -> Job | None: ...

    async def jobs_of(self, person: str, limit: int, *, active_only: bool = False) -> list[Job]: ...

    async def pictures_of(self, job_id: str) -> list[Picture]: ...

    async def line(self, limit: int) -> list[Turn]:
        """The first ``limit`` waiting jobs in fair order."""

    async def usage(self, person: str, day: int) -> Usage: ...

    async def depths(self) -> Mapping[str, int]:
        """How many jobs are in each unfinished state."""

    async def deliveries_stuck(self) -> int:
        """How many results or endings could not be shown, and are tried again."""

    # -- the backends' memory
    async def breakers(self) -> list[Breaker]: ...

    async def save_breaker(self, breaker: Breaker) -> None: ...

    async def speeds(self) -> list[Speed]: ...

    async def save_speed(self, speed: Speed) -> None: ...

    async def spend(self, backend: str, day: int, dollars: float, cap: float) -> bool:
        """False, and nothing spent, where the cap (0: none) would be passed. Negative dollars give back."""

    async def spending(self, day: int) -> list[Spending]: ...

    # -- the web room
    async def say(self, message: Message, key: str = "") -> Message:
        """Stores it and gives it its number; a ``key`` used before changes nothing and returns that message."""

    async def messages(self, person: str, before: int, limit: int) -> list[Message]:
        """What this person sees, newest first, with numbers below ``before``."""

    async def messages_after(self, seq: int, limit: int) -> list[Message]:
        """Everybody's, private ones included, in order."""

    async def messages_of_jobs(self, job_ids: Sequence[str]) -> list[Message]: ...

    async def messages_about(self, decision: str, person: str) -> list[Message]:
        """What told this person of a decision."""

    async def settled(self, job_ids: Sequence[str]) -> list[Settled]:
        """Those of the jobs that exist, in any state, with every picture of theirs."""

    async def newest(self) -> tuple[int, int]:
        """The numbers of the newest message and the newest change."""

    async def changed_since(self, seq: int, limit: int) -> tuple[int, list[str]]:
        """The newest change's number and the jobs changed since ``seq``; web and API jobs only."""

    async def save_progress(self, progress: Progress) -> None: ...

    async def progress_of(self, job_ids: Sequence[str]) -> list[Progress]: ...

    # -- people's data
    async def delete_pictures(self, job_id: str, event: AuditEvent | None = None) -> list[str]:
        """Marks them deleted; returns the file names that nothing else uses."""

    async def forget(self, person: str, day: int, now: float) -> list[str]:
        """Deletes a person's jobs, messages and name; returns the file names that nothing else uses.

        A job that has not ended, or whose end is not told yet, is left to `forget_ended`. What stays: sanctions in
        force, strikes that count, today's count of images, and the audit trail's pseudonym.
        """

    async def active_in(self, tenant: str) -> list[str]:
        """The requests of a community that have not ended."""

    async def forget_community(self, tenant: str, now: float) -> list[str]:
        """Deletes a community's jobs, as `forget`; returns the file names that nothing else uses."""

    async def forget_ended(self) -> list[str]:
        """Deletes what `forget` had to leave and has ended since; returns the file names that nothing else uses."""

    async def sweep(self, before: float, limit: int, day: int) -> list[str] | None:
        """Deletes up to ``limit`` jobs that ended before; the files nothing else uses, None when none was left."""

    # -- programs and operators
    async def job_of_key(self, key: str) -> Job | None:
        """The job that `submit` stored under this idempotency key."""

    async def add_api_key(self, digest: str, name: str, now: float) -> bool:
        """False: a key of that name is in use."""

    async def api_key(self, digest: str) -> str:
        """Its name; "" where there is none or it was revoked."""

    async def is_api_key_in_use(self, name: str) -> bool: ...

    async def api_keys(self) -> list[ApiKey]: ...

    async def revoke_api_key(self, name: str, now: float) -> bool: ...

    async def own_pictures(
        self, person: str, wanted: GalleryFilter, after: GalleryPlace | None, limit: int
    ) -> list[Hung]:
        """Newest first, without those that are hidden or deleted."""

    async def shared_pictures(
        self, tenant: str, wanted: GalleryFilter, after: GalleryPlace | None, limit: int
    ) -> list[Hung]:
        """Those of a tenant that people shared, newest first."""

    async def share(self, job_id: str, index: int, now: float, *, shared: bool) -> bool:
        """False: it was so before, or is deleted."""

    async def default_options(self, owners: Sequence[str]) -> Mapping[str, str]:
        """The options that people and channels have set, by owner: see `tastes`."""

    async def set_default_options(self, owner: str, options: str) -> None:
        """An empty text takes them back."""

    async def people_of_day(self, day: int, limit: int) -> list[PersonToday]:
        """Those with most under way first."""

    async def jobs_at_work(self, limit: int) -> list[Job]: ...

    async def failures(self, since: float, limit: int) -> list[Job]:
        """Failed or undeliverable, newest first."""

    async def meta(self, name: str) -> str:
        """An empty text where nothing was remembered."""

    async def set_meta(self, name: str, value: str, event: AuditEvent | None = None) -> None: ...

    def subscribe(self, topic: Topic) -> Wakeup: ...

    async def close(self) -> None: ...


Choose = Callable[[tuple[str, ...]], str | None]
"""From a job's candidates to the backend that is to draw it now, or None."""


class ImageCheck(Protocol):
    async def classify(self, image: bytes) -> Mapping[str, float]:
        """Label to score, 0 to 1. Any failure means that the picture is held."""


class Observer(Protocol):
    def event(self, name: str, **values: object) -> None:
        """Something worth a log line or a metric. Never raises."""

    def about(self, job_id: str) -> AbstractContextManager[object]:
        """Every log line inside, also those of libraries, carries this job's id."""
