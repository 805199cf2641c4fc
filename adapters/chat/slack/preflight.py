"""`imagine-bot check` on Slack: both tokens, the scopes, and membership of the review channels."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import aiohttp

from adapters.chat.slack.budget import Budget
from adapters.chat.slack.web import Closed, Web
from adapters.chat.slack.workspaces import new_session, who
from bot.errors import ChatBusy
from bot.model import Problem
from bot.settings import SlackSettings

SCOPES = (
    "app_mentions:read", "chat:write", "commands", "files:read", "files:write", "im:write", "usergroups:read",
)  # fmt: skip
OPTIONAL_SCOPES = ("channels:read", "groups:read", "users:read")
"""Both as in the manifest. Without the optional ones review channels cannot be checked, and owners are unknown."""


@dataclass(frozen=True, slots=True)
class Finding:
    what: str
    problem: Problem  #: the sentence, with the fix where it failed
    ok: bool


def web_of(token: str, api: str, session: aiohttp.ClientSession) -> Web:
    return Web(token, api, session, Budget(asyncio.get_running_loop().time), "")


async def open_ticket(app_token: str, api: str, session: aiohttp.ClientSession) -> None:
    """A Socket Mode ticket that nobody uses: the app token is right. Raises Closed, ChatBusy."""
    await web_of(app_token, api, session).call("apps.connections.open", app_token=app_token)


async def check_slack(settings: SlackSettings, review_channels: Mapping[str, str]) -> Sequence[Finding]:
    """Both tokens, scopes, and membership of the review channels. Tokens that nobody set are not looked at."""
    found: list[Finding] = []
    async with new_session() as session:
        if settings.mode == "socket" and settings.app_token is not None:
            found.append(await _check_app(settings.app_token.reveal(), settings.api, session))
        if settings.bot_token is not None:
            web = web_of(settings.bot_token.reveal(), settings.api, session)
            found.append(await _check_bot(web))
            channels = [channel for tenant, channel in review_channels.items() if tenant.startswith("slack:")]
            if found[-1].ok:
                found += [await _check_channel(web, channel) for channel in channels]
    return found


async def _check_bot(web: Web) -> Finding:
    try:
        bot = await who(web, "")
        granted = await web.scopes()
    except (Closed, ChatBusy) as error:
        return Finding("slack", Problem("slack_check_bot", {"detail": str(error)}), ok=False)
    missing = [scope for scope in SCOPES if scope not in granted]
    if missing:
        return Finding("slack", Problem("slack_check_scopes", {"scopes": ", ".join(missing)}), ok=False)
    return Finding("slack", Problem("slack_check_ok", {"team": bot.team or bot.enterprise}), ok=True)


async def _check_app(token: str, api: str, session: aiohttp.ClientSession) -> Finding:
    try:
        await open_ticket(token, api, session)
    except (Closed, ChatBusy) as error:
        return Finding("slack socket", Problem("slack_check_app", {"detail": str(error)}), ok=False)
    return Finding("slack socket", Problem("slack_check_app_ok"), ok=True)


async def _check_channel(web: Web, channel: str) -> Finding:
    what = f"slack channel {channel}"
    try:
        info = (await web.call("conversations.info", channel=channel))["channel"]
    except (Closed, ChatBusy) as error:
        if str(error) == "missing_scope":
            return Finding(what, Problem("slack_check_channel_scope", {"channel": channel}), ok=False)
        return Finding(what, Problem("slack_check_channel", {"channel": channel, "detail": str(error)}), ok=False)
    if not info.get("is_member"):
        return Finding(what, Problem("slack_check_member", {"channel": channel}), ok=False)
    return Finding(what, Problem("slack_check_channel_ok", {"channel": channel}), ok=True)
