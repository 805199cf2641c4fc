"""The promise as sentences about rows and files: I1 to I8 of the fault table, read from any store's tables.

`broken` names whatever does not hold, at any moment; with ``at_rest`` also what must hold once nothing is under way.
"""

import asyncio
import hashlib
import json
import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg

from bot.model import FINAL_STATES, AuditEvent
from bot.moderation import audit

Row = Mapping[str, Any]
Tables = Mapping[str, Sequence[Row]]

NAMES = (
    "jobs", "people", "allowances", "ledger", "turns", "lanes", "depths", "pictures", "items", "posts", "audit",
    "sanctions", "reports", "rules", "messages", "strikes", "records",
)  # fmt: skip
WAITING = frozenset({"received", "review", "queued"})
BY_MODERATORS = ("cancelled_by_ban", "cancelled_by_moderator")
OPEN = frozenset({"open", "claimed"})


def of_sqlite(connection: sqlite3.Connection) -> Tables:
    connection.row_factory = sqlite3.Row
    return {name: [dict(row) for row in connection.execute(f"SELECT * FROM {name}")] for name in NAMES}


def of_file(path: Path) -> Tables:
    connection = sqlite3.connect(path)
    try:
        return of_sqlite(connection)
    finally:
        connection.close()


async def of_postgres(url: str) -> Tables:
    connection = await asyncpg.connect(url)
    try:
        names = [name for name in NAMES if name != "depths"]  # PostgreSQL counts them when asked
        found = {name: [dict(row) for row in await connection.fetch(f"SELECT * FROM {name}")] for name in names}
        return {**found, "depths": []}
    finally:
        await connection.close()


def of_folder(folder: Path, dialect: str) -> Tables:
    if dialect == "sqlite":
        return of_file(folder / "imagine.db")
    return asyncio.run(of_postgres((folder / "postgres.url").read_text()))


@dataclass(frozen=True)
class Beside:
    """What the rows alone do not say."""

    images: Path | None = None  #: the folder of the pictures
    swept: bool = False  #: its orphans were swept: every file is a picture's
    canary: str = ""  #: a secret that must not be found anywhere
    longest: float = float("inf")  #: seconds that a sanction may last
    forgotten: bool = False  #: somebody had their finished requests deleted; what they spent stays spent


def broken(tables: Tables, beside: Beside | None = None, *, at_rest: bool = False) -> list[str]:
    beside = beside or Beside()
    found = [
        *_jobs(tables), *_ledger(tables, beside), *_counts(tables), *_line(tables), *_review(tables), *_audited(tables),
        *_tenants(tables), *_sanctions(tables, beside), *_pictures(tables, beside), *_secrets(tables, beside),
    ]  # fmt: skip
    return [*found, *_rest(tables)] if at_rest else found


def _rest(tables: Tables) -> Iterator[str]:
    """I1: every request ended, and its person knows; everything for moderators was shown."""
    for job in tables["jobs"]:
        if job["state"] not in FINAL_STATES:
            yield f"I1 job {job['id']} is {job['state']}"
        elif not job["told"]:
            yield f"I1 job {job['id']} is {job['state']} and nobody was told"
    for post in tables["posts"]:
        if post["shown"] < post["revision"]:
            yield f"I1 post {post['kind']} {post['subject']} was not shown"
    for person in tables["people"]:
        if person["waiting"] or person["running"]:
            yield f"I3 {person['person']} has {person['waiting']} waiting and {person['running']} running at rest"
    for allowance in tables["allowances"]:
        if allowance["reserved"]:
            yield f"I3 {allowance['owner']} has {allowance['reserved']} reserved at rest"


def _jobs(tables: Tables) -> Iterator[str]:
    for job in tables["jobs"]:
        name, final = f"job {job['id']} ({job['state']})", job["state"] in FINAL_STATES
        if final != (job["finished_at"] > 0):
            yield f"I1 {name} finished at {job['finished_at']}"
        if job["state"] in {"received", "review", "queued", "held", "delivered"} and job["worker"]:
            yield f"I1 {name} is held by {job['worker']}"
        if job["state"] == "running" and not job["worker"]:
            yield f"I1 {name} is nobody's"
        if job["state"] in {"rejected", "failed", "cancelled", "undeliverable"} and not job["reason"]:
            yield f"I1 {name} has no reason"
        shows = [picture for picture in tables["pictures"] if picture["job"] == job["id"]]
        wanted = job["images"] - job["missing"] if job["drawn_at"] else 0
        if len(shows) != wanted:
            yield f"I2 {name} has {len(shows)} pictures instead of {wanted}"
        if job["state"] == "delivered" and not shows:
            yield f"I2 {name} was delivered without a picture"


