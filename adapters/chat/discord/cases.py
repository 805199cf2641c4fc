"""An item of the review queue as moderators read it on Discord. Pure, but for the buttons."""

from collections.abc import Iterator

import discord

from adapters.chat.discord import rows, text
from adapters.chat.discord.marks import Marks
from bot import replies, wording
from bot.conduct import DECIDED, Case
from bot.mod_words import SHORT_ID

SHOWN_REASONS = 10
SHOWN_REPORTS = 3


def short_id(case: Case) -> str:
    return case.item.id[:SHORT_ID]


def row_of(marks: Marks, case: Case) -> discord.ui.View | None:
    """What can be decided."""
    if case.item.state in DECIDED:
        return None
    return rows.row(marks, case.item.id, *wording.deciding(case.item))


def text_of(case: Case) -> str:
    """Who asked for what, why it is here, and what became of it. Of the hard category the words stay out."""
    item = case.item
    title = replies.say(f"discord_case_{item.kind.value}", person=mention(item.author))
    words = [replies.say("chat_case_hidden", item=short_id(case))] if item.hard else _words(case)
    reasons = [f"- {replies.problem(reason)}" for reason in case.reasons[:SHOWN_REASONS]]
    return _whole(title, *words, *reasons, *_reports(case), *_outcome(case))


def text_without_words(case: Case) -> str:
    """Where the server's own filter lets the words not be posted."""
    title = replies.say(f"discord_case_{case.item.kind.value}", person=mention(case.item.author))
    return _whole(title, replies.say("discord_case_blocked", item=short_id(case)), *_outcome(case))


def text_for_owner(case: Case, guild: str) -> str:
    """In a direct message, where nothing can be decided."""
    if case.item.state in DECIDED:
        return text_of(case)
    hint = replies.say("discord_case_no_room", guild=text.clean(guild), item=short_id(case))
    return text.clip(f"{text.clip(text_of(case), text.MESSAGE - len(hint) - 1)}\n{hint}", text.MESSAGE)


def _words(case: Case) -> Iterator[str]:
    if case.job is not None:
        yield text.block(case.job.request.prompt)
        if case.job.request.negative_prompt:
            yield replies.say("discord_case_negative")
            yield text.block(case.job.request.negative_prompt, 200)
    if case.against is not None:
        sanction = f"{case.against.kind.value}, {text.clean(case.against.reason)}"
        yield replies.say("discord_case_against", sanction=sanction.replace("`", ""))
    if case.item.original:
        yield replies.say("discord_case_original")
        yield text.block(case.item.original, 300)
    if case.item.words:
        yield text.block(case.item.words, 300)


def _reports(case: Case) -> Iterator[str]:
    for report in case.reports[:SHOWN_REPORTS]:
        yield f"- {mention(report.person)}\n{text.block(report.reason, 100)}"


def _outcome(case: Case) -> Iterator[str]:
    item = case.item
    if item.state in DECIDED:
        yield replies.say(f"chat_case_{item.state.value}", person=mention(item.decided_by))
        if item.reason:
            yield text.block(item.reason, 300)
    elif item.approvals:
        yield replies.say("chat_case_approvals", given=len(item.approvals), needed=item.required)


def _whole(*parts: str) -> str:
    return text.clip(text.lines(*parts), text.MESSAGE)


def mention(person: str) -> str:
    """Shown as a name, pings nobody: every message goes out without allowed mentions."""
    platform, _, rest = person.partition(":")
    number = rest.removeprefix("user:")
    return f"<@{number}>" if platform == "discord" and number.isdigit() else text.clean(person).replace("`", "")
