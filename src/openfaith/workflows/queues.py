"""The durable queues, and the times that go with them.

Orchestrators wait on one queue and entities on another: on one queue, parents would hold the places that their
children need. Priorities are always given, because the engine takes a missing one for the highest.
"""

from __future__ import annotations

from dbos import DBOS

SYNC_QUEUE = "openfaith-sync"
ENTITY_QUEUE = "openfaith-entity"

SYNC_PRIORITY = 50
ENTITY_PRIORITY = 50

MOST_ORCHESTRATORS = 50
"""Per process. An orchestrator mostly waits."""

SYNC_POLL_SECONDS = 1.0
ENTITY_POLL_SECONDS = 0.4
"""How soon an enqueued workflow starts. Every look costs about five milliseconds of CPU, also when nothing waits."""

WAIT_FOR_ENTITY_SECONDS = 0.25
"""How soon an orchestrator sees that an entity has ended: by a short query of our own table."""

LOOKS_BEFORE_ASKING_THE_ENGINE = 8
"""After so many looks in vain it asks whether a workflow died without settling its entity."""

WAIT_FOR_TURN_SECONDS = 2.0
"""How often a run asks whether its organization's place is free."""


async def register_queues(worker_concurrency: int) -> None:
    """Make the queues known. Their limits hold per process."""
    await DBOS.register_queue_async(
        SYNC_QUEUE,
        worker_concurrency=MOST_ORCHESTRATORS,
        polling_interval_sec=SYNC_POLL_SECONDS,
        on_conflict="always_update",
    )
    await DBOS.register_queue_async(
        ENTITY_QUEUE,
        worker_concurrency=worker_concurrency,
        polling_interval_sec=ENTITY_POLL_SECONDS,
        on_conflict="always_update",
    )
