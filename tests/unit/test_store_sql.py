"""The .sql files: what Python runs exists, migrations are in order and equal the schema, plans use their indexes."""

import json
import re
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from adapters.store import rows, sql, sqlite
from tests import factories
from tests import postgres as servers
from tests.contract.stores import DIALECTS
from tests.factories import DAY, NOW

STORE = Path(__file__).parents[2] / "adapters" / "store"


def names_in_use() -> set[str]:
    text = "".join(file.read_text() for file in STORE.glob("*.py"))
    names = set(re.findall(r'(?:run|_take|_fenced)\(\s*"(\w+)"', text))
    tables = re.search(r"for table in \((.*)\)", text)
    assert tables
    names |= {f"delete_job_{name}" for name in re.findall(r'"(\w+)"', tables[1])}
    return names | {"active_jobs_of", "jobs_of", "any_delivery", "any_turn", "any_untold"}


def wholes_in_use() -> set[str]:
    return set(re.findall(r'Whole\("(\w+)"', (STORE / "whole.py").read_text()))


def test_every_query_that_is_run_exists_and_every_query_is_run() -> None:
    assert names_in_use() == set(sql.load("sqlite")) | set(sql.load("live"))
    assert wholes_in_use() == {name for name in sql.load("postgres") if name.startswith("whole_")}


def test_postgresql_has_the_same_names_and_repeats_no_text() -> None:
    common, other = {**sql.load("sqlite"), **sql.load("live")}, sql.load("postgres")
    assert {name.removeprefix("locked_") for name in set(other) - wholes_in_use()} <= set(common)
    assert [name for name in other if other[name] == common.get(name)] == []


def test_s33_python_builds_no_sql() -> None:
    for file in STORE.glob("*.py"):
        assert not re.search(r'f"[^"]*\b(SELECT|INSERT|UPDATE|DELETE)\b', file.read_text()), file


@pytest.mark.parametrize("text", ["-- name: a\nSELECT 1\n-- name: a\nSELECT 2", "SELECT 1\n-- name: a\nSELECT 2"])
def test_a_query_file_with_a_repeated_or_missing_name_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        sql.parse(text)


def test_parameters_become_numbers_and_quoted_text_stays() -> None:
    made = sql.numbered("SELECT 'api:key:' || :name, :name::text FROM t WHERE at < :now AND x = ':it''s'")
    assert made.text == "SELECT 'api:key:' || $1, $1::text FROM t WHERE at < $2::double precision AND x = ':it''s'"
    assert made.parameters == ("name", "now")


@pytest.mark.parametrize("dialect", DIALECTS)
def test_migrations_are_numbered_without_a_gap(dialect: str) -> None:
    numbers = [number for number, _, _ in sql.migrations(dialect)]
    assert numbers == list(range(1, len(numbers) + 1))


def shape(connection: sqlite3.Connection) -> set[tuple[str, str]]:
    rows = connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")
    return {(name, re.sub(r"\s+(?=[,)])|(?<=\()\s+", "", re.sub(r"\s+", " ", text))) for name, text in rows}


def test_the_migrations_in_order_equal_the_schema() -> None:
    migrated, fresh = sqlite3.connect(":memory:"), sqlite3.connect(":memory:")
    migrated.create_function("folded", 1, str.lower)
    for _, _, script in sql.migrations("sqlite"):
        migrated.executescript(script)
    fresh.executescript((STORE / "migrations" / "sqlite" / "schema.sql").read_text())
    assert shape(migrated) == shape(fresh)
    migrated.close()
    fresh.close()


FILLED = """
    INSERT INTO jobs (id, key, person, platform, tenant, channel, origin, address, request, state, day, images, lane,
        cost, weight, created_at, backend)
    VALUES ('j', 'j', 'p', 'web', 'web', 'room', '{}', '{}', '{"prompt": "Ein FÜCHSLEIN"}', 'delivered', 1, 3, '[]',
        1, 1, 5, 'sketch');
    INSERT INTO pictures (job, position, sha256, width, height, media_type, size_bytes, shared, deleted, shared_at)
    VALUES ('j', 0, 'a', 1, 1, 'image/png', 1, 1, 0, 7), ('j', 1, 'b', 1, 1, 'image/png', 1, 0, 0, 0),
        ('j', 2, 'c', 1, 1, 'image/png', 1, 1, 1, 8);
"""
HUNG = ("web", 7.0, "j", 0, "sketch", "", "ein füchslein")


