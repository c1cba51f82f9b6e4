"""openfaith keeps an organization's SaaS data true in PostgreSQL."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from openfaith.engine import Engine, RunView, run_pco_sync
    from openfaith.errors import SyncError
    from openfaith.records import EntityStatus, RunStatus, Strategy, SyncKind
    from openfaith.settings import Settings

__all__ = [
    "Engine",
    "EntityStatus",
    "RunStatus",
    "RunView",
    "Settings",
    "Strategy",
    "SyncError",
    "SyncKind",
    "run_pco_sync",
]

_HOMES = {
    "Engine": "openfaith.engine",
    "EntityStatus": "openfaith.records",
    "RunStatus": "openfaith.records",
    "RunView": "openfaith.engine",
    "Settings": "openfaith.settings",
    "Strategy": "openfaith.records",
    "SyncError": "openfaith.errors",
    "SyncKind": "openfaith.records",
    "run_pco_sync": "openfaith.engine",
}


def __getattr__(name: str) -> object:
    """Import a public name when it is first asked for: the engine takes seconds, and `--help` needs none of it."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value
