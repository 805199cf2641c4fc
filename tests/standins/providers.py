"""OVH, Dataoorts, Hive and ImagePipeline as their documents describe them. What a document does not allow is refused.

Each counts in ``paid`` the pictures it would charge for. Pictures are real PNGs, of the size asked for.
"""

import struct
import time
import zlib
from collections.abc import Mapping
from itertools import count as counter
from typing import Protocol

from tests.standins.wire import Heard, Raw, Reply, json_reply

KEY = "key-of-the-tests"


def png(width: int = 8, height: int = 8, shade: int = 0) -> bytes:
    row = b"\0" + bytes([shade % 256, 80, 160]) * width
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(row * height, 1)),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )


class InvalidError(Exception):
    """The body breaks a rule of the document."""


def check(value: object, *, kind: type | tuple[type, ...], low: float | None = None, high: float | None = None) -> None:
    if isinstance(value, bool) and kind is not bool:
        raise InvalidError(f"{value!r} is a boolean")
    if not isinstance(value, kind):
        raise InvalidError(f"{value!r} is of another type")
    if isinstance(value, int | float) and ((low is not None and value < low) or (high is not None and value > high)):
        raise InvalidError(f"{value!r} is out of range")


def record(value: object, *allowed: str) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise InvalidError("an object is needed")
    if unknown := set(value) - set(allowed):
        raise InvalidError(f"unknown fields {sorted(unknown)}")
    return value


def text(fields: Mapping[str, object], name: str, *, least: int | None = None) -> None:
    if name not in fields and least is None:
        return
    value = fields.get(name)
    check(value, kind=str)
    if len(str(value)) < (least or 0):
        raise InvalidError(f"{name} is too short")


def bearer(heard: Heard, key: str) -> bool:
    return heard.headers.get("authorization") == f"Bearer {key}"


def refusal(heard: Heard, path: str, method: str, *, allowed: bool) -> Reply | None:
    """What every one of them says to a wrong path, method, key or body type, in this order."""
    if heard.path != path:
        return json_reply({"message": "Not Found"}, 404)
    if heard.method != method:
        return json_reply({"message": "Method Not Allowed"}, 405)
    if not allowed:
        return json_reply({"message": "Unauthorized"}, 401)
    if method == "POST" and heard.headers.get("content-type") != "application/json":
        return json_reply({"message": "Unsupported Media Type"}, 415)
    return None


class Provider(Protocol):
    paid: int
    path: str

    async def answer(self, heard: Heard) -> Reply | Raw: ...


class Ovh:
    path = "/api/text2image"

    def __init__(self, key: str = KEY) -> None:
        self.key = key
        self.paid = 0

    async def answer(self, heard: Heard) -> Reply:
        if refused := refusal(heard, self.path, "POST", allowed=bearer(heard, self.key)):
            return refused
        if heard.headers.get("accept") != "application/octet-stream":
            return json_reply({"message": "Not Acceptable"}, 406)
        try:
            body = record(heard.json(), "prompt", "negative_prompt")
            text(body, "prompt", least=1)
            text(body, "negative_prompt")
        except (InvalidError, ValueError) as error:
            return json_reply({"detail": str(error)}, 422)
        self.paid += 1
        return Reply(200, png(1024, 1024, self.paid), {"Content-Type": "application/octet-stream"})


class Dataoorts:
    path = "/api/v1"
    model = "stabilityai/stable-diffusion-xl-base-1.0"

    def __init__(self, key: str = KEY) -> None:
        self.key = key
        self.paid = 0

    async def answer(self, heard: Heard) -> Reply:
        if refused := refusal(heard, self.path, "POST", allowed=bearer(heard, self.key)):
            return refused
        try:
            width, height = self._check(heard)
        except (InvalidError, ValueError) as error:
            return json_reply({"error": str(error)}, 400)
        self.paid += 1
        return Reply(200, png(width, height, self.paid), {"Content-Type": "image/png"})

    def _check(self, heard: Heard) -> tuple[int, int]:
        body = record(heard.json(), "model", "data")
        if body.get("model") != self.model:
            raise InvalidError("unknown model")
        fields = ("prompt", "negative_prompt", "height", "width", "num_steps", "guidance", "seed")
        data = record(body.get("data"), *fields)
        text(data, "prompt", least=2)
        text(data, "negative_prompt")
        width, height = data.get("width", 512), data.get("height", 512)
        check(width, kind=int, low=256, high=2048)
        check(height, kind=int, low=256, high=2048)
        check(data.get("num_steps", 20), kind=int, low=1, high=20)
        check(data.get("guidance", 7.5), kind=(int, float))
        check(data.get("seed", 0), kind=int)
        assert isinstance(width, int)
        assert isinstance(height, int)
        return width, height


class Gallery:
    """Where result pictures are fetched from: plain GETs without any key."""

    def __init__(self) -> None:
        self.pictures: dict[str, bytes] = {}

    def put(self, picture: bytes) -> str:
        path = f"/picture/{len(self.pictures)}.png"
        self.pictures[path] = picture
        return path

    async def answer(self, heard: Heard) -> Reply:
        if {"authorization", "api-key"} & set(heard.headers):
            return Reply(400, b"a key was sent here")
        picture = self.pictures.get(heard.path)
        return Reply(200, picture) if picture is not None else Reply(404)


