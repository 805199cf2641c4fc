"""The drawing process as the bot sees it: started, spoken to, watched, and killed where it hangs."""

import asyncio
import contextlib
import os
import sys
import uuid
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from adapters.backends.diffusers import wire
from adapters.backends.diffusers.checkpoint import Facts
from adapters.backends.diffusers.config import DiffusersConfig, to_plain
from bot.errors import BackendError, Broken, Down, Rejected
from bot.model import Drawing, Drawn, Problem, Stage
from bot.ports import Report

COMMAND = (sys.executable, "-m", "adapters.backends.diffusers.process")
ROOT = Path(__file__).parents[3]  #: where `adapters` and `bot` are imported from

#: The bot's secrets, which a process that reads strangers' model files has no use for.
SECRETS = (
    *("DISCORD_", "SLACK_", "OVH_", "DATAOORTS_", "HIVE_", "IMAGEPIPELINE_", "IMAGINE_"),
    *("PGPASSWORD", "AWS_", "RAY_AUTH_"),
)

BETWEEN_TELLINGS = 2.0  #: seconds, while the model is being loaded


class Died(Exception):
    """The process is gone; ``str()`` says how, for the operator's log."""


class Unloadable(Exception):
    """The process could not load the model, and has ended."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.code)
        self.problem = problem


@dataclass
class _Order:
    """What one `draw` waits for. Only the newest progress and previews are kept: a slow reader misses the rest."""

    result: asyncio.Future[Drawn]
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    progress: tuple[int, int] | None = None
    previews: dict[int, bytes] = field(default_factory=dict)

    async def tell(self, report: Report) -> None:
        while True:
            await self.changed.wait()
            self.changed.clear()
            progress, self.progress = self.progress, None
            previews, self.previews = self.previews, {}
            if progress:
                await report.progress(*progress)
            for index, image in previews.items():
                await report.preview(index, image)


class EngineProcess:
    """Of one event loop. `start` makes one; after `Died` it is of no more use."""

    def __init__(self, process: asyncio.subprocess.Process, stall_seconds: float) -> None:
        loop = asyncio.get_running_loop()
        self._process = process
        self._orders: dict[str, _Order] = {}
        self._patience, self._heard = stall_seconds, loop.time()
        self._last_words: deque[str] = deque(maxlen=20)
        self._hung = False
        self.ready: asyncio.Future[Facts] = loop.create_future()
        self.max_pixels: int | None = None
        self._watching = asyncio.create_task(self._watch())
        self._tasks = [asyncio.create_task(self._read()), asyncio.create_task(self._read_errors())]

    @classmethod
    async def start(cls, config: DiffusersConfig, command: Sequence[str] = COMMAND) -> "EngineProcess":
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=_environment(),
            start_new_session=True,  # Ctrl+C in a terminal is the bot's to handle
        )
        started = cls(process, config.stall_seconds)
        started._send(to_plain(config))
        return started

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process.returncode is None and not self._tasks[0].done()

    async def draw(self, drawing: Drawing, report: Report) -> Drawn:
        """Raises Died, Unloadable, BackendError. Cancelling it takes the pictures out of the batch."""
        await self._loaded(report)
        if not self.alive:
            raise Died(await self._obituary())
        name = uuid.uuid4().hex
        order = self._orders[name] = _Order(asyncio.get_running_loop().create_future())
        telling = asyncio.create_task(order.tell(report))
        if len(self._orders) == 1:
            self._heard = asyncio.get_running_loop().time()
        self._send({"what": "draw", "id": name, "drawing": asdict(drawing)})
        try:
            return await order.result
        finally:
            del self._orders[name]
            telling.cancel()
            if not order.result.done() or order.result.cancelled():
                self._send({"what": "cancel", "id": name})

    async def _loaded(self, report: Report) -> None:
        """Waits for the model, and says so meanwhile. Raises Died, Unloadable."""
        telling = None if self.ready.done() else asyncio.create_task(_tell_of_loading(report))
        try:
            await asyncio.shield(self.ready)
        finally:
            if telling is not None:
                telling.cancel()

    async def close(self) -> None:
        self.kill()
        self._watching.cancel()
        await asyncio.gather(*self._tasks, self._watching, return_exceptions=True)

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()

    def _send(self, message: Mapping[str, Any]) -> None:
        if self._process.stdin is not None and not self._process.stdin.is_closing():
            self._process.stdin.write(wire.pack(message))

    async def _read(self) -> None:
        assert self._process.stdout is not None
        try:
            while True:
                message, blobs = await wire.receive(self._process.stdout)
                self._heard = asyncio.get_running_loop().time()
                self._handle(message, blobs)
        except (EOFError, OSError, wire.Garbled, KeyError) as error:
            if not isinstance(error, EOFError):
                self._last_words.append(f"spoke nonsense: {error!r}")
                self.kill()
        finally:
            await self._bury()

    def _handle(self, message: wire.Message, blobs: list[bytes]) -> None:
        match message["what"]:
            case "ready":
                self.ready.set_result(Facts(message["side"], message["step"]))
            case "unloadable":
                self._fail_ready(Unloadable(Problem(message["code"], message["values"])))
            case "alive":
                self._patience = message["patience"]
            case "lowered":
                self.max_pixels = min(message["max_pixels"], self.max_pixels or message["max_pixels"])
            case "dying":
                self._last_words.append(message["detail"])
            case _:
                order = self._orders.get(message["id"])
                if order is not None and not order.result.done():
                    _pass_on(order, message, blobs)

    async def _bury(self) -> None:
        words = await self._obituary()
        self._fail_ready(Died(words))
        for order in self._orders.values():
            if not order.result.done():
                order.result.set_exception(Died(words))

    def _fail_ready(self, error: Exception) -> None:
        if not self.ready.done():
            self.ready.set_exception(error)
            self.ready.exception()  # asked for here, so that nobody has to

    async def _obituary(self) -> str:
        try:
            code = await asyncio.wait_for(self._process.wait(), 2)
        except TimeoutError:
            self.kill()
            code = await self._process.wait()
        how = "hung and was killed" if self._hung else f"ended by signal {-code}" if code < 0 else f"ended with {code}"
        return f"the drawing process {how}" + (f": {self._last_words[-1]}" if self._last_words else "")

    async def _read_errors(self) -> None:
        assert self._process.stderr is not None
        while chunk := await self._process.stderr.read(4096):
            lines = chunk.decode("utf-8", "replace").replace("\r", "\n").split("\n")
            self._last_words.extend(line.strip()[:300] for line in lines if line.strip())

    async def _watch(self) -> None:
        """A process that draws and says nothing for too long hangs: F37."""
        loop = asyncio.get_running_loop()
        while self.alive:
            await asyncio.sleep(min(1.0, self._patience / 4))
            if self._orders and loop.time() - self._heard > self._patience:
                self._hung = True
                self.kill()


async def _tell_of_loading(report: Report) -> None:
    """Again and again, since what shows it may leave one out."""
    while True:
        await report.progress(0, 0)
        await asyncio.sleep(BETWEEN_TELLINGS)


def _pass_on(order: _Order, message: wire.Message, blobs: list[bytes]) -> None:
    match message["what"]:
        case "progress":
            order.progress = (message["step"], message["steps"])
            order.changed.set()
        case "preview":
            order.previews[message["index"]] = blobs[0]
            order.changed.set()
        case "drawn":
            order.result.set_result(Drawn(tuple(blobs), tuple(message["seeds"]), message["missing"]))
        case "failed":
            order.result.set_exception(_error(message["kind"], message["detail"]))


def _error(kind: str, detail: str) -> BackendError:
    if kind == "rejected":
        return Rejected(detail, stage=Stage.PICTURE)
    return Broken(detail) if kind == "broken" else Down(detail)


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(SECRETS)}
    path = [str(ROOT), *filter(None, [kept.get("PYTHONPATH", "")])]
    return {**kept, "PYTHONPATH": os.pathsep.join(path), "TRANSFORMERS_VERBOSITY": "error", "PYTHONUNBUFFERED": "1"}