def around_the_index(dialect: str) -> tuple[str, int, str]:
    """What comes before the gallery's index: script and version; and the script that makes it."""
    steps = sql.migrations(dialect)
    number, script = next((number, script) for number, name, script in steps if name.endswith("_shared_pictures.sql"))
    return "\n".join(script for earlier, _, script in steps if earlier < number), number - 1, script


async def test_what_was_shared_before_the_gallery_had_an_index_is_in_it_afterwards(tmp_path: Path) -> None:
    before, version, _ = around_the_index("sqlite")
    database = sqlite3.connect(tmp_path / "old.db")
    database.executescript(f"{before}; PRAGMA user_version = {version};{FILLED}")
    database.close()
    told: list[str] = []
    engine = await sqlite.connect(tmp_path / "old.db", told.append)
    found = list(await engine._reader.execute_fetchall("SELECT * FROM shared_pictures"))
    await engine.close()
    assert [tuple(row) for row in found] == [HUNG]
    assert told[:2] == ["backup", next(name for number, name, _ in sql.migrations("sqlite") if number > version)]


async def test_so_it_is_on_postgresql() -> None:
    connection = await asyncpg.connect(await servers.database(empty=True))
    before, _, making = around_the_index("postgres")
    await connection.execute(before + FILLED)
    await connection.execute(making)
    found = await connection.fetch("SELECT * FROM shared_pictures")
    await connection.close()
    assert [tuple(row) for row in found] == [HUNG]


def schema_of(server: servers.Server, url: str) -> str:
    dumped = server.pg("pg_dump", "--schema-only", "--no-owner", "--exclude-table=schema_version", url).stdout
    return re.sub(r"(?m)^.(un)?restrict .*$", "", dumped)


async def test_the_migrations_of_postgresql_in_order_equal_its_schema() -> None:
    server = servers.shared()
    migrated, fresh = await servers.database(server), await servers.database(server, empty=True)
    connection = await asyncpg.connect(fresh)
    await connection.execute((STORE / "migrations" / "postgres" / "schema.sql").read_text())
    await connection.close()
    assert schema_of(server, migrated) == schema_of(server, fresh)


def columns_of_sqlite() -> dict[str, set[str]]:
    connection = sqlite3.connect(":memory:")
    connection.executescript((STORE / "migrations" / "sqlite" / "schema.sql").read_text())
    tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    found = {
        table: {row[1] for row in connection.execute("SELECT * FROM pragma_table_info(?)", (table,))}
        for table in tables
        if not table.startswith("sqlite_") and table != "depths"
    }
    connection.close()
    return found


@pytest.fixture
async def connection() -> AsyncIterator[asyncpg.Connection]:
    opened = await asyncpg.connect(await servers.database())
    yield opened
    await opened.close()


async def test_both_dialects_have_the_same_tables_and_columns(connection: asyncpg.Connection) -> None:
    found: dict[str, set[str]] = {}
    for row in await connection.fetch(
        "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public'"
    ):
        found.setdefault(row["table_name"], set()).add(row["column_name"])
    del found["progress"], found["schema_version"]
    assert found == columns_of_sqlite()


def test_moving_over_takes_every_table() -> None:
    moved = set(sql.load("move")) - {"without_triggers", "with_triggers", "go_on_counting"}
    assert moved == set(columns_of_sqlite())


async def test_postgresql_takes_every_query_with_the_types_that_python_gives(connection: asyncpg.Connection) -> None:
    for name, query in sql.numbered_queries().items():
        prepared = await connection.prepare(query.text)
        types = {kind.name for kind in prepared.get_parameters()}
        assert types <= {"text", "int8", "int4", "float8"}, (name, types)


HOT = [
    ("next_turn", "turns_next"),
    ("line", "jobs_in_line"),
    ("next_of_turn", "jobs_of_a_turn"),
    ("claim_delivery", "jobs_to_deliver"),
    ("claim_untold", "jobs_to_tell"),
    ("any_delivery", "jobs_to_deliver"),
    ("any_untold", "jobs_to_tell"),
    *(("deliveries_stuck", index) for index in ("jobs_to_deliver", "jobs_to_tell", "jobs_under_lease")),
    ("extend_leases", "jobs_under_lease"),
    ("expired_leases", "jobs_under_lease"),
    ("lost_claim", "jobs_under_lease"),
    ("unacknowledged", "jobs_received"),
    ("jobs_past", "jobs_by_age"),
    ("job_by_key", "jobs_key_key"),
    ("depths", "jobs_unfinished"),
    ("items_to_expire", "items_to_expire"),
    ("changed_since", "feed_pkey"),
    ("own_pictures", "jobs_of_a_person"),
    ("shared_pictures", "shared_pictures_pkey"),
]

