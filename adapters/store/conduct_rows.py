"""Rows of moderation to nouns and back."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from adapters.store.engine import Row
from adapters.store.rows import text
from bot.conduct import (
    Acquaintance,
    Action,
    Community,
    Dossier,
    Ground,
    Item,
    ItemKind,
    ItemState,
    Mode,
    Post,
    PostKind,
    RecordEvent,
    RecordKind,
    Report,
    Rule,
    Sanction,
    SanctionKind,
    Strike,
    Target,
)

_TUPLES = ("patterns", "allow", "exempt_channels", "exempt_groups")


def rule_text(rule: Rule) -> str:
    return text(asdict(rule) | {"action": rule.action.name})


def rule(row: Row) -> Rule:
    fields = json.loads(row["rule"])
    fields |= {name: tuple(fields[name]) for name in _TUPLES}
    fields |= {"action": Action[fields["action"]], "target": Target(fields["target"])}
    return Rule(**fields)


def community(tenant: str, row: Row | None, rules: tuple[Rule, ...]) -> Community:
    if row is None:
        return Community(tenant, rules=rules)
    modes = {channel: Mode(mode) for channel, mode in json.loads(row["channel_modes"]).items()}
    mode = Mode(row["mode"]) if row["mode"] else None
    return Community(tenant, row["version"], mode, modes, bool(row["paused"]), rules)


def sanction(row: Row) -> Sanction:
    return Sanction(
        id=row["id"],
        tenant=row["tenant"],
        person=row["person"],
        kind=SanctionKind(row["kind"]),
        at=row["at"],
        until=row["until"],
        actor=row["actor"],
        reason=row["reason"],
        lifted=bool(row["lifted"]),
    )


def sanction_values(sanction: Sanction) -> dict[str, object]:
    fields = asdict(sanction)
    del fields["lifted"]
    return fields


def acquaintance(row: Row) -> Acquaintance:
    counted = {name: row[name] for name in ("name", "requests", "asked_at", "strikes", "banned_until", "timeout_until")}
    return Acquaintance(key=row["person"], muted=bool(row["muted"]), **counted)


def strike(row: Row) -> Strike:
    return Strike(row["id"], row["at"], row["decision"])


def record_event(row: Row) -> RecordEvent:
    return RecordEvent(RecordKind(row["kind"]), row["decision"], row["at"])


def dossier(tenant: str, person: str, found: Sequence[Row]) -> Dossier:
    by_what: dict[str, list[Row]] = {}
    for row in found:
        by_what.setdefault(row["what"], []).append(row)
    return Dossier(
        version=sum(row["number"] for row in by_what.get("community", ())),
        sanctions=tuple(_sanction_in_force(tenant, person, row) for row in by_what.get("sanction", ())),
        record=tuple(
            RecordEvent(RecordKind(row["kind"]), row["id"], row["at"]) for row in by_what.get("record", ())
        ),
        defaults={row["id"]: row["said"] for row in by_what.get("default", ())},
        paused="paused" in by_what,
    )


def _sanction_in_force(tenant: str, person: str, row: Row) -> Sanction:
    kind = SanctionKind(row["kind"])
    return Sanction(row["id"], tenant, person, kind, row["at"], row["until"], row["actor"], row["said"])


_ITEM = (
    "id", "tenant", "author", "opened_at", "category", "required", "claimed_by", "claimed_until", "decided_by",
    "decided_at", "reason", "decision", "decided_first_by", "words", "original",
)  # fmt: skip


def item(row: Row) -> Item:
    return Item(
        kind=ItemKind(row["kind"]),
        state=ItemState(row["state"]),
        job_id=row["job"],
        index=row["position"],
        approvals=tuple(json.loads(row["approvals"])),
        grounds=tuple(Ground(**each) for each in json.loads(row["grounds"])),
        **{name: row[name] for name in _ITEM},
    )


def new_item_values(item: Item, *, ready: bool) -> dict[str, object]:
    """The parameters of `insert_item`."""
    names = ("id", "tenant", "kind", "author", "opened_at", "category", "required", "decision", "decided_first_by")
    return {
        **{name: getattr(item, name) for name in names},
        "job": item.job_id,
        "position": item.index,
        "grounds": _grounds(item),
        "words": item.words,
        "ready": int(ready),
    }


def saved_item_values(item: Item, revision: int) -> dict[str, object]:
    """The parameters of `save_item`."""
    names = ("id", "tenant", "state", "claimed_by", "claimed_until", "decided_by", "decided_at", "reason", "original")
    return {
        **{name: getattr(item, name) for name in names},
        "approvals": text(list(item.approvals)),
        "grounds": _grounds(item),
        "revision": revision,
    }


def _grounds(item: Item) -> str:
    return text([asdict(ground) for ground in item.grounds])


def report(row: Row) -> Report:
    return Report(
        row["tenant"], row["job"], row["position"], row["person"], row["reason"], row["at"], row["weight"]
    )


def post(row: Row) -> Post:
    address: dict[str, Any] = json.loads(row["address"])
    return Post(row["tenant"], PostKind(row["kind"]), row["subject"], row["revision"], address, row["tries"])
