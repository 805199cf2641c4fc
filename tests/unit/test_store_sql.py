"""The .sql files: what Python runs exists, migrations are in order and equal the schema, plans use their indexes."""

import re
import sqlite3
from pathlib import Path

import pytest

from adapters.store import sql

STORE = Path(__file__).parents[2] / "adapters" / "store"


def names_in_use() -> set[str]:
    text = "".join(file.read_text() for file in STORE.glob("*.py"))
    names = set(re.findall(r'(?:run|_take|_fenced)\(\s*"(\w+)"', text))
    tables = re.search(r"for table in \((.*)\)", text)
    assert tables
    names |= {f"delete_job_{name}" for name in re.findall(r'"(\w+)"', tables[1])}
    return names | {"active_jobs_of", "jobs_of", "any_delivery", "any_untold"}


def test_every_query_that_is_run_exists_and_every_query_is_run() -> None:
    assert names_in_use() == set(sql.load("sqlite")) | set(sql.load("live"))


def test_s33_python_builds_no_sql() -> None:
    for file in STORE.glob("*.py"):
        assert not re.search(r'f"[^"]*\b(SELECT|INSERT|UPDATE|DELETE)\b', file.read_text()), file


@pytest.mark.parametrize("text", ["-- name: a\nSELECT 1\n-- name: a\nSELECT 2", "SELECT 1\n-- name: a\nSELECT 2"])
def test_a_query_file_with_a_repeated_or_missing_name_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        sql.parse(text)


def test_migrations_are_numbered_without_a_gap() -> None:
    numbers = [number for number, _, _ in sql.migrations("sqlite")]
    assert numbers == list(range(1, len(numbers) + 1))


def shape(connection: sqlite3.Connection) -> set[tuple[str, str]]:
    rows = connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")
    return {(name, re.sub(r"\s+", " ", text)) for name, text in rows}


def test_the_migrations_in_order_equal_the_schema() -> None:
    migrated, fresh = sqlite3.connect(":memory:"), sqlite3.connect(":memory:")
    for _, _, script in sql.migrations("sqlite"):
        migrated.executescript(script)
    fresh.executescript((STORE / "migrations" / "sqlite" / "schema.sql").read_text())
    assert shape(migrated) == shape(fresh)
    migrated.close()
    fresh.close()


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
        ("extend_leases", "jobs_under_lease"),
        ("expired_leases", "jobs_under_lease"),
        ("unacknowledged", "jobs_received"),
        ("jobs_past", "jobs_by_age"),
        ("job_by_key", "sqlite_autoindex_jobs_2"),
        ("items_to_decide", "items_to_decide"),
        ("items_to_expire", "items_to_expire"),
        ("items_of_job", "items_of_a_job"),
        ("sanctions_of", "sanctions_of_a_member"),
        ("record_of", "records_of_a_member"),
        ("reports_decided", "reports_of_a_reporter"),
        ("past_requests", "jobs_of_a_community"),
    ],
)
def test_the_hot_queries_use_their_indexes(query: str, index: str) -> None:
    connection = sqlite3.connect(":memory:")
    connection.executescript((STORE / "migrations" / "sqlite" / "schema.sql").read_text())
    statement = sql.load("sqlite")[query]
    values = dict.fromkeys(re.findall(r"(?<!:):(\w+)", statement))
    plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}", values)]
    connection.close()
    assert any(index in step for step in plan), plan
    assert not any(re.match(r"SCAN (jobs|turns)(?! USING)", step) for step in plan), plan
    assert not any("TEMP B-TREE" in step for step in plan), plan
