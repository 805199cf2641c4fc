"""What communities set and remember of their members, and the audit trail. Every method is one transaction."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from adapters.store import chain, conduct_rows, posts, queue, rows
from adapters.store.engine import Row, Transaction
from adapters.store.shelf import Shelf
from bot.conduct import (
    FOREVER,
    Acquaintance,
    Community,
    Dossier,
    Member,
    Mode,
    PostKind,
    ReporterRecord,
    Rule,
    Sanction,
    SanctionKind,
    Strike,
)
from bot.model import AuditEvent, Job, Problem
from bot.moderation.events import sanctioned
from bot.moderation.sanctions import REPORT_DECISIONS
from bot.moderation.verdicts import moment


class Communities(Shelf):
    # -- settings and rules

    async def community(self, tenant: str) -> Community:
        async with self._engine.read() as tx:
            return await _community(tx, tenant)

    async def community_version(self, tenant: str) -> int:
        async with self._engine.read() as tx:
            found = await tx.run("community", tenant=tenant)
            return int(found[0]["version"]) if found else 0

    async def set_mode(self, tenant: str, mode: Mode | None, channel: str, event: AuditEvent) -> None:
        async with self._engine.write() as tx:
            row = await _changed(tx, tenant, event)
            if not channel:
                await tx.run("set_mode", tenant=tenant, mode=mode or "")
                return
            modes = dict(conduct_rows.community(tenant, row, ()).channel_modes)
            modes.pop(channel, None)
            modes |= {channel: mode} if mode else {}
            await tx.run("set_channel_modes", tenant=tenant, channel_modes=rows.text(modes))

    async def set_paused(self, tenant: str, event: AuditEvent, *, paused: bool) -> None:
        async with self._engine.write() as tx:
            await _changed(tx, tenant, event)
            await tx.run("set_paused", tenant=tenant, paused=int(paused))

    async def save_rules(self, rules: Sequence[tuple[Rule, AuditEvent]]) -> list[Rule]:
        async with self._engine.write() as tx:
            return [await _saved(tx, rule, event) for rule, event in rules]

    async def remove_rule(self, tenant: str, rule_id: str, event: AuditEvent) -> Rule | None:
        async with self._engine.write() as tx:
            removed = await tx.run("retire_rule", tenant=tenant, id=rule_id)
            if not removed:
                return None
            await _changed(tx, tenant, replace(event, before=removed[0]["rule"]))
            return conduct_rows.rule(removed[0])

    async def past_requests(self, tenant: str, since: float, limit: int) -> list[Job]:
        async with self._engine.read() as tx:
            return [
                rows.job(row) for row in await tx.run("past_requests", tenant=tenant, since=since, limit=limit)
            ]

    # -- members

    async def dossier(self, tenant: str, person: str, owner: str = "") -> Dossier:
        async with self._engine.read() as tx:
            found = await tx.run("dossier", tenant=tenant, person=person, owner=owner)
        return conduct_rows.dossier(tenant, person, found)

    async def member(self, tenant: str, person: str) -> Member:
        who = {"tenant": tenant, "person": person}
        async with self._engine.read() as tx:
            decided = [row["outcome"] for row in await tx.run("reports_decided", **who, limit=REPORT_DECISIONS)]
            return Member(
                sanctions=tuple(map(conduct_rows.sanction, await tx.run("sanctions_of", **who))),
                strikes=tuple(map(conduct_rows.strike, await tx.run("strikes_of", **who))),
                record=tuple(map(conduct_rows.record_event, await tx.run("record_of", **who))),
                reporter=ReporterRecord(
                    upheld=decided.count("upheld"),
                    dismissed=decided.count("dismissed"),
                    muted=bool(await tx.run("muted", **who)),
                ),
            )

    async def people(self, tenant: str, words: str, since: float, now: float, limit: int) -> list[Acquaintance]:
        among = {"tenant": tenant, "words": words.casefold(), "since": since, "now": now, "limit": limit}
        async with self._engine.read() as tx:
            return [conduct_rows.acquaintance(row) for row in await tx.run("people_known", **among)]

    async def names(self, persons: Sequence[str]) -> dict[str, str]:
        async with self._engine.read() as tx:
            found = await tx.run("names_of", persons=rows.text(sorted(set(persons))))
            return {row["person"]: row["name"] for row in found}

    async def last_groups(self, tenant: str, person: str) -> tuple[str, ...]:
        async with self._engine.read() as tx:
            found = await tx.run("newest_job_of_member", tenant=tenant, person=person)
            return rows.job(found[0]).origin.person.groups if found else ()

    async def sanction(self, sanction: Sanction) -> list[str]:
        async with self._engine.write() as tx:
            return await _sanction(tx, sanction)

    async def strike(
        self, tenant: str, person: str, strike: Strike, decide: Callable[[Sequence[Strike]], Sanction | None]
    ) -> Sanction | None:
        async with self._engine.write() as tx:
            fields = {"id": strike.id, "at": strike.at, "decision": strike.decision}
            await tx.run("insert_strike", tenant=tenant, person=person, **fields)
            found = [conduct_rows.strike(row) for row in await tx.run("strikes_of", tenant=tenant, person=person)]
            sanction = decide(found)
            if sanction:
                await _sanction(tx, sanction)
            return sanction

    async def lift(self, tenant: str, person: str, event: AuditEvent) -> list[Sanction]:
        async with self._engine.write() as tx:
            lifted = await tx.run("lift_sanctions", tenant=tenant, person=person, now=event.at)
            for row in lifted:
                await chain.append(tx, replace(event, before=row["id"]))
                await _notify(tx, row)
            return [conduct_rows.sanction(row) for row in lifted]

    async def sanction_by_id(self, tenant: str, sanction_id: str) -> Sanction | None:
        async with self._engine.read() as tx:
            found = await tx.run("sanction", tenant=tenant, id=sanction_id)
            return conduct_rows.sanction(found[0]) if found else None

    async def mute_reporter(self, tenant: str, person: str, event: AuditEvent, *, muted: bool) -> None:
        async with self._engine.write() as tx:
            who = {"tenant": tenant, "person": person}
            changed = await tx.run("mute", **who) if muted else await tx.run("unmute", **who)
            if changed:
                await chain.append(tx, event)

    async def block_picture(self, tenant: str, likeness: str, event: AuditEvent) -> None:
        async with self._engine.write() as tx:
            if await tx.run("block_picture", tenant=tenant, likeness=likeness):
                await chain.append(tx, event)

    async def blocked_pictures(self, tenant: str) -> list[str]:
        async with self._engine.read() as tx:
            return [row["likeness"] for row in await tx.run("blocked_pictures", tenant=tenant)]

    # -- audit

    async def audit(self, event: AuditEvent) -> AuditEvent:
        async with self._engine.write() as tx:
            return await chain.append(tx, event)

    async def audited_tenants(self) -> list[str]:
        async with self._engine.read() as tx:
            return [row["tenant"] for row in await tx.run("audited_tenants")]

    async def audit_since(self, tenant: str, since: float, after: int, limit: int) -> list[AuditEvent]:
        """One community's events from ``since`` on with numbers above ``after``, oldest first."""
        async with self._engine.read() as tx:
            found = await tx.run("audit_since", tenant=tenant, since=since, after=after, limit=limit)
            return [rows.audit_event(row) for row in found]

    async def newest_audit(self, tenant: str, limit: int) -> list[AuditEvent]:
        async with self._engine.read() as tx:
            return [rows.audit_event(row) for row in await tx.run("newest_audit", tenant=tenant, limit=limit)]

    # -- one-time links and the sessions they open

    async def add_login(self, kind: str, digest: str, name: str, expires_at: float, now: float) -> None:
        async with self._engine.write() as tx:
            await tx.run("delete_old_logins", now=now)
            await tx.run("insert_login", hash=digest, kind=kind, name=name, expires_at=expires_at)

    async def login(self, kind: str, digest: str, now: float) -> str | None:
        async with self._engine.read() as tx:
            found = await tx.run("login", hash=digest, kind=kind, now=now)
            return str(found[0]["name"]) if found else None

    async def tenants(self) -> list[str]:
        """The house's own room first."""
        async with self._engine.read() as tx:
            found = [row["tenant"] for row in await tx.run("tenants")]
        return list(dict.fromkeys(["web", *found]))

    async def take_login(self, kind: str, digest: str, now: float) -> str | None:
        """The name it was made for; the second one who comes with it gets None."""
        async with self._engine.write() as tx:
            found = await tx.run("take_login", hash=digest, kind=kind, now=now)
            return str(found[0]["name"]) if found else None


