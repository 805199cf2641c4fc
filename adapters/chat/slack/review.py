"""Moderation on Slack: the review channel with its buttons and forms, pictures that go and come back, notices."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from adapters.chat.slack import blocks, forms, text
from adapters.chat.slack.address import Address, file_ids
from adapters.chat.slack.asking import Desk, Reply
from adapters.chat.slack.buttons import Press, open_form
from adapters.chat.slack.delivery import SlackChat
from adapters.chat.slack.reading import Payload, Visit
from adapters.chat.slack.sharing import DELETED, UNKNOWN, Parcel, Sharing, share_for_post
from adapters.chat.slack.web import Closed, Web
from adapters.chat.slack.workspaces import Workspaces
from bot import replies, wording
from bot.conduct import DECIDED, Case, Notice
from bot.errors import ChatGone, Refused
from bot.mod_words import SHORT_ID
from bot.model import Picture, Settled
from bot.moderators import Moderators
from bot.ports import Pictures
from bot.ports_moderation import Remember
from bot.wording import Button

SHOWN_REASONS, SHOWN_REPORTS = 10, 5
GONE = frozenset({UNKNOWN, DELETED})


class SlackRoom:
    """Implements `bot.ports_moderation.ReviewRoom`. Web API only."""

    def __init__(self, workspaces: Workspaces, chat: SlackChat, pictures: Pictures) -> None:
        self._workspaces, self._chat, self._pictures = workspaces, chat, pictures

    async def _web(self, tenant: str) -> Web:
        try:
            return await self._workspaces.web(tenant.removeprefix("slack:"), "")
        except Closed as closed:
            raise ChatGone(closed.code) from None

    async def announce(self, case: Case, channel: str, address: Mapping[str, str], remember: Remember) -> None:
        """Without a channel nobody is reached here: Slack has no system channel that a bot could post in unasked."""
        if not channel:
            raise ChatGone("no review channel")
        web = await self._web(case.item.tenant)
        words, content = case_blocks(case)
        known = dict(address) if address.get("channel") == channel else {}
        try:
            if known.get("message"):
                await web.call("chat.update", channel=channel, ts=known["message"], text=words, blocks=content)
            else:
                posted = await web.call("chat.postMessage", channel=channel, text=words, blocks=content)
                known = {"channel": channel, "message": str(posted["ts"])}
                await remember({**known, **dict.fromkeys(("files", "shared", "failures", "previewed"), "")})
            await self._previewed(web, case, known, remember)
        except Closed as closed:
            raise ChatGone(closed.code) from None

    async def _previewed(self, web: Web, case: Case, known: Mapping[str, str], remember: Remember) -> None:
        """The pictures in the message's thread while they wait; they go with the decision."""
        if case.item.state in DECIDED:
            await _deleted(web, file_ids(known.get("files", "")))
        elif case.job is not None and case.pictures and not case.item.hard and not known.get("previewed"):
            parcel = Parcel(case.pictures, text.alt_text(case.job.request.prompt), f"review-{case.item.id[:8]}", "")
            with suppress(ChatGone):  # without the files it is decided by the words
                sharing = Sharing(web, self._pictures, parcel, remember)
                await share_for_post(sharing, known, known["channel"], known["message"])
            await remember({"previewed": "1"})

    async def revise(self, settled: Settled, address: Mapping[str, str], remember: Remember) -> None:
        """Slack cannot hide a file: a hidden one is deleted there, and posted anew should it be shown again.

        Remembered are each picture's newest file and, as ``files``, those that are on their way.
        """
        web = await self._web(settled.job.origin.place.tenant)
        posted = _newest_files(settled, address)
        shown = {picture: file for picture, file in posted.items() if not picture.hidden and not picture.deleted}
        try:
            await _deleted(web, [file for picture, file in posted.items() if picture not in shown])
            sent = file_ids(address.get("files", ""))
            late = {picture: file for picture, file in shown.items() if file in sent}
            known = {**address, "files": ",".join(late.values())}
            if len(late) < len(sent):
                await remember({"files": known["files"]})
            await self._posted_again(web, settled, tuple(late), known, remember)
            gone = [picture for picture, file in shown.items() if picture not in late and await _is_gone(web, file)]
            await self._posted_again(web, settled, tuple(gone), {}, remember)
            await self._chat.revise_request(settled.job, gone=not shown)
        except Closed as closed:
            raise ChatGone(closed.code) from None

    async def _posted_again(
        self, web: Web, settled: Settled, back: tuple[Picture, ...], known: Mapping[str, str], remember: Remember
    ) -> None:
        """``known``: what an attempt that did not come to its end remembered."""
        if not back:
            return
        job, place = settled.job, Address.read(settled.job.origin.address)

        async def remember_each(found: Mapping[str, str]) -> None:
            files = zip(back, file_ids(found.get("files", "")), strict=False)
            await remember({**found, **{_newest(picture): file for picture, file in files}})

        parcel = Parcel(back, text.alt_text(job.request.prompt), f"imagine-{job.id[:8]}", text.result(job, back))
        sharing = Sharing(web, self._pictures, parcel, remember_each)
        await share_for_post(sharing, known, place.channel, place.pictures_thread)
        await remember({"files": "", "shared": "", "failures": ""})

    async def notify(self, notice: Notice) -> None:
        web = await self._web(notice.tenant)
        appeal = blocks.row(notice.decision, (Button.APPEAL,) if notice.decision else ())
        said, content = blocks.private(notice.text, *appeal)
        try:
            opened = await web.call("conversations.open", users=notice.person.rpartition(":")[2])
            await web.call("chat.postMessage", channel=opened["channel"]["id"], text=said, blocks=content)
        except Closed as closed:
            raise ChatGone(closed.code) from None


