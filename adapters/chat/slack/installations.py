"""Several workspaces: OAuth installation and token rotation, the tokens sealed in the bot's own store.

The way through Slack's pages is bolt's; where installations are kept, and how their tokens are renewed, is ours: bolt
would renew them without regard for other replicas, and a refresh token can be used once.
"""

import asyncio
import json
import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Protocol
from urllib.parse import urlsplit

import aiohttp
from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_bolt.oauth.async_oauth_flow import AsyncOAuthFlow
from slack_bolt.oauth.async_oauth_settings import AsyncOAuthSettings
from slack_sdk.errors import SlackApiError
from slack_sdk.oauth.installation_store.async_installation_store import AsyncInstallationStore
from slack_sdk.oauth.installation_store.models.installation import Installation
from slack_sdk.oauth.state_store.async_state_store import AsyncOAuthStateStore

from adapters.chat.slack.budget import Budget
from adapters.chat.slack.preflight import SCOPES
from adapters.chat.slack.web import FAILED, Closed, Web, sdk_client
from adapters.chat.slack.workspaces import Bot
from bot.errors import ChatBusy
from bot.ports import Clock, Observer

INSTALL, REDIRECT = "/slack/install", "/slack/oauth_redirect"
NOT_INSTALLED = "not_installed"
RENEW_AHEAD = 2 * 3600.0
"""Seconds before its end that a token is renewed; it lives for twelve hours."""

CLAIM_SECONDS = 30.0
FRESH_SECONDS = 60.0
"""How long an installation is taken from memory: another replica may have renewed or removed it."""

STATE_SECONDS = 600.0
LOG = logging.getLogger("slack")


class Seal(Protocol):
    def seal(self, text: str) -> str: ...

    def open(self, sealed: str) -> str | None: ...


class Rows(Protocol):
    """The store's part; ``sealed`` is all it sees."""

    async def installation(self, key: str) -> tuple[str, float] | None: ...

    async def save_installation(self, key: str, sealed: str, expires_at: float) -> None: ...

    async def claim_installation(self, key: str, now: float, until: float) -> bool: ...

    async def delete_installation(self, key: str) -> None: ...


@dataclass(frozen=True, slots=True)
class App:
    """The app's own credentials, for OAuth."""

    client_id: str
    client_secret: str
    api: str


@dataclass(frozen=True, slots=True)
class Installed:
    """What is sealed. ``expires_at`` 0: the token does not rotate."""

    token: str
    user: str
    id: str
    team: str = ""
    enterprise: str = ""
    refresh: str = ""
    expires_at: float = 0.0

    @property
    def key(self) -> str:
        return f"slack:team:{self.team}" if self.team else f"slack:enterprise:{self.enterprise}"

    @property
    def bot(self) -> Bot:
        return Bot(self.token, self.user, self.id, self.team, self.enterprise)


class ManyWorkspaces:
    """Implements `workspaces.Workspaces` over stored installations."""

    def __init__(
        self, rows: Rows, seal: Seal, app: App, session: aiohttp.ClientSession, clock: Clock, observer: Observer
    ) -> None:
        self._rows, self._seal, self._app = rows, seal, app
        self._session, self._clock, self._observer = session, clock, observer
        self._known: dict[str, tuple[float, Installed]] = {}
        self._webs: dict[str, Web] = {}
        self._budgets: dict[str, Budget] = {}
        self._renewing: dict[str, asyncio.Lock] = {}

    async def bot(self, team: str, enterprise: str, /) -> Bot:
        return (await self._installed(team, enterprise)).bot

    async def web(self, team: str, enterprise: str, /) -> Web:
        found = await self._installed(team, enterprise)
        if found.token not in self._webs:
            budget = self._budgets.setdefault(found.key, Budget(self._clock.monotonic))
            self._webs[found.token] = Web(found.token, self._app.api, self._session, budget, found.key)
        return self._webs[found.token]

    async def save(self, installed: Installed) -> None:
        await self._rows.save_installation(installed.key, self._sealed(installed), installed.expires_at)
        self._known.pop(installed.key, None)

    async def forget(self, team: str, enterprise: str) -> None:
        """The app was removed there."""
        for key in _keys(team, enterprise):
            await self._rows.delete_installation(key)
            known = self._known.pop(key, None)
            if known:
                self._webs.pop(known[1].token, None)

    # -- inside

    async def _installed(self, team: str, enterprise: str) -> Installed:
        """Of the workspace, else of the organization. Raises Closed, ChatBusy."""
        for key in _keys(team, enterprise):
            at, known = self._known.get(key, (float("-inf"), None))
            if known is None or self._clock.monotonic() - at > FRESH_SECONDS:
                known = await self._loaded(key)
            if known is not None and not known.token:
                return await self._installed("", known.enterprise)
            if known is not None:
                await self._aliased(known, team)
                return await self._renewed(known)
        raise Closed(NOT_INSTALLED)

    async def _aliased(self, found: Installed, team: str) -> None:
        """A worker that knows the workspace only finds the organization's installation by this."""
        if not found.team and team and f"slack:team:{team}" not in self._known:
            alias = Installed("", "", "", team, found.enterprise)
            await self.save(alias)
            self._known[alias.key] = (self._clock.monotonic(), alias)

    async def _loaded(self, key: str) -> Installed | None:
        row = await self._rows.installation(key)
        opened = self._seal.open(row[0]) if row else None
        if opened is None:
            self._known.pop(key, None)
            return None
        found = Installed(**json.loads(opened))
        self._known[key] = (self._clock.monotonic(), found)
        return found

    def _sealed(self, installed: Installed) -> str:
        return self._seal.seal(json.dumps(asdict(installed)))

    async def _renewed(self, found: Installed) -> Installed:
        if not found.refresh or self._clock.now() < found.expires_at - RENEW_AHEAD:
            return found
        async with self._renewing.setdefault(found.key, asyncio.Lock()):
            current = await self._loaded(found.key) or found
            now = self._clock.now()
            if now < current.expires_at - RENEW_AHEAD:
                return current
            if await self._rows.claim_installation(current.key, now, now + CLAIM_SECONDS):
                current = await self._loaded(found.key) or current  # renewed by another one before the claim?
                is_due = now >= current.expires_at - RENEW_AHEAD
                return await self._exchanged(current) if is_due else current
        if now < current.expires_at:
            return current
        raise ChatBusy("another process is renewing the token", retry_after=2.0)

    async def _exchanged(self, current: Installed) -> Installed:
        client = sdk_client(None, self._app.api, self._session, repeats=False)
        credentials = {"client_id": self._app.client_id, "client_secret": self._app.client_secret}
        try:
            answer = await client.oauth_v2_access(
                **credentials, grant_type="refresh_token", refresh_token=current.refresh
            )
        except (SlackApiError, *FAILED) as error:
            self._observer.event("alert", text="slack_token_not_renewed", key=current.key, detail=str(error))
            if self._clock.now() < current.expires_at:
                return current
            raise ChatBusy(f"the token of {current.key} cannot be renewed", retry_after=CLAIM_SECONDS) from None
        ends = self._clock.now() + float(answer.get("expires_in") or 0)
        renewed = replace(
            current, token=str(answer["access_token"]), refresh=str(answer["refresh_token"]), expires_at=ends
        )
        await self.save(renewed)
        self._webs.pop(current.token, None)
        self._observer.event("slack_token_renewed", key=current.key)
        return renewed


