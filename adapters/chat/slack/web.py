"""Slack's Web API for one workspace: slack_sdk's own client, its errors sorted by what to do next.

Whatever may be repeated is, by the client's retry handlers; what would show twice (a new message, a file's share) is
repeated only where Slack said 429, that is: did nothing.
"""

import os
import urllib.request
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_async_handlers import (
    AsyncConnectionErrorRetryHandler,
    AsyncRateLimitErrorRetryHandler,
    AsyncServerErrorRetryHandler,
)
from slack_sdk.http_retry.response import HttpResponse
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from adapters.chat.slack.budget import LONGEST_WAIT, Budget
from bot.errors import ChatBusy

CALL_SECONDS = 30.0
SHOWS_TWICE = frozenset({"chat.postMessage", "chat.postEphemeral", "files.completeUploadExternal", "views.open"})
PASSING = frozenset(
    {"ratelimited", "internal_error", "fatal_error", "service_unavailable", "request_timeout", "team_added_to_org"}
)
"""Errors after which the same call may work. Every other one is Slack's last word."""

FAILED = (aiohttp.ClientError, TimeoutError, ConnectionError)


class Closed(Exception):
    """Slack will not do this, however often it is asked. ``code`` is its own word for why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class ShortWaits(AsyncRateLimitErrorRetryHandler):
    """Waits out a short Retry-After; a long one goes to the caller, who has other work."""

    async def _can_retry_async(self, *, response: HttpResponse | None = None, **_: Any) -> bool:
        if response is None or response.status_code != 429:
            return False
        return retry_after(response.headers) <= LONGEST_WAIT


def retry_after(headers: Mapping[str, Any]) -> float:
    """Seconds; 1 where Slack names none."""
    named = next((value for name, value in headers.items() if name.lower() == "retry-after"), "1")
    text = str(named[0] if isinstance(named, list) else named)
    return float(text) if text.isdecimal() else 1.0


def proxy_for(url: str) -> str | None:
    """The environment's proxy for ``url``, NO_PROXY and loopback honoured (slack_sdk would ignore both)."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if host in {"127.0.0.1", "localhost", "::1"} or urllib.request.proxy_bypass(host):
        return None
    names = ("HTTPS_PROXY", "https_proxy") if parts.scheme in {"https", "wss"} else ("HTTP_PROXY", "http_proxy")
    return next((os.environ[name] for name in names if os.environ.get(name)), None)


def sdk_client(token: str | None, api: str, session: aiohttp.ClientSession, *, repeats: bool) -> AsyncWebClient:
    handlers: list[Any] = [ShortWaits(max_retry_count=2)]
    if repeats:
        handlers += [AsyncConnectionErrorRetryHandler(max_retry_count=1)]
        handlers += [AsyncServerErrorRetryHandler(max_retry_count=1)]
    client = AsyncWebClient(
        token=token, base_url=api, session=session, retry_handlers=handlers, timeout=int(CALL_SECONDS)
    )
    client.proxy = proxy_for(api)  # given to the constructor, None would mean: whatever the environment says
    return client


class Web:
    def __init__(self, token: str, api: str, session: aiohttp.ClientSession, budget: Budget, scope: str) -> None:
        self._session, self._budget, self._scope = session, budget, scope
        self._careful = sdk_client(token, api, session, repeats=False)
        self._repeating = sdk_client(token, api, session, repeats=True)
        self._eager = sdk_client(token, api, session, repeats=False)
        self._eager.retry_handlers = []

    async def call(self, method: str, **arguments: Any) -> Mapping[str, Any]:
        """Raises Closed, ChatBusy."""
        scope = self._scope_of(method, arguments)
        await self._budget.take(scope, method)
        client = self._careful if method in SHOWS_TWICE else self._repeating
        answer = await self._sent(client, scope, method, arguments)
        found: Any = answer.data
        return found  # type: ignore[no-any-return] # JSON

    async def scopes(self) -> frozenset[str]:
        """What the token was granted. Raises Closed, ChatBusy."""
        answer = await self._sent(self._repeating, self._scope, "auth.test", {})
        return frozenset(str(answer.headers.get("X-OAuth-Scopes", "")).replace(" ", "").split(","))

    async def spare_call(self, method: str, kept: int, **arguments: Any) -> bool:
        """For progress: at once or not at all, and only while ``kept`` more calls are left this minute.

        Whether it was sent. Raises Closed, ChatBusy.
        """
        scope = self._scope_of(method, arguments)
        if not self._budget.spare(scope, method, kept):
            return False
        await self._sent(self._eager, scope, method, arguments)
        return True

    def _scope_of(self, method: str, arguments: Mapping[str, Any]) -> str:
        return f"{self._scope} {arguments['channel']}" if method == "chat.postMessage" else self._scope

    async def _sent(
        self, client: AsyncWebClient, scope: str, method: str, arguments: Mapping[str, Any]
    ) -> AsyncSlackResponse:
        named = getattr(client, method.replace(".", "_"))
        try:
            answer: AsyncSlackResponse = await named(**arguments)
        except SlackApiError as error:
            raise self._sorted(error, scope, method) from None
        except FAILED as error:
            raise ChatBusy(f"{method}: {error!r}") from None
        return answer

    def _sorted(self, error: SlackApiError, scope: str, method: str) -> Exception:
        response = error.response
        if isinstance(response, aiohttp.ClientResponse) or not hasattr(response, "data"):
            return ChatBusy(f"{method}: no JSON")
        status, data = response.status_code, response.data
        code = str(data.get("error", "")) if isinstance(data, dict) else ""
        if status == 429 or code == "ratelimited":
            seconds = retry_after(response.headers)
            self._budget.block(scope, method, seconds)
            return ChatBusy(f"{method}: 429", retry_after=seconds)
        if status >= 500 or code in PASSING or not code:
            return ChatBusy(f"{method}: {status} {code}")
        return Closed(code)

    async def upload(self, url: str, data: bytes) -> None:
        """Raises Closed, ChatBusy."""
        headers = {"Content-Type": "application/octet-stream"}
        try:
            async with self._session.post(url, data=data, headers=headers, proxy=proxy_for(url)) as response:
                await response.read()
                if response.status != 200:
                    raise ChatBusy(f"upload: {response.status}")
        except FAILED as error:
            raise ChatBusy(f"upload: {error!r}") from None

    async def respond(self, url: str, text: str, blocks: list[dict[str, Any]]) -> bool:
        """Only the person who acted reads it; False: the address is used up or Slack did not take it."""
        body = {"response_type": "ephemeral", "replace_original": False, "text": text, "blocks": blocks}
        try:
            async with self._session.post(url, json=body, proxy=proxy_for(url)) as response:
                return response.status == 200 and '"ok":false' not in (await response.text()).replace(" ", "")
        except FAILED:
            return False
