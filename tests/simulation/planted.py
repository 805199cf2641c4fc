"""Fences that are taken out of the store on purpose, to see that a history notices: `PLANTED=told make soak`."""

from collections.abc import Mapping

from adapters.store.sqlite import SqliteEngine

BUGS: Mapping[str, tuple[str, str]] = {
    "crashed": ("count_crash", " AND attempt = :attempt AND lease_until = :seen"),
    "delivered": ("set_delivered", " AND attempt = :attempt AND worker <> ''"),
    "drawn": ("set_drawn", " AND attempt = :attempt"),
    "later": ("deliver_later", " AND attempt = :attempt"),
    "let_go": ("drop_lease", " AND attempt = :attempt AND (:seen < 0 OR lease_until = :seen)"),
    "release": ("release", " AND attempt = :attempt"),
    "told": ("set_told", " AND attempt = :attempt"),
}
"""By name: the statement, and what makes it refuse a worker that lost its lease."""


def plant(engine: SqliteEngine, bug: str) -> None:
    name, fence = BUGS[bug]
    statement = engine._queries[name]
    assert fence in statement
    engine._queries = {**engine._queries, name: statement.replace(fence, "")}
