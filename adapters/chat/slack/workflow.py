"""Workflow Builder's step `imagine`. It is finished by the delivery, after the queue and the moderators."""

from adapters.chat.slack import text
from adapters.chat.slack.asking import Desk, Reply
from adapters.chat.slack.reading import Payload, Visit, of_step
from bot import replies
from bot.errors import Refused

STEP = "imagine"
OPTIONAL = ("negative_prompt", "size", "count")


class Workflow:
    def __init__(self, desk: Desk) -> None:
        self._desk, self._studio = desk, desk.studio

    def of_step(self, body: Payload) -> Visit:
        return of_step(body, str((body["event"].get("inputs") or {}).get("channel") or ""))

    async def step(self, visit: Visit, body: Payload) -> Reply:
        inputs = body["event"].get("inputs") or {}
        options: dict[str, object] = {name: self._given(inputs.get(name)) for name in OPTIONAL}
        if not visit.channel:
            return self._desk.afterwards(visit, lambda: self._desk.fail_step(visit, replies.say("slack_step_channel")))
        try:
            request = self._studio.read(str(self._given(inputs.get("prompt")) or ""), options)
            return await self._desk.take(visit, lambda origin: self._studio.submit(origin, request, visit.key))
        except Refused as refused:
            said = " ".join(replies.problem(problem) for problem in refused.problems)
            return self._desk.afterwards(visit, lambda: self._desk.fail_step(visit, said))

    @staticmethod
    def _given(value: object) -> object:
        return text.unescape(value) if isinstance(value, str) else value
