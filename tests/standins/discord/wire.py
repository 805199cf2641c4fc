"""Requests and answers in Discord's encodings."""

import json
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web


@dataclass
class Call:
    """One request as it came over the wire, and how it was answered (0: not at all)."""

    method: str
    path: str
    body: Any
    files: dict[str, bytes] = field(default_factory=dict)
    authorised: bool = False
    status: int = 0
    at: float = 0.0
    problems: list[str] = field(default_factory=list)


async def read_request(request: web.Request) -> tuple[Any, dict[str, bytes]]:
    if not request.can_read_body:
        return None, {}
    if request.content_type != "multipart/form-data":
        text = await request.text()
        return (json.loads(text) if text else None), {}
    body: Any = None
    files: dict[str, bytes] = {}
    async for part in await request.multipart():
        assert not isinstance(part, web.BaseRequest)
        name = getattr(part, "name", "") or ""
        if name == "payload_json":
            body = json.loads(await part.text())  # type: ignore[union-attr]  # parts here are never nested
        else:
            files[name] = bytes(await part.read())  # type: ignore[union-attr]  # as above
    return body, files


def json_response(status: int, body: Any, headers: dict[str, str] | None = None) -> web.Response:
    """With exactly the content type that discord.py takes for JSON."""
    if status == 204:
        return web.Response(status=204)
    data = json.dumps(body).encode()
    return web.Response(status=status, body=data, headers={"Content-Type": "application/json", **(headers or {})})
