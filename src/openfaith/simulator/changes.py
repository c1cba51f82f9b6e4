"""What may happen to a church while it is read: records are updated, added, deleted, brought
back, and people merged.

A change keeps the church coherent, as Planning Center does: what belonged to a deleted person goes with them,
what belonged to a merged one moves to the one who stays, a household knows how many it has. What moves
`updated_at` along with it was reported for the real API; a *blind* change moves no stamp at all.
"""

from __future__ import annotations

from typing import Any

import msgspec


class Update(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="action", tag="update"
):
    """Change records: those with these ids, or some chosen by chance."""

    entity: str
    count: int = 0
    """How many to choose, if `ids` is empty; fewer if there are fewer."""
    ids: tuple[str, ...] = ()
    attributes: dict[str, Any] = {}
    """The new values. Empty (and no `links`): one or two attributes get other values of their kind."""
    links: dict[str, str | None] = {}
    """Relationship → id of the new target, or null."""
    blind: bool = False
    """True: `updated_at` stays as it was."""
    stamp_offset_seconds: int = 0
    """How far the stamps that it writes are from the simulator's clock: negative where they are of the past, as of
    changes that can be seen late. No stamp goes back by that."""


class Add(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="action", tag="add"
):
    """Add records, with an owner chosen by chance where they need one."""

    entity: str
    count: int = 1
    attributes: dict[str, Any] = {}
    links: dict[str, str | None] = {}
    stamp_offset_seconds: int = 0
    """As in `Update`."""


class Delete(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="action", tag="delete"
):
    """Delete records, and what belongs to them."""

    entity: str
    count: int = 0
    ids: tuple[str, ...] = ()
    blind: bool = False
    """True: no stamp of a record that referred to a deleted one moves."""
    stamp_offset_seconds: int = 0
    """As in `Update`."""


class Merge(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="action", tag="merge"
):
    """Merge one person into another: the loser is gone, the keeper gets what the loser had, a merger tells of it."""

    loser: str | None = None
    keeper: str | None = None
    count: int = 1
    """How many pairs to choose by chance, if loser and keeper are not given."""
    blind: bool = False
    """True: the stamps of what moved to the keeper stay as they were."""
    stamp_offset_seconds: int = 0
    """As in `Update`."""


class Restore(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="action", tag="restore"
):
    """Bring deleted records back as they were, under their ids; what went with them stays gone.

    Merged people do not come back, and nothing whose owner is gone.
    """

    entity: str
    count: int = 0
    ids: tuple[str, ...] = ()
    blind: bool = False
    """True: with the stamp that they had."""
    stamp_offset_seconds: int = 0
    """As in `Update`."""


Change = Update | Add | Delete | Merge | Restore


class Account(msgspec.Struct, kw_only=True):
    """Everything that a change did, type → ids, also what followed from it."""

    added: dict[str, list[str]] = {}
    updated: dict[str, list[str]] = {}
    deleted: dict[str, list[str]] = {}
    merged: list[tuple[str, str]] = []
    """Loser and keeper of each merge."""
