"""How records are kept: PostgreSQL, and nothing but PostgreSQL.

The page is the unit of work. Its rows, the checkpoint of its walk and its counts are written by one statement
(`upserts`), and only while the writer holds the entity run's fencing token (`runs`). Everything that could
otherwise go wrong half-way, a crash, a zombie, two processes at once, is thereby a question that PostgreSQL
answers. Statements stand in `sql/`, the schema of the control tables in `migrations/`; Python composes none
but those that follow from a manifest (`table_changes`, `conversions`, `fillings`, `upserts`, `canonical_views`).
"""

from openfaith.store.alert_deliveries import (
    claim_deliveries,
    enlist_deliveries,
    note_delivered,
    note_undelivered,
)
from openfaith.store.alerts import (
    AlertCount,
    acknowledge_alerts,
    begin_alert_look,
    count_alerts,
    forget_old_alerts,
    list_alerts,
    list_deliveries,
    list_next_org_ids,
    update_alerts,
)
from openfaith.store.blind_changes import BlindChanges
from openfaith.store.canonical import drop_canonical_views, install_canonical_model
from openfaith.store.connection import Database, check_url, open_database
from openfaith.store.credentials import (
    Credential,
    SecretKey,
    get_credential,
    list_organizations,
    load_or_create_keys,
    parse_keys,
    save_credential,
)
from openfaith.store.dead_letters import (
    DeadLetter,
    DeadLetterChoice,
    DeadLetterStatus,
    DeadLetterSummary,
    Retried,
    RetryOutcome,
    discard_dead_letters,
    get_dead_letter,
    list_dead_letters,
    retry_dead_letters,
    summarize_dead_letters,
)
from openfaith.store.deletions import (
    Deleted,
    tombstone,
)
from openfaith.store.differences import (
    IDS_AT_ONCE,
    Compared,
    compare_next,
)
from openfaith.store.doubts import note_doubts
from openfaith.store.dry_runs import make_copy
from openfaith.store.endings import cancel_run, finish_entity_run, finish_run, settle_closed_products
from openfaith.store.events import StoredEvent, Trouble, list_events, list_troubles, store_events
from openfaith.store.evolution import ensure_mirror_tables
from openfaith.store.examination import Fault
from openfaith.store.executors import Executor, LeaseConnection, lease_connection
from openfaith.store.faults import server_name
from openfaith.store.fillings import fill_mirror_tables
from openfaith.store.inspection import DatabaseFacts, SamplePerson, inspect_database, sample_people
from openfaith.store.listings import (
    Listing,
    ListingWriter,
    Reconciliation,
    close_listing,
    forget_old_listings,
    get_listing,
    list_beside,
    list_reconciliations,
    open_listing,
)
from openfaith.store.merges import (
    Merged,
    ToldMerges,
    list_told,
    merge,
)
from openfaith.store.migrations import migrate
from openfaith.store.pages import Committed, PageCommit, PageWriter, PartCommitted
from openfaith.store.parents import (
    ParentRow,
    count_parent_failures,
    leave_behind_empty_parents,
    list_parents,
    note_checkpoint,
    note_requests,
)
from openfaith.store.paths import (
    RecordPlace,
    find_get,
    list_places,
    path_of,
)
from openfaith.store.removals import (
    DeletionPolicy,
    get_deletion_policy,
    set_deletion_policy,
)
from openfaith.store.run_lookups import (
    get_entity_run,
    get_run,
    list_entity_runs,
    list_runs,
    list_settled_entity_runs,
    list_unfinished_runs,
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
    Mark,
    begin_run,
    close_product,
    is_cancelled,
    is_dated,
    is_product_closed,
    list_marks,
    list_riders,
    list_sync_state,
    note_permissions,
    note_source_start,
    plan_entity_runs,
    request_run,
    retry_run,
    take_entity_run,
)
from openfaith.store.samples import note_sample, sample_ids
from openfaith.store.settling import list_open_differences, settle_differences, settle_stored
from openfaith.store.suspects import (
    OPEN_SUSPECTS,
    ListingStanding,
    OpenSuspect,
    Suspect,
    SuspectState,
    SuspectSummary,
    allow_deletions,
    decide_suspects,
    hold_suspects,
    list_open_suspects,
    list_suspects,
    read_standing,
    refute_suspects,
    summarize_suspects,
)
from openfaith.store.sweeps import find_share, get_sweep_checkpoint
from openfaith.store.sync_outcomes import SyncOutcome, list_sync_outcomes
from openfaith.store.unknowns import Unknowns, sample_unknowns

