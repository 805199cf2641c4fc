"""The workspace: people, channels, messages, files, forms. Plain state; the Web API and the human change it."""

import itertools
import re
from dataclasses import dataclass, field

from tests.standins.slack.wire import Json

BOT_SCOPES = (
    "app_mentions:read", "chat:write", "commands", "files:read", "files:write", "im:write", "channels:read",
    "groups:read", "usergroups:read", "users:read",
)  # fmt: skip


@dataclass
class Channel:
    id: str
    name: str
    members: set[str] = field(default_factory=set)
    private: bool = False
    archived: bool = False
    im: bool = False


@dataclass
class Message:
    channel: str
    ts: str
    user: str
    text: str
    blocks: list[Json] = field(default_factory=list)
    thread_ts: str = ""
    metadata: Json = field(default_factory=dict)
    files: list["File"] = field(default_factory=list)
    deleted: bool = False
    history: list[Json] = field(default_factory=list)  #: what it said before each edit

    def payload(self) -> Json:
        found: Json = {"type": "message", "user": self.user, "text": self.text, "ts": self.ts, "blocks": self.blocks}
        if self.thread_ts:
            found["thread_ts"] = self.thread_ts
        if self.files:
            found["files"] = [file.payload() for file in self.files]
        return found

    def shown(self) -> str:
        """Everything a person reads in it."""
        return "\n".join(words_of(self.blocks)) or self.text


@dataclass
class File:
    id: str
    name: str
    length: int
    alt: str
    ticket: str
    data: bytes = b""
    title: str = ""
    completed: bool = False
    deleted: bool = False
    shares: list[tuple[str, str, str]] = field(default_factory=list)  #: channel, ts, thread_ts

    def payload(self) -> Json:
        shares: Json = {}
        for channel, ts, thread in self.shares:
            shares.setdefault(channel, []).append({"ts": ts, **({"thread_ts": thread} if thread else {})})
        return {
            "id": self.id,
            "name": self.name,
            "title": self.title or self.name,
            "alt_txt": self.alt,
            "size": self.length,
            "permalink": f"https://acme.slack.com/files/UBOT/{self.id}/{self.name}",
            "shares": {"public": shares} if shares else {},
            "channels": sorted({channel for channel, _, _ in self.shares}),
        }


@dataclass
class Private:
    """Something only one person sees: an ephemeral message."""

    user: str
    channel: str
    text: str
    blocks: list[Json]
    thread_ts: str = ""

    def shown(self) -> str:
        return "\n".join(words_of(self.blocks)) or self.text


@dataclass
class View:
    id: str
    user: str
    content: Json
    open: bool = True


class Workspace:
    def __init__(self, team: str = "T1", token: str = "xoxb-1", enterprise: str = "") -> None:
        self.team, self.token, self.enterprise = team, token, enterprise
        self.bot_user, self.bot_id = "UBOT", "BBOT"
        self.scopes = list(BOT_SCOPES)
        self.revoked = False
        self.refresh, self.token_seconds, self.org_wide = "", 0, False
        self.old_tokens: list[str] = []
        self.channels: dict[str, Channel] = {}
        self.messages: list[Message] = []
        self.files: dict[str, File] = {}
        self.private: list[Private] = []
        self.views: list[View] = []
        self.usergroups: dict[str, set[str]] = {}
        self.admins: set[str] = set()
        self.functions: dict[str, Json] = {}
        self._seconds = itertools.count(1)
        self._ids = itertools.count(1)
        self.add_channel("C1", "general")

    def add_channel(self, channel: str, name: str, **more: bool) -> Channel:
        made = Channel(channel, name, {"U1", "U2", self.bot_user}, **more)
        self.channels[channel] = made
        return made

    def new_id(self, letter: str) -> str:
        return f"{letter}{next(self._ids):08X}"

    def new_ts(self) -> str:
        return f"1790000000.{next(self._seconds):06}"

    def message(self, channel: str, ts: str) -> Message | None:
        found = (each for each in self.messages if (each.channel, each.ts) == (channel, ts) and not each.deleted)
        return next(found, None)

    def is_shown(self, file: str) -> bool:
        """Whether a block may show it: it is in some conversation."""
        known = self.files.get(file)
        return known is not None and bool(known.shares) and not known.deleted

    def standing(self) -> list[Message]:
        return [message for message in self.messages if not message.deleted]

    def with_files(self) -> list[Message]:
        return [message for message in self.standing() if any(not file.deleted for file in message.files)]

    def by_bot(self) -> list[Message]:
        return [message for message in self.standing() if message.user == self.bot_user]

    def dm(self, user: str) -> Channel:
        channel = f"D{user}"
        if channel not in self.channels:
            self.channels[channel] = Channel(channel, "direct", {user, self.bot_user}, im=True)
        return self.channels[channel]


def words_of(blocks: list[Json]) -> list[str]:
    """The texts in blocks in order, buttons' labels left out."""
    found: list[str] = []
    for block in blocks:
        if isinstance(block.get("text"), dict):
            found.append(block["text"]["text"])
        if block["type"] == "context":
            found += [element["text"] for element in block["elements"] if "text" in element]
    return found


def files_of(blocks: list[Json]) -> list[str]:
    """Of the pictures in blocks the files' ids."""
    images = [block["accessory"] for block in blocks if block.get("accessory", {}).get("type") == "image"]
    return [image["slack_file"]["id"] for image in images if "slack_file" in image]


def buttons_of(blocks: list[Json]) -> list[Json]:
    return [element for block in blocks if block["type"] == "actions" for element in block["elements"]]


CONTROL = re.compile(r"<(![a-z]+|[@#!][^>]*|https?://[^>]*)>")


def controls_in(text: str) -> list[str]:
    """What Slack would turn into a mention, a channel, a broadcast or a link."""
    return CONTROL.findall(text)
