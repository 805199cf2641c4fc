"""A person's Slack client: what they type and press arrives at the bot by whichever way in is connected."""

import asyncio
import hashlib
import hmac
import itertools
import json
import time
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlencode

import aiohttp

from tests.standins.slack.methods import Methods
from tests.standins.slack.sockets import Sockets
from tests.standins.slack.wire import Json
from tests.standins.slack.world import Message, Private, View, Workspace, buttons_of

ACK_SECONDS = 3.0


@dataclass(frozen=True)
class Answer:
    """``payload`` None: the person saw `operation_timeout`."""

    payload: Json | None
    seconds: float
    status: int = 200

    @property
    def acknowledged(self) -> bool:
        return self.payload is not None

    @property
    def text(self) -> str:
        return str((self.payload or {}).get("text", ""))

    @property
    def blocks(self) -> list[Json]:
        return list((self.payload or {}).get("blocks", []))


class Way(Protocol):
    async def send(self, kind: str, payload: Json, headers: dict[str, str]) -> tuple[int, Json | None]: ...


@dataclass
class SocketWay:
    sockets: Sockets

    async def send(self, kind: str, payload: Json, headers: dict[str, str]) -> tuple[int, Json | None]:
        answer = await self.sockets.deliver(kind, payload, ACK_SECONDS)
        return (200 if answer is not None else 0), answer


@dataclass
class HttpWay:
    url: str
    secret: str

    async def send(self, kind: str, payload: Json, headers: dict[str, str]) -> tuple[int, Json | None]:
        body, content_type = encoded(kind, payload)
        try:
            return await self.post(body, {"Content-Type": content_type, **self.signed(body), **headers})
        except TimeoutError:
            return 0, None

    def signed(self, body: str, at: float | None = None) -> dict[str, str]:
        stamp = str(int(time.time() if at is None else at))
        digest = hmac.new(self.secret.encode(), f"v0:{stamp}:{body}".encode(), hashlib.sha256).hexdigest()
        return {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": f"v0={digest}"}

    async def post(self, body: str, headers: dict[str, str]) -> tuple[int, Json | None]:
        timeout = aiohttp.ClientTimeout(total=ACK_SECONDS)
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.post(self.url, data=body.encode(), headers=headers) as response,
        ):
            text = await response.text()
            if response.status != 200:
                return response.status, None
            return 200, json.loads(text) if text.startswith("{") else {"text": text} if text else {}


def encoded(kind: str, payload: Json) -> tuple[str, str]:
    form = "application/x-www-form-urlencoded"
    if kind == "slash_commands":
        return urlencode(payload), form
    if kind == "interactive":
        return urlencode({"payload": json.dumps(payload)}), form
    return json.dumps(payload), "application/json"


