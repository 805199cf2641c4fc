"""The buttons under messages. They hold no state: what a click means stands in the custom id (see `marks`)."""

import re
from collections.abc import Awaitable, Mapping
from typing import Any, Protocol, Self

import discord

from adapters.chat.discord.marks import PATTERN, Mark, Marks
from bot.replies import say
from bot.wording import RESULT, Button, label_of

OLDER = "older"
STYLES: Mapping[str, discord.ButtonStyle] = {
    Button.CANCEL: discord.ButtonStyle.secondary,
    Button.AGAIN: discord.ButtonStyle.primary,
    Button.REPORT: discord.ButtonStyle.secondary,
    Button.DELETE: discord.ButtonStyle.danger,
    Button.APPROVE: discord.ButtonStyle.success,
    Button.REJECT: discord.ButtonStyle.danger,
}


class Presses(Protocol):
    """A client that knows what to do with a click."""

    def pressed(self, interaction: discord.Interaction[Any]) -> Awaitable[None]: ...


class JobButton(discord.ui.DynamicItem[discord.ui.Button[Any]], template=PATTERN):
    def __init__(self, custom_id: str, action: str, label: str = "", row: int | None = None) -> None:
        style = STYLES.get(action, discord.ButtonStyle.secondary)
        words = label or label_of(action)
        super().__init__(discord.ui.Button(label=words, style=style, custom_id=custom_id, row=row))

    @classmethod
    async def from_custom_id(
        cls, _: discord.Interaction[Any], __: discord.ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        return cls(match.string, match["action"])

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        client: Presses = interaction.client
        await client.pressed(interaction)


def row(marks: Marks, job_id: str, *actions: str) -> discord.ui.View:
    """A view that the library does not keep in memory."""
    view = discord.ui.View(timeout=None)
    for action in actions:
        view.add_item(JobButton(marks.write(Mark(action, job_id)), action))
    view.stop()
    return view


def waiting_row(marks: Marks, job_id: str) -> discord.ui.View:
    return row(marks, job_id, Button.CANCEL)


def result_row(marks: Marks, job_id: str) -> discord.ui.View:
    return row(marks, job_id, *RESULT)


def appeal_row(marks: Marks, decision: str) -> discord.ui.View:
    return row(marks, decision, Button.APPEAL)


def history_rows(marks: Marks, again: Mapping[int, str], before: str) -> discord.ui.View:
    """``again``: the requests by their number on the page; ``before``: where the next page begins, "" for the last."""
    view = discord.ui.View(timeout=None)
    for number, job_id in again.items():
        label = f"{label_of(Button.AGAIN)} {number}"
        view.add_item(JobButton(marks.write(Mark(Button.AGAIN, job_id)), Button.AGAIN, label, 0))
    if before:
        view.add_item(JobButton(marks.write(Mark(OLDER, before)), OLDER, say("chat_older"), 1))
    view.stop()
    return view
