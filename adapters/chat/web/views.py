"""What the page shows of a message and of a job's state, as plain data for the templates. Pure."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import assert_never

from adapters.chat.web.names import handle_of, hue_of, name_of
from bot import described
from bot.conduct import ItemState
from bot.fairness import LONGEST_LINE, Standing
from bot.model import CANCELLABLE_STATES, FINAL_STATES, Job, JobState, Message, Picture, Progress, Settled
from bot.options import plain
from bot.replies import display, problem, say
from bot.studio import is_withheld

Link = Callable[[str], str]
"""From a path to the same with a signature."""

THUMBS = (512, 1024)  # pixels, the longer side
ZOOMED = 512  #: pixels; a picture that fits into them more than once is shown as many times as large

APPEALS = {ItemState.APPROVED: "web_appeal_won", ItemState.REJECTED: "web_appeal_lost"}

GALLERY = "/gallery"
_APART = re.compile(rf"(--[a-z]{{1,12}}(?![a-z])|(?<!\S){GALLERY}(?!\S))")


@dataclass(frozen=True, slots=True)
class Shot:
    """One picture of an answer. ``links`` are empty where it may not be shown."""

    index: int
    alt: str
    width: int
    height: int
    full: str
    thumbs: str  #: as `srcset`
    file_name: str
    zoom: int = 1  #: how many times its size it is shown


@dataclass(frozen=True, slots=True)
class Thread:
    """A job as its thread shows it. ``eta`` in seconds; ``step`` of ``steps``, or None while that is unknown."""

    job: str
    state: str
    headline: str
    live: bool  #: it still changes by itself
    eta: int | None = None
    eta_words: str = ""
    shape: str = "square"
    step: int | None = None
    steps: int = 0
    progress_label: str = ""
    previews: tuple[str, ...] = ()
    shots: tuple[Shot, ...] = ()
    settings: str = ""
    notes: tuple[str, ...] = ()
    buttons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Article:
    seq: int
    by: str  #: the person's handle, "" for the bot
    hue: int
    name: str
    at: str  #: ISO 8601, UTC
    clock: str
    command: str  #: "/imagine" where the text is one
    text: tuple[str, ...]  #: words, and by turns option names, which are not broken over two lines, or the gallery
    private: bool
    correction: str
    decision: str = ""  #: to be appealed against
    appeal: str = ""  #: how the appeal against it stands, in words
    thread: Thread | None = None


@dataclass(frozen=True, slots=True)
class Live:
    """What is known of a running or waiting job beside its row."""

    progress: Progress | None = None
    standing: Standing | None = None


def withheld(job: Job) -> str:
    """What stands in place of a request's words as long as nobody but moderators may read them, else ""."""
    if not is_withheld(job):
        return ""
    if _is_taken_back(job):
        return "web_prompt_taken_back"
    return "web_prompt_rejected" if job.state in FINAL_STATES else "web_prompt_withheld"


def _is_taken_back(job: Job) -> bool:
    return job.state is JobState.CANCELLED and job.reason is not None and job.reason.code == "cancelled_by_you"


def told_of_review(job: Job) -> str:
    """What its author reads beside a request that a moderator looks at first, as it stands now."""
    prompt = display(job.request.prompt)
    if job.queued_at:
        return say("web_told_passed", prompt=prompt)
    return say("web_told_waited" if job.state in FINAL_STATES else "web_told_held", prompt=prompt)


_ISOLATES = {0x2068: None, 0x2069: None}


def alone(text: str) -> str:
    """As `display`, without its isolates: for what is an element or an attribute of its own, which isolates as well."""
    return display(text).translate(_ISOLATES)


