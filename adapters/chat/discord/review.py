"""The buttons of the review channel, those of appeals, and their forms. `moderators` decides who may, at each click."""

from collections.abc import Mapping

from adapters.chat.discord import cases, forms, reading
from adapters.chat.discord.asking import Desk
from adapters.chat.discord.buttons import Handler
from adapters.chat.discord.marks import Mark
from adapters.chat.discord.reading import Interaction
from adapters.chat.discord.rest import NO_MENTIONS
from bot import replies
from bot.conduct import Case
from bot.moderators import Moderators
from bot.wording import Button


class Reviews:
    def __init__(self, desk: Desk, moderators: Moderators) -> None:
        self._desk, self._moderators = desk, moderators

    @property
    def buttons(self) -> Mapping[str, Handler]:
        return {
            Button.APPROVE: self._approve,
            Button.REJECT: self._ask_reason,
            Button.EDIT: self._ask_prompt,
            Button.APPEAL: self._ask_why,
        }

    @property
    def forms(self) -> Mapping[str, Handler]:
        return {Button.REJECT: self._reject, Button.EDIT: self._edit, Button.APPEAL: self._appeal}

    async def _approve(self, interaction: Interaction, item: str) -> None:
        case = await self._moderators.approve(reading.person(interaction), reading.place(interaction), item)
        await self._shown(interaction, case)

    async def _ask_reason(self, interaction: Interaction, item: str) -> None:
        form = forms.Form(self._desk.marks, Mark(Button.REJECT, item), replies.say("discord_form_reject"))
        form.ask(forms.REASON, replies.say("discord_field_reject"), required=True, limit=500)
        await interaction.response.send_modal(form)

    async def _reject(self, interaction: Interaction, item: str) -> None:
        reason = forms.values(interaction.data).get(forms.REASON, "")
        who, where = reading.person(interaction), reading.place(interaction)
        await self._shown(interaction, await self._moderators.reject(who, where, item, reason))

    async def _ask_prompt(self, interaction: Interaction, item: str) -> None:
        case = await self._moderators.case(reading.person(interaction), reading.place(interaction), item)
        form = forms.Form(self._desk.marks, Mark(Button.EDIT, item), replies.say("discord_form_edit"))
        prompt = case.job.request.prompt if case.job else ""
        form.ask(forms.PROMPT, replies.say("discord_field_prompt"), prompt, required=True, limit=forms.LONG)
        await interaction.response.send_modal(form)

    async def _edit(self, interaction: Interaction, item: str) -> None:
        prompt = forms.values(interaction.data).get(forms.PROMPT, "")
        who, where = reading.person(interaction), reading.place(interaction)
        await self._shown(interaction, await self._moderators.edit(who, where, item, prompt))

    async def _shown(self, interaction: Interaction, case: Case) -> None:
        """At once; the item's own post says the same a moment later."""
        await interaction.response.edit_message(
            content=cases.text_of(case),
            view=cases.row_of(self._desk.marks, case),
            allowed_mentions=NO_MENTIONS,
            suppress_embeds=True,
        )

    # -- by those who were decided about

    async def _ask_why(self, interaction: Interaction, decision: str) -> None:
        form = forms.Form(self._desk.marks, Mark(Button.APPEAL, decision), replies.say("discord_form_appeal"))
        form.ask(forms.REASON, replies.say("chat_field_appeal"), required=True, limit=1000)
        await interaction.response.send_modal(form)

    async def _appeal(self, interaction: Interaction, decision: str) -> None:
        words = forms.values(interaction.data).get(forms.REASON, "")
        await self._moderators.appeal(reading.person(interaction), reading.place(interaction), decision, words)
        await self._desk.private(interaction, replies.say("chat_appealed"))