def _entries(tables: Tables) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for row in tables["ledger"]:
        found.setdefault(row["job"], {})[row["kind"]] = row["images"]
    return found


def _ledger(tables: Tables, beside: Beside) -> Iterator[str]:
    """I3: what was reserved is spent or given back, once, and the allowances are the sum of it."""
    entries = _entries(tables)
    reserved: Counter[tuple[str, int]] = Counter()
    spent: Counter[tuple[str, int]] = Counter()
    for job in tables["jobs"]:
        known, images = entries.get(job["id"], {}), job["images"]
        name, final = f"job {job['id']} ({job['state']})", job["state"] in FINAL_STATES
        paid, back, restored = (known.get(kind, 0) for kind in ("commit", "refund", "restore"))
        if known.get("reserve") != images:
            yield f"I3 {name} reserved {known.get('reserve')} of {images}"
        if paid + back != (images if final else 0):
            yield f"I3 {name} spent {paid} and gave back {back} of {images}"
        if paid != (images - job["missing"] if job["state"] == "delivered" else 0):
            yield f"I3 {name} spent {paid}"
        if restored > paid:
            yield f"I3 {name} restored {restored} of {paid}"
        for owner in ((job["person"], job["day"]), (job["tenant"], job["day"])):
            reserved[owner] += 0 if final else images
            spent[owner] += paid - restored
    for row in tables["allowances"]:
        owner = (row["owner"], row["day"])
        has, due = (row["reserved"], row["spent"]), (reserved[owner], spent[owner])
        if has != due and not (beside.forgotten and has[0] == due[0] and has[1] >= due[1]):
            yield f"I3 {owner} has (reserved, spent) {has} instead of {due}"


def _counts(tables: Tables) -> Iterator[str]:
    """The counters beside the rows: nobody's limit is wrong."""
    waiting = Counter(job["person"] for job in tables["jobs"] if job["state"] in WAITING)
    running = Counter(job["person"] for job in tables["jobs"] if job["state"] == "running")
    for row in tables["people"]:
        has, due = (row["waiting"], row["running"]), (waiting[row["person"]], running[row["person"]])
        if has != due:
            yield f"I3 {row['person']} has (waiting, running) {has} instead of {due}"
        if row["running_limit"] and row["running"] > row["running_limit"]:
            yield f"I3 {row['person']} runs {row['running']} of {row['running_limit']}"
    states = Counter(job["state"] for job in tables["jobs"])
    for row in tables["depths"]:
        if row["jobs"] != states[row["state"]]:
            yield f"{row['jobs']} jobs are counted {row['state']} instead of {states[row['state']]}"


def _line(tables: Tables) -> Iterator[str]:
    """The fair order: every waiting job has a place, the first of each person is at the head, and no lock is left."""
    queued: dict[tuple[str, str], list[Row]] = {}
    for job in tables["jobs"]:
        if job["state"] == "queued":
            queued.setdefault((job["person"], job["lane"]), []).append(job)
    people = {row["person"]: row for row in tables["people"]}
    turns = {(row["person"], row["lane"]): row for row in tables["turns"]}
    lanes = {row["lane"] for row in tables["lanes"]}
    for key, jobs in queued.items():
        if key not in turns or key[1] not in lanes:
            yield f"line: {len(jobs)} jobs of {key} have no turn"
    for key, turn in turns.items():
        jobs = sorted(queued.get(key, []), key=lambda job: (job["tag"], job["created_at"], job["id"]))
        first = jobs[0]["id"] if jobs else None
        if turn["head_job"] != first:
            yield f"line: the head of {key} is {turn['head_job']} instead of {first}"
        person = people.get(key[0])
        if person is None:
            continue
        free = not person["running_limit"] or person["running"] < person["running_limit"]
        if jobs and bool(turn["open"]) != free:
            yield f"line: the turn of {key} is open={turn['open']}, running {person['running']}"