def article(
    message: Message, settled: Settled | None, live: Live, now: float, link: Link, appeal: ItemState | None = None
) -> Article:
    """``appeal``: how the one against the message's decision stands, None where there is none."""
    job = settled.job if settled else None
    ours = not message.person
    command, text = ("", alone(told_of_review(job))) if job and ours else _words(message.text, job)
    moment = datetime.fromtimestamp(message.at, UTC)
    return Article(
        seq=message.seq,
        by="" if ours else handle_of(message.person),
        hue=hue_of(message.person),
        name=message.name or (name_of(message.person) if message.person else say("web_bot")),
        at=moment.isoformat(timespec="seconds"),
        clock=f"{moment:%H:%M}",
        command=command,
        text=tuple(_APART.split(text)),
        private=bool(message.audience),
        correction=message.correction,
        decision=message.decision if appeal is None else "",
        appeal=say(APPEALS.get(appeal, "web_appeal_waits")) if appeal is not None else "",
        thread=thread(settled, live, now, link) if settled and not ours else None,
    )


def _words(text: str, job: Job | None) -> tuple[str, str]:
    if job is not None and withheld(job):
        return "", say(withheld(job))
    head, separator, rest = text.partition(" ")
    if job is not None and head.lower() == "/imagine" and separator:
        return "/imagine", alone(rest.strip())
    return "", alone(text)


def thread(settled: Settled, live: Live, now: float, link: Link) -> Thread:
    job = settled.job
    prompt = "" if withheld(job) else alone(job.request.prompt)
    running = job.state is JobState.RUNNING
    progress = live.progress if running else None
    seconds = eta(job, live, now)
    shown = tuple(picture for picture in settled.pictures if not picture.deleted)
    return Thread(
        job=job.id,
        state=job.state,
        headline=headline(job, shown, live),
        live=job.state not in FINAL_STATES,
        eta=seconds,
        eta_words=eta_words(seconds),
        shape=shape(job),
        step=progress.step if progress and progress.steps else None,
        steps=progress.steps if progress else 0,
        progress_label=say("web_progress", prompt=prompt),
        previews=previews(job, progress, link) if running else (),
        shots=tuple(_shot(job, prompt, picture, link) for picture in shown) if _is_shown(job) else (),
        settings=settings_words(job, shown) if _is_shown(job) and shown else "",
        notes=tuple(problem(note) for note in job.notes) if not withheld(job) else (),
        buttons=_buttons(job, shown),
    )


def _is_shown(job: Job) -> bool:
    return job.state is JobState.DELIVERED


def headline(job: Job, shown: Sequence[Picture], live: Live) -> str:
    """The one line that says how it stands; "" where the pictures speak."""
    match job.state:
        case JobState.RECEIVED | JobState.ACKED:
            return say("web_received")
        case JobState.REVIEW | JobState.HELD:
            return say("web_in_review")
        case JobState.QUEUED:
            return queue_words(live.standing)
        case JobState.RUNNING:
            return say("web_cancelling") if job.cancel_requested else drawing_words(live.progress)
        case JobState.DRAWN | JobState.DELIVERING:
            return say("web_finishing")
        case JobState.DELIVERED | JobState.REJECTED | JobState.FAILED | JobState.CANCELLED | JobState.UNDELIVERABLE:
            return _ending(job, shown)
        case _:
            assert_never(job.state)


def _ending(job: Job, shown: Sequence[Picture]) -> str:
    """Everybody reads it, so it speaks to nobody."""
    if job.state is JobState.DELIVERED:
        return "" if shown else say("web_deleted")
    if job.state is JobState.REJECTED:
        return say("web_rejected")
    if _is_taken_back(job):
        return say("web_cancelled")
    return problem(job.reason) if job.reason else say("web_ended")


def queue_words(standing: Standing | None) -> str:
    if standing is None:
        return say("web_in_line_far", position=LONGEST_LINE)
    return say("web_in_line", position=standing.position)


def drawing_words(progress: Progress | None) -> str:
    if progress is not None and progress.loading:
        return say("web_loading")
    if progress is None or not progress.steps:
        return say("web_starting")
    return say("web_drawing", step=progress.step, steps=progress.steps)


