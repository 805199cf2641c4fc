"""The nouns. Frozen plain data, standard library only; everything here can be stored and read back.

Keys are strings of the form ``platform:kind:id``: a person is ``discord:user:1``, ``slack:user:U1``, ``web:user:ID``
or ``api:key:NAME``; a group is ``discord:role:9`` or ``slack:group:S3``. A tenant, the guild or workspace that nothing
crosses, is ``discord:42`` or ``slack:T1``, and for the two built-in rooms simply ``web`` and ``api``.
Times are seconds since 1970 in UTC.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class JobState(StrEnum):
    RECEIVED = "received"  #: stored, not yet acknowledged to the platform
    ACKED = "acked"  #: the person was told; passed through on the way to review or the queue
    REVIEW = "review"  #: waits for a moderator, nothing spent yet
    QUEUED = "queued"
    RUNNING = "running"
    DRAWN = "drawn"  #: the pictures are on disk; never drawn again from here on
    HELD = "held"  #: drawn, and waits for a moderator
    DELIVERING = "delivering"
    DELIVERED = "delivered"
    REJECTED = "rejected"
    FAILED = "failed"
    CANCELLED = "cancelled"
    UNDELIVERABLE = "undeliverable"


FINAL_STATES = frozenset(
    {JobState.DELIVERED, JobState.REJECTED, JobState.FAILED, JobState.CANCELLED, JobState.UNDELIVERABLE}
)
WAITING_STATES = frozenset({JobState.RECEIVED, JobState.ACKED, JobState.REVIEW, JobState.QUEUED})
CANCELLABLE_STATES = WAITING_STATES | {JobState.RUNNING}


@dataclass(frozen=True, slots=True)
class Person:
    key: str
    name: str = ""
    groups: tuple[str, ...] = ()  #: roles and user groups at the time of asking

    @property
    def platform(self) -> str:
        return self.key.partition(":")[0]


@dataclass(frozen=True, slots=True)
class Place:
    tenant: str
    channel: str
    thread: str = ""
    private: bool = False  #: a direct message
    age_restricted: bool = False


@dataclass(frozen=True, slots=True)
class Origin:
    """Who asked, where, and how the answer gets back there (``address`` is the chat adapter's own plain data)."""

    person: Person
    place: Place
    address: Mapping[str, str] = field(default_factory=dict)
    locale: str = "en"


@dataclass(frozen=True, slots=True, order=True)
class Size:
    width: int
    height: int

    @property
    def pixels(self) -> int:
        return self.width * self.height

    def __str__(self) -> str:
        return f"{self.width}x{self.height}"


@dataclass(frozen=True, slots=True)
class Ratio:
    width: int
    height: int

    def __str__(self) -> str:
        return f"{self.width}:{self.height}"


@dataclass(frozen=True, slots=True)
class ImageRequest:
    """What a person asked for. None means: not said, so the backend's own default."""

    prompt: str
    negative_prompt: str | None = None
    size: Size | Ratio | None = None
    steps: int | None = None
    guidance: float | None = None
    seed: int | None = None
    count: int = 1
    backend: str | None = None
    style: str | None = None


@dataclass(frozen=True, slots=True)
class Drawing:
    """One request as one backend is to draw it: style applied, size exact, seed settled where the backend takes one."""

    prompt: str
    size: Size
    count: int
    negative_prompt: str | None = None
    steps: int | None = None
    guidance: float | None = None
    seed: int | None = None  #: of the first picture; picture i has seed + i


@dataclass(frozen=True, slots=True)
class Drawn:
    """A backend's answer: ``pictures`` are encoded images, ``seeds`` has one entry for each of them."""

    pictures: tuple[bytes, ...]
    seeds: tuple[int | None, ...]
    missing: int = 0  #: pictures asked for and not made; they are refunded


@dataclass(frozen=True, slots=True)
class Range:
    """Both ends included."""

    low: float
    high: float

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a backend can do, as data. A range of None means that the option cannot be set there."""

    default_size: Size
    sizes: tuple[Size, ...] = ()  #: the only sizes it has; empty: any within the next three
    side: Range = Range(64, 2048)
    side_step: int = 1
    max_pixels: int = 2048 * 2048
    steps: Range | None = None
    default_steps: int = 20  #: for estimates, where the request names none
    guidance: Range | None = None
    seed: Range | None = None
    negative_prompt: bool = True
    images_per_call: int = 1
    subjects: tuple[str, ...] = ()  #: words, one of which a prompt needs for it to make sense here; empty: any will do
    min_prompt: int = 1  #: characters
    max_prompt: int = 2000  #: characters
    max_tokens: int | None = None  #: of prompt and negative prompt each, estimated conservatively
    at_once: int = 1  #: requests it draws side by side
    requests_per_second: float | None = None  #: of the account, never exceeded
    price_per_image: float = 0.0  #: dollars
    charges: bool = False  #: a call that was sent may have been paid for
    timeout_seconds: float = 120.0  #: one attempt, polling and downloads included


class Stage(StrEnum):
    PROMPT = "prompt"
    PICTURE = "picture"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with a request. ``code`` is a replies.py sentence, ``values`` fill its gaps."""

    code: str
    values: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Limits:
    """What a person may ask for. 0 means unlimited, except for the weight."""

    images_per_day: int = 50
    running: int = 1
    waiting: int = 5
    weight: float = 1.0
    tenant_images_per_day: int = 0


@dataclass(frozen=True, slots=True)
class Picture:
    """One drawn picture; the bytes are the file named ``sha256`` in the picture store."""

    sha256: str
    width: int
    height: int
    media_type: str
    size_bytes: int
    seed: int | None = None
    index: int = 0
    hidden: bool = False
    deleted: bool = False
    shared: bool = False


@dataclass(frozen=True, slots=True)
class Job:
    id: str  #: 32 hexadecimal digits, random
    key: str  #: idempotency key, unique
    origin: Origin
    request: ImageRequest
    state: JobState
    created_at: float
    candidates: tuple[str, ...] = ()  #: backends that can do it and were not given up on, in order
    cost: float = 1.0  #: expected seconds of work
    weight: float = 1.0
    tag: float = 0.0  #: its place in the fair order
    seed: int | None = None  #: drawn by the bot where the person named none
    attempt: int = 0  #: fencing number: every claim adds one
    backend: str = ""  #: the one drawing it or that drew it
    errors: int = 0  #: drawing attempts that failed
    crashes: int = 0  #: workers that died over it
    paid_attempts: int = 0  #: attempts that may have been charged for
    task: str = ""  #: a provider's task, to resume after a crash; see `failover.resumable`
    lease_until: float = 0.0
    due_at: float = 0.0  #: a delivery is not tried before
    deliveries: int = 0  #: failed delivery attempts
    missing: int = 0
    cancel_requested: bool = False
    told: bool = False  #: the person knows the final state
    review: bool = False  #: a moderator has to see it, or had to, before it is drawn
    reason: Problem | None = None  #: why it was rejected, failed or cancelled
    notes: tuple[Problem, ...] = ()  #: what the reply says beside the pictures: another size, fewer pictures
    acked_at: float = 0.0
    queued_at: float = 0.0
    started_at: float = 0.0
    drawn_at: float = 0.0
    finished_at: float = 0.0

    @property
    def platform(self) -> str:
        return self.origin.person.platform


@dataclass(frozen=True, slots=True)
class NewJob:
    """What `Store.submit` needs to store a job and reserve its quota in one transaction."""

    job: Job
    limits: Limits
    day: int  #: UTC day number


@dataclass(frozen=True, slots=True)
class Ticket:
    """What the person hears at once. ``position`` counts from 1; None: it waits for a moderator."""

    job: Job
    position: int | None
    eta_seconds: float | None
    notes: tuple[Problem, ...] = ()
    fresh: bool = True  #: False: this very request was stored before


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a running job is. Kept unsynced: after a crash it starts anew.

    Of no ``steps`` at all: its backend loads the model first.
    """

    job_id: str
    step: int
    steps: int
    previews: int = 0  #: grows with every new preview
    at: float = 0.0

    @property
    def loading(self) -> bool:
        return not self.steps and not self.previews


@dataclass(frozen=True, slots=True)
class Turn:
    """A waiting job in the fair order, as `fairness.eta` needs it."""

    job_id: str
    cost: float
    tag: float


@dataclass(frozen=True, slots=True)
class Usage:
    """What a person has asked for today and has in the queue now."""

    images_today: int = 0
    waiting: int = 0
    running: int = 0


@dataclass(frozen=True, slots=True)
class Speed:
    """A backend's measured speed in megapixel-steps a second, a running mean."""

    backend: str
    megapixel_steps: float
    samples: int = 0


@dataclass(frozen=True, slots=True)
class Breaker:
    """Whether a backend is asked at all. ``closed_until`` = infinity: an operator has to mend it."""

    backend: str
    failures: int = 0  #: in a row
    closed_until: float = 0.0  #: closed for requests, that is: the circuit is open
    reason: str = ""
    opened_times: int = 0  #: since the last success; the back-off grows with it


@dataclass(frozen=True, slots=True)
class Spending:
    backend: str
    day: int
    dollars: float


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """One effect that moderation or an operator had. Append-only, chained by hashes in the store."""

    tenant: str
    actor: str
    action: str
    subject: str
    reason: str = ""
    before: str = ""
    after: str = ""
    at: float = 0.0
    seq: int = 0
    previous_hash: str = ""
    hash: str = ""


@dataclass(frozen=True, slots=True)
class Message:
    """Something said in the web room: a person's words, or a sentence of the bot to one person (``audience``)."""

    seq: int
    person: str
    name: str
    text: str
    at: float
    audience: str = ""  #: a person's key: only they see it
    job_id: str = ""
    correction: str = ""  #: a command to send instead
    decision: str = ""  #: what it tells of and the person may appeal against


@dataclass(frozen=True, slots=True)
class Settled:
    """A final outcome for the person: the pictures, or why there are none."""

    job: Job
    pictures: tuple[Picture, ...] = ()


@dataclass(frozen=True, slots=True)
class Style:
    """What the option ``style`` offers. ``{prompt}`` in ``prompt`` stands for the person's text."""

    name: str
    prompt: str = "{prompt}"
    negative_prompt: str = ""


@dataclass(frozen=True, slots=True)
class Tier:
    """Members who may ask for more or less than everybody. None: as ``[quota]`` says; 0: unlimited."""

    name: str
    weight: float = 1.0  #: each member's share of the fair queue
    images_per_day: int | None = None
    running: int | None = None
    waiting: int | None = None
    members: tuple[str, ...] = ()  #: keys of people, roles and groups


@dataclass(frozen=True, slots=True)
class QuotaSettings:
    """``[quota]``: what each person may ask for; 0 means unlimited."""

    images_per_day: int = 50
    running: int = 1
    waiting: int = 5
    tiers: tuple[Tier, ...] = ()
    guilds: Mapping[str, int] = field(default_factory=dict)  #: images a day of a whole tenant, by its key
