"""What a click, a message shortcut and a sent form do. Who may do it is looked up now, in the store."""

import json
import time
from collections.abc import Awaitable, Callable, Mapping

from adapters.chat.slack import blocks, forms
from adapters.chat.slack.asking import Desk, Reply
from adapters.chat.slack.reading import Payload, Visit, of_form
from adapters.chat.slack.web import Closed
from bot import replies
from bot.errors import Refused
from bot.model import FINAL_STATES
from bot.moderators import Moderators
from bot.recent import DOUBLE_CLICK, Lately
from bot.wording import Button

TOO_LATE = frozenset({"expired_trigger_id", "exchanged_trigger_id", "invalid_trigger_id"})

Press = Callable[[Visit, str], Awaitable[Reply]]


async def open_form(desk: Desk, visit: Visit, form: blocks.Block, again: str | None) -> None:
    """Where Slack says that it is too late, a button with the value ``again`` offers the form anew, where there is one.

    Raises Closed, ChatBusy.
    """
    web = await desk.workspaces.web(visit.team, visit.enterprise)
    try:
        await web.call("views.open", trigger_id=visit.trigger, view=form)
    except Closed as closed:
        if closed.code not in TOO_LATE:
            raise
        late = replies.say("slack_form_late")
        offer = blocks.offer_form(late, again) if again else blocks.private(replies.say("slack_press_again"))
        await desk.tell(visit, offer)


class Buttons:
    """``more`` are the buttons of other parts, by their name."""

    def __init__(self, desk: Desk, moderators: Moderators, more: Mapping[str, Press]) -> None:
        self._desk, self._studio, self._moderators = desk, desk.studio, moderators
        self._pressed = Lately(DOUBLE_CLICK)
        self._handlers: dict[str, Press] = {
            Button.CANCEL: self._cancel,
            Button.AGAIN: self._again,
            Button.VARY: self._vary,
            Button.DELETE: self._delete,
            Button.REPORT: self._report_form,
            blocks.FORM: self._form,
            **more,
        }

    async def pressed(self, visit: Visit, body: Payload) -> Reply:
        """One that is not known, or no more, is answered too."""
        action = body["actions"][0]
        handler = self._handlers.get(str(action.get("action_id", "")).removeprefix(blocks.ACTION))
        if handler is None:
            return Reply(blocks.private(replies.say("chat_expired")))
        return await handler(visit, str(action.get("value") or ""))

    def _is_double(self, visit: Visit, what: str) -> bool:
        return self._pressed.again((visit.user, what), time.monotonic())

    # -- on a request

    async def _cancel(self, visit: Visit, job_id: str) -> Reply:
        job = await self._studio.cancel(await self._desk.person(visit), visit.place, job_id)
        code = "chat_cancelled" if job.state in FINAL_STATES else "chat_cancelling"
        return Reply(blocks.private(replies.say(code)))

    # -- on a result

    async def _again(self, visit: Visit, job_id: str) -> Reply:
        if self._is_double(visit, f"again {job_id}"):
            return Reply(blocks.private(replies.say("chat_already")))
        return await self._desk.take(visit, lambda origin: self._studio.again(origin, job_id, visit.key))

    async def _delete(self, visit: Visit, job_id: str) -> Reply:
        """The worker takes the files off Slack."""
        await self._studio.delete(await self._desk.person(visit), visit.place, job_id)
        return Reply(blocks.private(replies.say("chat_deleted")))

    # -- forms

    async def _vary(self, visit: Visit, job_id: str) -> Reply:
        return self.form_opened(visit, job_id)

    async def _form(self, visit: Visit, value: str) -> Reply:
        """The button that offers the form again; it knows where the answer belongs."""
        known = json.loads(value or "{}")
        there = visit.at(str(known.get("channel") or visit.channel), str(known.get("thread", "")))
        return self.form_opened(there, str(known.get("job", "")))

    def form_value(self, visit: Visit, job_id: str) -> str:
        return json.dumps({"channel": visit.channel, "thread": visit.thread, "job": job_id})

    def form_opened(self, visit: Visit, job_id: str) -> Reply:
        """The form with every option, filled with the request of ``job_id`` where there is one."""

        async def opened() -> None:
            person = await self._desk.person(visit)
            request = await self._studio.request_of(visit.place, job_id, person) if job_id else None
            metadata = {"channel": visit.channel, "thread": visit.thread, "job": job_id}
            form = forms.imagine(request, self._studio.backends(), self._studio.styles(), metadata)
            await open_form(self._desk, visit, form, self.form_value(visit, job_id))

        return self._desk.afterwards(visit, opened)

    async def _report_form(self, visit: Visit, job_id: str) -> Reply:
        async def opened() -> None:
            metadata = {"channel": visit.channel, "thread": visit.thread, "job": job_id}
            await open_form(self._desk, visit, forms.report(metadata), None)

        return self._desk.afterwards(visit, opened)

    async def shortcut(self, visit: Visit, _: Payload) -> Reply:
        return self.form_opened(visit, "")

    # -- forms that were sent

    def of_form(self, body: Payload) -> Visit:
        known = forms.metadata(body["view"])
        return of_form(body, known.get("channel", ""), known.get("thread", ""))

    async def imagined(self, visit: Visit, body: Payload) -> Reply:
        given = forms.values(body["view"])
        options: dict[str, object] = {name: value for name, value in given.items() if name != forms.PROMPT}
        try:
            request = self._studio.read(given.get(forms.PROMPT) or "", options)
            return await self._desk.take(visit, lambda origin: self._studio.submit(origin, request, visit.key))
        except Refused as refused:
            return Reply(errors=forms.errors(refused.problems, list(given)))

    async def reported(self, visit: Visit, body: Payload) -> Reply:
        job_id = forms.metadata(body["view"]).get("job", "")
        reason = forms.values(body["view"]).get(forms.REASON) or ""
        try:
            fresh = await self._moderators.report(await self._desk.person(visit), visit.place, job_id, None, reason)
        except Refused as refused:
            return Reply(errors={forms.REASON: forms.errors(refused.problems, ())[forms.PROMPT]})
        return Reply(blocks.private(replies.say("chat_reported" if fresh else "report_only_one")))
