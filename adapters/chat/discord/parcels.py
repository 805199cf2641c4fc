"""What is shown of a result, and its files made small enough for the place they go to."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import discord

from adapters.chat.discord import text
from adapters.chat.discord.rest import Body, Upload
from bot import replies, wording
from bot.errors import ChatGone
from bot.model import Picture
from bot.ports import Pictures

Fit = Callable[[bytes, int], Awaitable[tuple[bytes, str, bool]]]
"""Picture and limit in bytes -> picture, media type, whether it was changed."""

REQUEST_LIMIT = 24 * 1024 * 1024
"""Discord takes 25 MiB a request; the rest is for the text around the files."""

SMALLEST = 256 * 1024


@dataclass(frozen=True, slots=True)
class Parcel:
    """What is to be shown, before it is known where. ``header``: for a message that carries the prompt itself."""

    header: str
    content: str
    view: discord.ui.View | None = None
    pictures: tuple[Picture, ...] = ()
    alt: str = ""
    stem: str = ""  #: of the file names
    spoiler: bool = False  #: covered until clicked, as a moderator's rule says


class Packer:
    def __init__(self, pictures: Pictures, fit: Fit) -> None:
        self._pictures, self._fit = pictures, fit

    async def body(self, parcel: Parcel, limit: int) -> Body:
        """The whole message. Raises ChatGone."""
        uploads, changed = await self.uploads(parcel, limit)
        words = text.lines(parcel.header, parcel.content, replies.say("discord_refitted") if changed else "")
        return Body(text.clip(words, text.MESSAGE), parcel.view, uploads)

    async def uploads(self, parcel: Parcel, limit: int) -> tuple[tuple[Upload, ...], bool]:
        """The pictures within ``limit`` bytes each and within one request together; whether any was changed.

        Raises ChatGone without the files.
        """
        try:
            files = [await self._pictures.read(picture.sha256) for picture in parcel.pictures]
        except FileNotFoundError as error:
            raise ChatGone(f"a picture's file is missing or damaged: {error}") from error
        if sum(map(len, files)) > REQUEST_LIMIT:
            limit = min(limit, REQUEST_LIMIT // len(files))
        uploads, changed = [], False
        for picture, data in zip(parcel.pictures, files, strict=True):
            media_type, refitted = picture.media_type, False
            if len(data) > limit:
                data, media_type, refitted = await self._fit(data, limit)  # noqa: PLW2901 - the same picture, smaller
            uploads.append(Upload(wording.file_name(parcel.stem, picture.index, media_type), data, parcel.alt))
            changed = changed or refitted
        return tuple(uploads), changed
