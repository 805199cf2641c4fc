"""What is asked in words: the slash commands and the app's mention. They answer in their acknowledgement."""

from contextlib import suppress

from adapters.chat.slack import blocks, text
from adapters.chat.slack.asking import Desk, Reply
from adapters.chat.slack.buttons import Buttons
from adapters.chat.slack.reading import Payload, Visit
from bot import replies, wording
from bot.errors import ChatGone, Refused
from bot.moderators import Moderators
from bot.studio import Status

HELP = frozenset({"help", "--help", "?"})


class Commands:
    def __init__(self, desk: Desk, buttons: Buttons, moderators: Moderators) -> None:
        self._desk, self._buttons, self._studio = desk, buttons, desk.studio
        self._moderators = moderators

    async def imagine(self, visit: Visit, body: Payload) -> Reply:
        words = text.unescape(str(body.get("text") or ""))
        if words.strip().lower() in HELP:
            return Reply(blocks.private(blocks.help_text()))
        if not words.strip():
            return self._buttons.form_opened(visit, "")
        return await self._desk.take(visit, lambda origin: self._studio.submit(origin, words, visit.key))

    async def mention(self, visit: Visit, body: Payload) -> Reply:
        if not visit.user:
            return Reply()
        bot = await self._desk.workspaces.bot(visit.team, visit.enterprise)
        words = text.unescape(text.without_mention(str(body["event"].get("text") or ""), bot.user))
        if not words.strip() or words.strip().lower() in HELP:
            return Reply(blocks.offer_form(blocks.help_text(), self._buttons.form_value(visit, "")))
        return await self._desk.take(visit, lambda origin: self._studio.submit(origin, words, visit.key))

    async def style(self, visit: Visit, body: Payload) -> Reply:
        try:
            words = text.unescape(str(body.get("text") or ""))
            said = await self._studio.style(await self._desk.person(visit), visit.place, words)
        except Refused as refused:
            said = "\n".join(replies.problem(each) for each in refused.problems)
        return Reply(blocks.private(said))

    async def status(self, visit: Visit, _: Payload) -> Reply:
        """Pictures that could not be posted are handed over directly."""
        person = await self._desk.person(visit)
        found = await self._studio.status(person, visit.place)
        kept = await self._studio.kept(person)
        lines = [status_text(found), *([replies.say("slack_handed_over")] if kept else [])]

        async def then(_: bool) -> None:
            for settled in kept:
                with suppress(ChatGone):  # a file that is lost keeps back no other
                    await self._desk.chat.hand_over(settled)

        return Reply(blocks.private("\n".join(lines)), then)

    async def forget(self, visit: Visit, _: Payload) -> Reply:
        """Deleting files takes a while, so Slack is answered first."""

        async def forget() -> None:
            await self._studio.forget(await self._desk.person(visit))
            await self._desk.tell(visit, blocks.private(replies.say("chat_forgotten")))

        return self._desk.afterwards(visit, forget)

    async def moderation(self, visit: Visit, body: Payload) -> Reply:
        """Ending somebody's requests takes a while, so Slack is answered first. Mentions reach the core as keys."""
        words = text.with_keys(str(body.get("text") or ""))

        async def moderate() -> None:
            actor = await self._desk.moderator(visit)
            lines = await self._moderators.dispatch(actor, visit.place, words)
            await self._desk.tell(visit, blocks.private("\n".join(lines) or replies.say("slack_nothing")))

        return self._desk.afterwards(visit, moderate)


def status_text(status: Status) -> str:
    lines = [wording.allowance(status)]
    if not status.active:
        lines.append(replies.say("chat_nothing_waits"))
    for job in status.active:
        standing = status.standings.get(job.id)
        state = text.waiting(standing.position, standing.eta_seconds) if standing else wording.state(job)
        lines.append(f"• {text.clip(replies.display(job.request.prompt), 100)}: {state}")
    return "\n".join(lines)
