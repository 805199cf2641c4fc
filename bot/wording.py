"""What every chat platform says of a request and its person, before the platform makes it safe to show. Pure."""

from collections.abc import Iterable
from dataclasses import replace
from enum import StrEnum

from bot import described
from bot.conduct import Item, ItemKind
from bot.model import Job, JobState, Picture, Problem, Progress, Settled
from bot.quota import day_left
from bot.replies import problem, say
from bot.studio import Status


class Button(StrEnum):
    """What can be pressed under a message."""

    CANCEL = "cancel"
    AGAIN = "again"
    VARY = "vary"
    REPORT = "report"
    DELETE = "delete"
    APPROVE = "approve"
    REJECT = "reject"
    EDIT = "edit"
    APPEAL = "appeal"


RESULT = (Button.AGAIN, Button.VARY, Button.REPORT, Button.DELETE)
ENDINGS = {"image/png": "png", "image/jpeg": "jpg", "image/webp": "webp"}


def label_of(button: str) -> str:
    """Fixed by the contract."""
    return button.capitalize()


def deciding(item: Item) -> tuple[Button, ...]:
    """Under an item of the review queue: a request's words can be changed until it is drawn."""
    return (Button.APPROVE, Button.REJECT, *([Button.EDIT] if item.kind is ItemKind.REQUEST else []))


def left(job: Job) -> tuple[str, tuple[Button, ...]]:
    """Under a request that ended without pictures: what the buttons are about, and which they are."""
    if job.state is JobState.FAILED:
        return job.id, (Button.AGAIN, Button.VARY)
    decision = str(job.reason.values.get("decision", "")) if job.reason else ""
    return decision, (Button.APPEAL,) if job.state is JobState.REJECTED and decision else ()


def file_name(stem: str, index: int, media_type: str) -> str:
    return f"{stem}-{index + 1}.{ENDINGS[media_type]}"


def state(job: Job) -> str:
    return say(f"chat_state_{job.state.value}")


def allowance(status: Status) -> str:
    """What is left of the day."""
    limit, used = status.limits.images_per_day, status.usage.images_today
    left = day_left(limit, used)
    if left is None:
        return say("chat_quota_free", used=used)
    return say("chat_quota", left=left, limit=limit, hours=status.reset_hours)


def small_print(job: Job, pictures: Iterable[Picture]) -> str:
    """One line about how the pictures came to be: their sizes, the backend, the seeds."""
    shown = tuple(pictures)
    sizes = dict.fromkeys(f"{picture.width}x{picture.height}" for picture in shown)
    seeds = ", ".join(str(picture.seed) for picture in shown if picture.seed is not None)
    parts = [*sizes, job.backend, *([say("chat_seeds", seeds=seeds)] if seeds else [])]
    return " · ".join(part for part in parts if part)


def record(settled: Settled) -> str:
    """One line of a history: how it stands, what was asked for beside the prompt, and how the pictures came to be."""
    job, asked = settled.job, settled.job.request
    if settled.pictures:
        asked = replace(asked, size=None, seed=None, backend=None)
    made = small_print(job, settled.pictures) if settled.pictures else ""
    return " · ".join(part for part in (state(job), described.settings(asked), made) if part)


def notes(job: Job) -> list[str]:
    """What the person should know beside the pictures."""
    return [problem(note) for note in job.notes]


def outcome(reason: Problem | None) -> str:
    """Why there are no pictures."""
    return problem(reason) if reason else say("chat_ended")


def percent(progress: Progress) -> int:
    return 100 * progress.step // max(1, progress.steps)


def listed(sentences: Iterable[str], mark: str) -> str:
    """One sentence as it is, several as a list."""
    said = list(sentences)
    return said[0] if len(said) == 1 else "\n".join(f"{mark} {sentence}" for sentence in said)
