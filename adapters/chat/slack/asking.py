"""From something a person did to a queued job: stored, acknowledged to Slack, shown in the channel, then queued.

A handler gives a `Reply` and touches Slack only in what the reply does afterwards (`Reply.then`), which begins once the
acknowledgement has left; it is told whether that worked.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

from adapters.chat.slack import blocks
from adapters.chat.slack.address import Address
from adapters.chat.slack.delivery import HERE, OVER, REFUSED, UNREACHABLE, SlackChat
from adapters.chat.slack.groups import Groups
from adapters.chat.slack.reading import Visit
from adapters.chat.slack.web import Closed
from adapters.chat.slack.workspaces import Workspaces
from bot import replies
from bot.answering import AnswersFirst
from bot.errors import ChatBusy, Refused, StoreError
from bot.model import Job, Origin, Person, Problem, Ticket
from bot.ports import Observer
from bot.studio import SLOWEST_COMMIT, Studio

POST_PAUSES = (0.5, 2.0, 5.0)
"""Seconds between attempts to post a request's message."""

QUEUE_PAUSES = (0.2, 1.0, 5.0, 20.0)
"""Seconds between attempts to queue it afterwards."""

Words = tuple[str, list[blocks.Block]]
Submit = Callable[[Origin], Awaitable[Ticket]]
Then = Callable[[bool], Awaitable[None]]
"""What is to be done after the acknowledgement; told whether it left in time."""


@dataclass(frozen=True, slots=True)
class Reply:
    words: Words | None = None  #: for the person alone
    then: Then | None = None
    errors: Mapping[str, str] | None = None  #: of a form, by its block


