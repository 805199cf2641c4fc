"""What people write, made harmless on the way out and read once on the way in. Pure.

On the way out exactly ``&``, ``<`` and ``>`` are escaped, in whatever Slack would parse; a prompt itself is shown in
plain_text objects, which Slack does not parse. On the way in Slack escapes the same three and wraps mentions,
channels and links in angle brackets; that is undone in one pass, so nothing is unescaped twice.
"""

import re

from bot import replies, wording
from bot.model import Job, Picture, Problem, Progress

LONGEST_PLAIN = 2900
"""Characters of a text in a block; Slack takes 3000."""

LONGEST_TEXT = 3900
"""Characters of a message's fallback text; Slack advises 4000."""

LONGEST_ALT = 1000

_TOKEN = re.compile(r"<([@#!][^<>]*|[a-z]+:[^<>]*)>|&(amp|lt|gt);")
_ENTITIES = {"amp": "&", "lt": "<", "gt": ">"}
_PERSON = re.compile(r"<@([UW][A-Z0-9]+)(?:\|[^<>]*)?>")


def escape(words: str) -> str:
    return words.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def unescape(words: str) -> str:
    """What the person typed: mentions and links by the name they were shown with."""
    return _TOKEN.sub(lambda match: _ENTITIES[match[2]] if match[2] else _shown(match[1]), words)


def _shown(token: str) -> str:
    """One ``<…>`` of Slack's: @U1|ann, #C1|general, !here, !subteam^S1|@team, https://x|x, mailto:a@b|a@b."""
    target, _, label = token.partition("|")
    if target.startswith("@"):
        return f"@{label or target[1:]}"
    if target.startswith("#"):
        return f"#{label or target[1:]}"
    if target.startswith("!"):
        named = label.startswith("@") or target.startswith("!date^")
        return label if named else f"@{label or target[1:].partition('^')[0]}"
    return unescape(label or target)


def with_keys(words: str) -> str:
    """For moderators' commands: a mention becomes the person's key."""
    return unescape(_PERSON.sub(lambda match: f"slack:user:{match[1]}", words))


def without_mention(words: str, bot_user: str) -> str:
    """What is said to the bot in ``<@UBOT> a red fox``, still as Slack sent it."""
    return re.sub(rf"<@{re.escape(bot_user)}(?:\|[^<>]*)?>[:,]?", " ", words, count=1).strip()


def clip(words: str, limit: int) -> str:
    return words if len(words) <= limit else words[: limit - 1] + "…"


def shown(words: str, limit: int = LONGEST_PLAIN) -> str:
    """A person's words for a plain_text object."""
    return clip(replies.display(words.strip()), limit)


def alt_text(prompt: str) -> str:
    """Not parsed by Slack, so not escaped."""
    return clip(" ".join(prompt.split()), LONGEST_ALT)


def waiting(position: int | None, eta_seconds: float | None) -> str:
    if position is None:
        return replies.say("chat_queued")
    if eta_seconds is None:
        return replies.say("chat_position", position=position)
    return replies.say("slack_position_eta", position=position, eta=duration(eta_seconds))


def drawing(progress: Progress) -> str:
    """In tenths, so that hardly any progress needs a message of its own."""
    if progress.loading:
        return replies.say("chat_loading")
    return replies.say("chat_drawing", percent=wording.percent(progress) // 10 * 10)


def duration(seconds: float) -> str:
    if seconds < 90:
        return replies.say("span_seconds", n=round(seconds))
    return replies.say("span_minutes", n=round(seconds / 60))


def result(job: Job, pictures: tuple[Picture, ...]) -> str:
    """The small print: sizes, backend, seeds, and what the person should know. Escaped."""
    lines = [wording.small_print(job, pictures), *wording.notes(job)]
    return escape(clip("\n".join(line for line in lines if line), 1000))


def sentences(problems: tuple[Problem, ...]) -> str:
    return wording.listed(map(replies.problem, problems), "•")
