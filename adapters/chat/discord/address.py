"""Where an answer goes, as plain strings in the stored job, and nonces that make repeated sends one message. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

TOKEN_SECONDS = 14 * 60.0
"""Discord takes an interaction's token for 15 minutes; the last one is left alone."""

DEFAULT_UPLOAD_LIMIT = 10 * 1024 * 1024
"""Bytes, where no interaction named the limit."""


@dataclass(frozen=True, slots=True)
class Address:
    """Ids are decimal strings, "" where there is none.

    ``status`` is the message that shows progress and then the pictures, and ``room`` the channel or thread it is in;
    ``placeholder`` is the public answer in ``channel``. They are one message where the answer stays in place.
    """

    channel: str = ""
    user: str = ""
    application: str = ""
    token: str = ""  #: sealed
    token_until: float = 0.0  #: seconds since 1970
    by_token: bool = False  #: installed by the person only: the bot itself has no access here
    wants_thread: bool = False
    spoiler: bool = False  #: a moderator's rule covered the pictures when they went out
    upload_limit: int = DEFAULT_UPLOAD_LIMIT  #: bytes a file
    placeholder: str = ""
    room: str = ""
    status: str = ""

    @classmethod
    def read(cls, stored: Mapping[str, str]) -> "Address":
        return cls(
            channel=stored.get("channel", ""),
            user=stored.get("user", ""),
            application=stored.get("application", ""),
            token=stored.get("token", ""),
            token_until=float(stored.get("token_until") or 0),
            by_token=stored.get("by_token") == "1",
            wants_thread=stored.get("wants_thread") == "1",
            spoiler=stored.get("spoiler") == "1",
            upload_limit=int(stored.get("upload_limit") or DEFAULT_UPLOAD_LIMIT),
            placeholder=stored.get("placeholder", ""),
            room=stored.get("room", ""),
            status=stored.get("status", ""),
        )

    def stored(self) -> dict[str, str]:
        return {
            "channel": self.channel,
            "user": self.user,
            "application": self.application,
            "token": self.token,
            "token_until": f"{self.token_until:.0f}",
            "by_token": "1" if self.by_token else "",
            "wants_thread": "1" if self.wants_thread else "",
            "spoiler": "1" if self.spoiler else "",
            "upload_limit": str(self.upload_limit),
            "placeholder": self.placeholder,
            "room": self.room,
            "status": self.status,
        }

    @property
    def in_place(self) -> bool:
        """The placeholder itself shows the progress and the pictures."""
        return bool(self.placeholder) and self.status == self.placeholder


def nonce(job_id: str, step: str) -> str:
    """At most 25 characters: within minutes Discord makes one message of all sends with the same nonce."""
    return f"{job_id[:20]}-{step[:4]}"
