"""`/imagine-history`: what a person asked for, for their eyes only, a page at a time.

The small picture is the file that was uploaded with the result, shown a second time by its id. Slack refuses a whole
message for one file that is gone, so each file is asked about first.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from adapters.chat.slack import blocks, text
from adapters.chat.slack.address import Address
from adapters.chat.slack.asking import Desk, Reply, Words
from adapters.chat.slack.reading import Payload, Visit
from adapters.chat.slack.sharing import is_shared
from adapters.chat.slack.web import Closed, Web
from bot import replies, wording
from bot.errors import ChatBusy
from bot.model import FINAL_STATES, JobState, Settled
from bot.wording import Button

PAGE = 5
OLDER = "older"
LONGEST_PROMPT = 300
SHOWN_BY_SLACK = frozenset({"image/png", "image/jpeg", "image/gif"})
"""What a picture in a block may be."""


@dataclass(frozen=True, slots=True)
class Entry:
    settled: Settled
    link: str = ""  #: to the request's message
    file: str = ""  #: of its first picture


class History:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def command(self, visit: Visit, _: Payload) -> Reply:
        return self._page(visit, float("inf"))

    async def older(self, visit: Visit, before: str) -> Reply:
        """The button of a page: those asked for before its last one."""
        return self._page(visit, float(before))

    def _page(self, visit: Visit, before: float) -> Reply:
        async def show() -> None:
            person = await self._desk.person(visit)
            found = await self._desk.studio.past(person, PAGE + 1, before)
            entries = await self._looked_up(visit, found[:PAGE])
            more = len(found) > PAGE
            await self._desk.tell(visit, page(entries, more=more), page(entries, more=more, pictures=False))

        return self._desk.afterwards(visit, show)

    async def _looked_up(self, visit: Visit, found: Sequence[Settled]) -> list[Entry]:
        try:
            web = await self._desk.workspaces.web(visit.team, visit.enterprise)
        except (Closed, ChatBusy):
            return [Entry(settled) for settled in found]
        return list(await asyncio.gather(*(_entry(web, visit.team, settled) for settled in found)))


async def _entry(web: Web, team: str, settled: Settled) -> Entry:
    """Links and files are of one workspace."""
    address = Address.read(settled.job.origin.address)
    if address.team != team:
        return Entry(settled)
    link, file = await asyncio.gather(_link(web, address), _file(web, settled, address))
    return Entry(settled, link, file)


async def _link(web: Web, address: Address) -> str:
    if not address.message:
        return ""
    try:
        found = await web.call("chat.getPermalink", channel=address.channel, message_ts=address.message)
    except (Closed, ChatBusy):
        return ""
    return str(found.get("permalink", ""))


async def _file(web: Web, settled: Settled, address: Address) -> str:
    """"" where there is none, or none that can be shown."""
    first = next(iter(settled.pictures), None)
    if first is None or settled.job.missing or first.media_type not in SHOWN_BY_SLACK:
        return ""
    file = dict(enumerate(address.file_ids)).get(first.index, "")
    try:
        return file if file and is_shared((await web.call("files.info", file=file))["file"]) else ""
    except (Closed, ChatBusy):
        return ""


# -- the message


def page(entries: Sequence[Entry], *, more: bool, pictures: bool = True) -> Words:
    if not entries:
        return blocks.private(replies.say("chat_no_history"))
    fallback = "\n".join(f"• {_prompt(entry)}: {wording.state(entry.settled.job)}" for entry in entries)
    content = [block for entry in entries for block in _blocks(entry, pictures=pictures)]
    if more:
        last = entries[-1].settled.job.created_at
        older = blocks.button(OLDER, repr(last), replies.say("chat_older"))
        content.append({"type": "actions", "elements": [older]})
    return text.escape(text.clip(fallback, text.LONGEST_PLAIN)), content


def _prompt(entry: Entry) -> str:
    return text.shown(entry.settled.job.request.prompt, LONGEST_PROMPT)


def _blocks(entry: Entry, *, pictures: bool) -> list[blocks.Block]:
    job = entry.settled.job
    words = blocks.section(_prompt(entry))
    if entry.file and pictures:
        alt = text.alt_text(job.request.prompt)
        words["accessory"] = {"type": "image", "slack_file": {"id": entry.file}, "alt_text": alt}
    link = replies.say("slack_message_link", link=text.escape(entry.link)) if entry.link else ""
    when = {"type": "mrkdwn", "text": " · ".join(filter(None, [_when(job.created_at), link]))}
    kept = replies.say("slack_kept") if job.state is JobState.UNDELIVERABLE else ""
    said = " ".join(filter(None, [wording.record(entry.settled), kept]))
    about: blocks.Block = {"type": "context", "elements": [when, blocks.plain(text.clip(said, text.LONGEST_PLAIN))]}
    again = job.state in FINAL_STATES and job.state is not JobState.REJECTED
    return [words, about, *blocks.row(job.id, (Button.AGAIN,) if again else ())]


def _when(at: float) -> str:
    """In the reader's own time zone; in UTC where Slack cannot."""
    return f"<!date^{int(at)}^{{date_short_pretty}} {{time}}|{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M} UTC>"
