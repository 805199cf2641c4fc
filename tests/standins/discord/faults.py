"""Failures that a test orders: the n-th call of a route answers wrongly, late, or not at all."""

import asyncio
import re
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

Json = dict[str, Any]


class When(Enum):
    BEFORE = "before"  #: the request has no effect
    AFTER = "after"  #: it has its effect, the answer is lost


@dataclass
class Fault:
    method: str
    path: re.Pattern[str]
    status: int  #: 0: the connection is cut without an answer
    body: Json = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    times: int = 1
    skip: int = 0  #: matching calls to let through first
    when: When = When.BEFORE
    delay: float = 0.0
    gate: asyncio.Event | None = None  #: holds the call until it is set
    hits: int = 0

    def takes(self, method: str, path: str) -> bool:
        if self.method not in ("*", method) or not self.path.search(path) or self.times <= 0:
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        self.times -= 1
        self.hits += 1
        return True


class Faults:
    def __init__(self) -> None:
        self._orders: list[Fault] = []

    def order(self, method: str, path: str, status: int, **more: Any) -> Fault:
        fault = Fault(method, re.compile(path), status, **more)
        self._orders.append(fault)
        return fault

    def drop(self, method: str, path: str, **more: Any) -> Fault:
        """Cut the connection: before the request takes effect, or (``when=When.AFTER``) after it."""
        return self.order(method, path, 0, **more)

    def rate_limit(self, method: str, path: str, retry_after: float, *, scope: str = "user", **more: Any) -> Fault:
        """A 429 as Discord sends it, or with ``scope="cloudflare"`` one without Via."""
        body = {"message": "You are being rate limited.", "retry_after": retry_after, "global": scope == "global"}
        headers = {"X-RateLimit-Scope": scope, "Retry-After": str(int(retry_after) + 1)}
        if scope != "cloudflare":
            headers["Via"] = "1.1 google"
        return self.order(method, path, 429, body=body, headers=headers, **more)

    def refuse(self, method: str, path: str, status: int, code: int, message: str = "refused", **more: Any) -> Fault:
        return self.order(method, path, status, body={"code": code, "message": message}, **more)

    def slow(self, method: str, path: str, gate: asyncio.Event, **more: Any) -> Fault:
        """Hold matching calls until the gate opens, then answer them as ever."""
        return self.order(method, path, -1, gate=gate, **more)

    def take(self, method: str, path: str) -> Fault | None:
        return next((fault for fault in self._orders if fault.takes(method, path)), None)

    def clear(self) -> None:
        self._orders.clear()