BACKLOG = """
    INSERT INTO people (person) SELECT 'p' || n FROM generate_series(1, 500) AS n;
    INSERT INTO jobs (id, key, person, platform, tenant, channel, origin, address, request, state, day, images, lane,
        cost, weight, created_at, tag, finished_at, told)
    SELECT n, n, 'p' || n % 500, 'slack', 't', 'c', '{}', '{}', '{}',
        CASE WHEN n % 3 = 0 THEN 'queued' WHEN n % 100 = 1 THEN 'received' ELSE 'delivered' END, 1, 1, '["sketch"]',
        1, 1, n, n, CASE WHEN n % 3 = 0 OR n % 100 = 1 THEN 0 ELSE n END, 1
    FROM generate_series(1, 30000) AS n;
    INSERT INTO turns (person, lane, head_job, head_tag, head_at)
    SELECT DISTINCT ON (person) person, lane, id, tag, created_at FROM jobs WHERE state = 'queued' ORDER BY person, tag;
    INSERT INTO posts (tenant, kind, subject, platform, revision, shown, due_at)
    SELECT 't', 'item', n, 'slack', 1, 1, n FROM generate_series(1, 5000) AS n;
    INSERT INTO items (id, tenant, kind, job, position, author, opened_at, category, required, state, ready)
    SELECT n, 't', 'request', n, 0, 'p1', n, 'x', 1, 'approved', 1 FROM generate_series(1, 5000) AS n;
    INSERT INTO feed (job, at) SELECT n, n FROM generate_series(1, 5000) AS n;
    INSERT INTO pictures (job, position, sha256, width, height, media_type, size_bytes, shared)
    SELECT n, 0, n, 1, 1, 'image/png', 1, 1 FROM generate_series(1, 30000) AS n;
    INSERT INTO shared_pictures (tenant, at, job, position, backend, style, words)
    SELECT 't', n, n, 0, 'sketch', '', 'a fox' FROM generate_series(1, 30000) AS n;
    ANALYZE;
"""
"""What a store of some weeks looks like to the planner."""


def nodes(plan: dict[str, object]) -> list[dict[str, object]]:
    inner = plan.get("Plans", [])
    assert isinstance(inner, list)
    return [plan, *(node for each in inner for node in nodes(each))]


async def test_the_hot_queries_use_their_indexes_on_postgresql(connection: asyncpg.Connection) -> None:
    await connection.execute(BACKLOG)
    await connection.execute("SET plan_cache_mode = force_generic_plan")
    queries = sql.numbered_queries()
    for name, index in HOT:
        query = queries[name]
        values = ", ".join("NULL" for _ in query.parameters)
        await connection.execute(f"PREPARE {name}_{index} AS {query.text}")
        call = f"{name}_{index}({values})" if values else f"{name}_{index}"
        explained = await connection.fetchval(f"EXPLAIN (FORMAT JSON) EXECUTE {call}")
        found = nodes(json.loads(explained)[0]["Plan"])
        assert index in {node.get("Index Name") for node in found}, (name, found)
        scanned = {node["Relation Name"] for node in found if node["Node Type"] == "Seq Scan"}
        assert not scanned & {"jobs", "turns"}, name
        if name != "depths":
            assert [node for node in found if node["Node Type"] == "Sort"] == [], name


STATISTICS = "SELECT relname AS name, seq_scan AS scans FROM pg_stat_user_tables"
INDEXES = "SELECT indexrelname AS name, idx_scan AS scans FROM pg_stat_user_indexes"


async def counted(connection: asyncpg.Connection, query: str) -> dict[str, int]:
    await connection.execute("SELECT pg_stat_force_next_flush()")
    return {row["name"]: row["scans"] or 0 for row in await connection.fetch(query)}