class Desk:
    """Takes requests in."""

    def __init__(
        self,
        studio: Studio,
        chat: SlackChat,
        workspaces: Workspaces,
        groups: Groups,
        observer: Observer,
    ) -> None:
        self.studio, self.chat, self.workspaces, self.observer = studio, chat, workspaces, observer
        self._groups = groups
        self._tasks: set[asyncio.Task[None]] = set()
        self.stopping = False
        self.answers = AnswersFirst()

    # -- its life

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(self._guarded(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _guarded(self, work: Coroutine[Any, Any, None]) -> None:
        await self.answers.all_answered()
        try:
            await work
        except StoreError as error:
            self.observer.event("store_error", detail=str(error))
        except (Closed, ChatBusy) as error:
            self.observer.event("slack_reply_lost", detail=str(error))
        except Exception as error:  # noqa: BLE001 - one person's request must not be silent nor end the rest
            self.observer.event("alert", text="slack_handler_failed", detail=repr(error))

    async def drain(self, seconds: float) -> None:
        """Takes nothing new, and waits for what is between storing and queueing."""
        self.stopping = True
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self._tasks:
                    await asyncio.wait(set(self._tasks))

    @asynccontextmanager
    async def _telling(self, visit: Visit) -> AsyncIterator[None]:
        """What is refused after the acknowledgement is told to the person."""
        try:
            yield
        except Refused as refused:
            await self.tell(visit, blocks.refusal(refused))
        except StoreError as error:
            self.observer.event("store_error", detail=str(error))
            await self.tell(visit, blocks.private(replies.say("store_busy")))

    def afterwards(self, visit: Visit, work: Callable[[], Awaitable[None]]) -> Reply:
        """A reply that acknowledges at once and does the work then."""

        async def then(_: bool) -> None:
            async with self._telling(visit):
                await work()

        return Reply(then=then)

    # -- answering

    async def replied(self, work: Awaitable[Reply]) -> Reply:
        """The reply in time, whatever happens. Never raises."""
        if self.stopping:
            if asyncio.iscoroutine(work):
                work.close()
            return Reply(blocks.private(replies.say("chat_stopping")))
        task = asyncio.ensure_future(work)
        await asyncio.wait({task}, timeout=SLOWEST_COMMIT)
        if not task.done():
            return Reply(blocks.private(replies.say("store_busy")), then=lambda _: self._too_late(task))
        return self._result(task)

    def _result(self, task: "asyncio.Future[Reply]") -> Reply:
        try:
            return task.result()
        except Refused as refused:
            return Reply(blocks.refusal(refused))
        except StoreError as error:
            self.observer.event("store_error", detail=str(error))
            return Reply(blocks.private(replies.say("store_busy")))
        except Exception as error:  # noqa: BLE001 - a bug ends one request, with an answer
            self.observer.event("alert", text="slack_handler_failed", detail=repr(error))
            return Reply(blocks.private(replies.say("chat_failed")))

    async def _too_late(self, task: "asyncio.Future[Reply]") -> None:
        """It was done after the person had been told that it would not be."""
        await asyncio.wait({task})
        reply = self._result(task)
        if reply.then is not None:
            await reply.then(False)

    # -- asking for pictures

    async def person(self, visit: Visit) -> Person:
        return visit.person(await self._groups.of(visit.team, visit.enterprise, visit.user) if visit.user else ())

    async def moderator(self, visit: Visit) -> Person:
        """The person with what decides about moderation: groups, and whether they own or administer the workspace."""
        person = await self.person(visit)
        owners = await self._groups.owners(visit.team, visit.enterprise, visit.user)
        return replace(person, groups=(*person.groups, *owners))

    async def take(self, visit: Visit, submit: Submit) -> Reply:
        """Raises Refused, StoreError."""
        person = await self.person(visit)
        ticket = await submit(visit.origin(person.groups))
        if not ticket.fresh:
            return Reply()

        async def then(sent: bool) -> None:
            if sent:
                await self._placed(visit, ticket.job)
            else:
                await self.studio.unacknowledged(ticket.job.id)

        return Reply(then=then)

    async def _placed(self, visit: Visit, job: Job) -> None:
        """The request's message is posted and known before the job can be drawn."""
        address = Address.read(job.origin.address)
        try:
            address = replace(address, message=await self._posted(job, address))
        except Closed as closed:
            await self._not_placed(visit, job, Problem(HERE.get(closed.code, REFUSED), {"code": closed.code}))
            return
        except ChatBusy as busy:
            self.observer.event("slack_reply_lost", job=job.id, detail=busy.detail)
            await self._not_placed(visit, job, Problem(UNREACHABLE))
            return
        await self._queued(job.id, address)

    async def _queued(self, job_id: str, address: Address) -> None:
        """Where the store will not take it, it is cancelled within a minute or two, and the person told."""
        for pause in QUEUE_PAUSES:
            try:
                await self.studio.acknowledged(job_id, address.stored())
            except StoreError as error:
                self.observer.event("store_error", job=job_id, detail=str(error))
                await asyncio.sleep(pause)
            else:
                return
        await self.studio.acknowledged(job_id, address.stored())

    async def _not_placed(self, visit: Visit, job: Job, reason: Problem) -> None:
        """The person hears it here, while there is a response_url; a workflow's step hears it by the delivery."""
        if visit.user:
            await self.tell(visit, blocks.private(replies.problem(reason)))
        await self.studio.unacknowledged(job.id, reason)

    async def _posted(self, job: Job, address: Address) -> str:
        for pause in POST_PAUSES:
            try:
                return await self.chat.post_request(job, address)
            except ChatBusy as busy:
                self.observer.event("slack_post_again", job=job.id, detail=busy.detail)
                await asyncio.sleep(max(pause, min(busy.retry_after or 0.0, 60.0)))
        return await self.chat.post_request(job, address)

    async def removed(self, team: str, enterprise: str) -> None:
        """The app is not installed there any more."""
        self.observer.event("slack_uninstalled", team=team, enterprise=enterprise)
        await self.workspaces.forget(team, enterprise)
        if team:
            await self.studio.leave(f"slack:{team}")

    # -- saying something to one person

    async def tell(self, visit: Visit, words: Words, plainer: Words | None = None) -> None:
        """By the response_url, else where they are, else directly; a workflow's step fails with them. Never raises.

        ``plainer``: the same without what Slack may refuse.
        """
        try:
            web = await self.workspaces.web(visit.team, visit.enterprise)
            if visit.execution:
                await self.fail_step(visit, words[0])
                return
            for said, content in (words, *([plainer] if plainer else [])):
                if visit.response_url and await web.respond(visit.response_url, said, content):
                    return
            await self._told(visit, *(plainer or words))
        except (Closed, ChatBusy) as error:
            self.observer.event("slack_reply_lost", detail=str(error))

    async def fail_step(self, visit: Visit, said: str) -> None:
        """Raises Closed, ChatBusy."""
        web = await self.workspaces.web(visit.team, visit.enterprise)
        try:
            await web.call("functions.completeError", function_execution_id=visit.execution, error=said)
        except Closed as closed:
            if closed.code not in OVER:
                raise

    async def _told(self, visit: Visit, said: str, content: list[blocks.Block]) -> None:
        web = await self.workspaces.web(visit.team, visit.enterprise)
        there = {"channel": visit.channel, **({"thread_ts": visit.thread} if visit.thread else {})}
        try:
            await web.call("chat.postEphemeral", user=visit.user, text=said, blocks=content, **there)
        except Closed:
            opened = await web.call("conversations.open", users=visit.user)
            await web.call("chat.postMessage", channel=opened["channel"]["id"], text=said, blocks=content)
