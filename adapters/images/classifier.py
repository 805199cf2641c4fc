"""A picture check from a folder in the transformers image-classification format. Nothing is ever fetched.

The model lives in a process of its own (`scoring`), without the bot's secrets: torch is never imported into the bot,
and a model that hangs, crashes or takes too much memory takes nobody along. It starts with the first picture, pictures
wait for each other and never for the event loop. Whatever goes wrong is raised: the core then holds the picture (F79).
"""

import asyncio
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from adapters.images.frames import DIED, Answer, asked, ended, packed

ROOT = Path(__file__).parents[2]  #: where `adapters` and `bot` are imported from
COMMAND = (sys.executable, "-P", "-m", "adapters.images.scoring")
LOADING_SECONDS = 300.0
PICTURE_SECONDS = 30.0
AGAIN_SECONDS = 30.0
"""A model that could not be loaded is not tried again before: meanwhile every picture is held at once."""

KEPT = ("PATH", "HOME", "TMPDIR", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "PYTHONHOME")
OFFLINE = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "TRANSFORMERS_VERBOSITY": "error"}
ON_THE_PROCESSOR = {"CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1"}
"""The graphics card is for drawing."""


class CheckFailed(Exception):
    """``str()`` says why, for the operator's log."""


class Classifier:
    """Implements `bot.ports.ImageCheck`. Of one event loop."""

    def __init__(
        self,
        folder: Path,
        *,
        command: Sequence[str] = COMMAND,
        loading_seconds: float = LOADING_SECONDS,
        picture_seconds: float = PICTURE_SECONDS,
        again_seconds: float = AGAIN_SECONDS,
    ) -> None:
        self._command = (*command, str(folder.resolve()))
        self._loading_seconds, self._picture_seconds = loading_seconds, picture_seconds
        self._again_seconds = again_seconds
        self._turn = asyncio.Lock()
        self._loading: asyncio.Task[Process] | None = None
        self._failed_at = float("-inf")
        self._failure = ""

    @property
    def pid(self) -> int | None:
        """Of the process, once it has loaded the model."""
        loaded = self._loading
        good = loaded is not None and loaded.done() and not loaded.cancelled() and loaded.exception() is None
        return loaded.result().pid if loaded is not None and good else None

    async def classify(self, image: bytes) -> Mapping[str, float]:
        """Label to probability. Raises CheckFailed.

        A process that dies is replaced once: others may have caused it. The second death is blamed on the picture.
        """
        for _ in range(2):
            async with self._turn:
                child = await self._child()
                with suppress(*DIED):
                    return _scores(await self._answered(child, packed({}, [image])))
        raise CheckFailed("two processes of the picture check died over it")

    async def _child(self) -> Process:
        """The one that has the model; loading goes on although nobody waits for it any longer."""
        if self._loading is not None and self._loading.done() and self.pid is None:
            self._loading = None
        if self._loading is None:
            if asyncio.get_running_loop().time() < self._failed_at + self._again_seconds:
                raise CheckFailed(self._failure)
            self._loading = asyncio.create_task(self._load())
            self._loading.add_done_callback(_heard)
        return await asyncio.shield(self._loading)

    async def _load(self) -> Process:
        child = await asyncio.create_subprocess_exec(
            *self._command, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, env=_environment(), start_new_session=True
        )
        try:
            async with asyncio.timeout(self._loading_seconds):
                _loaded(await asked(child, b""))
        except (CheckFailed, *DIED) as error:
            await _end(child)
            self._failure = f"the picture check could not be loaded: {error if str(error) else repr(error)}"
            self._failed_at = asyncio.get_running_loop().time()
            raise CheckFailed(self._failure) from None
        except BaseException:
            await _end(child)
            raise
        return child

    async def _answered(self, child: Process, message: bytes) -> Answer:
        """Whoever leaves before the answer takes the process along: it would answer somebody else."""
        try:
            async with asyncio.timeout(self._picture_seconds):
                return await asked(child, message)
        except TimeoutError:
            await self._drop(child)
            raise CheckFailed(f"the picture check gave no answer within {self._picture_seconds:g} s") from None
        except BaseException:
            await self._drop(child)
            raise

    async def _drop(self, child: Process) -> None:
        self._loading = None
        await _end(child)

    async def close(self) -> None:
        loading, self._loading = self._loading, None
        if loading is None:
            return
        loading.cancel()
        [done] = await asyncio.gather(loading, return_exceptions=True)
        if isinstance(done, Process):
            await _end(done)


def _heard(loading: asyncio.Task[Process]) -> None:
    """Its failure is kept for whoever comes next, though nobody waits for it now."""
    if not loading.cancelled():
        loading.exception()


async def _end(child: Process) -> None:
    with suppress(ProcessLookupError):
        child.kill()
    await ended(child)


def _loaded(answer: Answer) -> None:
    """Raises CheckFailed."""
    if "ready" not in answer.values:
        raise CheckFailed(str(answer.values.get("error", "it spoke nonsense")))


def _scores(answer: Answer) -> Mapping[str, float]:
    """Raises CheckFailed; TypeError and LookupError for what makes no sense."""
    if "error" in answer.values:
        raise CheckFailed(str(answer.values["error"]))
    return {str(label): float(score) for label, score in dict(answer.values["scores"]).items()}


def _environment() -> dict[str, str]:
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH", "")])])
    return {**kept, "PYTHONPATH": path, **OFFLINE, **ON_THE_PROCESSOR}