def _newest(picture: Picture) -> str:
    """Where the id of the file that shows it is remembered once it was posted again."""
    return f"file {picture.index}"


def _newest_files(settled: Settled, address: Mapping[str, str]) -> dict[Picture, str]:
    first = Address.read(settled.job.origin.address).file_ids
    posted = zip(settled.pictures, first, strict=False)
    return {picture: address.get(_newest(picture), file) for picture, file in posted}


async def _deleted(web: Web, files: Sequence[str]) -> None:
    for file in files:
        try:
            await web.call("files.delete", file=file)
        except Closed as closed:
            if closed.code not in GONE:
                raise


async def _is_gone(web: Web, file: str) -> bool:
    try:
        await web.call("files.info", file=file)
    except Closed as closed:
        return closed.code in GONE
    return False


# -- the message of a case


def case_blocks(case: Case) -> tuple[str, list[blocks.Block]]:
    """Who asked for what, why it is here, and what became of it. Of the hard category the words stay out."""
    item, job = case.item, case.job
    head = replies.say(f"slack_case_{item.kind.value}", person=_mention(item.author))
    words = job.request.prompt if job else item.words
    if item.hard:
        words = replies.say("chat_case_hidden", item=item.id[:SHORT_ID])
    content = [blocks.context(head), *([blocks.section(text.shown(words))] if words else [])]
    extra = _extra(case)
    if extra:
        content.append(blocks.section(extra))
    if item.state in DECIDED:
        said = replies.say(f"chat_case_{item.state.value}", person=_mention(item.decided_by))
        content.append(blocks.context("\n".join([said, text.escape(replies.display(item.reason))]).strip()))
    else:
        if item.approvals:
            given = replies.say("chat_case_approvals", given=len(item.approvals), needed=item.required)
            content.append(blocks.context(given))
        content += blocks.row(item.id, wording.deciding(item))
    return text.clip(text.escape(text.shown(words or replies.say("slack_case"))), text.LONGEST_TEXT), content


