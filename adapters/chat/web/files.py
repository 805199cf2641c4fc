"""The pages' own scripts, styles and icon, under an address that changes with their content."""

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from adapters.chat.web.pages import Pages
from bot.replies import say

FOREVER = {"cache-control": "public, max-age=31536000, immutable"}


def file_routes(pages: Pages) -> Sequence[BaseRoute]:
    async def static(request: Request) -> Response:
        file = pages.static.get(request.path_params["name"])
        if file is None or request.path_params["tag"] != pages.tag:
            return PlainTextResponse(say("web_not_found") + "\n", 404, headers={"cache-control": "no-store"})
        headers = {**FOREVER, "content-type": file.media_type, "vary": "accept-encoding"}
        if "gzip" in request.headers.get("accept-encoding", ""):
            return Response(file.gzipped, headers={**headers, "content-encoding": "gzip"})
        return Response(file.body, headers=headers)

    async def icon(_: Request) -> Response:
        return RedirectResponse(f"/static/{pages.tag}/icon.svg", 301)

    return [Route("/favicon.ico", icon), Route("/static/{tag}/{name}", static)]
