"""What every part of the store is built on."""

import asyncio
import functools
import inspect
import random
from collections.abc import Callable, Coroutine
from typing import Any

from adapters.store.engine import Contended, Engine

PAUSES = (0.0, 0.02, 0.1, 0.3, 0.6, 1.0)
"""Seconds before a transaction that lost against another is tried again; together below what busy means."""


class Shelf:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def __init_subclass__(cls) -> None:
        """Each public method is one transaction, so one that was rolled back can run again as a whole."""
        super().__init_subclass__()
        for name, method in list(vars(cls).items()):
            if inspect.iscoroutinefunction(method) and not name.startswith("_"):
                setattr(cls, name, _patient(method))


def _patient(method: Callable[..., Coroutine[Any, Any, Any]]) -> Callable[..., Coroutine[Any, Any, Any]]:
    @functools.wraps(method)
    async def patient(*arguments: Any, **named: Any) -> Any:
        for pause in PAUSES:
            try:
                return await method(*arguments, **named)
            except Contended:
                await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 - only spreads the tries
        return await method(*arguments, **named)

    return patient
