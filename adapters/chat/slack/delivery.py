"""SlackChat: how progress and results reach people. Web API only; everything it needs is in the stored job.

Pictures are uploaded unshared and their ids remembered; only then are they shared, all in one message, and `files.info`
is asked until it shows that message. Whatever happened to an answer in between, a repeated delivery asks the files
themselves whether they are shared, so nothing is shown twice.

    the request's thread -> its channel -> a direct message -> kept
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from weakref import WeakValueDictionary

from adapters.chat.slack import blocks, text
from adapters.chat.slack.address import Address
from adapters.chat.slack.sharing import Parcel, Shared, Sharing, share, upload
from adapters.chat.slack.web import Closed, Web
from adapters.chat.slack.workspaces import Workspaces
from bot import replies, wording
from bot.errors import ChatBusy, ChatGone
from bot.model import FINAL_STATES, Job, Picture, Progress, Settled
from bot.ports import Clock, Observer, Pictures, Remember
from bot.recent import Newest
from bot.studio import is_withheld
from bot.wording import RESULT, Button

BETWEEN_EDITS = 4.0
"""Seconds between two progress edits of one message."""

OPEN_SECONDS = 60.0
"""A request of which nothing was heard for so long does not count as waiting for its result."""

HERE = {
    "not_in_channel": "slack_not_here",
    "channel_not_found": "slack_not_here",
    "is_archived": "slack_archived",
    "thread_not_found": "slack_thread_gone",
    "account_inactive": "slack_no_access",
    "invalid_auth": "slack_no_access",
    "not_authed": "slack_no_access",
    "not_installed": "slack_no_access",
    "token_expired": "slack_no_access",
    "token_revoked": "slack_no_access",
}
"""Slack's word for why nothing can be posted -> the sentence."""

REFUSED, UNREACHABLE = "slack_refused", "slack_unreachable"
TOLD_AT_ONCE = frozenset({*HERE.values(), REFUSED, UNREACHABLE})
"""Reasons that the person heard when the request's message could not be posted."""

REMEMBERED = 10_000
METADATA = "imagine_request"
OVER = frozenset({"execution_not_in_running_state", "function_execution_not_found"})
"""A workflow's step that was finished before, or whose workflow was ended."""


@dataclass(frozen=True, slots=True)
class Errand:
    job: Job
    address: Address
    web: Web
    remember: Remember


