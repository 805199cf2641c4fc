"""Picture files in a bucket of S3 or of what speaks its protocol (MinIO, Ceph, R2, Garage, ...).

A PUT that was answered is durable and replaces the whole object, so half-written ones do not exist. What a request for
storage answers is sorted by what to do next, in `failure`, and nowhere else.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from math import inf
from typing import Any

import aiohttp
from aiobotocore.config import AioConfig
from aiobotocore.session import get_session
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError, IncompleteReadError, SSLError
from botocore.exceptions import ConnectionError as NoConnectionError
from botocore.handlers import add_expect_header

from bot.errors import StoreBroken, StoreBusy, StoreError, StoreFull

CONNECT_SECONDS = 3.0
ANSWER_SECONDS = 10.0  #: of silence
WHOLE_SECONDS = 30.0  #: one call, its own repeats and the body included
PATIENCE_SECONDS = 30.0  #: that a finished picture is offered again to a storage that is busy
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 5.0  #: seconds
AT_ONCE = 16  #: deletions side by side
PLENTY = 2**62  #: bytes; a bucket does not say how much is left

FULL = frozenset({"QuotaExceeded", "XMinioStorageFull", "XMinioAdminBucketQuotaExceeded", "InsufficientStorage"})
MISSING = frozenset({"NoSuchKey", "404", "NotFound"})
NOT_NOW = frozenset({408, 425, 429})


@dataclass(frozen=True, slots=True)
class Bucket:
    """Empty: as the environment, the machine's role or ~/.aws say."""

    name: str
    prefix: str = ""  #: "" or ending in a slash
    endpoint: str = ""
    region: str = ""
    key: str = ""
    secret: str = ""
    session_token: str = ""


class S3Shelf:
    def __init__(
        self, bucket: Bucket, *, patience: float = PATIENCE_SECONDS, silence: float = ANSWER_SECONDS, tries: int = 2
    ) -> None:
        """``tries`` of each call; ``patience`` and ``silence`` in seconds."""
        self._bucket, self._patience = bucket, patience
        self._config = _config(bucket, silence, tries)
        self._stack = AsyncExitStack()
        self._opening = asyncio.Lock()
        self._client: Any = None

    async def write(self, place: str, name: str, data: bytes, *, synced: bool = False) -> None:
        """``synced``: while the storage is busy it is offered again for a while, for it may have cost money."""
        loop = asyncio.get_running_loop()
        end, pause = loop.time() + self._patience, FIRST_PAUSE
        while True:
            try:
                async with self._calling() as client:
                    await client.put_object(Bucket=self._bucket.name, Key=self._key(place, name), Body=data)
            except StoreBusy:
                if not synced or loop.time() + pause > end:
                    raise
                await asyncio.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE)
            else:
                return

    async def read(self, place: str, name: str) -> bytes:
        key = self._key(place, name)
        try:
            async with self._calling() as client:
                answer = await client.get_object(Bucket=self._bucket.name, Key=key)
                async with answer["Body"] as body:
                    data: bytes = await body.read()
                    return data
        except _Missing as error:
            raise FileNotFoundError(f"{key} is not in the bucket") from error

    async def remove(self, place: str, names: Sequence[str], before: float = inf) -> None:
        turns = asyncio.Semaphore(AT_ONCE)

        async def one(name: str) -> None:
            async with turns:
                await self._remove(self._key(place, name), before)

        await asyncio.gather(*(one(name) for name in names))

    async def _remove(self, key: str, before: float) -> None:
        with suppress(_Missing):
            async with self._calling() as client:
                if before < inf:
                    known = await client.head_object(Bucket=self._bucket.name, Key=key)
                    if known["LastModified"].timestamp() >= before:
                        return
                await client.delete_object(Bucket=self._bucket.name, Key=key)

    async def places(self) -> list[str]:
        found = []
        for place in await self._folders(""):
            inner = await self._folders(f"{place}/") if len(place) > 2 else []
            found += [f"{place}/{one}" for one in inner] or [place]
        return found

    async def _folders(self, under: str) -> list[str]:
        start = self._bucket.prefix + under
        return [
            each["Prefix"].removeprefix(start).rstrip("/")
            async for page in self._pages(start)
            for each in page.get("CommonPrefixes", ())
        ]

    async def stale(self, place: str, before: float) -> list[str]:
        start = f"{self._bucket.prefix}{place}/"
        return [
            each["Key"].removeprefix(start)
            async for page in self._pages(start)
            for each in page.get("Contents", ())
            if each["LastModified"].timestamp() < before
        ]

    async def _pages(self, start: str) -> AsyncGenerator[Any, None]:
        more: dict[str, str] = {}
        while True:
            async with self._calling() as client:
                page = await client.list_objects_v2(Bucket=self._bucket.name, Prefix=start, Delimiter="/", **more)
            yield page
            if not page.get("IsTruncated"):
                return
            more = {"ContinuationToken": page["NextContinuationToken"]}

    async def free_bytes(self) -> int:
        return PLENTY

    async def close(self) -> None:
        self._client = None
        await self._stack.aclose()

    def _key(self, place: str, name: str) -> str:
        return f"{self._bucket.prefix}{place}/{name}"

    @asynccontextmanager
    async def _calling(self) -> AsyncIterator[Any]:
        """The client, for one call whose failures become ours. Raises StoreError, _Missing."""
        try:
            client = await self._opened()
            async with asyncio.timeout(WHOLE_SECONDS):
                yield client
        except (ClientError, BotoCoreError, aiohttp.ClientError, TimeoutError, OSError) as error:
            raise failure(error, self._bucket) from error

    async def _opened(self) -> Any:
        async with self._opening:
            if self._client is None:
                said = self._bucket
                self._client = await self._stack.enter_async_context(
                    get_session().create_client(
                        "s3",
                        region_name=said.region or None,
                        endpoint_url=said.endpoint or None,
                        aws_access_key_id=said.key or None,
                        aws_secret_access_key=said.secret or None,
                        aws_session_token=said.session_token or None,
                        config=self._config,
                    )
                )
                # a picture is small: waiting for "100 Continue" costs a way there and back, and some never say it
                self._client.meta.events.unregister("before-call.s3", add_expect_header)
            return self._client


