"""Messages in Block Kit. People's words are in plain_text objects only; everything has fallback text. Pure."""

from collections.abc import Sequence
from typing import Any

from adapters.chat.slack import text
from bot import replies, wording
from bot.command import OPTIONS
from bot.errors import Refused
from bot.model import ImageRequest
from bot.wording import Button, label_of

Block = dict[str, Any]

FORM = "form"
ACTION = "imagine_"
"""A button's action_id is this and its name, its value the request's id: Slack lets nobody make up either, and who may
do it is looked up at the click."""


def plain(words: str) -> Block:
    return {"type": "plain_text", "text": words, "emoji": False}


def section(words: str) -> Block:
    return {"type": "section", "text": plain(text.clip(words, text.LONGEST_PLAIN))}


def context(mrkdwn: str) -> Block:
    """``mrkdwn`` is escaped already."""
    return {"type": "context", "elements": [{"type": "mrkdwn", "text": text.clip(mrkdwn, text.LONGEST_PLAIN)}]}


def button(action: str, value: str, label: str = "") -> Block:
    made: Block = {
        "type": "button", "action_id": f"{ACTION}{action}", "text": plain(label or label_of(action)), "value": value,
    }  # fmt: skip
    if action == Button.DELETE:
        made["style"] = "danger"
        made["confirm"] = {
            "title": plain(replies.say("slack_delete_title")),
            "text": plain(replies.say("slack_delete_text")),
            "confirm": plain(label_of(Button.DELETE)),
            "deny": plain(replies.say("slack_keep")),
        }
    return made


def row(value: str, actions: Sequence[str]) -> list[Block]:
    if not actions:
        return []
    return [{"type": "actions", "elements": [button(action, value) for action in actions]}]


def request(
    user: str, asked: ImageRequest, status: str, buttons: Sequence[Block], *, instead: str = ""
) -> tuple[str, list[Block]]:
    """The message that stands for a request: fallback text and blocks. ``instead`` stands in the prompt's place."""
    if instead:
        said = text.clip(f"{instead} {text.escape(status)}", text.LONGEST_TEXT)
        return said, [section(instead), context(text.escape(status)), *buttons]
    who = replies.say("slack_asked_by", user=user) if user else replies.say("slack_asked_by_workflow")
    head = replies.say("slack_asked_count", who=who, count=asked.count)
    fallback = text.clip(f"{text.escape(text.shown(asked.prompt))} – {text.escape(status)}", text.LONGEST_TEXT)
    shown = section(text.shown(asked.prompt))
    return fallback, [context(head), shown, context(text.escape(status)), *buttons]


def private(words: str, *more: Block) -> tuple[str, list[Block]]:
    return text.escape(text.clip(words, text.LONGEST_PLAIN)), [section(words), *more]


def refusal(refused: Refused) -> tuple[str, list[Block]]:
    """Everything that is wrong, the command to copy, and `Appeal` where a decision is behind it."""
    said, corrected = wording.listed(replies.sentences(refused, replies.typed), "•"), refused.corrected
    appeal = row(refused.decision, (Button.APPEAL,) if refused.decision else ())
    if corrected is None:
        return private(said, *appeal)
    lead = replies.say("chat_corrected")
    whole = text.escape(text.clip(f"{said}\n{lead}\n{corrected}", text.LONGEST_TEXT // 2))
    return whole, [section(said), section(lead), copyable(corrected), *appeal]


def copyable(command: str) -> Block:
    """As preformatted rich text: not parsed, and copied as it stands."""
    words = {"type": "text", "text": text.clip(command, 3000)}
    return {"type": "rich_text", "elements": [{"type": "rich_text_preformatted", "elements": [words]}]}


def help_text() -> str:
    lines = [replies.say("slack_help"), ""]
    for option in OPTIONS:
        names = " ".join(f"--{name}" for name in option.names)
        lines.append(f"{names}: {replies.say(option.summary)}")
    return "\n".join([*lines, "", replies.say("slack_help_threads"), replies.say("defaults_how")])


def offer_form(words: str, value: str) -> tuple[str, list[Block]]:
    """Words and the button that opens the form."""
    opens = {"type": "actions", "elements": [button(FORM, value, replies.say("slack_open_form"))]}
    return private(words, opens)
