"""`/operators`: how the house is, live, and the two switches. Behind the one-time login link."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Route

from adapters.chat.web import operators_view as view
from adapters.chat.web.guard import content_policy, is_same_origin
from adapters.chat.web.pages import Pages
from bot.errors import StoreError
from bot.model import AuditEvent, JobState
from bot.replies import say
from bot.steps import Switch, Switches

if TYPE_CHECKING:
    from adapters.chat.web.operator_sessions import Operator, OperatorSessions
    from adapters.chat.web.server import WebHouse

SHOWN = 20
ERRORS = 15
DAY = 86_400
TENANT = "web"
PRIVATE = {"cache-control": "no-store"}
POLICY = content_policy(["self"])

Gate = Callable[[Request], Awaitable["Operator | None"]]


class Operators:
    def __init__(self, house: "WebHouse", sessions: "OperatorSessions") -> None:
        self._house = house
        self._sessions = sessions
        self._pages = Pages()
        self._switches = Switches(house.store, house.clock)

    def routes(self) -> Sequence[BaseRoute]:
        return [
            Route("/operators", self._page),
            Route("/operators/live", self._live),
            Route("/operators/switches/{switch}", self._turn, methods=["POST"]),
        ]

    async def _page(self, request: Request) -> Response:
        operator = await self._sessions.operator(request)
        if operator is None:
            return self._sessions.ask(request)
        html = self._pages.render(
            "operators.html", token=operator.token, live=await self._shown(), words={"lost": say("operators_lost")}
        )
        return HTMLResponse(html, headers={**PRIVATE, "content-security-policy": POLICY})

    async def _live(self, request: Request) -> Response:
        if await self._sessions.operator(request) is None:
            return JSONResponse({"problem": say("web_stale")}, 403)
        return HTMLResponse(await self._shown(), headers=PRIVATE)

    async def _turn(self, request: Request) -> Response:
        """Every turn of a switch is in the audit log."""
        operator = await self._sessions.operator(request)
        ours = is_same_origin(request, self._house.settings.public_url)
        if operator is None or not ours or not operator.is_token(request.headers.get("x-imagine-token", "")):
            return JSONResponse({"problem": say("web_stale")}, 403)
        on = await _flag(request, "on")
        if on is None or request.path_params["switch"] not in list(Switch):
            return JSONResponse({"problem": say("web_failed")}, 400)
        switch = Switch(request.path_params["switch"])
        try:
            await self._switches.turn(switch, on=on)
            at = self._house.clock.now()
            action = f"{switch}_on" if on else f"{switch}_off"
            await self._house.store.audit(AuditEvent(TENANT, operator.name, action, "house", at=at))
        except StoreError as error:
            self._house.observer.event("store_error", detail=str(error))
            return JSONResponse({"problem": say("store_busy")}, 503)
        self._house.observer.event("switch", switch=switch, on=on, by=operator.name)
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
                core.backends[name].capabilities.at_once,
                core.backends[name].capabilities.price_per_image,
                spent.get(name, 0.0),
                core.budgets.get(name, 0.0),
                now,
            )
            for name in core.backends
        ]


async def _flag(request: Request, name: str) -> bool | None:
    try:
        value = (await request.json())[name]
    except (ValueError, KeyError, TypeError, RecursionError, ClientDisconnect):
        return None
    return value if isinstance(value, bool) else None
