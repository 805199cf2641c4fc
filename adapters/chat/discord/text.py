"""What people read on Discord: other people's words made harmless, and the sentences around them. Pure."""

import re

from bot import replies, wording
from bot.errors import Refused
from bot.model import Job, Picture, Progress

MESSAGE = 2000  #: characters of a message's content
ALT_TEXT = 1024
SHOWN_PROMPT = 1000  #: a longer one is cut in messages; the alt text and the form hold more
PERSON = re.compile(r"discord:user:(\d+)")  #: shown as a name, pings nobody
BREAK = "\u200b"  #: after a backtick it keeps a code block closed to what is inside
ISOLATE, POP = "\u2068", "\u2069"


def clean(text: str) -> str:
    """Without invisible and direction-changing characters (BAD_INPUT S04); `replies.display` puts isolates round it."""
    return replies.display(text).replace(ISOLATE, "").replace(POP, "")


def clip(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"


def block(words: str, limit: int = SHOWN_PROMPT) -> str:
    """A code block, in which nothing is a mention, a link or formatting."""
    return _fenced(replies.display(clip(clean(words).strip(), limit)))


def to_copy(command: str) -> str:
    """A block without isolates, which would be copied along."""
    return _fenced(clip(clean(command).strip(), SHOWN_PROMPT))


def _fenced(shown: str) -> str:
    return f"```\n{shown.replace('`', f'`{BREAK}')}\n```"


def alt_text(prompt: str) -> str:
    return clip(clean(prompt).strip(), ALT_TEXT)


def thread_name(prompt: str) -> str:
    """One line of letters and blanks: a name is plain text, yet link previews and mentions have no place in it."""
    words = "".join(char if char.isalnum() or char in " ,'" else " " for char in clean(prompt))
    return clip(" ".join(words.split()), 80) or neutral_name()


def neutral_name() -> str:
    return replies.say("discord_thread")


def placeholder(prompt: str | None, count: int) -> str:
    """The public message; None: a moderator has to see the prompt first."""
    if prompt is None:
        return replies.say("chat_held")
    return f"{replies.say('discord_asked', count=count)}\n{block(prompt)}"


def waiting(position: int | None, done_at: int | None) -> str:
    if position is None:
        return replies.say("chat_queued")
    if done_at is None:
        return replies.say("chat_position", position=position)
    return replies.say("discord_position_eta", position=position, at=done_at)


def drawing(progress: Progress, done_at: int | None) -> str:
    if progress.loading:
        return replies.say("chat_loading")
    percent = wording.percent(progress)
    if done_at is None:
        return replies.say("chat_drawing", percent=percent)
    return replies.say("discord_drawing_eta", percent=percent, at=done_at)


def result(job: Job, pictures: tuple[Picture, ...]) -> str:
    """The small print under the pictures: sizes, backend, seeds; then what the person should know."""
    return clip("\n".join([f"-# {wording.small_print(job, pictures)}", *wording.notes(job)]), 800)


def lines(*parts: str) -> str:
    return "\n".join(part for part in parts if part)


def without(pictures: tuple[Picture, ...]) -> str:
    """Why none of these is shown."""
    hidden = any(picture.hidden and not picture.deleted for picture in pictures)
    return replies.say("discord_hidden" if hidden else "chat_deleted")


def refusal(refused: Refused) -> str:
    """Everything that is wrong, and the command to copy."""
    sentences = (PERSON.sub(r"<@\1>", sentence) for sentence in replies.sentences(refused))
    text = clip(wording.listed(sentences, "-"), 900)
    if refused.corrected is None:
        return text
    return f"{text}\n{replies.say('chat_corrected')}\n{to_copy(refused.corrected)}"
