"""Which records there were and are no more: what the API never tells, kept for those who check what it was taken for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from openfaith.simulator.changes import Account
from openfaith.simulator.contents import PRODUCT_PEOPLE

PERSON = "Person"


@dataclass(frozen=True, kw_only=True, slots=True)
class Tombstone:
    """One record that is gone."""

    after_request: int
    """It went when so many requests had been answered."""
    merged_into: str | None = None
    """Id of the record that it was merged into; None: it was deleted."""


class Tombstones:
    """All records of a church that are gone, but for those that came back."""

    def __init__(self) -> None:
        self._gone: dict[str, dict[str, Tombstone]] = {}

    def note(self, account: Account, *, after_request: int) -> None:
        """Keep what a change took away, and forget what it brought back."""
        merged = dict(account.merged)
        for entity_type, ids in account.added.items():
            for one in ids:
                self._gone.get(entity_type, {}).pop(one, None)
        for entity_type, ids in account.deleted.items():
            keepers = merged if entity_type == PERSON or entity_type in PRODUCT_PEOPLE else {}
            for one in ids:
                self._gone.setdefault(entity_type, {})[one] = Tombstone(
                    after_request=after_request, merged_into=keepers.get(one)
                )

    def counts(self) -> dict[str, int]:
        """How many are gone, of each entity that lost some."""
        return {entity_type: len(gone) for entity_type, gone in sorted(self._gone.items()) if gone}

    def of(self, entity_type: str) -> Iterator[dict[str, Any]]:
        """Id, keeper, survivor and time of each, in numeric order of the ids."""
        gone = self._gone.get(entity_type, {})
        for one in sorted(gone, key=int):
            tombstone = gone[one]
            yield {
                "id": one,
                "merged_into": tombstone.merged_into,
                "survivor": self._survivor(gone, one),
                "after_request": tombstone.after_request,
            }

    def _survivor(self, gone: dict[str, Tombstone], record_id: str) -> str | None:
        """Who has what the record had, at the end of all merges; None where nobody does."""
        found: str | None = record_id
        while found is not None and found in gone:
            found = gone[found].merged_into
        return found
