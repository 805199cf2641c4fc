"""Several transactions as one, in SQLite's own thread: one hop and one commit for all that arrive together.

A coroutine over `Direct` never suspends, because its statements run at once; so it is driven here to its end.
"""

import sqlite3
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from adapters.store.engine import Work
from bot.ports import Topic

Translate = Callable[[sqlite3.Error], Exception]


@dataclass(slots=True)
class Direct:
    """Implements `engine.Transaction` inside the thread."""

    connection: sqlite3.Connection
    queries: Mapping[str, str]
    translate: Translate
    topics: set[Topic] = field(default_factory=set)

    async def run(self, name: str, /, **values: object) -> Sequence[Mapping[str, Any]]:
        try:
            return self.connection.execute(self.queries[name], values).fetchall()
        except sqlite3.Error as error:
            raise self.translate(error) from error

    def signal(self, topic: Topic, *, everywhere: bool = True) -> None:  # noqa: ARG002 - there is one process
        self.topics.add(topic)


@dataclass(frozen=True, slots=True)
class Outcome:
    result: Any = None
    error: Exception | None = None
    topics: frozenset[Topic] = frozenset()


class _RaisedError(Exception):
    """One of the works did, and not the database at the commit."""

    def __init__(self, error: Exception) -> None:
        self.error = error


Run = Callable[[Direct, Work[Any]], Outcome]


def run_together(
    connection: sqlite3.Connection, queries: Mapping[str, str], translate: Translate, works: Sequence[Work[Any]]
) -> list[Outcome]:
    """One outcome for each work, all committed. Raises sqlite3.Error, and then nothing was.

    Most lots have no work that raises, so the savepoints that undo one alone come only when it was seen that one does.
    """

    def in_turn(run: Run) -> list[Outcome]:
        connection.execute("BEGIN IMMEDIATE")
        try:
            outcomes = [run(Direct(connection, queries, translate), work) for work in works]
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        return outcomes

    try:
        return in_turn(_plainly)
    except _RaisedError as raised:
        return in_turn(_alone) if len(works) > 1 else [Outcome(error=raised.error)]


def _plainly(direct: Direct, work: Work[Any]) -> Outcome:
    try:
        return _done(direct, work)
    except Exception as error:
        raise _RaisedError(error) from error


def _alone(direct: Direct, work: Work[Any]) -> Outcome:
    direct.connection.execute("SAVEPOINT one")
    try:
        outcome = _done(direct, work)
    except Exception as error:  # noqa: BLE001 - its caller gets it; the others go on
        direct.connection.execute("ROLLBACK TO one")
        outcome = Outcome(error=error)
    direct.connection.execute("RELEASE one")
    return outcome


def _done(direct: Direct, work: Work[Any]) -> Outcome:
    return Outcome(_driven(work(direct)), topics=frozenset(direct.topics))


def _driven(work: Coroutine[Any, Any, Any]) -> Any:
    try:
        work.send(None)
    except StopIteration as done:
        return done.value
    work.close()
    raise RuntimeError("a shared transaction awaits its statements only")
