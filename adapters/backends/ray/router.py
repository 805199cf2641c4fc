"""To which replica Serve sends a request. On the cluster only.

Serve's own router prefers a replica on the proxy's node as long as that takes one more. An engine takes sixteen, which
leaves the other cards idle.
"""

import random

from ray.serve.request_router import FIFOMixin, PendingRequest, RequestRouter, RunningReplica

MOST_ASKED = 16


class FewestRequests(FIFOMixin, RequestRouter):  # type: ignore[misc] # ray has no types for us
    async def choose_replicas(
        self, candidate_replicas: list[RunningReplica], pending_request: PendingRequest | None = None
    ) -> list[list[RunningReplica]]:
        """All of them where they are few, in random order: Serve takes the first with the shortest queue."""
        if pending_request is not None:
            pending_request.routing_context.should_backoff = True
        return [random.sample(candidate_replicas, min(len(candidate_replicas), MOST_ASKED))]