class SlackChat:
    """Implements `bot.ports.Chat`."""

    platform = "slack"

    def __init__(
        self,
        workspaces: Workspaces,
        pictures: Pictures,
        clock: Clock,
        observer: Observer,
    ) -> None:
        self._workspaces, self._pictures = workspaces, pictures
        self._clock, self._observer = clock, observer
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._said = Newest[tuple[float, str]](REMEMBERED)
        self._settled = Newest[None](REMEMBERED)
        self._awaiting = Newest[float](REMEMBERED)

    # -- the message with the request

    async def post_request(self, job: Job, address: Address) -> str:
        """The new message's time stamp. Raises Closed, ChatBusy."""
        self._awaits(job.id, self._clock.monotonic())
        web = await self._workspaces.web(address.team, address.enterprise)
        words = replies.say("chat_queued")
        answer = await web.call(
            "chat.postMessage",
            channel=address.channel,
            **({"thread_ts": address.thread} if address.thread else {}),
            **_request(job, address, words, blocks.row(job.id, (Button.CANCEL,))),
            metadata={"event_type": METADATA, "event_payload": {"job": job.id}},
            unfurl_links=False,
            unfurl_media=False,
        )
        return str(answer["ts"])

    # -- progress

    async def progress(
        self, job: Job, position: int | None, eta_seconds: float | None, progress: Progress | None
    ) -> None:
        words = text.drawing(progress) if progress else text.waiting(position, eta_seconds)
        try:
            await self._say(job, words)
        except (ChatBusy, Closed) as error:
            self._observer.event("progress_dropped", job=job.id, detail=str(error))
        except Exception as error:  # noqa: BLE001 - progress never fails a drawing
            self._observer.event("alert", text="progress_failed", job=job.id, detail=repr(error))

    async def _say(self, job: Job, words: str) -> None:
        address = Address.read(job.origin.address)
        at, last = self._said.get(job.id, (float("-inf"), ""))
        now = self._clock.monotonic()
        self._awaits(job.id, now)
        if not address.message or job.id in self._settled or last == words or now - at < BETWEEN_EDITS:
            return
        self._said.keep(job.id, (now, words))
        web = await self._workspaces.web(address.team, address.enterprise)
        async with self._turn(job.id):
            if job.id in self._settled:
                return
            shown = _request(job, address, words, blocks.row(job.id, (Button.CANCEL,)))
            kept = len(self._awaiting)
            await web.spare_call("chat.update", kept, channel=address.channel, ts=address.message, **shown)

    def _awaits(self, job_id: str, now: float) -> None:
        """One edit is kept for every request whose result will need it."""
        self._awaiting.keep(job_id, now)
        while self._awaiting and now - next(iter(self._awaiting.values())) > OPEN_SECONDS:
            self._awaiting.popitem(last=False)

    def _turn(self, job_id: str) -> asyncio.Lock:
        """A progress edit that is under way is waited for: it must not land on top of the result."""
        return self._turns.setdefault(job_id, asyncio.Lock())

    # -- results

    async def deliver(self, settled: Settled, remember: Remember) -> None:
        job = settled.job
        address = Address.read(job.origin.address)
        self._settled.keep(job.id, None)
        self._awaits(job.id, self._clock.monotonic())
        try:
            web = await self._workspaces.web(address.team, address.enterprise)
        except Closed as closed:
            raise ChatGone(closed.code) from None
        errand = Errand(job, address, web, remember)
        async with self._turn(job.id):
            shown = tuple(each for each in settled.pictures if not each.deleted and not each.hidden)
            if shown:
                await self._show(errand, shown)
            else:
                await self._tell(errand)
        self._awaiting.pop(job.id, None)

    async def _show(self, errand: Errand, shown: tuple[Picture, ...]) -> None:
        shared = await self._shared(errand, shown)
        words = text.result(errand.job, shown)
        await self._edit(errand, replies.say("slack_done", details=words), blocks.row(errand.job.id, RESULT))
        if errand.address.execution:
            outputs: dict[str, Any] = {"file_ids": list(shared.file_ids), "permalinks": list(shared.permalinks)}
            if shown[0].seed is not None:
                outputs["seed"] = shown[0].seed
            await self._finish_step(errand, "functions.completeSuccess", outputs=outputs)

    async def _shared(self, errand: Errand, shown: tuple[Picture, ...]) -> Shared:
        address, job = errand.address, errand.job
        sharing = Sharing(
            errand.web, self._pictures, _parcel(job, shown), errand.remember, address.file_ids, bool(address.shared)
        )
        if before := await sharing.before(job.deliveries):
            return before
        refusals = []
        for place in places(address):
            try:
                channel = place.channel or await _direct(errand.web, address)
                shared = await sharing.into(channel, place.thread)
            except Closed as closed:
                refusals.append(closed.code)
                continue
            if refusals:
                self._observer.event("delivery_fell_back", job=job.id, to=channel, detail="; ".join(refusals))
            return shared
        raise ChatGone("; ".join(refusals))

    async def hand_over(self, settled: Settled) -> None:
        """The pictures of a request that could not be posted, to whoever asked.

        Raises Closed, ChatBusy; ChatGone without the files.
        """
        job, address = settled.job, Address.read(settled.job.origin.address)
        web = await self._workspaces.web(address.team, address.enterprise)
        shown = tuple(each for each in settled.pictures if not each.deleted and not each.hidden)
        parcel = _parcel(job, shown)
        await share(web, parcel, await upload(web, self._pictures, parcel), await _direct(web, address), "")

    async def _tell(self, errand: Errand) -> None:
        """A request that ended without pictures: where it was asked, or privately where nothing was posted."""
        job, words = errand.job, wording.outcome(errand.job.reason)
        told = bool(errand.address.message) and await self._edit(errand, words, blocks.row(*wording.left(job)))
        if errand.address.execution:
            await self._finish_step(errand, "functions.completeError", error=words)
        elif not told and not (job.reason and job.reason.code in TOLD_AT_ONCE):
            await self._tell_privately(errand, words)

    async def _edit(self, errand: Errand, words: str, buttons: Sequence[blocks.Block]) -> bool:
        """Brings the request's message to its last state; False where it is gone or closed to us."""
        if not errand.address.message:
            return False
        shown = _request(errand.job, errand.address, words, buttons)
        try:
            await errand.web.call(
                "chat.update", channel=errand.address.channel, ts=errand.address.message, **shown
            )
        except Closed as closed:
            self._observer.event("slack_message_gone", job=errand.job.id, detail=closed.code)
            return False
        return True

    async def _tell_privately(self, errand: Errand, words: str) -> None:
        address = errand.address
        said, content = blocks.private(words)
        try:
            there = {"channel": address.channel, **({"thread_ts": address.thread} if address.thread else {})}
            await errand.web.call("chat.postEphemeral", user=address.user, text=said, blocks=content, **there)
        except Closed:
            await self._tell_directly(errand, said, content)

    async def _tell_directly(self, errand: Errand, said: str, content: list[blocks.Block]) -> None:
        try:
            channel = await _direct(errand.web, errand.address)
            await errand.web.call("chat.postMessage", channel=channel, text=said, blocks=content)
        except Closed as closed:
            raise ChatGone(closed.code) from None

    async def _finish_step(self, errand: Errand, method: str, **arguments: Any) -> None:
        try:
            await errand.web.call(method, function_execution_id=errand.address.execution, **arguments)
        except Closed as closed:
            if closed.code not in OVER:
                self._observer.event("alert", text="slack_step_failed", job=errand.job.id, detail=closed.code)

    async def revise_request(self, job: Job, *, gone: bool) -> None:
        """After pictures were hidden, shown again or deleted. ``gone``: none is left. Raises Closed, ChatBusy."""
        address = Address.read(job.origin.address)
        if not address.message:
            return
        web = await self._workspaces.web(address.team, address.enterprise)
        said = _request(job, address, replies.say("slack_shown"), blocks.row(job.id, RESULT))
        if gone:
            words = replies.say("slack_gone")
            said = {"text": words, "blocks": [blocks.section(words)]}
        await web.call("chat.update", channel=address.channel, ts=address.message, **said)


def _request(job: Job, address: Address, status: str, buttons: Sequence[blocks.Block]) -> dict[str, Any]:
    """The request's message. Nothing public shows what moderators did not let pass, or may not have."""
    instead = ""
    if is_withheld(job):
        instead = replies.say("slack_withheld" if job.state in FINAL_STATES else "chat_held")
    words, content = blocks.request(address.user, job.request, status, buttons, instead=instead)
    return {"text": words, "blocks": content}


def _parcel(job: Job, shown: tuple[Picture, ...]) -> Parcel:
    return Parcel(shown, text.alt_text(job.request.prompt), f"imagine-{job.id[:8]}", text.result(job, shown))


async def _direct(web: Web, address: Address) -> str:
    if not address.user:
        raise Closed("no_person")
    opened = await web.call("conversations.open", users=address.user)
    return str(opened["channel"]["id"])


@dataclass(frozen=True, slots=True)
class Room:
    channel: str  #: "": a direct message to the person
    thread: str = ""


def places(address: Address) -> list[Room]:
    """Where pictures may go, the best first."""
    threads = [Room(address.channel, address.pictures_thread)] if address.pictures_thread else []
    return [*threads, Room(address.channel), *([Room("")] if address.user else [])]
