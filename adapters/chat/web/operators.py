"""`/moderation/operations`: how the house is, live, and the two switches. Behind the one-time login link."""

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Route

from adapters.chat.web import operators_view as view
from adapters.chat.web import posts
from adapters.chat.web.guard import content_policy
from adapters.chat.web.moderation import ModerationPages
from adapters.chat.web.pages import Pages
from adapters.chat.web.posts import Unfit
from adapters.chat.web.sessions import Seals
from bot.model import AuditEvent, JobState
from bot.replies import say
from bot.steps import Switch, Switches

if TYPE_CHECKING:
    from adapters.chat.web.server import WebHouse

PATH = "/moderation/operations"
SHOWN = 20
ERRORS = 15
DAY = 86_400
TENANT = "web"
PRIVATE = {"cache-control": "no-store"}
POLICY = content_policy(["self"])


class OperationsPage:
    def __init__(self, house: "WebHouse", pages: Pages, moderation: ModerationPages) -> None:
        self._house = house
        self._pages = pages
        self._moderation = moderation
        self._seals = Seals(house.secret)
        self._switches = Switches(house.store, house.clock)

    def routes(self) -> Sequence[BaseRoute]:
        return [
            Route(PATH, self._page),
            Route(f"{PATH}/live", self._live),
            Route(f"{PATH}/switches/{{switch}}", self._turn, methods=["POST"]),
        ]

    async def _page(self, request: Request) -> Response:
        session = await self._moderation.session(request)
        if session is None:
            return self._moderation.closed("moderation_login", 401)
        html = self._pages.render(
            "operators.html",
            token=self._seals.operator_token(session.digest),
            live=await self._shown(),
            words={"lost": say("operators_lost")},
        )
        return HTMLResponse(html, headers={**PRIVATE, "content-security-policy": POLICY})

    async def _live(self, request: Request) -> Response:
        if await self._moderation.session(request) is None:
            raise Unfit(401, say("moderation_login"))
        return HTMLResponse(await self._shown(), headers=PRIVATE)

    async def _turn(self, request: Request) -> Response:
        """Every turn of a switch is in the audit log."""
        session = await self._moderation.session(request)
        if session is None:
            raise Unfit(401, say("moderation_login"))
        is_token = partial(self._seals.is_operator_token, session.digest)
        posts.check(request, self._house.settings.public_url, is_token)
        on = await posts.flag(request, "on")
        if request.path_params["switch"] not in list(Switch):
            raise Unfit(400, say("web_failed"))
        switch = Switch(request.path_params["switch"])
        action = f"{switch}_on" if on else f"{switch}_off"
        event = AuditEvent(TENANT, session.person.key, action, "house", at=self._house.clock.now())
        await self._switches.turn(switch, event, on=on)
        self._house.observer.event("switch", switch=switch, on=on, by=session.name)
        return HTMLResponse(await self._shown(), headers=PRIVATE)

    # -- what it shows

    async def _shown(self) -> str:
        store, now = self._house.store, self._house.clock.now()
        depths = await store.depths()
        return self._pages.render(
            "operators-live.html",
            paused=await self._switches.on(Switch.PAUSED),
            draining=await self._switches.on(Switch.DRAINING),
            running=view.depth(depths, JobState.RUNNING),
            queued=view.depth(depths, JobState.QUEUED, JobState.RECEIVED, JobState.ACKED),
            held=view.depth(depths, JobState.REVIEW, JobState.HELD),
            waiting=await self._waiting(now),
            at_work=await self._at_work(now),
            people=await self._people(),
            backends=await self._backends(now),
            errors=view.mishaps(await store.failures(now - DAY, ERRORS), self._house.recent(), ERRORS),
        )

    async def _waiting(self, now: float) -> list[view.Waiting]:
        line = await self._house.store.line(SHOWN)
        jobs = {each.job.id: each.job for each in await self._house.store.settled([turn.job_id for turn in line])}
        return [view.waiting(jobs[turn.job_id], now) for turn in line if turn.job_id in jobs]

    async def _at_work(self, now: float) -> list[view.AtWork]:
        jobs = await self._house.store.jobs_at_work(SHOWN)
        running = [job.id for job in jobs if job.state is JobState.RUNNING]
        progress = {each.job_id: each for each in await self._house.store.progress_of(running)} if running else {}
        return [view.at_work(job, progress.get(job.id), now) for job in jobs]

    async def _people(self) -> list[view.Guest]:
        core = self._house.core
        return [view.guest(each, core.quota) for each in await self._house.store.people_of_day(core.day(), SHOWN)]

    async def _backends(self, now: float) -> list[view.Backend]:
        core, store = self._house.core, self._house.store
        spent = {each.backend: each.dollars for each in await store.spending(core.day())}
        running: dict[str, int] = {}
        for job in await store.jobs_at_work(1000):
            if job.state is JobState.RUNNING:
                running[job.backend] = running.get(job.backend, 0) + 1
        return [
            view.backend(
                name,
                core.health.breaker(name),
                core.health.speed(name),
                running.get(name, 0),
                core.backends[name].capabilities,
                spent.get(name, 0.0),
                core.budgets.get(name, 0.0),
                now,
            )
            for name in core.backends
        ]

