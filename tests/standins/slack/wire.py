"""What came in over the wire, and the three places in which slack_sdk sends its arguments."""

import json
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

Json = dict[str, Any]

STRUCTURED = frozenset({"blocks", "view", "files", "outputs", "metadata", "file_ids", "attachments"})
"""Arguments that may come as JSON inside a form or query string."""


@dataclass
class Call:
    method: str
    arguments: Json
    token: str
    at: float  #: the loop's monotonic seconds
    answer: Json = field(default_factory=dict)
    status: int = 200
    problems: list[str] = field(default_factory=list)


async def arguments_of(request: web.Request) -> Json:
    """Query, form and JSON merged, structured values decoded, numbers and flags as text where they came so."""
    merged: Json = dict(request.query)
    if request.content_type == "application/json":
        body = await request.text()
        merged |= json.loads(body) if body else {}
    else:
        merged |= {name: value for name, value in (await request.post()).items() if isinstance(value, str)}
    for name in STRUCTURED & set(merged):
        if isinstance(merged[name], str):
            merged[name] = json.loads(merged[name])
    merged.pop("token", None)
    return merged


def token_of(request: web.Request) -> str:
    return request.headers.get("Authorization", "").removeprefix("Bearer ")
