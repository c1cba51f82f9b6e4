"""What the token's user may see: a weak token hides records without an error.

The church itself, its truth and its changes know nothing of this; what reads for an answer asks here.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from openfaith.simulator.dice import Dice
from openfaith.simulator.rows import Reference


@dataclass(frozen=True, kw_only=True, slots=True)
class Hidden:
    """In which way records are out of sight."""

    listed: bool = False
    """Whether collections and includes show them."""
    counted: bool = False
    """Whether pages are cut and counted as though they were there."""
    readable: bool = False
    """Whether they are there by id, with what lies below them; if not, 404."""


HIDING: Mapping[str, Hidden] = {
    "filtered": Hidden(counted=True),
    "hidden": Hidden(),
    "unlisted": Hidden(readable=True),
    "unreadable": Hidden(listed=True, counted=True),
}
"""Every way that a plan can ask for."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Veil:
    """Some records of one type that are out of sight."""

    text: str
    """As it was written."""
    way: Hidden
    entity_type: str
    ids: frozenset[int] | None
    """None: the share decides, also of records that are added later."""
    share: float = 1.0
    """How many of the records are out of sight, from 0 to 1."""
    seed: int = 0
    _chosen: dict[int, bool] = field(default_factory=dict)
    """What the share decided, since that costs a hash each."""

    def covers(self, record_id: int) -> bool:
        if self.ids is not None:
            return record_id in self.ids
        if record_id not in self._chosen:
            self._chosen[record_id] = Dice(self.seed, self.text, record_id).chance(self.share)
        return self._chosen[record_id]


class Sight:
    """What all veils together leave to see."""

    def __init__(self, veils: Iterable[Veil] = ()) -> None:
        self._unlisted: dict[str, list[Veil]] = {}
        self._uncounted: dict[str, list[Veil]] = {}
        self._unreadable: dict[str, list[Veil]] = {}
        for veil in veils:
            places = (
                (self._unlisted, veil.way.listed),
                (self._uncounted, veil.way.counted),
                (self._unreadable, veil.way.readable),
            )
            for place, shown in places:
                if not shown:
                    place.setdefault(veil.entity_type, []).append(veil)

    @property
    def is_weaker(self) -> bool:
        """Whether the token's user may see less: records are not there for him even by id. Lists that leave out what is
        there are the source's own fault.
        """
        return bool(self._unreadable)

    def counted(self, entity_type: str, ids: Sequence[int]) -> Sequence[int]:
        """Of the records of a collection those that its pages count."""
        return _uncovered(self._uncounted.get(entity_type), ids)

    def listed(self, entity_type: str, ids: Sequence[int]) -> Sequence[int]:
        """Of the records of a page those that it shows."""
        return _uncovered(self._unlisted.get(entity_type), ids)

    def reached(self, references: Sequence[Reference]) -> Sequence[Reference]:
        """Of the records that an include or an edge leads to those that are shown."""
        if not self._unlisted:
            return references
        return [one for one in references if not _covered(self._unlisted.get(one.type), one.id)]

    def is_readable(self, reference: Reference) -> bool:
        """Whether the record is there for who asks for it by id."""
        return not _covered(self._unreadable.get(reference.type), reference.id)


WHOLE_SIGHT = Sight()
"""Nothing is out of sight."""


LESS = {"Manager": "Editor", "Editor": "Viewer", "Viewer": None}
"""What is left of a user's `people_permissions` when some is taken away. Of one who has none, the flags
go; and who has none of these either is told so flag by flag, which is another answer."""


def with_less_permission(person: bytes) -> bytes:
    """The record of a user who may see less than the whole church, as that user reads it."""
    document = json.loads(person)
    attributes = document["attributes"]
    if attributes.get("people_permissions") is not None:
        attributes["people_permissions"] = LESS[attributes["people_permissions"]]
    elif "resource_permission_flags" in attributes:
        attributes["resource_permission_flags"] = (
            {} if attributes["resource_permission_flags"] else {"can_access_workflows": False}
        )
    return json.dumps(document).encode()


def _uncovered(veils: Sequence[Veil] | None, ids: Sequence[int]) -> Sequence[int]:
    return ids if veils is None else [one for one in ids if not _covered(veils, one)]


def _covered(veils: Sequence[Veil] | None, record_id: int) -> bool:
    return veils is not None and any(veil.covers(record_id) for veil in veils)
