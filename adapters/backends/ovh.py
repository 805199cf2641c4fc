"""OVH AI Endpoints: Stable Diffusion XL. One picture of 1024x1024 a call, answered as bytes, from the prompts alone."""

from collections.abc import Sequence

from adapters.backends import http, preflight
from adapters.backends.limits import Limiter, Room
from adapters.backends.split import Call, draw_all, given, split
from bot.model import Capabilities, Drawing, Drawn, Size
from bot.ports import Report

URL = "https://stable-diffusion-xl.endpoints.kepler.ai.cloud.ovh.net/api/text2image"
KEY_ENV = "OVH_AI_ENDPOINTS_ACCESS_TOKEN"
SIZE = Size(1024, 1024)


class Ovh:
    """Prompts are to be English, says the document; that is not checked. Its rate limits are not told: 429 tells."""

    def __init__(
        self,
        *,
        name: str,
        key: str,
        url: str = URL,
        timeout_seconds: float = 120.0,
        price_per_image: float = 0.0,
        key_env: str = KEY_ENV,
        limiter: Limiter | None = None,
    ) -> None:
        self.name = name
        self.capabilities = Capabilities(
            default_size=SIZE,
            sizes=(SIZE,),
            at_once=64,
            price_per_image=price_per_image,
            charges=True,
            timeout_seconds=timeout_seconds,
        )
        self._url = url
        self._key_env = key_env
        self._wire = http.wire("ovh", key, timeout_seconds=timeout_seconds, limiter=limiter)
        self._headers = {"Accept": "application/octet-stream", "Authorization": f"Bearer {self._wire.key}"}

    async def generate(self, request: Drawing, resume: str, report: Report) -> Drawn:  # noqa: ARG002 - nothing to resume
        """There is no seed, so no two calls are the same. Raises BackendError."""
        deadline, room = http.deadline_in(self.capabilities.timeout_seconds), Room(self._wire.budget)
        body = given(prompt=request.prompt, negative_prompt=request.negative_prompt or None)

        async def draw(_call: Call) -> Sequence[bytes]:
            posted = http.build(self._wire, "POST", self._url, self._headers, body)
            answer = await http.send(self._wire, posted, deadline=deadline, room=room)
            return [http.expect_picture(answer.body, self._wire.key)]

        return await draw_all(split(request, 1), draw, deadline=deadline, report=report)

    async def probe(self) -> str:
        """Sends no prompt; see preflight for what is inferred from the answer."""
        return await preflight.examine(
            self._wire, self._url, self._headers, {}, name=self.name, key_env=self._key_env
        )

    async def close(self) -> None:
        await self._wire.client.aclose()
