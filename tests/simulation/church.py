"""A church in this process: what it has, what it had, and what happens to it."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from openfaith.manifest import Entity
from openfaith.simulator.ancestry import ancestors, path_named
from openfaith.simulator.answering import Simulator
from openfaith.simulator.changes import Account, Change
from openfaith.simulator.options import SimulatorOptions
from openfaith.simulator.rows import Reference
from simulation.wire import Clock
from support.truth import Record


class SimulatedChurch:
    """One simulator, without a server."""

    def __init__(self, options: SimulatorOptions, clock: Clock) -> None:
        self.simulator = Simulator(options, clock=clock.unix)
        self._alive: dict[str, set[str]] = {}
        self._went: dict[str, set[str]] = defaultdict(set)

    def change(self, change: Change) -> str:
        """Change it now. What cannot be done is told, and not done."""
        self.simulator._try(change)
        entry = self.simulator.changes[-1]
        self.hear()
        return str(entry.get("account") or entry["error"])

    def set_faults(self, text: str) -> None:
        self.simulator.set_faults(text)

    def set_changes(self, text: str) -> None:
        """What happens by itself while it is read."""
        self.simulator.set_changes(text)

    def set_options(self, **options: Any) -> None:
        self.simulator.set_options(replace(self.simulator.options, **options))

    def entity_type(self, entity: Entity) -> str:
        return self.simulator.church.table(entity.name).type

    def ids(self, entity: Entity) -> set[str]:
        """What there is."""
        return set(map(str, self.simulator.church.tables[self.entity_type(entity)].ids))

    def truth(self, entity: Entity) -> list[Record]:
        """Every record there is, with the parents below which it is found, as `simulated_truth` has it."""
        church, entity_type = self.simulator.church, self.entity_type(entity)
        records: list[Record] = [
            json.loads(self.simulator.renderer.truth(Reference(entity_type, one)))
            for one in church.tables[entity_type].ids
        ]
        if entity.below is None:
            return records
        found = ancestors(church, path_named(church, entity_type, entity.below.endpoint.path))
        return [{**record, "parents": found.get(int(record["id"]), [])} for record in records]

    def survivors(self, entity: Entity) -> dict[str, str]:
        """Who has the place of each record that was merged, at the end of all merges."""
        gone = self.simulator.tombstones.of(self.entity_type(entity))
        return {one["id"]: one["survivor"] for one in gone if one["survivor"] is not None}

    def told_merges(self) -> set[str]:
        """Whose merge the log tells of."""
        mergers = self.simulator.church.tables["PersonMerger"]
        texts = (self.simulator.renderer.truth(Reference("PersonMerger", one)) for one in mergers.ids)
        return {str(json.loads(text)["attributes"]["person_to_remove_id"]) for text in texts}

    def was_absent(self, entity: Entity, record_id: str) -> bool:
        """Whether it was not there at any one moment since the last `look`."""
        entity_type = self.entity_type(entity)
        alive = self._alive.get(entity_type, set())
        return record_id not in alive or record_id in self._went[entity_type]

    def look(self, entities: Sequence[Entity]) -> None:
        """Remember what there is, for `was_absent`."""
        self.hear()
        self._went.clear()
        self._alive = {self.entity_type(entity): self.ids(entity) for entity in entities}

    def hear(self) -> None:
        """Take note of what happened since the last time."""
        while self.simulator.changes:
            self._note(self.simulator.changes.popleft())

    def _note(self, entry: dict[str, Any]) -> None:
        account = entry.get("account")
        if isinstance(account, Account):
            for entity_type, ids in account.deleted.items():
                self._went[entity_type].update(ids)
