"""The Backend port over the drawing process: starts it late, restarts it when it dies, asks again once."""

import asyncio
import contextlib
import logging
import secrets
from collections.abc import Sequence
from dataclasses import replace

from adapters.backends.diffusers.checkpoint import MOST_SEED, Facts, capabilities, read_facts
from adapters.backends.diffusers.client import COMMAND, Died, EngineProcess, Unloadable
from adapters.backends.diffusers.config import DiffusersConfig
from bot import replies
from bot.errors import Down
from bot.model import Capabilities, Drawing, Drawn
from bot.ports import Report

__all__ = ["DiffusersBackend", "DiffusersConfig"]

DEATHS = 3  #: in a row, after which nothing is started for `REST` seconds
REST = 60.0

logger = logging.getLogger(__name__)


class DiffusersBackend:
    """Imports no torch: a process of its own draws, which `preload`, a probe or the first request starts."""

    def __init__(self, name: str, config: DiffusersConfig, *, command: Sequence[str] = COMMAND) -> None:
        self._name, self._config, self._command = name, config, command
        self._facts = read_facts(config.model)
        self._max_pixels: int | None = None
        self._engine: EngineProcess | None = None
        self._starting = asyncio.Lock()
        self._deaths, self._rest_until = 0, 0.0
        self._closed = False

    @property
    def name(self) -> str:
        return self._name

    @property
    def capabilities(self) -> Capabilities:
        """From the checkpoint's own files; of a hub model not downloaded yet, those of SDXL."""
        return capabilities(self._config, self._facts or Facts(), self._max_pixels)

    @property
    def exhausted(self) -> bool:
        """The drawing process died so often that nothing is started for a while."""
        return self._deaths >= DEATHS

    async def generate(self, request: Drawing, resume: str, report: Report) -> Drawn:  # noqa: ARG002 - no task to resume
        """Raises BackendError. A process that dies over it is started anew and asked once more: F36, F37."""
        request = request if request.seed is not None else replace(request, seed=secrets.randbelow(MOST_SEED))
        try:
            async with asyncio.timeout(self._config.timeout_seconds):
                return await self._draw(request, report)
        except TimeoutError as error:
            raise Down(f"not drawn within {self._config.timeout_seconds:g} s") from error
        except Unloadable as error:
            raise Down(replies.problem(error.problem), until_fixed=True) from error
        except Died as error:
            raise Down(str(error)) from error

    async def probe(self) -> str:
        """Starts the process and loads the model, where that was not done."""
        seconds = self._config.timeout_seconds
        try:
            async with asyncio.timeout(seconds):
                engine = await self._running()
                await asyncio.shield(engine.ready)
        except TimeoutError:
            return replies.say("engine_loading", model=self._config.model, seconds=round(seconds))
        except Unloadable as error:
            return replies.problem(error.problem)
        except Died as error:
            return replies.say("engine_died", detail=str(error))
        except Down as error:
            return replies.say("engine_died", detail=error.detail)
        self._learn(engine)
        return ""

    async def preload(self) -> None:
        """Loads the model ahead of the first request. What goes wrong is logged, and the request is told again."""
        trouble = await self.probe()
        if trouble and not self._closed:
            logger.warning("backend %s: %s", self._name, trouble)
        elif not trouble:
            logger.info("loaded %s for the backend %s", self._config.model, self._name)

    async def close(self) -> None:
        self._closed = True
        engine, self._engine = self._engine, None
        if engine is not None:
            await engine.close()

    async def _draw(self, request: Drawing, report: Report) -> Drawn:
        for last in (False, True):
            engine = await self._running()
            try:
                drawn = await engine.draw(request, report)
            except Died as error:
                await self._bury(engine, str(error))
                if last:
                    raise
            else:
                self._deaths = 0
                return drawn
            finally:
                self._learn(engine)
        raise AssertionError("the loop returns or raises")

    async def _running(self) -> EngineProcess:
        """Raises Down after `close`, and while it rests after too many deaths."""
        async with self._starting:
            if self._closed:
                raise Down("the backend is closed")
            if self._engine is not None and self._engine.alive:
                return self._engine
            if self._deaths >= DEATHS and asyncio.get_running_loop().time() < self._rest_until:
                raise Down(f"the drawing process died {self._deaths} times in a row")
            if self._engine is not None:
                await self._engine.close()
            logger.info("loading %s for the backend %s", self._config.model, self._name)
            self._engine = await EngineProcess.start(self._config, self._command)
            return self._engine

    async def _bury(self, engine: EngineProcess, how: str) -> None:
        """Counts its death once, however many requests it took with it."""
        if engine is self._engine:
            self._engine = None
            self._deaths += 1
            self._rest_until = asyncio.get_running_loop().time() + REST
            logger.warning("backend %s: %s", self._name, how)
            await engine.close()

    def _learn(self, engine: EngineProcess) -> None:
        with contextlib.suppress(Exception):
            if engine.ready.done():
                self._facts = engine.ready.result()
        if engine.max_pixels is not None:
            self._max_pixels = engine.max_pixels