class _Missing(Exception):
    pass


def _config(bucket: Bucket, silence: float, tries: int) -> AioConfig:
    """Checksums only where S3 demands them: many who speak its protocol know few. A picture's name is its hash."""
    return AioConfig(
        connect_timeout=CONNECT_SECONDS,
        read_timeout=silence,
        max_pool_connections=32,
        retries={"mode": "standard", "max_attempts": tries},
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        s3={"addressing_style": "path" if bucket.endpoint else "auto"},
    )


def failure(error: Exception, bucket: Bucket) -> StoreError | _Missing:
    """What to do about what a storage says, or does not say. The text is the operator's and holds no key."""
    if not isinstance(error, ClientError):
        return _unanswered(error, bucket)
    code = str(error.response.get("Error", {}).get("Code", ""))
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    where = f"s3://{bucket.name}"
    if code == "NoSuchBucket":
        return StoreBroken(f"{where}: there is no such bucket")
    if code in MISSING:
        return _Missing(code)
    if code in FULL or status == 507:
        return StoreFull(f"{where}: {code}")
    if status >= 500 or status in NOT_NOW:
        return StoreBusy(f"{where}: {status} {code}")
    return StoreBroken(f"{where}: {status} {code}")


def _unanswered(error: Exception, bucket: Bucket) -> StoreError:
    where = f"s3://{bucket.name}" + (f" at {bucket.endpoint}" if bucket.endpoint else "")
    passing = (HTTPClientError, NoConnectionError, IncompleteReadError)
    if isinstance(error, BotoCoreError) and (isinstance(error, SSLError) or not isinstance(error, passing)):
        return StoreBroken(f"{where}: {error}")  # a certificate, no credentials, no region
    return StoreBusy(f"{where}: {type(error).__name__}")