__all__ = [
    "IDS_AT_ONCE",
    "OPEN_SUSPECTS",
    "AlertCount",
    "BlindChanges",
    "Committed",
    "Compared",
    "Credential",
    "Database",
    "DatabaseFacts",
    "DeadLetter",
    "DeadLetterChoice",
    "DeadLetterStatus",
    "DeadLetterSummary",
    "Deleted",
    "DeletionPolicy",
    "EntityRunRecord",
    "EntityState",
    "Executor",
    "Fault",
    "HeldEntityRun",
    "LeaseConnection",
    "Listing",
    "ListingStanding",
    "ListingWriter",
    "Mark",
    "Merged",
    "OpenSuspect",
    "PageCommit",
    "PageWriter",
    "ParentRow",
    "PartCommitted",
    "PlannedReading",
    "Reconciliation",
    "RecordPlace",
    "Retried",
    "RetryOutcome",
    "Rider",
    "RunRecord",
    "SamplePerson",
    "SecretKey",
    "StoredEvent",
    "Suspect",
    "SuspectState",
    "SuspectSummary",
    "SyncOutcome",
    "ToldMerges",
    "Trouble",
    "Unknowns",
    "acknowledge_alerts",
    "allow_deletions",
    "begin_alert_look",
    "begin_run",
    "cancel_run",
    "check_url",
    "claim_deliveries",
    "close_listing",
    "close_product",
    "compare_next",
    "count_alerts",
    "count_parent_failures",
    "decide_suspects",
    "discard_dead_letters",
    "drop_canonical_views",
    "enlist_deliveries",
    "ensure_mirror_tables",
    "fill_mirror_tables",
    "find_get",
    "find_share",
    "finish_entity_run",
    "finish_run",
    "forget_old_alerts",
    "forget_old_listings",
    "get_credential",
    "get_dead_letter",
    "get_deletion_policy",
    "get_entity_run",
    "get_listing",
    "get_run",
    "get_sweep_checkpoint",
    "hold_suspects",
    "inspect_database",
    "install_canonical_model",
    "is_cancelled",
    "is_dated",
    "is_product_closed",
    "lease_connection",
    "leave_behind_empty_parents",
    "list_alerts",
    "list_beside",
    "list_dead_letters",
    "list_deliveries",
    "list_entity_runs",
    "list_events",
    "list_marks",
    "list_next_org_ids",
    "list_open_differences",
    "list_open_suspects",
    "list_organizations",
    "list_parents",
    "list_places",
    "list_reconciliations",
    "list_riders",
    "list_runs",
    "list_settled_entity_runs",
    "list_suspects",
    "list_sync_outcomes",
    "list_sync_state",
    "list_told",
    "list_troubles",
    "list_unfinished_runs",
    "load_or_create_keys",
    "make_copy",
    "merge",
    "migrate",
    "note_checkpoint",
    "note_delivered",
    "note_doubts",
    "note_permissions",
    "note_requests",
    "note_sample",
    "note_source_start",
    "note_undelivered",
    "open_database",
    "open_listing",
    "parse_keys",
    "path_of",
    "plan_entity_runs",
    "read_standing",
    "refute_suspects",
    "request_run",
    "retry_dead_letters",
    "retry_run",
    "sample_ids",
    "sample_people",
    "sample_unknowns",
    "save_credential",
    "server_name",
    "set_deletion_policy",
    "settle_closed_products",
    "settle_differences",
    "settle_stored",
    "store_events",
    "summarize_dead_letters",
    "summarize_suspects",
    "take_entity_run",
    "tombstone",
    "update_alerts",
]
