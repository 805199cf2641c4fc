"""What a person types or presses in the room, and what the bot answers them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from adapters.chat.web import views
from adapters.chat.web.sessions import ROOM, Visitor
from bot import command
from bot.errors import Refused, StoreError
from bot.model import FINAL_STATES, ImageRequest, Job, Message, Problem
from bot.moderators import Moderators
from bot.options import LONGEST_TEXT, nearest, without_forbidden
from bot.ports import Clock, Store
from bot.replies import display, say, sentences, typed
from bot.studio import TRIES, Studio

HINT_SECONDS = 86_400  #: who only talks is told once in so long how to ask for a picture
HISTORY = 6  #: requests that /imagine-history shows; the gallery has them all

_COMMANDS = ("/imagine", "/imagine-style", "/imagine-status", "/imagine-history", "/imagine-forget")
_ANSWER = ":answer"


@dataclass(frozen=True, slots=True)
class Heard:
    """``refused``: nothing was taken, and the person's words should stay in the box."""

    refused: bool = False


class Speaker:
    """Every method takes the page's ``key`` of the post, so that sending it again says and asks nothing twice."""

    def __init__(self, store: Store, studio: Studio, moderators: Moderators, clock: Clock) -> None:
        self._store = store
        self._studio = studio
        self._moderators = moderators
        self._clock = clock

    async def hear(self, visitor: Visitor, text: str, key: str) -> Heard:
        """Raises StoreError."""
        key = f"{visitor.key}:{key}"
        words = without_forbidden(text).strip()
        head = words.split(maxsplit=1)[0].lower() if words else ""
        match head:
            case "":
                return Heard(refused=True)
            case "/imagine" | "/imagine-style":
                told = self._style(visitor, words, key) if head != "/imagine" else None
                return await (told or self._imagine(visitor, text, words, key))
            case "/imagine-status":
                await self._answer(visitor, await self._status(visitor), key)
            case "/imagine-history":
                await self._history(visitor, key)
            case "/imagine-forget":
                await self._studio.forget(visitor.person)
                await self._answer(visitor, say("web_forgotten"), key)
            case "/imagine-mod":
                await self._answer(visitor, await self._moderate(visitor, words), key)
            case _ if head.startswith("/"):
                return await self._unknown(visitor, head, words, key)
            case _:
                return await self._chat(visitor, words, key)
        return Heard()

    async def _unknown(self, visitor: Visitor, head: str, words: str, key: str) -> Heard:
        guess = nearest(head, _COMMANDS)
        if guess is None:
            told = say("web_no_command", command=display(head[:40]), commands=", ".join(_COMMANDS))
            await self._answer(visitor, told, key)
        else:
            told = say("web_command_misspelt", command=display(head[:40]), guess=guess)
            await self._answer(visitor, told, key, guess + words[len(head) :])
        return Heard(refused=True)

    async def _moderate(self, visitor: Visitor, words: str) -> str:
        if not await self._moderators.is_moderator(visitor.person, ROOM):
            return say("web_moderators")
        return "\n".join(await self._moderators.dispatch(visitor.person, ROOM, words))

    async def _imagine(self, visitor: Visitor, text: str, words: str, key: str) -> Heard:
        try:
            await self.ask(visitor, text, words, key)
        except Refused as refused:
            words = "\n".join(sentences(refused, typed))
            await self._answer(visitor, words, key, refused.corrected or "", refused.decision)
            return Heard(refused=True)
        return Heard()

    async def _style(self, visitor: Visitor, words: str, key: str) -> Heard:
        try:
            said = await self._studio.style(visitor.person, ROOM, words.partition(" ")[2])
        except Refused as refused:
            await self._answer(visitor, refusal(refused.problems), key)
            return Heard(refused=True)
        await self._answer(visitor, said, key)
        return Heard()

    async def _chat(self, visitor: Visitor, words: str, key: str) -> Heard:
        if len(words) > LONGEST_TEXT:
            await self._answer(visitor, say("web_long", limit=LONGEST_TEXT, count=len(words)), key)
            return Heard(refused=True)
        await self._say(visitor, words, key)
        today = f"{visitor.key}:hint:{int(self._clock.now() // HINT_SECONDS)}"
        await self._answer(visitor, say("web_hint"), today, command.format_command(ImageRequest(words)))
        return Heard()

    async def ask(self, visitor: Visitor, request: ImageRequest | str, words: str, key: str) -> Job:
        """Submits, says the request in the room, and acknowledges it. Raises Refused, StoreError."""
        keys = [key, *(f"{key}:{number}" for number in range(1, TRIES))]
        ticket, said_key = await self._studio.submit_anew(visitor.origin, request, keys)
        job = ticket.job
        try:
            said = await self._say(visitor, words, said_key, job.id)
        except StoreError:
            await self._studio.unacknowledged(job.id)
            raise
        await self._studio.acknowledged(job.id, {"message": str(said.seq)})
        if job.review:
            await self._answer(visitor, views.told_of_review(job), said_key, job_id=job.id)
        return job

    async def request_of(self, visitor: Visitor, job_id: str) -> ImageRequest:
        """What the room may read of it, or the person who asked. Raises Refused, StoreError."""
        return await self._studio.request_of(ROOM, job_id, visitor.person)

    async def again(self, visitor: Visitor, job_id: str, key: str) -> Job:
        """Raises Refused, StoreError."""
        request = await self.request_of(visitor, job_id)
        anew = ImageRequest(**{name: getattr(request, name) for name in ImageRequest.__slots__} | {"seed": None})
        return await self.ask(visitor, anew, command.format_command(anew), f"{visitor.key}:{key}")

    async def vary(self, visitor: Visitor, prompt: str, values: Mapping[str, object], key: str) -> Job:
        """Raises Refused, StoreError."""
        request = self._studio.check(command.typed(prompt, values, self._studio.options()))
        return await self.ask(visitor, request, command.format_command(request), f"{visitor.key}:{key}")

    # -- answers

    async def _status(self, visitor: Visitor) -> str:
        status = await self._studio.status(visitor.person, ROOM)
        lines = [
            _line(job, views.headline(job, (), views.Live(None, status.standings.get(job.id)))) for job in status.active
        ]
        limit, used = status.limits.images_per_day, status.usage.images_today
        if limit:
            quota = say("web_status_quota", left=max(0, limit - used), limit=limit, hours=status.reset_hours)
        else:
            quota = say("web_status_unlimited", used=used)
        return "\n".join([*(lines or [say("web_status_none")]), quota])

    async def _history(self, visitor: Visitor, key: str) -> None:
        """Each request that ended as an article of its own, with its pictures and buttons, for this person alone."""
        found = [each.job for each in await self._studio.history(visitor.person, HISTORY)]
        ended = [job for job in reversed(found) if job.state in FINAL_STATES]
        await self._answer(visitor, say("web_history") if ended else say("web_history_none"), key)
        for job in ended:
            words, name, now = command.format_command(job.request), visitor.person.name, self._clock.now()
            entry = Message(0, visitor.key, name, words, now, audience=visitor.key, job_id=job.id)
            await self._store.say(entry, f"{key}:{job.id}")

    # -- saying

    async def _say(self, visitor: Visitor, words: str, key: str, job_id: str = "") -> Message:
        person = visitor.person
        return await self._store.say(Message(0, person.key, person.name, words, self._clock.now(), job_id=job_id), key)

    async def _answer(
        self, visitor: Visitor, words: str, key: str, correction: str = "", decision: str = "", job_id: str = ""
    ) -> Message:
        """A sentence of the bot to this person alone."""
        said = {"audience": visitor.key, "correction": correction, "decision": decision, "job_id": job_id}
        message = Message(0, "", "", words, self._clock.now(), **said)
        return await self._store.say(message, key + _ANSWER)


def refusal(problems: Sequence[Problem]) -> str:
    return "\n".join(typed(each) for each in problems)


def _line(job: Job, state: str) -> str:
    return say("web_line_of_list", prompt=display(job.request.prompt).replace("\n", " "), state=state)
