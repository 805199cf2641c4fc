"""From picture files to one message with them, exactly once.

1. each picture is uploaded: a ticket, then its bytes; nobody sees it
2. the files' ids are remembered with the job, or with the post that shows them
3. one call completes the uploads into one message of the thread
4. `files.info` is asked until every file names that message

A delivery that finds remembered ids begins at 4: files that are shared are done. Files that Slack does not know were
never completed, so 3 is safe. Where Slack had answered 3, that is remembered too, and 3 is never repeated. Files that
are known and not shared, without such an answer, are still being processed, or the process died between 2 and 3: then 3
is repeated after half a minute of patience.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from adapters.chat.slack.address import file_ids
from adapters.chat.slack.web import Closed, Web
from bot import wording
from bot.errors import ChatBusy, ChatGone
from bot.model import Picture
from bot.ports import Pictures, Remember

FIRST_LOOK, LONGEST_PAUSE = 0.3, 2.0
SHARE_SECONDS = 15.0
"""How long one delivery waits for Slack to show what it took."""

PATIENT_DELIVERIES = 1
"""Failed deliveries after which files that nobody is known to have shared are shared."""

TRUSTING_DELIVERIES = 8
"""Failed deliveries after which Slack's word that it shares them is enough."""

Promised = Callable[[], Awaitable[None]]
UNKNOWN = "file_not_found"
DELETED = "file_deleted"


@dataclass(frozen=True, slots=True)
class Parcel:
    pictures: tuple[Picture, ...]
    alt: str
    stem: str  #: of the file names
    comment: str  #: escaped


@dataclass(frozen=True, slots=True)
class Shared:
    file_ids: tuple[str, ...]
    permalinks: tuple[str, ...]


@dataclass(slots=True)
class Sharing:
    """A parcel on its way, whichever attempt this is. It remembers ``files`` and ``shared``, as in `Address`."""

    web: Web
    pictures: Pictures
    parcel: Parcel
    remember: Remember
    files: tuple[str, ...] = ()  #: uploaded before
    promised: bool = False

    async def before(self, failures: int) -> Shared | None:
        """As `shared_before`. Raises ChatBusy."""
        return await shared_before(self.web, self.files, failures, promised=self.promised) if self.files else None

    async def into(self, channel: str, thread: str) -> Shared:
        """Raises Closed, ChatBusy, ChatGone."""
        self.files = self.files or await self._uploaded()
        try:
            return await self._into(channel, thread)
        except Closed as closed:
            if closed.code != UNKNOWN:
                raise
        self.files = await self._uploaded()
        return await self._into(channel, thread)

    async def _into(self, channel: str, thread: str) -> Shared:
        async def took() -> None:
            await self.remember({"shared": "1"})

        return await share(self.web, self.parcel, self.files, channel, thread, took)

    async def _uploaded(self) -> tuple[str, ...]:
        files = await upload(self.web, self.pictures, self.parcel)
        await self.remember({"files": ",".join(files), "shared": ""})
        return files


async def share_for_post(sharing: Sharing, known: Mapping[str, str], channel: str, thread: str) -> Shared:
    """What is done once for a post, however often it is tried: ``known`` is what earlier attempts remembered.

    Raises Closed, ChatBusy, ChatGone.
    """
    sharing.files, sharing.promised = file_ids(known.get("files", "")), bool(known.get("shared"))
    failures = int(known.get("failures") or 0)
    try:
        return await sharing.before(failures) or await sharing.into(channel, thread)
    except ChatBusy:
        await sharing.remember({"failures": str(failures + 1)})
        raise


async def shared_before(web: Web, files: Sequence[str], deliveries: int, *, promised: bool) -> Shared | None:
    """What became of files that an earlier delivery shared (``promised``) or was about to. None: share them now.

    Raises ChatBusy while they are still being processed.
    """
    found = None
    try:
        found = await _visible(web, files, new=promised)
    except Closed as closed:
        if closed.code == UNKNOWN:
            return None
        if promised:
            return unseen(files)
    if found is None and deliveries < (TRUSTING_DELIVERIES if promised else PATIENT_DELIVERIES):
        raise ChatBusy("Slack is still processing the files")
    return unseen(files) if promised and found is None else found


def unseen(files: Sequence[str]) -> Shared:
    """Shared by Slack's word alone."""
    return Shared(tuple(files), ("",) * len(files))


async def upload(web: Web, pictures: Pictures, parcel: Parcel) -> tuple[str, ...]:
    """The files' ids, in order; nobody sees them yet. Raises Closed, ChatBusy; ChatGone without a picture's file."""
    return tuple([await _upload_one(web, pictures, parcel, picture) for picture in parcel.pictures])


async def _upload_one(web: Web, pictures: Pictures, parcel: Parcel, picture: Picture) -> str:
    try:
        data = await pictures.read(picture.sha256)
    except FileNotFoundError as error:
        raise ChatGone(f"a picture's file is missing or damaged: {error}") from error
    name = wording.file_name(parcel.stem, picture.index, picture.media_type)
    ticket = await web.call("files.getUploadURLExternal", filename=name, length=len(data), alt_txt=parcel.alt)
    await web.upload(str(ticket["upload_url"]), data)
    return str(ticket["file_id"])


async def nothing_more() -> None:
    pass


async def share(
    web: Web, parcel: Parcel, files: Sequence[str], channel: str, thread: str, promised: Promised = nothing_more
) -> Shared:
    """One message with all of them, seen to be there; ``promised`` is called when Slack took them.

    Raises Closed where Slack did not take them, ChatBusy.
    """
    titles = [f"{parcel.stem}-{picture.index + 1}" for picture in parcel.pictures]
    named = [{"id": file, "title": title} for file, title in zip(files, titles, strict=True)]
    there = {"channel_id": channel, **({"thread_ts": thread} if thread else {})}
    await web.call("files.completeUploadExternal", files=named, initial_comment=parcel.comment, **there)
    await promised()
    try:
        found = await _visible(web, files, new=True)
    except Closed:  # the app may share files and not look at them
        return unseen(files)
    if found is None:
        raise ChatBusy("Slack is still processing the files")
    return found


async def _visible(web: Web, files: Sequence[str], *, new: bool) -> Shared | None:
    """None: not all of them are shared after a while. Raises Closed for a file that Slack does not know."""
    pause, waited = FIRST_LOOK, 0.0
    links: dict[str, str] = {}
    if new:  # hardly ever there at once, and looking has a limit too
        await asyncio.sleep(FIRST_LOOK)
    while True:
        for file in files[len(links) :]:
            link = await _link(web, file, new=new)
            if link is None:
                break
            links[file] = link
        else:
            return Shared(tuple(files), tuple(links.values()))
        if waited >= SHARE_SECONDS:
            return None
        await asyncio.sleep(pause)
        waited, pause = waited + pause, min(LONGEST_PAUSE, pause * 2)


async def _link(web: Web, file: str, *, new: bool) -> str | None:
    """A shared file's link; "" for one that somebody has deleted since, None for one not shared yet."""
    try:
        fact: Mapping[str, Any] = (await web.call("files.info", file=file))["file"]
    except Closed as closed:
        if closed.code == DELETED:
            return ""
        if closed.code == UNKNOWN and new:
            return None
        raise
    return str(fact.get("permalink", "")) if is_shared(fact) else None


def is_shared(fact: Mapping[str, Any]) -> bool:
    """Whether a file is in some conversation: ``shares`` is {"public": {"C1": [...]}, "private": ...}."""
    return any((fact.get("shares") or {}).values()) or any(fact.get(name) for name in ("channels", "groups", "ims"))