class Human:
    def __init__(self, workspace: Workspace, methods: Methods, way: Way, name: str = "ann", user: str = "U1") -> None:
        self.workspace, self.methods, self.way = workspace, methods, way
        self.name, self.user = name, user
        self.response_urls: dict[str, Json] = {}

    _numbers = itertools.count(1)

    def other(self, user: str, name: str) -> "Human":
        twin = Human(self.workspace, self.methods, self.way, name, user)
        twin.response_urls = self.response_urls
        for channel in self.workspace.channels.values():
            if not channel.im:
                channel.members.add(user)
        return twin

    # -- what a person does

    async def slash(self, command: str, text: str = "", channel: str = "C1", trigger: str = "") -> Answer:
        return await self.send("slash_commands", self.slash_payload(command, text, channel, trigger))

    def slash_payload(self, command: str, text: str, channel: str = "C1", trigger: str = "") -> Json:
        named = self.workspace.channels.get(channel)
        return {
            "token": "x", "team_id": self.workspace.team, "team_domain": "acme", "channel_id": channel,
            "channel_name": named.name if named else "directmessage", "user_id": self.user, "user_name": self.name,
            "command": command, "text": text, "api_app_id": "A1", "is_enterprise_install": "false",
            "response_url": self.response_url(channel), "trigger_id": trigger or self.trigger(),
        }  # fmt: skip

    async def click(self, message: Message | Private, label: str, value: str | None = None) -> Answer:
        return await self.send("interactive", self.click_payload(message, label, value))

    def click_payload(self, message: Message | Private, label: str, value: str | None = None) -> Json:
        pressed = next(each for each in buttons_of(message.blocks) if each["text"]["text"] == label)
        ts = getattr(message, "ts", "0.0")
        container: Json = {"type": "message", "message_ts": ts, "channel_id": message.channel}
        container["is_ephemeral"] = isinstance(message, Private)
        if message.thread_ts:
            container["thread_ts"] = message.thread_ts
        action = {**pressed, "action_ts": f"{time.time():.6f}"}
        if value is not None:
            action["value"] = value
        payload: Json = {
            **self._interaction("block_actions", message.channel), "container": container, "actions": [action],
            "state": {"values": {}},
        }  # fmt: skip
        if isinstance(message, Message):
            payload["message"] = message.payload()
        return payload

    async def shortcut(self, message: Message, callback: str = "imagine_message") -> Answer:
        payload = self._interaction("message_action", message.channel)
        payload |= {"callback_id": callback, "message_ts": message.ts, "message": message.payload(), "action_ts": "1.1"}
        return await self.send("interactive", payload)

    async def submit(self, view: View, **values: str) -> Answer:
        """``values`` by block id; the rest keeps what the form was filled with."""
        answer = await self.send("interactive", self.submit_payload(view, **values))
        if (answer.payload or {}).get("response_action") != "errors" and answer.acknowledged:
            view.open = False
        return answer

    def submit_payload(self, view: View, **values: str) -> Json:
        state: Json = {}
        for block in view.content["blocks"]:
            if block["type"] == "input":
                element = block["element"]
                given = values.get(block["block_id"])
                state[block["block_id"]] = {element["action_id"]: _filled(element, given)}
        return {
            "type": "view_submission", "team": {"id": self.workspace.team, "domain": "acme"},
            "user": {"id": self.user, "username": self.name, "name": self.name, "team_id": self.workspace.team},
            "api_app_id": "A1", "token": "x", "trigger_id": self.trigger(), "response_urls": [],
            "is_enterprise_install": False, "enterprise": None,
            "view": {
                **view.content, "id": view.id, "team_id": self.workspace.team, "state": {"values": state}, "hash": "h",
            },
        }  # fmt: skip

    async def mention(self, text: str, channel: str = "C1", thread: str = "", event_id: str = "") -> Answer:
        message = self.say(f"<@{self.workspace.bot_user}> {text}", channel, thread)
        event: Json = {
            "type": "app_mention", "user": self.user, "text": message.text, "ts": message.ts, "channel": channel,
            "event_ts": message.ts, "team": self.workspace.team,
        }  # fmt: skip
        if thread:
            event["thread_ts"] = thread
        return await self.event(event, event_id)

    async def run_step(self, event_id: str = "", execution: str = "", **inputs: object) -> str:
        """Runs the workflow's step; its execution id. The outcome comes to `Workspace.functions`."""
        execution = execution or self.workspace.new_id("Fx")
        self.workspace.functions.setdefault(execution, {})
        event = {
            "type": "function_executed", "function": {"id": "Fn1", "callback_id": "imagine", "title": "Draw a picture"},
            "inputs": inputs, "function_execution_id": execution, "workflow_execution_id": "Wx1",
            "event_ts": "1.1", "bot_access_token": "xwfp-1",
        }  # fmt: skip
        await self.event(event, event_id)
        return execution

    async def event(self, event: Json, event_id: str = "", headers: dict[str, str] | None = None) -> Answer:
        authorization = {
            "enterprise_id": None, "team_id": self.workspace.team, "user_id": self.workspace.bot_user, "is_bot": True,
            "is_enterprise_install": False,
        }  # fmt: skip
        payload = {
            "token": "x", "team_id": self.workspace.team, "api_app_id": "A1", "event": event, "type": "event_callback",
            "event_id": event_id or f"Ev{next(self._numbers)}", "event_time": int(time.time()),
            "authorizations": [authorization], "is_ext_shared_channel": False,
        }  # fmt: skip
        return await self.send("events_api", payload, headers)

    async def send(self, kind: str, payload: Json, headers: dict[str, str] | None = None) -> Answer:
        began = time.monotonic()
        status, answer = await self.way.send(kind, payload, headers or {})
        if kind == "slash_commands" and answer and (answer.get("text") or answer.get("blocks")):
            self.workspace.private.append(
                Private(payload["user_id"], payload["channel_id"], answer.get("text", ""), answer.get("blocks", []))
            )
        return Answer(answer, time.monotonic() - began, status)

    def say(self, text: str, channel: str = "C1", thread: str = "") -> Message:
        message = Message(channel, self.workspace.new_ts(), self.user, text, thread_ts=thread)
        self.workspace.messages.append(message)
        return message

    # -- what a person sees

    def private(self) -> list[Private]:
        return [each for each in self.workspace.private if each.user == self.user]

    def form(self) -> View:
        return next(view for view in reversed(self.workspace.views) if view.user == self.user and view.open)

    async def sees(self, what: str, seconds: float = 60) -> Private:
        """Waits for a private message that holds the words."""
        async with asyncio.timeout(seconds):
            while True:
                for each in self.private():
                    if what in each.shown():
                        return each
                await asyncio.sleep(0.01)

    # -- inside

    def trigger(self) -> str:
        trigger = f"trigger-{next(self._numbers)}"
        self.methods.triggers[trigger] = (time.monotonic(), self.user)
        return trigger

    def response_url(self, channel: str) -> str:
        number = f"r{next(self._numbers)}"
        self.response_urls[number] = {
            "user": self.user, "channel": channel, "left": 5, "until": time.monotonic() + 1800,
            "team": self.workspace.team,
        }  # fmt: skip
        return f"{self.methods.base}/respond/{number}"

    def _interaction(self, kind: str, channel: str) -> Json:
        named = self.workspace.channels.get(channel)
        return {
            "type": kind, "team": {"id": self.workspace.team, "domain": "acme"}, "api_app_id": "A1", "token": "x",
            "user": {"id": self.user, "username": self.name, "name": self.name, "team_id": self.workspace.team},
            "channel": {"id": channel, "name": named.name if named else "directmessage"}, "enterprise": None,
            "is_enterprise_install": False, "trigger_id": self.trigger(), "response_url": self.response_url(channel),
        }  # fmt: skip


def _filled(element: Json, given: str | None) -> Json:
    if element["type"] == "static_select":
        initial = (element.get("initial_option") or {}).get("value")
        value = initial if given is None else given
        return {"type": "static_select", "selected_option": {"value": value} if value else None}
    value = element.get("initial_value") if given is None else given
    return {"type": element["type"], "value": value or None}
