"""The forms: every option of a request, and the reason of a report. They carry what they belong to. Pure."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from adapters.chat.slack import text
from adapters.chat.slack.blocks import Block, plain
from bot import command, replies
from bot.model import ImageRequest, Problem

IMAGINE, REPORT, REJECT, EDIT = "imagine_form", "imagine_report", "imagine_reject", "imagine_edit"
APPEAL = "imagine_appeal"
VALUE = "value"
PROMPT, REASON = "prompt", "reason"
TEXTS = ("size", "steps", "guidance", "seed", "count")
COMMAND = "/imagine "
MOST_OPTIONS = 100
LONGEST_OPTION = 75
FIELDS = {"no": "negative_prompt", "negative": "negative_prompt", "ar": "size", "aspect": "size"}
"""Names of options that are fields of another name."""


def imagine(
    request: ImageRequest | None, backends: Sequence[str], styles: Sequence[str], metadata: Mapping[str, str]
) -> Block:
    """``metadata`` comes back with the form."""
    given = request or ImageRequest("")
    size = "" if given.size is None else str(given.size)
    numbers = {"size": size, "steps": given.steps, "guidance": given.guidance, "seed": given.seed, "count": given.count}
    prompt = command.format_command(ImageRequest(given.prompt)).removeprefix(COMMAND) if given.prompt else ""
    fields = [
        _words(PROMPT, "slack_field_prompt", prompt, long=True, optional=False),
        _words("negative_prompt", "chat_field_negative", given.negative_prompt or "", long=True),
        *(_words(name, f"option_{name}", _number(numbers[name])) for name in TEXTS),
        *_choice("backend", backends, given.backend),
        *_choice("style", styles, given.style),
    ]
    code = "chat_form_vary" if request else "slack_form_imagine"
    return _modal(IMAGINE, code, "slack_form_draw", fields, metadata)


def report(metadata: Mapping[str, str]) -> Block:
    reason = _words(REASON, "chat_field_reason", "", long=True, optional=False, limit=300)
    return _modal(REPORT, "chat_form_report", "slack_form_send", [reason], metadata)


def reject(metadata: Mapping[str, str]) -> Block:
    reason = _words(REASON, "slack_field_reject", "", long=True, optional=False, limit=500)
    return _modal(REJECT, "slack_form_reject", "slack_form_send", [reason], metadata)


def appeal(metadata: Mapping[str, str]) -> Block:
    reason = _words(REASON, "chat_field_appeal", "", long=True, optional=False, limit=1000)
    return _modal(APPEAL, "slack_form_appeal", "slack_form_send", [reason], metadata)


def edit(prompt: str, metadata: Mapping[str, str]) -> Block:
    field = _words(PROMPT, "slack_field_prompt", prompt, long=True, optional=False)
    return _modal(EDIT, "slack_form_edit", "slack_form_send", [field], metadata)


def _modal(callback: str, title: str, submit: str, fields: Sequence[Block], metadata: Mapping[str, str]) -> Block:
    return {
        "type": "modal",
        "callback_id": callback,
        "title": plain(replies.say(title)),
        "submit": plain(replies.say(submit)),
        "close": plain(replies.say("slack_form_close")),
        "private_metadata": json.dumps(dict(metadata)),
        "blocks": list(fields),
    }


def _number(value: object) -> str:
    return "" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def _words(
    name: str, label: str, value: str, *, long: bool = False, optional: bool = True, limit: int = 3000
) -> Block:
    element: Block = {"type": "plain_text_input", "action_id": VALUE, "multiline": long, "max_length": limit}
    if value:
        element["initial_value"] = value[:limit]
    return _input(name, label, element, optional=optional)


def _choice(name: str, known: Sequence[str], value: str | None) -> list[Block]:
    """A menu, or a text where there are too many names for one or they are too long."""
    if not known:
        return []
    label = f"option_{name}"
    if len(known) > MOST_OPTIONS or any(len(each) > LONGEST_OPTION for each in known):
        return [_words(name, label, value or "")]
    element: Block = {"type": "static_select", "action_id": VALUE, "options": [_option(each) for each in known]}
    if value is not None and value in known:
        element["initial_option"] = _option(value)
    return [_input(name, label, element, optional=True)]


def _option(name: str) -> Block:
    return {"text": plain(name), "value": name}


def _input(name: str, label: str, element: Block, *, optional: bool) -> Block:
    said = replies.say(label)
    return {
        "type": "input", "block_id": name, "optional": optional, "element": element,
        "label": plain(said[:1].upper() + said[1:]),
    }  # fmt: skip


def values(view: Mapping[str, Any]) -> dict[str, str | None]:
    """Block to text of a form that came back; None for an empty field."""
    found: dict[str, str | None] = {}
    for block, actions in (view.get("state") or {}).get("values", {}).items():
        field = actions.get(VALUE) or {}
        selected = field.get("selected_option") or {}
        found[block] = selected.get("value") or field.get("value") or None
    return found


def metadata(view: Mapping[str, Any]) -> dict[str, str]:
    """What the form was opened with; empty for what is not ours."""
    try:
        found = json.loads(view.get("private_metadata") or "{}")
    except ValueError:
        return {}
    return {str(name): str(value) for name, value in found.items()} if isinstance(found, dict) else {}


def errors(problems: Sequence[Problem], present: Sequence[str]) -> dict[str, str]:
    """Sentences by the block they belong to, the prompt's where there is none."""
    found: dict[str, str] = {}
    for problem in problems:
        name = str(problem.values.get("option", ""))
        block = FIELDS.get(name, name)
        block = block if block in present else PROMPT
        said = replies.problem(problem)
        found[block] = f"{found[block]} {said}" if block in found else said
    return {block: text.clip(said, 2000) for block, said in found.items()}


