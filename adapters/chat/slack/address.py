"""Where an answer goes, as plain strings in the stored job. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True)
class Address:
    """Ids and message time stamps as Slack writes them, "" where there is none."""

    team: str = ""
    enterprise: str = ""
    channel: str = ""
    user: str = ""  #: "" for a workflow's step
    thread: str = ""  #: the thread it was asked in
    execution: str = ""  #: of a workflow's step
    message: str = ""  #: the bot's message with the request
    files: str = ""  #: uploaded files, joined by commas: from here on they are shared or about to be
    shared: str = ""  #: "1": Slack said that it shares them

    @classmethod
    def read(cls, stored: Mapping[str, str]) -> "Address":
        return cls(**{name: stored.get(name, "") for name in _NAMES})

    def stored(self) -> dict[str, str]:
        return {name: value for name in _NAMES if (value := getattr(self, name))}

    @property
    def pictures_thread(self) -> str:
        """The request's own thread, or the one it was asked in."""
        return self.thread or self.message

    @property
    def file_ids(self) -> tuple[str, ...]:
        return file_ids(self.files)


def file_ids(joined: str) -> tuple[str, ...]:
    return tuple(joined.split(",")) if joined else ()


_NAMES = tuple(each.name for each in fields(Address))
