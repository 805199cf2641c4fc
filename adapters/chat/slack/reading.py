"""What Slack sends, reduced to who did it, where, and how to answer. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from adapters.chat.slack.address import Address
from bot.model import Origin, Person, Place

Payload = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Visit:
    """One thing a person did. ``thread`` is where the answer goes, "" for the channel itself."""

    team: str
    user: str
    channel: str
    enterprise: str = ""
    name: str = ""
    thread: str = ""
    response_url: str = ""
    trigger: str = ""
    key: str = ""  #: the same for every delivery of this very act
    execution: str = ""

    @property
    def tenant(self) -> str:
        return f"slack:{self.team}"

    @property
    def place(self) -> Place:
        return Place(self.tenant, self.channel, self.thread, private=self.channel.startswith("D"))

    def person(self, groups: tuple[str, ...]) -> Person:
        """A workflow's step has no person: every workspace's workflows are one."""
        if not self.user:
            return Person(f"slack:workflow:{self.team}")
        return Person(f"slack:user:{self.user}", self.name, groups)

    def origin(self, groups: tuple[str, ...]) -> Origin:
        """The response_url stays out of the store: it lets whoever has it post, and is of use for minutes only."""
        address = Address(
            team=self.team,
            enterprise=self.enterprise,
            channel=self.channel,
            user=self.user,
            thread=self.thread,
            execution=self.execution,
        )
        return Origin(self.person(groups), self.place, address.stored())

    def at(self, channel: str, thread: str) -> "Visit":
        return replace(self, channel=channel, thread=thread)


def of_command(body: Payload) -> Visit:
    return Visit(
        team=str(body.get("team_id") or ""),
        enterprise=str(body.get("enterprise_id") or ""),
        user=str(body["user_id"]),
        name=str(body.get("user_name") or ""),
        channel=str(body["channel_id"]),
        response_url=str(body.get("response_url") or ""),
        trigger=str(body.get("trigger_id") or ""),
        key=f"slack:{body.get('trigger_id')}",
    )


def of_interaction(body: Payload) -> Visit:
    """A click, a message shortcut or a sent form. What was done in or to a message is answered in its thread."""
    container, message = body.get("container") or {}, body.get("message") or {}
    channel = str((body.get("channel") or {}).get("id") or container.get("channel_id") or "")
    thread = str(message.get("thread_ts") or container.get("thread_ts") or message.get("ts") or "")
    user = body["user"]
    return Visit(
        team=str((body.get("team") or {}).get("id") or user.get("team_id") or ""),
        enterprise=str((body.get("enterprise") or {}).get("id") or ""),
        user=str(user["id"]),
        name=str(user.get("name") or user.get("username") or ""),
        channel=channel,
        thread=thread,
        response_url=str(body.get("response_url") or ""),
        trigger=str(body.get("trigger_id") or ""),
        key=f"slack:{body.get('trigger_id')}",
    )


def of_form(body: Payload, channel: str, thread: str) -> Visit:
    """A form can be sent once; a second delivery has the same view."""
    return replace(of_interaction(body), channel=channel, thread=thread, key=f"slack:view:{body['view']['id']}")


def of_mention(body: Payload) -> Visit:
    """Answered in the thread, or in a new one under the mention. ``user`` is "" where another app wrote it."""
    event = body["event"]
    return Visit(
        team=str(body.get("team_id") or ""),
        enterprise=_enterprise(body),
        user=str(event.get("user") or ""),
        channel=str(event["channel"]),
        thread=str(event.get("thread_ts") or event["ts"]),
        key=f"slack:{body['event_id']}",
    )


def of_step(body: Payload, channel: str) -> Visit:
    return Visit(
        team=str(body.get("team_id") or ""),
        enterprise=_enterprise(body),
        user="",
        channel=channel,
        key=f"slack:step:{body['event']['function_execution_id']}",
        execution=str(body["event"]["function_execution_id"]),
    )


def _enterprise(body: Payload) -> str:
    first: Payload = next(iter(body.get("authorizations") or ()), {})
    return str(body.get("enterprise_id") or first.get("enterprise_id") or "")
