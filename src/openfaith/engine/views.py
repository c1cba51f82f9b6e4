"""What the engine's verbs return that no package below has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from openfaith.records import EntityName, RunStatus
from openfaith.source import RateLimit
from openfaith.store import EntityRunRecord, RunRecord


@dataclass(frozen=True, kw_only=True, slots=True)
class RunView:
    """A run and its entities, as they stand."""

    run: RunRecord
    entities: tuple[EntityRunRecord, ...]

    @property
    def status(self) -> RunStatus:
        return self.run.status

    def to_json(self) -> dict[str, Any]:
        """The stable shape of `sync --json` and `runs show --json`."""
        return {
            "run_id": str(self.run.run_id),
            "org": self.run.org_id,
            "kind": self.run.kind,
            "strategy": self.run.strategy,
            "dry_run": self.run.dry_run,
            "status": self.run.status,
            "reason": self.run.reason,
            "entities": [_entity_json(e) for e in self.entities],
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class SourceReport:
    """What one small request to an organization's source found."""

    base_url: str
    entity: EntityName
    """What was asked for."""
    organization: str | None
    """The organization's id at the source, where it tells."""
    records: int | None
    """How many of them the source says it has; with a weak token, how many it shows."""
    limit: RateLimit
    """As the source announced it."""


def _entity_json(entity: EntityRunRecord) -> dict[str, Any]:
    counts = (
        "pages",
        "requests",
        "records",
        "inserted",
        "updated",
        "unchanged",
        "deleted",
        "suspects",
        "held",
        "dead_letters",
    )
    return {
        "name": entity.entity,
        "status": entity.status,
        "reason": entity.reason,
        "reading": entity.reading,
        "path": entity.path,
        "parent": entity.parent,
        "carrier": entity.carrier,
        **{name: getattr(entity, name) for name in counts},
        "rows": entity.live_rows,
        "seconds": None if entity.seconds is None else round(entity.seconds, 3),
    }
