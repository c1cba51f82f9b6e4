"""Of how many records so many were set aside: what stops an entity.

The counts are the entity run's own, committed with each page, so that they hold over segments and crashes. What a retry
began with is forgiven: a person has looked at it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from openfaith.errors import TooManyDeadLettersError
from openfaith.records import EntityName
from openfaith.store import HeldEntityRun, PartCommitted
from openfaith.strategies import too_many
from openfaith.workflows.assignments import Assignment


class Tally:
    """Of an entity, and of what rides on its pages."""

    def __init__(self, assignment: Assignment, held: HeldEntityRun) -> None:
        self._own = assignment.entity.name
        self._seen = Counter({rider.entity: rider.records for rider in assignment.riders})
        self._dead = Counter({rider.entity: rider.dead_letters for rider in assignment.riders})
        self._seen[self._own] = held.records - held.forgiven_records
        self._dead[self._own] = held.dead_letters - held.forgiven_dead_letters

    def check(self) -> None:
        """Raises:
        TooManyDeadLettersError: more of the entity's own records are bad than chance explains.
        """
        dead, seen = self._dead[self._own], self._seen[self._own]
        if too_many(dead, seen):
            raise TooManyDeadLettersError(self._own, dead, seen)

    def note(self, parts: Sequence[PartCommitted]) -> list[EntityName]:
        """Count what a page came to. Returns the riders on it of which too many are bad by now.

        Raises:
            TooManyDeadLettersError: as `check` does.
        """
        for part in parts:
            self._seen[part.entity] += part.records
            self._dead[part.entity] += part.counts.dead_letters
        self.check()
        return [part.entity for part in parts if too_many(self._dead[part.entity], self._seen[part.entity])]
