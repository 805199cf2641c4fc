"""Custom ids of buttons and forms: ``v1:action:subject:tag``. Clients see and can forge them, so they carry no right:
the tag proves that the bot made this one, and who may do it is looked up at the click. Pure.
"""

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass

PATTERN = r"v1:(?P<action>[a-z]{2,12}):(?P<subject>[0-9A-Za-z-]{1,48}):(?P<tag>[A-Za-z0-9_-]{16})"
_MARK = re.compile(PATTERN)


@dataclass(frozen=True, slots=True)
class Mark:
    action: str
    subject: str  #: the id of a job, an item of the review queue, or a decision


class Marks:
    def __init__(self, secret: bytes) -> None:
        self._key = hashlib.sha256(b"discord custom ids\0" + secret).digest()

    def write(self, mark: Mark) -> str:
        return f"v1:{mark.action}:{mark.subject}:{self._tag(mark)}"

    def read(self, custom_id: str) -> Mark | None:
        """None: not one of ours, or from before the secret changed."""
        match = _MARK.fullmatch(custom_id)
        if match is None:
            return None
        mark = Mark(match["action"], match["subject"])
        return mark if hmac.compare_digest(match["tag"], self._tag(mark)) else None

    def _tag(self, mark: Mark) -> str:
        digest = hmac.digest(self._key, f"{mark.action}:{mark.subject}".encode(), "sha256")
        return base64.urlsafe_b64encode(digest[:12]).decode()
