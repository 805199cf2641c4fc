"""The Serve application. `serve run adapters.backends.ray.app:application model=/srv/models/sdxl max_replicas=4`

Imported on the cluster only, where the extra `ray` is installed.
"""

import os
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from ray import serve
from ray.serve import Application
from ray.serve.config import RequestRouterConfig
from starlette.requests import Request
from starlette.responses import Response

from adapters.backends.diffusers.backend import DiffusersBackend
from adapters.backends.diffusers.checkpoint import AT_ONCE
from adapters.backends.diffusers.config import from_plain
from adapters.backends.ray import config, wire
from adapters.backends.ray.replica import Replica
from adapters.backends.ray.router import FewestRequests
from bot import replies
from bot.errors import SettingsError

HEALTH_SECONDS = 5.0
MORE = 4  #: requests than the engine takes, so that a full replica still says what it is


class Engine:
    """One replica. It is ready once its model is loaded, and unhealthy while its engine cannot be started."""

    async def __init__(self, plain: Mapping[str, Any], replicas: int) -> None:  # type: ignore[misc] # Serve awaits it
        self._backend = DiffusersBackend("ray", from_plain(plain))
        if trouble := await self._backend.probe():
            raise RuntimeError(trouble)
        self._replica = Replica(self._backend, replicas=replicas, token=os.environ.get(wire.TOKEN_VARIABLE, ""))

    async def __call__(self, request: Request) -> Response:
        return await self._replica.answer(request)

    async def check_health(self) -> None:
        """Raises where Serve should start another replica in this one's place."""
        if self._backend.exhausted:
            raise RuntimeError("the drawing process died too often in a row")


def application(arguments: Mapping[str, Any]) -> Application:
    """Raises ValueError with a line for each argument that is wrong."""
    try:
        engine, cluster = config.read(arguments)
    except SettingsError as error:
        raise ValueError("\n".join(replies.problem(finding) for finding in error.findings)) from None
    deployment = serve.deployment(
        Engine,
        name="engine",
        max_ongoing_requests=AT_ONCE + MORE,
        ray_actor_options={"num_cpus": cluster.cpus, "num_gpus": cluster.gpus},
        autoscaling_config={
            "min_replicas": cluster.min_replicas,
            "max_replicas": cluster.max_replicas,
            "target_ongoing_requests": cluster.waiting,
            "upscale_delay_s": cluster.upscale_seconds,
            "downscale_delay_s": cluster.downscale_seconds,
            "metrics_interval_s": 1.0,
            "look_back_period_s": 3.0,
        },
        request_router_config=RequestRouterConfig(request_router_class=FewestRequests),
        health_check_period_s=HEALTH_SECONDS,
        health_check_timeout_s=2 * HEALTH_SECONDS,
        graceful_shutdown_timeout_s=engine.timeout_seconds,  # what it is drawing, it finishes
        max_constructor_retry_count=3,
    )
    return deployment.bind(asdict(engine), cluster.max_replicas)
