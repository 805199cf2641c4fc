"""The audit trail inside a transaction: one chain of hashes for each community (`bot.moderation.audit`)."""

from adapters.store import rows
from adapters.store.engine import Transaction
from bot.model import AuditEvent
from bot.moderation import audit


async def append(tx: Transaction, event: AuditEvent) -> AuditEvent:
    last = await tx.run("last_audit", tenant=event.tenant)
    sealed = audit.seal(event, rows.audit_event(last[0]) if last else None)
    await tx.run("insert_audit", **{name: getattr(sealed, name) for name in AuditEvent.__slots__})
    return sealed
