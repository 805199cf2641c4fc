"""Failures that a test orders: the n-th call of a method answers wrongly, late, or not at all."""

import asyncio
from dataclasses import dataclass, field
from enum import Enum


class Cut(Enum):
    NEVER = "never"
    BEFORE = "before"  #: the connection dies, the call has no effect
    AFTER = "after"  #: it has its effect, the answer is lost
    MIDDLE = "middle"  #: of an upload: half of the bytes were taken


@dataclass
class Fault:
    method: str  #: of the Web API, or "upload" or "respond"
    error: str = ""  #: answered as {"ok": false, "error": ...}
    status: int = 200
    retry_after: int = 0
    cut: Cut = Cut.NEVER
    times: int = 1
    skip: int = 0  #: calls to let through first
    gate: asyncio.Event | None = None  #: holds the call until it is set
    hits: int = 0

    def takes(self, method: str) -> bool:
        if method != self.method or self.times <= 0:
            return False
        if self.skip:
            self.skip -= 1
            return False
        self.times -= 1
        self.hits += 1
        return True


@dataclass
class Faults:
    orders: list[Fault] = field(default_factory=list)

    def refuse(self, method: str, error: str, *, times: int = 1, skip: int = 0) -> Fault:
        return self._order(Fault(method, error, times=times, skip=skip))

    def rate_limit(self, method: str, retry_after: int = 1, *, times: int = 1, skip: int = 0) -> Fault:
        return self._order(Fault(method, "ratelimited", 429, retry_after, times=times, skip=skip))

    def break_down(self, method: str, status: int = 503, *, times: int = 1) -> Fault:
        return self._order(Fault(method, "internal_error", status, times=times))

    def cut(self, method: str, cut: Cut, *, times: int = 1, skip: int = 0) -> Fault:
        return self._order(Fault(method, cut=cut, times=times, skip=skip))

    def hold(self, method: str, gate: asyncio.Event, *, times: int = 1) -> Fault:
        return self._order(Fault(method, gate=gate, times=times))

    def take(self, method: str) -> Fault | None:
        return next((fault for fault in self.orders if fault.takes(method)), None)

    def _order(self, fault: Fault) -> Fault:
        self.orders.append(fault)
        return fault
