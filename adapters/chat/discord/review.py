"""The review channel: a message a case, with Approve, Reject (asks a reason) and Edit (the prompt filled in)."""

import dataclasses
from collections.abc import Mapping

from adapters.chat.discord import forms, reading, rows, text
from adapters.chat.discord.address import DEFAULT_UPLOAD_LIMIT, Address, nonce
from adapters.chat.discord.asking import Desk
from adapters.chat.discord.buttons import Handler
from adapters.chat.discord.marks import Mark
from adapters.chat.discord.reading import Interaction
from adapters.chat.discord.rest import NO_MENTIONS, Body, Upload
from bot import replies
from bot.conduct import DECIDED, Case
from bot.model import Settled
from bot.moderators import Moderators

APPROVE, REJECT, EDIT = "approve", "reject", "edit"
SHOWN_REASONS = 10


class Reviews:
    """``moderators`` decides who may do what, at every click."""

    def __init__(self, desk: Desk, moderators: Moderators) -> None:
        self._desk, self._moderators = desk, moderators

    @property
    def buttons(self) -> Mapping[str, Handler]:
        return {APPROVE: self._approve, REJECT: self._ask_reason, EDIT: self._ask_prompt}

    @property
    def forms(self) -> Mapping[str, Handler]:
        return {REJECT: self._reject, EDIT: self._edit}

    async def post(self, case: Case, channel: str, message: str = "") -> str:
        """The case's message, made or brought up to date; its id. Raises ChatBusy, rest.Closed."""
        uploads = await self._previews(case)
        view = None if case.item.state in DECIDED else rows.row(self._desk.marks, case.item.id, APPROVE, REJECT, EDIT)
        body = Body(case_text(case), view, uploads)
        if message:
            await self._desk.chat.rest.edit(channel, message, body)
            return message
        return await self._desk.chat.rest.send(channel, body, nonce(case.item.id, "case"))

    async def _previews(self, case: Case) -> tuple[Upload, ...]:
        """Covered until somebody clicks."""
        if case.job is None or not case.pictures or case.item.hard:
            return ()
        shown = tuple(dataclasses.replace(picture, hidden=False) for picture in case.pictures)
        address = Address(upload_limit=DEFAULT_UPLOAD_LIMIT)
        uploads = await self._desk.chat.uploads(Settled(case.job, shown), address)
        return tuple(dataclasses.replace(each, name=f"SPOILER_{each.name}") for each in uploads)

    # -- the buttons and their forms

    async def _approve(self, interaction: Interaction, item: str) -> None:
        case = await self._moderators.approve(reading.person(interaction), reading.place(interaction), item)
        await self._shown(interaction, case)

    async def _ask_reason(self, interaction: Interaction, item: str) -> None:
        form = forms.Form(self._desk.marks, Mark(REJECT, item), replies.say("discord_form_reject"))
        form.ask(forms.REASON, replies.say("discord_field_reject"), required=True, limit=500)
        await interaction.response.send_modal(form)

    async def _reject(self, interaction: Interaction, item: str) -> None:
        reason = forms.values(interaction.data).get(forms.REASON, "")
        who, where = reading.person(interaction), reading.place(interaction)
        await self._shown(interaction, await self._moderators.reject(who, where, item, reason))

    async def _ask_prompt(self, interaction: Interaction, item: str) -> None:
        case = await self._moderators.case(reading.person(interaction), reading.place(interaction), item)
        form = forms.Form(self._desk.marks, Mark(EDIT, item), replies.say("discord_form_edit"))
        prompt = case.job.request.prompt if case.job else ""
        form.ask(forms.PROMPT, replies.say("discord_field_prompt"), prompt, required=True, limit=forms.LONG)
        await interaction.response.send_modal(form)

    async def _edit(self, interaction: Interaction, item: str) -> None:
        prompt = forms.values(interaction.data).get(forms.PROMPT, "")
        who, where = reading.person(interaction), reading.place(interaction)
        await self._shown(interaction, await self._moderators.edit(who, where, item, prompt))

    async def _shown(self, interaction: Interaction, case: Case) -> None:
        view = None if case.item.state in DECIDED else rows.row(self._desk.marks, case.item.id, APPROVE, REJECT, EDIT)
        await interaction.response.edit_message(
            content=case_text(case), view=view, allowed_mentions=NO_MENTIONS, suppress_embeds=True
        )


def case_text(case: Case) -> str:
    """Who asked for what, why it is here, and what became of it."""
    item = case.item
    lines = [replies.say(f"discord_case_{item.kind.value}", person=_mention(item.author))]
    if case.job is not None:
        lines.append(text.block(case.job.request.prompt))
        if case.job.request.negative_prompt:
            lines += [replies.say("discord_case_negative"), text.block(case.job.request.negative_prompt, 200)]
    if item.original:
        lines += [replies.say("discord_case_original"), text.block(item.original, 300)]
    lines += [f"- {replies.problem(reason)}" for reason in case.reasons[:SHOWN_REASONS]]
    lines += [f"- {_mention(report.person)}\n{text.block(report.reason, 100)}" for report in case.reports[:3]]
    if item.state in DECIDED:
        decided = replies.say(f"discord_case_{item.state.value}", person=_mention(item.decided_by))
        lines += [decided, *([text.block(item.reason, 300)] if item.reason else [])]
    elif item.approvals:
        lines.append(replies.say("discord_case_approvals", given=len(item.approvals), needed=item.required))
    return text.clip("\n".join(lines), text.MESSAGE)


def _mention(person: str) -> str:
    """Shown as a name, pings nobody: every message goes out without allowed mentions."""
    platform, _, rest = person.partition(":")
    number = rest.removeprefix("user:")
    return f"<@{number}>" if platform == "discord" and number.isdigit() else text.clean(person).replace("`", "")
