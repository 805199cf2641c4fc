"""Which Web API client speaks for which workspace: one token from the environment, or one installation each."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import aiohttp

from adapters.chat.slack.budget import Budget
from adapters.chat.slack.web import CALL_SECONDS, Web


@dataclass(frozen=True, slots=True)
class Bot:
    """The app as one workspace knows it. ``team`` is "" for an org-wide installation."""

    token: str
    user: str
    id: str
    team: str
    enterprise: str = ""


class Workspaces(Protocol):
    async def bot(self, team: str, enterprise: str, /) -> Bot:
        """Raises Closed, ChatBusy."""

    async def web(self, team: str, enterprise: str, /) -> Web:
        """Raises Closed, ChatBusy."""

    async def forget(self, team: str, enterprise: str) -> None:
        """The app was removed from there."""


def new_session() -> aiohttp.ClientSession:
    """Shared by all calls; slack_sdk would open one a call."""
    return aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=CALL_SECONDS))


class OneWorkspace:
    """The token of ``SLACK_BOT_TOKEN``, whatever workspace it is of (an org-wide one serves them all)."""

    def __init__(self, token: str, api: str, session: aiohttp.ClientSession, monotonic: Callable[[], float]) -> None:
        self._token = token
        self._web = Web(token, api, session, Budget(monotonic), "")
        self._bot: Bot | None = None

    async def bot(self, _: str, __: str, /) -> Bot:
        if self._bot is None:
            self._bot = await who(self._web, self._token)
        return self._bot

    async def web(self, _: str, __: str, /) -> Web:
        return self._web

    async def forget(self, team: str, enterprise: str) -> None:
        """The token is the operator's: calls will say that it is revoked."""


async def who(web: Web, token: str) -> Bot:
    found = await web.call("auth.test")
    team = "" if found.get("is_enterprise_install") else str(found.get("team_id") or "")
    enterprise = str(found.get("enterprise_id") or "")
    return Bot(token, str(found["user_id"]), str(found.get("bot_id") or ""), team, enterprise)

