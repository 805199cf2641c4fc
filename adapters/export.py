"""`imagine-bot export-audit`: the moderation log of every community, its chains checked on the way."""

import sys
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime

from adapters.small import Desk, open_desk
from bot.model import AuditEvent
from bot.moderation import audit
from bot.replies import say
from bot.settings import Settings

PAGE = 1000  #: events


async def export(settings: Settings, since: str, form: str) -> int:
    """On stdout. 1 where a chain is broken: the log is printed all the same. Raises ControlError, StoreError."""
    if form not in {"jsonl", "csv"}:
        return _failed(2, "audit_format", format=form)
    try:
        from_ = _moment(since)
    except ValueError:
        return _failed(2, "audit_since", since=since)
    broken = []
    async with open_desk(settings) as desk:
        if form == "csv":
            print(next(audit.csv_lines([])))
        for tenant in await desk.do("audited_tenants"):
            previous: AuditEvent | None = None
            async for event in _events(desk, tenant):
                if audit.broken_at([event], previous) is not None:
                    broken.append(f"{tenant} {event.seq}")
                previous = event
                if event.at >= from_:
                    print(_line(event, form))
    return _failed(1, "audit_broken", events=", ".join(broken[:10])) if broken else 0


def _moment(since: str) -> float:
    """A date or a date and time, UTC where no zone is named; "" is the beginning. Raises ValueError."""
    if not since:
        return 0.0
    if len(since) == len("2026-11-01"):
        day = date.fromisoformat(since)
        return datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()
    moment = datetime.fromisoformat(since)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


async def _events(desk: Desk, tenant: str) -> AsyncIterator[AuditEvent]:
    after = 0
    while found := await desk.do("audit_after", tenant=tenant, after=after, limit=PAGE):
        for fields in found:
            yield AuditEvent(**fields)
        after = found[-1]["seq"]


def _line(event: AuditEvent, form: str) -> str:
    lines = audit.json_lines([event]) if form == "jsonl" else audit.csv_lines([event])
    return list(lines)[-1]


def _failed(code: int, sentence: str, **values: object) -> int:
    print(say(sentence, **values), file=sys.stderr)
    return code
