"""The audit log's hash chain: each event's hash covers its content and the hash before it.

Changing, removing or reordering an event breaks the chain from there on; the end of the log can only be checked
against a hash kept elsewhere. One chain a community, so that its export can be verified alone.
"""

import csv
import hashlib
import io
import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, replace

from bot.model import AuditEvent

COLUMNS = ("seq", "at", "tenant", "actor", "action", "subject", "reason", "before", "after", "previous_hash", "hash")
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "'")


def canonical(event: AuditEvent) -> bytes:
    """Everything but the event's own hash, in one unambiguous form."""
    fields = {key: value for key, value in asdict(event).items() if key != "hash"}
    fields["at"] = float(event.at).hex()
    return json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode("ascii")


def digest(event: AuditEvent) -> str:
    return hashlib.sha256(canonical(event)).hexdigest()


def seal(event: AuditEvent, previous: AuditEvent | None) -> AuditEvent:
    """``event`` as the next one after ``previous``; None: the first of its community."""
    if previous is not None and previous.tenant != event.tenant:
        raise ValueError("a chain holds one community's events")
    seq = previous.seq + 1 if previous else 1
    linked = replace(event, seq=seq, previous_hash=previous.hash if previous else "")
    return replace(linked, hash=digest(linked))


def broken_at(events: Iterable[AuditEvent], previous: AuditEvent | None = None) -> int | None:
    """The ``seq`` of the first event that does not follow from the one before it; None: the chain is whole.

    ``previous`` is the event before the first, where only the later part is looked at.
    """
    for event in events:
        if (previous and previous.tenant != event.tenant) or seal(event, previous) != event:
            return event.seq
        previous = event
    return None


def json_lines(events: Iterable[AuditEvent]) -> Iterator[str]:
    for event in events:
        yield json.dumps(asdict(event), ensure_ascii=False, allow_nan=False)


def csv_lines(events: Iterable[AuditEvent]) -> Iterator[str]:
    """With a header; no cell is one that a spreadsheet would calculate (row S34)."""
    yield _csv(COLUMNS)
    for event in events:
        fields = asdict(event)
        yield _csv(fields[column] if column in {"seq", "at"} else inert(str(fields[column])) for column in COLUMNS)


def inert(cell: str) -> str:
    """An apostrophe before anything that starts a formula, also behind leading spaces, and before one that is there."""
    return f"'{cell}" if cell.lstrip(" ").startswith(FORMULA) else cell


def _csv(cells: Iterable[object]) -> str:
    line = io.StringIO()
    csv.writer(line).writerow(cells)
    return line.getvalue().removesuffix("\r\n")