def eta(job: Job, live: Live, now: float) -> int | None:
    """Whole seconds, at least 1; None where nobody can say."""
    if job.state is JobState.QUEUED and live.standing is not None:
        seconds = live.standing.eta_seconds
        return None if seconds is None else max(1, round(seconds))
    if job.state is not JobState.RUNNING or (live.progress is not None and live.progress.loading):
        return None
    return max(1, round(_left(job, live.progress, max(now - job.started_at, 0.0))))


def _left(job: Job, progress: Progress | None, spent: float) -> float:
    """Seconds of drawing still to do: the estimate at first, and more and more the pace so far."""
    estimate = max(job.cost - spent, 0.0)
    if progress is None or not 0 < progress.step <= progress.steps:
        return estimate
    done = progress.step / progress.steps
    return (1 - done) * (spent + estimate)


def previews(job: Job, progress: Progress | None, link: Link) -> tuple[str, ...]:
    """One place for each picture asked for; an address that changes with every new preview."""
    if progress is None or not progress.previews:
        return ("",) * job.request.count
    return tuple(
        f"{link(f'/room/jobs/{job.id}/previews/{index}')}&n={progress.previews}" for index in range(job.request.count)
    )


def _shot(job: Job, prompt: str, picture: Picture, link: Link) -> Shot:
    path = f"/room/jobs/{job.id}/pictures/{picture.index}"
    full = link(path)
    longer = max(picture.width, picture.height)
    small = [(side, f"{link(f'{path}/{side}')}") for side in THUMBS if side < longer]
    widths = [(round(picture.width * side / longer), address) for side, address in small] + [(picture.width, full)]
    alt = say("web_picture", number=picture.index + 1, count=job.request.count, prompt=prompt)
    return Shot(
        index=picture.index,
        alt=prompt if job.request.count == 1 else alt,
        width=picture.width,
        height=picture.height,
        full="" if picture.hidden else full,
        thumbs=", ".join(f"{address} {width}w" for width, address in widths),
        file_name=file_name(job.id, picture),
        zoom=max(1, ZOOMED // longer),
    )


def file_name(job_id: str, picture: Picture) -> str:
    return f"imagine-{job_id[:8]}-{picture.index + 1}.{picture.media_type.rpartition('/')[2]}"


def settings_words(job: Job, shown: Sequence[Picture]) -> str:
    """The settings in words, the defaults left out."""
    request = job.request
    first = shown[0]
    words = [say("set_size", width=first.width, height=first.height)]
    if request.steps is not None:
        words.append(say("set_steps", steps=request.steps))
    if request.guidance is not None:
        words.append(say("set_guidance", guidance=plain(request.guidance)))
    words += _seed_words([picture.seed for picture in shown])
    if request.style:
        words.append(described.style(request.style))
    if request.negative_prompt:
        words.append(say("set_without", words=display(request.negative_prompt)))
    if job.backend:
        seconds = max(1, round(job.drawn_at - job.started_at))
        words.append(say("set_backend", backend=job.backend, seconds=seconds))
    return " · ".join(words)


def _seed_words(seeds: Sequence[int | None]) -> list[str]:
    known = [seed for seed in seeds if seed is not None]
    if not known:
        return []
    if len(known) == 1:
        return [say("set_seed", seed=known[0])]
    return [say("set_seeds", first=known[0], last=known[-1])]


def _buttons(job: Job, shown: Sequence[Picture]) -> tuple[str, ...]:
    if job.state in CANCELLABLE_STATES or job.state is JobState.HELD:
        return () if job.cancel_requested else ("cancel",)
    if job.state is JobState.DELIVERED and shown:
        return ("again", "vary", "report", "delete")
    if job.state in FINAL_STATES and not withheld(job):
        return ("again", "vary")
    return ()


def eta_words(seconds: int | None) -> str:
    if seconds is None:
        return ""
    if seconds <= 1:
        return say("web_any_moment")
    return say("web_seconds", n=seconds) if seconds < 90 else say("web_minutes", n=round(seconds / 60))


def shape(job: Job) -> str:
    """Of the place that waits for its picture."""
    wanted = job.request.size
    if wanted is None or wanted.width == wanted.height:
        return "square"
    return "wide" if wanted.width > wanted.height else "tall"
