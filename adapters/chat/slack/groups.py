"""Who is in which user group, as far as the settings name groups. Asked for at most once a minute a group."""

import asyncio
import time
from collections.abc import Callable, Collection, Coroutine
from typing import Any

from adapters.chat.slack.web import Closed
from adapters.chat.slack.workspaces import Workspaces
from bot.errors import ChatBusy
from bot.ports import Observer

FRESH_SECONDS = 60.0
ASK_SECONDS = 0.7
"""A person who clicks waits for the answer; a slower one counts as none."""

PREFIX = "slack:group:"
OWNERS = "slack:owners"


class Groups:
    """``named`` are the groups that mean something here: keys such as ``slack:group:S03``."""

    def __init__(
        self,
        workspaces: Workspaces,
        named: Collection[str],
        observer: Observer,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._workspaces, self._observer, self._monotonic = workspaces, observer, monotonic
        self._named = sorted(name for name in named if name.startswith(PREFIX))
        self._known: dict[tuple[str, str], tuple[float, frozenset[str]]] = {}

    async def of(self, team: str, enterprise: str, user: str) -> tuple[str, ...]:
        """The person's groups; one that cannot be asked for counts as it was known last, or as empty."""
        return tuple([name for name in self._named if user in await self._members(team, enterprise, name)])

    async def owners(self, team: str, enterprise: str, user: str) -> tuple[str, ...]:
        """``slack:owners`` for who owns or administers the workspace."""
        known = await self._known_set((team, user), self._owner(team, enterprise, user))
        return tuple(known)

    async def _members(self, team: str, enterprise: str, name: str) -> frozenset[str]:
        return await self._known_set((team, name), self._listed(team, enterprise, name))

    async def _listed(self, team: str, enterprise: str, name: str) -> frozenset[str]:
        web = await self._workspaces.web(team, enterprise)
        answer = await web.call("usergroups.users.list", usergroup=name.removeprefix(PREFIX))
        return frozenset(map(str, answer["users"]))

    async def _owner(self, team: str, enterprise: str, user: str) -> frozenset[str]:
        web = await self._workspaces.web(team, enterprise)
        found = (await web.call("users.info", user=user))["user"]
        return frozenset({OWNERS} if found.get("is_owner") or found.get("is_admin") else ())

    async def _known_set(self, key: tuple[str, str], asking: Coroutine[Any, Any, frozenset[str]]) -> frozenset[str]:
        asked, known = self._known.get(key, (float("-inf"), frozenset[str]()))
        if self._monotonic() - asked < FRESH_SECONDS:
            asking.close()
            return known
        try:
            async with asyncio.timeout(ASK_SECONDS):
                known = await asking
        except Closed as closed:
            self._observer.event("slack_group_unknown", group=key[1], detail=closed.code)
            known = frozenset()
        except (ChatBusy, TimeoutError) as error:
            self._observer.event("slack_group_unknown", group=key[1], detail=repr(error))
        self._known[key] = (self._monotonic(), known)
        return known