def _extra(case: Case) -> str:
    lines = []
    if case.job is not None and case.job.request.negative_prompt and not case.item.hard:
        lines.append(replies.say("slack_case_negative", words=replies.display(case.job.request.negative_prompt)))
    if case.item.original and not case.item.hard:
        lines.append(replies.say("slack_case_original", words=replies.display(case.item.original)))
    lines += [f"• {replies.problem(reason)}" for reason in case.reasons[:SHOWN_REASONS]]
    lines += [f"• {each.person}: {replies.display(each.reason)}" for each in case.reports[:SHOWN_REPORTS]]
    return text.clip("\n".join(lines), text.LONGEST_PLAIN)


def _mention(key: str) -> str:
    """For a context block, escaped: a person of Slack as a mention, everybody else by the key."""
    platform, _, rest = key.partition(":")
    user = rest.removeprefix("user:")
    return f"<@{user}>" if platform == "slack" and user.isalnum() and user.isascii() else text.escape(key)


# -- its buttons and forms


class Reviews:
    """Who may decide is looked up at every click. The message is brought up to date by the worker."""

    def __init__(self, desk: Desk, moderators: Moderators) -> None:
        self._desk, self._moderators = desk, moderators

    @property
    def presses(self) -> Mapping[str, Press]:
        return {
            Button.APPROVE: self._approve,
            Button.REJECT: self._ask_reason,
            Button.EDIT: self._ask_prompt,
            Button.APPEAL: self._ask_why,
        }

    async def _approve(self, visit: Visit, item: str) -> Reply:
        await self._moderators.approve(await self._desk.moderator(visit), visit.place, item)
        return Reply()

    async def _ask_reason(self, visit: Visit, item: str) -> Reply:
        async def opened() -> None:
            await open_form(self._desk, visit, forms.reject(_known(visit, item)), None)

        return self._desk.afterwards(visit, opened)

    async def _ask_prompt(self, visit: Visit, item: str) -> Reply:
        async def opened() -> None:
            case = await self._moderators.case(await self._desk.moderator(visit), visit.place, item)
            prompt = case.job.request.prompt if case.job else ""
            await open_form(self._desk, visit, forms.edit(prompt, _known(visit, item)), None)

        return self._desk.afterwards(visit, opened)

    async def _ask_why(self, visit: Visit, decision: str) -> Reply:
        async def opened() -> None:
            await open_form(self._desk, visit, forms.appeal(_known(visit, decision)), None)

        return self._desk.afterwards(visit, opened)

    async def appealed(self, visit: Visit, body: Payload) -> Reply:
        """By those who were decided about."""
        reason = forms.values(body["view"]).get(forms.REASON) or ""
        decision = forms.metadata(body["view"]).get("item", "")
        try:
            await self._moderators.appeal(await self._desk.person(visit), visit.place, decision, reason)
        except Refused as refused:
            return Reply(errors={forms.REASON: text.sentences(refused.problems)})
        return Reply(blocks.private(replies.say("chat_appealed")))

    async def rejected(self, visit: Visit, body: Payload) -> Reply:
        reason = forms.values(body["view"]).get(forms.REASON) or ""

        async def reject(person: Any, item: str) -> None:
            await self._moderators.reject(person, visit.place, item, reason)

        return await self._decided(visit, body, forms.REASON, reject)

    async def edited(self, visit: Visit, body: Payload) -> Reply:
        prompt = forms.values(body["view"]).get(forms.PROMPT) or ""

        async def edit(person: Any, item: str) -> None:
            await self._moderators.edit(person, visit.place, item, prompt)

        return await self._decided(visit, body, forms.PROMPT, edit)

    async def _decided(self, visit: Visit, body: Payload, block: str, work: Any) -> Reply:
        item = forms.metadata(body["view"]).get("item", "")
        try:
            await work(await self._desk.moderator(visit), item)
        except Refused as refused:
            return Reply(errors={block: text.sentences(refused.problems)})
        return Reply()


def _known(visit: Visit, item: str) -> dict[str, str]:
    return {"channel": visit.channel, "thread": visit.thread, "item": item}