async def test_what_the_hot_transactions_do_inside_their_functions_uses_indexes_too(
    connection: asyncpg.Connection,
) -> None:
    """EXPLAIN does not look into a function, the server's counters do."""
    await connection.execute(BACKLOG)
    await connection.execute("UPDATE jobs SET tag = created_at; INSERT INTO lanes VALUES ('[\"sketch\"]')")
    await connection.execute("SET plan_cache_mode = force_generic_plan")
    scans, used = await counted(connection, STATISTICS), await counted(connection, INDEXES)
    queries = sql.numbered_queries()

    async def call(whole: str, **values: object) -> asyncpg.Record:
        query = queries[whole]
        [row] = await connection.fetch(query.text, *(values[each] for each in query.parameters))
        return row

    new = rows.job_values(factories.job("p7"), DAY) | dict.fromkeys(
        ("running_limit", "waiting_limit", "allowed", "tenant_allowed"), 100
    )
    job = await call("whole_submit", **new, name="p7")
    await call("whole_acknowledge", job=job["id"], address="{}", clock="sketch", now=NOW)
    lanes = rows.text([rows.lane(["sketch"])])
    held = {"worker": "w", "lease_until": NOW, "now": NOW}
    claimed = await call("whole_claim", lanes=lanes, backends='["sketch"]', lanes_known=1, **held)
    fence = {"job": claimed["id"], "attempt": claimed["attempt"]}
    await call("whole_drawn", **fence, missing=0, notes="[]", pictures="[]", now=NOW, catch_up=60.0)
    await call("whole_delivered", **fence, now=NOW)
    after, after_used = await counted(connection, STATISTICS), await counted(connection, INDEXES)
    assert [table for table in ("jobs", "turns", "people") if after[table] > scans[table]] == []
    needed = ("turns_next", "jobs_of_a_turn", "jobs_key_key", "jobs_pkey", "turns_pkey", "people_pkey")
    assert [index for index in needed if after_used[index] == used[index]] == []


@pytest.mark.parametrize(
    ("query", "index"),
    [
        ("next_turn", "turns_next"),
        ("line", "jobs_in_line"),
        ("next_of_turn", "jobs_of_a_turn"),
        ("claim_delivery", "jobs_to_deliver"),
        ("claim_untold", "jobs_to_tell"),
        ("any_delivery", "jobs_to_deliver"),
        ("any_untold", "jobs_to_tell"),
        *(("deliveries_stuck", index) for index in ("jobs_to_deliver", "jobs_to_tell", "jobs_under_lease")),
        ("extend_leases", "jobs_under_lease"),
        ("expired_leases", "jobs_under_lease"),
        ("unacknowledged", "jobs_received"),
        ("jobs_past", "jobs_by_age"),
        ("job_by_key", "sqlite_autoindex_jobs_2"),
        ("items_to_decide", "items_to_decide"),
        ("items_to_expire", "items_to_expire"),
        ("record_of", "records_of_a_member"),
        ("reports_decided", "reports_of_a_reporter"),
        ("past_requests", "jobs_of_a_community"),
        ("own_pictures", "jobs_of_a_person"),
        ("shared_pictures", "PRIMARY KEY (tenant=? AND (at,job,position)<"),
    ],
)
def test_the_hot_queries_use_their_indexes(query: str, index: str) -> None:
    connection = sqlite3.connect(":memory:")
    connection.create_function("folded", 1, str.lower, deterministic=True)
    connection.executescript((STORE / "migrations" / "sqlite" / "schema.sql").read_text())
    statement = sql.load("sqlite")[query]
    values = dict.fromkeys(re.findall(r"(?<!:):(\w+)", statement))
    plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}", values)]
    connection.close()
    assert any(index in step for step in plan), plan
    assert not any(re.match(r"SCAN (jobs|turns)(?! USING)", step) for step in plan), plan
    sorts = [step for step in plan if "TEMP B-TREE" in step and "RIGHT PART" not in step]  # one job's own are a few
    assert sorts == [], plan


async def test_a_store_that_was_used_is_found_sound_when_it_is_opened_again(tmp_path: Path) -> None:
    """SQLite's quick check takes some sound tables for damaged; none of ours."""
    path = tmp_path / "imagine.db"
    await (await sqlite.connect(path)).close()
    connection = sqlite3.connect(path)
    for table, columns in columns_of_sqlite().items():
        values = {
            row[1]: row[4].strip("'") if row[4] else {"TEXT": "queued", "INTEGER": 1, "REAL": 1.0}[row[2]]
            for row in connection.execute("SELECT * FROM pragma_table_info(?)", (table,))
        }
        assert values.keys() == columns
        kinds = {"ledger": "reserve", "items": "report"}
        states = {"items": "open"}
        values |= {name: fit[table] for name, fit in (("kind", kinds), ("state", states)) if table in fit}
        names = ", ".join(f'"{name}"' for name in values)
        connection.execute(f"INSERT INTO {table} ({names}) VALUES ({', '.join('?' * len(values))})", [*values.values()])
    connection.commit()
    connection.close()
    await (await sqlite.connect(path)).close()