def _review(tables: Tables) -> Iterator[str]:
    """Whatever waits for a moderator has its item; what ended has none open."""
    waiting: Counter[tuple[str, str]] = Counter()
    for item in tables["items"]:
        if item["kind"] in {"request", "picture"} and item["state"] in OPEN:
            waiting[item["job"], item["kind"]] += 1
            if not item["job"]:
                yield f"item {item['id']} has no job"
    for job in tables["jobs"]:
        requests, pictures = waiting[job["id"], "request"], waiting[job["id"], "picture"]
        due = {"review": (1, 0), "held": (0, 1)}.get(job["state"], (0, 0))
        if job["state"] != "received" and (requests, pictures) != due:
            yield f"F04 job {job['id']} ({job['state']}) has open items {(requests, pictures)} instead of {due}"
        ready = [item["ready"] for item in tables["items"] if item["job"] == job["id"] and item["kind"] == "request"]
        if job["state"] == "review" and not any(ready):
            yield f"F04 job {job['id']} waits for moderators who do not see it"


def _audited(tables: Tables) -> Iterator[str]:
    """I6: whole chains, and an event for every effect."""
    chains: dict[str, list[AuditEvent]] = {}
    for row in sorted(tables["audit"], key=lambda row: int(row["seq"])):
        chains.setdefault(row["tenant"], []).append(AuditEvent(**row))
    for tenant, events in chains.items():
        if audit.broken_at(events) is not None:
            yield f"I6 the chain of {tenant} is broken at {audit.broken_at(events)}"
    subjects = Counter(event.subject.partition(" ")[0] for events in chains.values() for event in events)
    for item in tables["items"]:
        if item["ready"] and not subjects[f"item:{item['id']}"]:
            yield f"I6 item {item['id']} was opened without a word"
        if item["state"] in {"approved", "rejected", "expired"} and subjects[f"item:{item['id']}"] < 2:
            yield f"I6 item {item['id']} was {item['state']} without a word"
    yield from _unspoken(tables, [event for events in chains.values() for event in events])
    kinds = Counter(event.action for events in chains.values() for event in events)
    for kind, count in Counter(row["kind"] for row in tables["sanctions"]).items():
        if kinds[kind] != count:
            yield f"I6 {count} sanctions are {kind}, {kinds[kind]} events say so"
    if kinds["rule_saved"] != len(tables["rules"]):
        yield f"I6 {len(tables['rules'])} versions of rules, {kinds['rule_saved']} events"


def _unspoken(tables: Tables, events: Sequence[AuditEvent]) -> Iterator[str]:
    """Requests that moderation ended, and whose end no event tells."""
    about = "\n".join(event.subject for event in events)
    for job in tables["jobs"]:
        moderated = job["state"] == "rejected" or any(code in str(job["reason"]) for code in BY_MODERATORS)
        if moderated and f"job:{job['id']}" not in about:
            yield f"I6 job {job['id']} was {job['state']} without a word"


def _tenants(tables: Tables) -> Iterator[str]:
    """I7."""
    home = {job["id"]: job["tenant"] for job in tables["jobs"]}
    for table in ("items", "reports", "ledger"):
        for row in tables[table]:
            if row["job"] and row["tenant"] != home.get(row["job"]):
                yield f"I7 a row of {table} for job {row['job']} is {row['tenant']}'s"
    for row in tables["posts"]:
        if row["kind"] == "pictures" and row["tenant"] != home.get(row["subject"]):
            yield f"I7 a post of job {row['subject']} is {row['tenant']}'s"


def _sanctions(tables: Tables, beside: Beside) -> Iterator[str]:
    """I8."""
    for row in tables["sanctions"]:
        if row["until"] - row["at"] > beside.longest + 1e-6:
            yield f"I8 sanction {row['id']} lasts {row['until'] - row['at']} s"


def _pictures(tables: Tables, beside: Beside) -> Iterator[str]:
    """What a row shows is on the disk, whole; once swept, nothing else is."""
    if beside.images is None:
        return
    shown = {row["sha256"] for row in tables["pictures"] if not row["deleted"]}
    files = {path.stem: path for path in beside.images.glob("??/*.png")}
    for name in shown:
        if name not in files:
            yield f"picture {name} is gone"
        elif hashlib.sha256(files[name].read_bytes()).hexdigest() != name:
            yield f"picture {name} is another"
    if beside.swept:
        yield from (f"picture {name} is nobody's" for name in files.keys() - shown)
        yield from (f"{path} was left half written" for path in beside.images.rglob(".tmp-*"))


def _secrets(tables: Tables, beside: Beside) -> Iterator[str]:
    """I5."""
    if beside.canary and beside.canary in json.dumps(tables, default=str):
        yield "I5 a secret is in the database"
