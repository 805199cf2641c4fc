"""What every part of the store is built on."""

from adapters.store.engine import Engine


class Shelf:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine
