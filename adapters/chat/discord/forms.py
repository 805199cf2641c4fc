"""Forms. They are read from the raw event, so a form that was open during a restart still works."""

from dataclasses import replace
from typing import Any

import discord

from adapters.chat.discord.marks import Mark, Marks
from bot import command, replies
from bot.model import ImageRequest

VARY, REPORT = "vary", "report"
PROMPT, NEGATIVE, OPTIONS, REASON = "prompt", "negative", "options", "reason"
LONG = 2000
LONGEST_OPTIONS = 400  #: characters; names of backends and styles may have a hundred each
COMMAND = "/imagine "


class Form(discord.ui.Modal):
    """Not kept by the library: `on_interaction` reads what comes back."""

    def __init__(self, marks: Marks, mark: Mark, title: str) -> None:
        super().__init__(title=title, custom_id=marks.write(mark))
        self.stop()

    def ask(self, custom_id: str, label: str, value: str = "", *, required: bool = False, limit: int = LONG) -> None:
        style = discord.TextStyle.long if limit > LONGEST_OPTIONS else discord.TextStyle.short
        field: discord.ui.TextInput[Any] = discord.ui.TextInput(
            custom_id=custom_id, style=style, default=value or None, required=required, max_length=limit
        )
        self.add_item(discord.ui.Label(text=label, component=field))


def vary_form(marks: Marks, job_id: str, request: ImageRequest) -> Form:
    form = Form(marks, Mark(VARY, job_id), replies.say("chat_form_vary"))
    prompt = command.format_command(ImageRequest(request.prompt)).removeprefix(COMMAND)
    options = command.format_command(replace(request, negative_prompt=None)).removeprefix(f"{COMMAND}{prompt}")
    form.ask(PROMPT, replies.say("discord_field_prompt"), prompt, required=True, limit=4000)
    form.ask(NEGATIVE, replies.say("chat_field_negative"), request.negative_prompt or "")
    form.ask(OPTIONS, replies.say("discord_field_options"), options.strip(), limit=LONGEST_OPTIONS)
    return form


def report_form(marks: Marks, job_id: str) -> Form:
    form = Form(marks, Mark(REPORT, job_id), replies.say("chat_form_report"))
    form.ask(REASON, replies.say("chat_field_reason"), required=True, limit=500)
    return form


def values(data: Any) -> dict[str, str]:
    """Custom id to text of a form that came back, its fields in labels or in rows."""
    found: dict[str, str] = {}
    for part in (data or {}).get("components", []):
        inner = [part["component"]] if "component" in part else part.get("components", [])
        found |= {field["custom_id"]: str(field.get("value") or "") for field in inner if "custom_id" in field}
    return found
