"""Slack's tiers, counted per method and workspace over a sliding minute (platforms: rate limits, 2026)."""

from collections import deque
from dataclasses import dataclass, field

TIERS = {
    "chat.update": 50, "chat.delete": 50, "chat.postEphemeral": 100,
    "files.getUploadURLExternal": 100, "files.completeUploadExternal": 100, "files.info": 100, "files.delete": 50,
    "views.open": 100, "views.update": 100, "functions.completeSuccess": 50, "functions.completeError": 50,
    "apps.connections.open": 50, "conversations.info": 50, "conversations.open": 50, "usergroups.users.list": 20,
    "usergroups.list": 20, "users.info": 100,
}  # fmt: skip
POSTS_A_CHANNEL = 60
WINDOW = 60.0


@dataclass
class Limits:
    enforced: bool = True
    scale: float = 1.0  #: makes every limit larger or smaller
    window: float = WINDOW
    used: dict[tuple[str, str], deque[float]] = field(default_factory=dict)

    def retry_after(self, team: str, method: str, channel: str, now: float) -> int:
        """0: counted and let through; else the seconds to wait."""
        key = (f"{team}:{channel}" if method == "chat.postMessage" else team, method)
        limit = (POSTS_A_CHANNEL if method == "chat.postMessage" else TIERS.get(method, 100)) * self.scale
        times = self.used.setdefault(key, deque())
        while times and now - times[0] > self.window:
            times.popleft()
        if self.enforced and len(times) >= limit:
            return max(1, int(self.window - (now - times[0])) + 1)
        times.append(now)
        return 0
