"""Reading from SQLite: statements that are asked for while its thread is busy share the next way there."""

import asyncio
import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

import aiosqlite

from adapters.store.engine import Row
from adapters.store.together import Translate
from bot.ports import Topic

Question = tuple[str, Mapping[str, object]]


class Reader:
    """One read-only connection. Each statement sees what was committed when it ran."""

    def __init__(
        self, connection: aiosqlite.Connection, queries: Mapping[str, str], translate: Translate
    ) -> None:
        self._connection = connection
        self._queries = queries
        self._translate = translate
        self._asked: list[tuple[Question, asyncio.Future[Sequence[Row]]]] = []
        self._asking: asyncio.Task[None] | None = None

    async def run(self, name: str, /, **values: object) -> Sequence[Row]:
        """Raises StoreError."""
        answer: asyncio.Future[Sequence[Row]] = asyncio.get_running_loop().create_future()
        self._asked.append(((self._queries[name], values), answer))
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._ask())
        return await answer

    async def _ask(self) -> None:
        while self._asked:
            lot, self._asked = self._asked, []
            try:
                found = await self._in_thread([question for question, _ in lot])
            except Exception as error:  # noqa: BLE001 - whoever waits for it gets it
                found = [error] * len(lot)
            for (_, answer), outcome in zip(lot, found, strict=True):
                self._settle(answer, outcome)

    async def _in_thread(self, questions: Sequence[Question]) -> Sequence[Sequence[Row] | Exception]:
        reader: Any = self._connection  # whose thread takes functions too, though the driver names no public way
        found: Sequence[Sequence[Row] | Exception] = await reader._execute(_answers, reader._conn, questions)  # noqa: SLF001
        return found

    def _settle(self, answer: asyncio.Future[Sequence[Row]], outcome: Sequence[Row] | Exception) -> None:
        if answer.cancelled():
            return
        if isinstance(outcome, sqlite3.Error):
            outcome = self._translate(outcome)
        if isinstance(outcome, Exception):
            answer.set_exception(outcome)
        else:
            answer.set_result(outcome)

    def signal(self, topic: Topic, *, everywhere: bool = True) -> None:
        """Reading changes nothing that anybody waits for."""


def _answers(connection: sqlite3.Connection, questions: Sequence[Question]) -> list[Sequence[Row] | Exception]:
    answers: list[Sequence[Row] | Exception] = []
    for text, values in questions:
        try:
            answers.append(connection.execute(text, values).fetchall())
        except Exception as error:  # noqa: BLE001 - whoever asked gets it; the others go on
            answers.append(error)
    return answers
