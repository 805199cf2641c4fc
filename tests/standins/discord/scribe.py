"""Makes and changes messages, and keeps their files."""

from typing import Any

from tests.standins.discord.interactions import LOADING
from tests.standins.discord.wire import Call
from tests.standins.discord.world import MEBIBYTE, ApiError, Channel, Message, World

Json = dict[str, Any]
REQUEST_LIMIT = 25 * MEBIBYTE


class Scribe:
    def __init__(self, world: World) -> None:
        self._world = world
        self.default_limit = 10 * MEBIBYTE
        self.files: dict[str, bytes] = {}
        self.base = ""

    def new(self, place: Channel, audience: int | None) -> Message:
        clock = self._world.clock
        return Message(clock.snowflake(), place.id, self._world.bot, created=clock.now(), audience=audience)

    def limit(self, place: Channel) -> int:
        return place.guild.upload_limit if place.guild else self.default_limit

    def edit(self, message: Message, body: Json, call: Call, limit: int) -> None:
        self.fill(message, body, call, limit)
        message.edited = self._world.clock.now()

    def fill(self, message: Message, body: Json, call: Call, limit: int) -> None:
        """Fields that are given replace; the others stay."""
        attachments = self._attachments(message, body, call, limit)
        content = body.get("content") if "content" in body else message.content
        components = body.get("components") if "components" in body else message.components
        embeds = body.get("embeds") if "embeds" in body else message.embeds
        loading = message.flags & LOADING
        if not (content or attachments or components or embeds or loading):
            raise ApiError(400, 50006, "Cannot send an empty message")
        if message.content != (content or ""):
            message.edits.append(message.content)
        message.content, message.attachments = content or "", attachments
        message.components, message.embeds = components or [], embeds or []

    def _attachments(self, message: Message, body: Json, call: Call, limit: int) -> list[Json]:
        if any(len(data) > limit for data in call.files.values()) or sum(map(len, call.files.values())) > REQUEST_LIMIT:
            raise ApiError(413, 40005, "Request entity too large")
        if body.get("attachments") is None:
            return message.attachments
        kept = {attachment["id"]: attachment for attachment in message.attachments}
        result = []
        for given in body["attachments"]:
            if (old := kept.get(str(given["id"]))) is not None:
                result.append(old)
                continue
            data = call.files.get(f"files[{given['id']}]")
            if data is None:
                raise ApiError(400, 50035, f"attachments: no files[{given['id']}]")
            result.append(self._attachment(given, data))
        return result

    def _attachment(self, given: Json, data: bytes) -> Json:
        id_, name = str(self._world.clock.snowflake()), given["filename"]
        self.files[id_] = data
        url = f"{self.base}/cdn/{id_}/{name}"
        about = {"id": id_, "filename": name, "size": len(data), "url": url, "proxy_url": url}
        return about | {"description": given.get("description"), "flags": 8 if name.startswith("SPOILER_") else 0}
