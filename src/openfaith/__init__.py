"""openfaith keeps an organization's SaaS data true in PostgreSQL."""

from openfaith.engine import Engine, RunView, run_pco_sync
from openfaith.errors import SyncError
from openfaith.records import EntityStatus, RunStatus, SyncKind
from openfaith.settings import Settings

__all__ = [
    "Engine",
    "EntityStatus",
    "RunStatus",
    "RunView",
    "Settings",
    "SyncError",
    "SyncKind",
    "run_pco_sync",
]
