"""The nouns that every package shares: identifiers, pages, and the closed choices of a run."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NewType

import msgspec

OrgId = NewType("OrgId", str)
"""An organization's name, chosen by its owner at `openfaith connect`; the `org_id` of every row."""

RecordId = NewType("RecordId", str)
"""A record's id at the source. Text, even where it looks like a number (one id of Giving is a word)."""

EntityName = NewType("EntityName", str)
"""`product.Entity`, as in `people.Person`."""

RunId = NewType("RunId", int)
"""A sync run's number, unique in one database."""

EntityRunId = NewType("EntityRunId", int)
"""One entity's part of a sync run, unique in one database."""


class SyncKind(StrEnum):
    """Which records a run reads."""

    FULL = "full"
    """All, with all they have."""
    DELTA = "delta"
    """Those that changed since the last completed run, where the source can tell them."""
    RECONCILIATION = "reconciliation"
    """The ids of all: what is missing or stale here is fetched, what is missing there may be deleted."""
    SWEEP = "sweep"
    """The next share of all, with all they have: what changed without a new stamp."""


class Strategy(StrEnum):
    """How a run goes about its entities."""

    SEQUENTIAL = "sequential"
    """One at a time."""
    PARALLEL = "parallel"
    """Each as soon as everything it depends on has settled."""
    HYBRID = "hybrid"
    """Each as soon as what it cannot do without has completed."""


class RunStatus(StrEnum):
    """A sync run's state. The last four are final."""

    QUEUED = "queued"
    RUNNING = "running"
    COMPLETED = "completed"
    PARTIAL = "partial"
    FAILED = "failed"
    CANCELLED = "cancelled"


class EntityStatus(StrEnum):
    """One entity's state within a run. All but the first two are final."""

    WAITING = "waiting"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"
    NOT_ACCESSIBLE = "not_accessible"
    """The token's user may not see it. Reported, and no failure."""


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """What a walk looks at in a record. Anything else of it is the database's to read.

    A struct, as a dataclass takes eight times as long to be made, and a large church has one for each record.
    """

    id: str | None
    """None where the record has no usable one."""
    created_at: datetime | None
    """Aware; None where absent, or not a time."""
    updated_at: datetime | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """One answer of a listing: the envelope is split, the records are not decoded.

    What the source said of itself is optional throughout: `total_count` and `links.next` have been seen
    absent and wrong (reported by users of Planning Center, 2025-11), so nothing may rest on them alone.
    """

    records: tuple[bytes, ...]
    """The members of `data`, in order, each the JSON text of one record as it came."""
    rows: Sequence[Row] = ()
    """The same records as a walk sees them. Each is decoded when it is looked at: most never are."""
    included: Mapping[str, tuple[bytes, ...]]
    """The members of `included` by their type, likewise; empty where the document had none."""
    total_count: int | None
    """`meta.total_count`."""
    has_next: bool
    """True where `links.next` or `meta.next` is there at all."""
    can_query_by: frozenset[str] | None
    """`meta.can_query_by`; None where absent."""
    can_order_by: frozenset[str] | None
    """`meta.can_order_by`; None where absent."""
    can_include: frozenset[str] | None
    """`meta.can_include`; None where absent."""
    requested_at: datetime
    """When the request started, by the server's clock (aware, UTC)."""
    size_bytes: int
    """Length of the body, decompressed."""
    organization: str | None = None
    """Id of the organization that the listing belongs to (`meta.parent`), as the source knows it; None where untold."""
    dated_by_source: bool = True
    """False where the source tells no time, so that `requested_at` is by this machine's clock."""
    requests: int = 1
    """How many requests it took, repeated and refused ones included."""
    latency_seconds: float = 0.0
    """From sending the request that was answered until its body was complete."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PageCounts:
    """What one committed page did to one mirror table."""

    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    """Seen again with the same content, or older than what is stored: not written."""
    dead_letters: int = 0


_COPY = re.compile(r"(.+)_dry_[0-9]+")


def copy_name(adapter: str, run_id: RunId) -> str:
    """Under which name a dry run has tables and control rows of its own, in the place of the adapter's."""
    return f"{adapter}_dry_{run_id}"


def base_adapter(name: str) -> str:
    """The adapter itself, also where the name is that of a dry run's copy. As `openfaith.base_adapter` in SQL."""
    copied = _COPY.fullmatch(name)
    return name if copied is None else copied[1]


def is_copy(name: str) -> bool:
    """Whether this is the name of a dry run's copy."""
    return base_adapter(name) != name
