"""Dataoorts: Stable Diffusion XL base 1.0. One picture a call, 256 to 2048 a side, answered as bytes; $0.008 each."""

from collections.abc import Mapping, Sequence

from adapters.backends import http, preflight
from adapters.backends.limits import Limiter, Room
from adapters.backends.split import MAX_SEED, Call, draw_all, given, split
from bot.model import Capabilities, Drawing, Drawn, Range, Size
from bot.ports import Report

URL = "https://cloud.dataoorts.com/api/v1"
KEY_ENV = "DATAOORTS_API_KEY"
MODEL = "stabilityai/stable-diffusion-xl-base-1.0"
PRICE = 0.008


class Dataoorts:
    """Not documented, so our reading: the least steps, the bounds of guidance and seed, SDXL's own size as default."""

    def __init__(
        self,
        *,
        name: str,
        key: str,
        url: str = URL,
        timeout_seconds: float = 120.0,
        price_per_image: float = PRICE,
        key_env: str = KEY_ENV,
        limiter: Limiter | None = None,
    ) -> None:
        self.name = name
        self.capabilities = Capabilities(
            default_size=Size(1024, 1024),
            side=Range(256, 2048),
            max_pixels=2048 * 2048,
            steps=Range(1, 20),
            guidance=Range(0, 100),
            seed=Range(0, MAX_SEED),
            min_prompt=2,
            at_once=64,
            price_per_image=price_per_image,
            charges=True,
            timeout_seconds=timeout_seconds,
        )
        self._url = url
        self._key_env = key_env
        self._wire = http.wire("dataoorts", key, timeout_seconds=timeout_seconds, limiter=limiter)
        self._headers = {"Authorization": f"Bearer {self._wire.key}"}

    async def generate(self, request: Drawing, resume: str, report: Report) -> Drawn:  # noqa: ARG002 - nothing to resume
        """Raises BackendError."""
        deadline, room = http.deadline_in(self.capabilities.timeout_seconds), Room(self._wire.budget)

        async def draw(call: Call) -> Sequence[bytes]:
            posted = http.build(self._wire, "POST", self._url, self._headers, body(request, call))
            answer = await http.send(self._wire, posted, deadline=deadline, room=room)
            return [http.expect_picture(answer.body, self._wire.key)]

        return await draw_all(split(request, 1), draw, deadline=deadline, report=report)

    async def probe(self) -> str:
        """Sends no prompt, which the document requires; see preflight for what is inferred from the answer."""
        return await preflight.examine(
            self._wire, self._url, self._headers, {"model": MODEL, "data": {}}, name=self.name, key_env=self._key_env
        )

    async def close(self) -> None:
        await self._wire.client.aclose()


def body(request: Drawing, call: Call) -> Mapping[str, object]:
    """The size is always said: its default is not documented."""
    data = given(
        prompt=request.prompt,
        negative_prompt=request.negative_prompt or None,
        height=request.size.height,
        width=request.size.width,
        num_steps=request.steps,
        guidance=request.guidance,
        seed=call.seed,
    )
    return {"model": MODEL, "data": data}