class Hive:
    path = "/api/v3/stabilityai/sdxl"
    sizes = ((1344, 768), (1280, 960), (960, 1280), (768, 1344), (1024, 1024))
    defaults: Mapping[str, object] = {
        "image_size": {"width": 1024, "height": 1024},
        "num_inference_steps": 20,
        "guidance_scale": 5,
        "num_images": 2,
        "seed": -1,
        "output_format": "png",
    }

    def __init__(self, base: str, gallery: Gallery, key: str = KEY) -> None:
        self.key = key
        self.base = base
        self.gallery = gallery
        self.paid = 0
        self._recent: list[float] = []

    async def answer(self, heard: Heard) -> Reply:
        if refused := refusal(heard, self.path, "POST", allowed=bearer(heard, self.key)):
            return refused
        self._recent = [at for at in self._recent if at > time.monotonic() - 1.0]
        if len(self._recent) >= 5:
            return json_reply({"status_code": 429, "message": "Too Many Requests"}, 429)
        self._recent.append(time.monotonic())
        try:
            asked = self._check(heard)
        except (InvalidError, ValueError) as error:
            return json_reply({"status_code": 400, "message": str(error)}, 400)
        size, number = asked["image_size"], asked["num_images"]
        assert isinstance(size, dict)
        assert isinstance(number, int)
        urls = [self.base + self.gallery.put(png(size["width"], size["height"], self.paid + n)) for n in range(number)]
        self.paid += number
        output = [{"url": url} for url in urls]
        return json_reply(
            {"id": f"task-{self.paid}", "model": "stabilityai/sdxl", "version": "1", "input": asked, "output": output}
        )

    def _check(self, heard: Heard) -> Mapping[str, object]:
        said = record(
            record(heard.json(), "input").get("input"), "prompt", "negative_prompt", "output_quality", *self.defaults
        )
        text(said, "prompt", least=1)
        text(said, "negative_prompt")
        asked = {**self.defaults, **said}
        size = record(asked["image_size"], "width", "height")
        if (size.get("width"), size.get("height")) not in self.sizes:
            raise InvalidError("no such image_size")
        check(asked["num_inference_steps"], kind=int, low=1, high=60)
        check(asked["guidance_scale"], kind=(int, float), low=2, high=12)
        check(asked["num_images"], kind=int, low=1, high=6)
        check(asked["seed"], kind=int, low=-1, high=2147483647)
        if asked["output_format"] not in {"png", "jpeg"}:
            raise InvalidError("no such output_format")
        if "output_quality" in said:
            check(said["output_quality"], kind=int, low=1, high=100)
            if asked["output_format"] != "jpeg":
                raise InvalidError("output_quality is for jpeg")
        return asked


class ImagePipeline:
    """Answers PENDING ``patience`` times before a task is a SUCCESS; 0: at once, without an id."""

    path = "/sdxl/text2image/v1"

    def __init__(self, base: str, gallery: Gallery, key: str = KEY, patience: int = 0) -> None:
        self.key = key
        self.base = base
        self.gallery = gallery
        self.patience = patience
        self.paid = 0
        self.tasks: dict[str, list[str]] = {}
        self.asked: dict[str, int] = {}
        self._ids = counter(1)

    async def answer(self, heard: Heard) -> Reply:
        allowed = heard.headers.get("api-key") == self.key
        if heard.path.startswith(f"{self.path}/status/"):
            return refusal(heard, heard.path, "GET", allowed=allowed) or self._status(heard.path.rpartition("/")[2])
        if refused := refusal(heard, self.path, "POST", allowed=allowed):
            return refused
        try:
            number, width, height = self._check(heard)
        except (InvalidError, ValueError) as error:
            return json_reply({"message": str(error)}, 422)
        urls = [self.base + self.gallery.put(png(width, height, self.paid + n)) for n in range(number)]
        self.paid += number
        if not self.patience:
            return json_reply({"status": "SUCCESS", "download_urls": urls})
        task = f"task-{next(self._ids)}"
        self.tasks[task], self.asked[task] = urls, 0
        return json_reply({"status": "PENDING", "id": task})

    def _status(self, task: str) -> Reply:
        if task not in self.tasks:
            return json_reply({"message": "Not Found"}, 404)
        self.asked[task] += 1
        if self.asked[task] < self.patience:
            return json_reply({"status": "PENDING", "id": task})
        return json_reply({"status": "SUCCESS", "download_urls": self.tasks[task]})

    def _check(self, heard: Heard) -> tuple[int, int, int]:
        prompts = ("prompt", "negative_prompt", "scheduler")
        numbers = ("num_inference_steps", "strength", "samples", "guidance_scale", "width", "height", "seed")
        body = record(heard.json(), "model_id", *prompts, *numbers, "safety_checker", "refiner")
        text(body, "model_id", least=1)
        text(body, "prompt", least=1)
        text(body, "negative_prompt")
        text(body, "scheduler")
        check(body.get("num_inference_steps", 20), kind=int, low=1, high=100)
        check(body.get("strength", 1.0), kind=(int, float), low=0, high=1)
        check(body.get("guidance_scale", 7.5), kind=(int, float), low=1, high=20)
        check(body.get("seed", 0), kind=int)
        check(body.get("safety_checker", True), kind=bool)
        check(body.get("refiner", True), kind=bool)
        samples, width, height = body.get("samples", 1), body.get("width"), body.get("height")
        check(samples, kind=int, low=1, high=4)
        check(width, kind=int, low=1, high=768)
        check(height, kind=int, low=1, high=768)
        assert isinstance(samples, int)
        assert isinstance(width, int)
        assert isinstance(height, int)
        return samples, width, height
