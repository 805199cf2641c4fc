"""Slack's rate limits, counted per workspace and method over a sliding minute, so that 429 is the exception."""

import asyncio
from collections import deque
from collections.abc import Callable

from bot.errors import ChatBusy

WINDOW = 60.0
PER_MINUTE = {
    "chat.postMessage": 55,  #: about one a second, in each channel
    "chat.update": 48, "chat.delete": 48, "files.delete": 48, "functions.completeSuccess": 48,
    "functions.completeError": 48, "conversations.info": 48, "conversations.open": 48, "apps.connections.open": 48,
    "usergroups.users.list": 18,
}  # fmt: skip
OTHERS = 95
"""Calls a minute of tier 4 methods, with some air: Slack says 100 and more."""

LONGEST_WAIT = 5.0
"""Seconds that a call waits for its turn; beyond that the whole delivery comes back later."""


class Budget:
    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._times: dict[tuple[str, str], deque[float]] = {}
        self._blocked: dict[tuple[str, str], float] = {}

    async def take(self, scope: str, method: str) -> None:
        """``scope`` is the workspace, and the channel too for new messages. Raises ChatBusy."""
        while wait := self._wait(scope, method):
            if wait > LONGEST_WAIT:
                raise ChatBusy(f"{method} is used up for {scope}", retry_after=wait)
            await asyncio.sleep(wait)
        self._used(scope, method).append(self._monotonic())

    def spare(self, scope: str, method: str, kept: int) -> bool:
        """Whether progress may use a call now; if so it is counted. ``kept`` calls are left for results."""
        limit = PER_MINUTE.get(method, OTHERS)
        if self._wait(scope, method) or len(self._used(scope, method)) + kept >= limit:
            return False
        self._used(scope, method).append(self._monotonic())
        return True

    def block(self, scope: str, method: str, seconds: float) -> None:
        """Slack said 429: nobody calls this before."""
        self._blocked[scope, method] = self._monotonic() + seconds

    def _wait(self, scope: str, method: str) -> float:
        """Seconds until the next call, 0 for now."""
        now = self._monotonic()
        blocked = self._blocked.get((scope, method), 0.0) - now
        times = self._used(scope, method)
        full = times[0] + WINDOW - now if len(times) >= PER_MINUTE.get(method, OTHERS) else 0.0
        return max(blocked, full, 0.0)

    def _used(self, scope: str, method: str) -> deque[float]:
        times = self._times.setdefault((scope, method), deque())
        oldest = self._monotonic() - WINDOW
        while times and times[0] <= oldest:
            times.popleft()
        return times