async def _community(tx: Transaction, tenant: str) -> Community:
    found = await tx.run("community", tenant=tenant)
    rules = tuple(conduct_rows.rule(row) for row in await tx.run("rules", tenant=tenant))
    return conduct_rows.community(tenant, found[0] if found else None, rules)


async def _saved(tx: Transaction, rule: Rule, event: AuditEvent) -> Rule:
    last = await tx.run("newest_rule", tenant=rule.tenant, id=rule.id)
    saved = replace(rule, version=last[0]["version"] + 1 if last else 1)
    await tx.run("retire_rule", tenant=rule.tenant, id=rule.id)
    await tx.run(
        "insert_rule",
        tenant=saved.tenant,
        id=saved.id,
        version=saved.version,
        rule=conduct_rows.rule_text(saved),
        author=saved.author,
        at=event.at,
    )
    before = last[0]["rule"] if last else ""
    await _changed(tx, rule.tenant, replace(event, before=before, after=conduct_rows.rule_text(saved)))
    return saved


async def _changed(tx: Transaction, tenant: str, event: AuditEvent) -> Row:
    """The community's next version, with its event."""
    changed = await tx.run("change_community", tenant=tenant)
    await chain.append(tx, event)
    return changed[0]


async def _sanction(tx: Transaction, sanction: Sanction) -> list[str]:
    await tx.run("insert_sanction", **conduct_rows.sanction_values(sanction))
    await chain.append(tx, sanctioned(sanction))
    platform = sanction.person.partition(":")[0]
    await posts.touch(tx, sanction.tenant, PostKind.NOTICE, sanction.id, platform)
    if sanction.kind is SanctionKind.WARN:
        return []
    until = "" if sanction.until == FOREVER else moment(sanction.until)
    values = {"reason": sanction.reason, "until": until, "decision": sanction.id}
    banned = sanction.kind is SanctionKind.BAN
    reason = Problem("cancelled_by_ban" if banned else "cancelled_by_timeout", values)
    return await queue.cancel_all(tx, sanction.tenant, sanction.person, reason, sanction.at, running=banned)


async def _notify(tx: Transaction, row: Row) -> None:
    await posts.touch(tx, row["tenant"], PostKind.NOTICE, row["id"], row["person"].partition(":")[0])
