"""Durable execution: where manifest, plan, strategies, source and store meet.

A run is one orchestrator workflow (`orchestrator`) and one entity sync workflow (`entity_sync`) per entity, as
its children. Their bodies only decide, by what recorded `steps` returned; a step reads and commits a whole
segment of pages (`segments`), because a page's commit is durable already. `leases` notices processes that are
gone and hands their work on, `serving` sees to it that every recorded run has a workflow, `filling` looks after
tables that got new columns, `alerts` tells people what goes wrong, and `durable` is the only port to the engine, DBOS. `drift` compares the manifest with what
the source says of itself.
"""

from openfaith.workflows.alerts import keep_alerting, look_once
from openfaith.workflows.drift import EntityCheck, ManifestCheck, check_manifest
from openfaith.workflows.durable import APPLICATION_VERSION, durable_engine, migrate_durable_engine
from openfaith.workflows.filling import keep_filling
from openfaith.workflows.leases import Lease, ProcessLocks, new_executor
from openfaith.workflows.runtime import Runtime
from openfaith.workflows.serving import serve

__all__ = [
    "APPLICATION_VERSION",
    "EntityCheck",
    "Lease",
    "ManifestCheck",
    "ProcessLocks",
    "Runtime",
    "check_manifest",
    "durable_engine",
    "keep_alerting",
    "keep_filling",
    "look_once",
    "migrate_durable_engine",
    "new_executor",
    "serve",
]
