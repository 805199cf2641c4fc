"""The audit chain breaks wherever anything in it is touched; its export harms no spreadsheet."""

import csv
import io
import json
from dataclasses import asdict, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.model import AuditEvent
from bot.moderation.audit import COLUMNS, broken_at, csv_lines, digest, json_lines, seal

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
EVENTS = st.lists(
    st.builds(
        AuditEvent,
        tenant=st.just("discord:42"),
        actor=TEXT,
        action=TEXT,
        subject=TEXT,
        reason=TEXT,
        before=TEXT,
        after=TEXT,
        at=st.floats(0, 2e9),
    ),
    min_size=1,
    max_size=8,
)


def chain(events: list[AuditEvent]) -> list[AuditEvent]:
    sealed: list[AuditEvent] = []
    for event in events:
        sealed.append(seal(event, sealed[-1] if sealed else None))
    return sealed


@given(EVENTS)
def test_i6_a_chain_as_it_was_written_is_whole(events: list[AuditEvent]) -> None:
    sealed = chain(events)
    assert broken_at(sealed) is None
    assert broken_at(sealed[1:], sealed[0]) is None
    assert [event.seq for event in sealed] == list(range(1, len(sealed) + 1))


@given(EVENTS, st.data())
def test_i6_a_changed_field_breaks_the_chain_there(events: list[AuditEvent], data: st.DataObject) -> None:
    sealed = chain(events)
    place = data.draw(st.integers(0, len(sealed) - 1))
    field = data.draw(st.sampled_from(["actor", "action", "subject", "reason", "before", "after", "tenant", "hash"]))
    forged = list(sealed)
    forged[place] = replace(sealed[place], **{field: asdict(sealed[place])[field] + "x"})
    assert broken_at(forged) == sealed[place].seq


@given(EVENTS, st.data())
def test_i6_a_removed_or_swapped_event_breaks_the_chain(events: list[AuditEvent], data: st.DataObject) -> None:
    sealed = chain([*events, *events])
    place = data.draw(st.integers(0, len(sealed) - 2))
    assert broken_at(sealed[:place] + sealed[place + 1 :]) == sealed[place + 1].seq
    swapped = [*sealed[:place], sealed[place + 1], sealed[place], *sealed[place + 2 :]]
    assert broken_at(swapped) == sealed[place + 1].seq


def test_a_hash_put_right_after_a_change_breaks_the_next_event() -> None:
    sealed = chain([AuditEvent("t", "m", "ban", name) for name in "abc"])
    forged = replace(sealed[0], subject="z")
    forged = replace(forged, hash=digest(forged))
    assert broken_at([forged, *sealed[1:]]) == 2


def test_s27_a_chain_holds_one_communitys_events_only() -> None:
    with pytest.raises(ValueError, match="community"):
        seal(AuditEvent("t2", "m", "ban", "a"), seal(AuditEvent("t1", "m", "ban", "a"), None))


@given(EVENTS)
def test_json_lines_hold_everything(events: list[AuditEvent]) -> None:
    sealed = chain(events)
    assert [AuditEvent(**json.loads(line)) for line in json_lines(sealed)] == sealed


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", " =", "  @"])
def test_s34_no_exported_cell_starts_a_formula(start: str) -> None:
    event = seal(AuditEvent("t", f"{start}cmd|'/C calc'!A0", "ban", "a", reason=f'{start}1+1","x'), None)
    header, row = csv.reader(io.StringIO("\n".join(csv_lines([event])), newline=""))
    assert tuple(header) == COLUMNS
    cells = dict(zip(header, row, strict=True))
    assert cells["actor"] == "'" + event.actor
    assert cells["reason"] == "'" + event.reason
    assert cells["hash"] == event.hash


@given(EVENTS)
def test_s34_whatever_is_exported_reads_back_as_one_row_an_event(events: list[AuditEvent]) -> None:
    sealed = chain(events)
    rows = list(csv.reader(io.StringIO("\n".join(csv_lines(sealed)), newline="")))
    assert len(rows) == len(sealed) + 1
    assert not any(cell.startswith(("=", "+", "-", "@", "\t")) for row in rows for cell in row)
