"""One rig a hosted provider: its stand-in on a socket, a gallery beside it, and the real backend pointed at both."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from adapters.backends.dataoorts import Dataoorts
from adapters.backends.hive import Hive
from adapters.backends.imagepipeline import ImagePipeline
from adapters.backends.limits import ProcessLimiter
from adapters.backends.ovh import Ovh
from bot.errors import BackendError
from bot.model import Drawing, Drawn, Size
from bot.ports import Backend
from tests.standins import providers
from tests.standins.wire import Raw, Reply, Server, json_reply

KINDS = ("ovh", "dataoorts", "hive", "imagepipeline")
#: These answer with urls, the others with the picture itself.
WITH_URLS = ("hive", "imagepipeline")
CANARY = "canary/9f-SECRET+of=the~operator"


@dataclass
class Told:
    """A report that remembers what it was told."""

    steps: list[tuple[int, int]] = field(default_factory=list)
    tasks: list[str] = field(default_factory=list)

    async def progress(self, step: int, steps: int) -> None:
        self.steps.append((step, steps))

    async def preview(self, index: int, image: bytes) -> None: ...

    async def remember(self, task: str) -> None:
        self.tasks.append(task)


def drawing(count: int = 1, **options: Any) -> Drawing:
    return Drawing(**{"prompt": "a red fox", "size": Size(1024, 1024), "count": count, **options})


@dataclass
class Rig:
    kind: str
    provider: providers.Provider
    api: Server
    cdn: Server
    make: Callable[..., Backend]
    made: list[Backend] = field(default_factory=list)
    limiter: ProcessLimiter = field(default_factory=ProcessLimiter)

    @property
    def url(self) -> str:
        return self.api.url + self.provider.path

    def backend(self, **options: Any) -> Backend:
        defaults: dict[str, Any] = {"name": self.kind, "key": CANARY, "url": self.url, "limiter": self.limiter}
        if self.kind in WITH_URLS:
            defaults["image_hosts"] = (self.cdn.host,)
        if self.kind == "imagepipeline":
            defaults["poll_seconds"] = 0.02
        backend = self.make(**{**defaults, "timeout_seconds": 40.0, **options})
        self.made.append(backend)
        return backend

    def drawing(self, count: int = 1, **options: Any) -> Drawing:
        size = Size(768, 768) if self.kind == "imagepipeline" else Size(1024, 1024)
        seed = None if self.kind == "ovh" else 7
        return drawing(count, **{"size": size, "seed": seed, **options})

    def spoil_pictures(self, *answers: Reply | Raw) -> None:
        """The next pictures come like this, from wherever this provider's pictures come."""
        (self.cdn if self.kind in WITH_URLS else self.api).script(*answers)

    def answer_urls(self, *urls: str) -> Reply:
        """An answer in this provider's form with these urls; only for those that have urls."""
        if self.kind == "hive":
            output = [{"url": url} for url in urls]
            return json_reply({"id": "t", "model": "m", "version": "1", "input": {}, "output": output})
        return json_reply({"status": "SUCCESS", "download_urls": list(urls)})


@asynccontextmanager
async def rigged(kind: str) -> AsyncIterator[Rig]:
    gallery = providers.Gallery()
    async with Server(gallery.answer) as cdn:
        provider: providers.Provider
        make: Callable[..., Backend]
        if kind == "ovh":
            provider, make = providers.Ovh(CANARY), Ovh
        elif kind == "dataoorts":
            provider, make = providers.Dataoorts(CANARY), Dataoorts
        elif kind == "hive":
            provider, make = providers.Hive(cdn.url, gallery, CANARY), Hive
        else:
            provider, make = providers.ImagePipeline(cdn.url, gallery, CANARY), ImagePipeline
        async with Server(provider.answer) as api:
            rig = Rig(kind, provider, api, cdn, make)
            try:
                yield rig
            finally:
                for backend in rig.made:
                    await backend.close()


async def outcome(backend: Backend, request: Drawing, report: Told | None = None) -> Drawn | BackendError:
    try:
        return await backend.generate(request, "", report or Told())
    except BackendError as error:
        return error


def bodies(server: Server) -> Sequence[Any]:
    return [heard.json() for heard in server.heard if heard.method == "POST"]