def _keys(team: str, enterprise: str) -> list[str]:
    return [f"slack:{kind}:{found}" for kind, found in (("team", team), ("enterprise", enterprise)) if found]


# -- the way through Slack's pages


class BoltStore(AsyncInstallationStore):
    """Where bolt's OAuth flow puts a new installation."""

    def __init__(self, workspaces: ManyWorkspaces) -> None:
        self._workspaces = workspaces

    async def async_save(self, installation: Installation) -> None:
        everywhere = bool(installation.is_enterprise_install)
        await self._workspaces.save(
            Installed(
                token=installation.bot_token or "",
                user=installation.bot_user_id or "",
                id=installation.bot_id or "",
                team="" if everywhere else installation.team_id or "",
                enterprise=installation.enterprise_id or "",
                refresh=installation.bot_refresh_token or "",
                expires_at=float(installation.bot_token_expires_at or 0),
            )
        )


class States(AsyncOAuthStateStore):
    """The state of an installation under way is sealed into itself, so any replica can take the answer, once each."""

    def __init__(self, seal: Seal, now: Callable[[], float]) -> None:
        self._seal, self._now = seal, now
        self._used: dict[str, float] = {}

    async def async_issue(self, *_: object, **__: object) -> str:
        return self._seal.seal(f"{self._now() + STATE_SECONDS:.0f}").rstrip("=")

    async def async_consume(self, state: str) -> bool:
        now = self._now()
        self._used = {used: until for used, until in self._used.items() if until > now}
        opened = self._seal.open(state + "=" * (-len(state) % 4)) if state else None
        if opened is None or float(opened) < now or state in self._used:
            return False
        self._used[state] = float(opened)
        return True


def install_routes(
    workspaces: ManyWorkspaces, app: App, seal: Seal, clock: Clock, session: aiohttp.ClientSession
) -> list[web.RouteDef]:
    """The page with the button, and where Slack sends people back to."""
    host = urlsplit(app.api)._replace(path="/oauth/v2/authorize").geturl()
    settings = AsyncOAuthSettings(
        client_id=app.client_id,
        client_secret=app.client_secret,
        scopes=list(SCOPES),
        user_scopes=[],
        install_path=INSTALL,
        redirect_uri_path=REDIRECT,
        authorization_url=host,
        installation_store=BoltStore(workspaces),
        installation_store_bot_only=True,
        state_store=States(seal, clock.now),
    )
    client = sdk_client(None, app.api, session, repeats=False)
    flow = AsyncOAuthFlow(client=client, logger=LOG, settings=settings)

    async def install(request: web.Request) -> web.Response:
        return await to_aiohttp_response(await flow.handle_installation(await to_bolt_request(request)))

    async def redirected(request: web.Request) -> web.Response:
        return await to_aiohttp_response(await flow.handle_callback(await to_bolt_request(request)))

    return [web.get(INSTALL, install), web.get(REDIRECT, redirected)]
