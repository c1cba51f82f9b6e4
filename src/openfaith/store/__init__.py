"""How records are kept: PostgreSQL, and nothing but PostgreSQL.

The page is the unit of work. Its rows, the checkpoint of its walk and its counts are written by one statement
(`upserts`), and only while the writer holds the entity run's fencing token (`runs`). Everything that could
otherwise go wrong half-way, a crash, a zombie, two processes at once, is thereby a question that PostgreSQL
answers. Statements stand in `sql/`, the schema of the control tables in `migrations/`; Python composes none
but those that follow from a manifest (`table_changes`, `conversions`, `fillings`, `upserts`, `canonical_views`).
"""

from openfaith.store.canonical import drop_canonical_views, install_canonical_model
from openfaith.store.connection import Database, check_url, open_database, server_name
from openfaith.store.credentials import (
    Credential,
    SecretKey,
    get_credential,
    list_organizations,
    load_or_create_keys,
    parse_keys,
    save_credential,
)
from openfaith.store.events import StoredEvent, list_events, store_events
from openfaith.store.evolution import ensure_mirror_tables
from openfaith.store.executors import Executor, LeaseConnection, lease_connection
from openfaith.store.fillings import fill_mirror_tables
from openfaith.store.inspection import DatabaseFacts, SamplePerson, inspect_database, sample_people
from openfaith.store.migrations import migrate
from openfaith.store.pages import Committed, PageCommit, PageWriter, PartCommitted
from openfaith.store.parents import (
    ParentRow,
    count_parent_failures,
    list_parents,
    note_checkpoint,
    note_requests,
)
from openfaith.store.run_records import (
    EntityRunRecord,
    EntityState,
    HeldEntityRun,
    PlannedReading,
    Rider,
    RunRecord,
)
from openfaith.store.runs import (
    begin_run,
    cancel_run,
    close_product,
    finish_entity_run,
    finish_run,
    get_entity_run,
    get_run,
    is_product_closed,
    list_entity_runs,
    list_riders,
    list_runs,
    list_settled_entity_runs,
    list_sync_state,
    list_unfinished_runs,
    note_source_start,
    plan_entity_runs,
    request_run,
    retry_run,
    settle_closed_products,
    take_entity_run,
)
from openfaith.store.unknowns import Unknowns, sample_unknowns

__all__ = [
    "Committed",
    "Credential",
    "Database",
    "DatabaseFacts",
    "EntityRunRecord",
    "EntityState",
    "Executor",
    "HeldEntityRun",
    "LeaseConnection",
    "PageCommit",
    "PageWriter",
    "ParentRow",
    "PartCommitted",
    "PlannedReading",
    "Rider",
    "RunRecord",
    "SamplePerson",
    "SecretKey",
    "StoredEvent",
    "Unknowns",
    "begin_run",
    "cancel_run",
    "check_url",
    "close_product",
    "count_parent_failures",
    "drop_canonical_views",
    "ensure_mirror_tables",
    "fill_mirror_tables",
    "finish_entity_run",
    "finish_run",
    "get_credential",
    "get_entity_run",
    "get_run",
    "inspect_database",
    "install_canonical_model",
    "is_product_closed",
    "lease_connection",
    "list_entity_runs",
    "list_events",
    "list_organizations",
    "list_parents",
    "list_riders",
    "list_runs",
    "list_settled_entity_runs",
    "list_sync_state",
    "list_unfinished_runs",
    "load_or_create_keys",
    "migrate",
    "note_checkpoint",
    "note_requests",
    "note_source_start",
    "open_database",
    "parse_keys",
    "plan_entity_runs",
    "request_run",
    "retry_run",
    "sample_people",
    "sample_unknowns",
    "save_credential",
    "server_name",
    "settle_closed_products",
    "store_events",
    "take_entity_run",
]
