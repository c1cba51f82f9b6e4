"""What may be deleted: pure decisions about records that are stored here and were not listed at the source.

Two questions. The guard asks about all of them at once: whether that so many are gone is likelier than that the
listing, or what the token may see, is at fault. Then each of them is asked about, and judged by what the source said.
A record is deleted only where both speak for it; anything less leaves it a suspect, which harms nobody.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

TOLERATED = 50
"""Suspects at once that need no person, however few records there are."""

TOLERATED_PERCENT = 2
"""Of the living records: more than that need one, where it is more than `TOLERATED`."""

MOST = 500
"""Suspects at once that need no person, however many records there are."""

LISTINGS_TO_PROVE = 2
"""Proven listings in a row that must miss a record which the source cannot be asked for."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DeletionFacts:
    """What the guard looks at."""

    live_rows: int
    """Stored and not deleted, the suspects among them."""
    suspects: int
    """Stored and not listed, whatever a person decided about them; without those that are known to exist."""
    approved: int
    """Of these, how many a person approved, looking at exactly them and while the token saw what it sees now."""
    rejected: int
    """Of these, how many are not gone, as a person decided."""
    listed: int
    """Records that the listing showed."""
    proven: bool
    doubts: Sequence[str] = ()
    """Why it is not."""
    permissions_changed: bool = False
    """Whether the token saw something else, or nobody knows what, when some of what is stored may have been stored."""


@dataclass(frozen=True, slots=True)
class Allowed:
    """The suspects may be asked about, and those deleted that the source confirms."""


@dataclass(frozen=True, slots=True)
class Stopped:
    """A person must look at the suspects first. What was approved before may go on, if the listing is proven."""

    reason: str


def guard_deletions(facts: DeletionFacts) -> Allowed | Stopped:
    """Whether a listing's suspects may be deleted without a person. One who decided about all of them has been asked.

    What was decided about some says nothing for the others: all that were not listed are counted. A record that was
    rejected speaks against them, for the listing has left out what is there.
    """
    if not facts.proven:
        return Stopped(f"the listing is not proven: {'; '.join(facts.doubts) or 'it was not closed'}")
    suspects = facts.suspects
    undecided = suspects - facts.approved - facts.rejected
    if undecided <= 0:
        return Allowed()
    if facts.permissions_changed:
        return Stopped(
            "what the token may see has changed, or was not known, since deletions were last allowed"
        )
    if facts.listed == 0:
        return Stopped(f"none of {facts.live_rows:,} records was listed")
    if facts.rejected:
        return Stopped(f"{facts.rejected:,} of {suspects:,} records that were not listed were rejected")
    if suspects > MOST:
        return Stopped(f"{suspects:,} of {facts.live_rows:,} records were not listed, more than {MOST}")
    if suspects > TOLERATED and suspects * 100 > facts.live_rows * TOLERATED_PERCENT:
        return Stopped(
            f"{suspects:,} of {facts.live_rows:,} records were not listed, more than {TOLERATED_PERCENT}%"
            f" and more than {TOLERATED}"
        )
    return Allowed()


class Answer(StrEnum):
    """What the source said when it was asked for a suspect by its id."""

    THERE = "there"
    """It sent the record."""
    GONE = "gone"
    """It knows no such record (404), nor that it was merged."""
    MERGED = "merged"
    """It knows none, and which record took its place."""
    REFUSED = "refused"
    """It does not say, to this token: what may not be seen may well be there."""
    UNTOLD = "untold"
    """Nothing that counts: there is no path by which to ask, or only one through records that may have changed."""


class Verdict(StrEnum):
    """What becomes of a suspect."""

    REFUTE = "refute"
    """It exists."""
    DELETE = "delete"
    MERGE = "merge"
    LEAVE = "leave"
    """Nobody knows. It stays a suspect, to be asked about again."""
    HOLD = "hold"
    """Nobody will ever know by asking. It waits for a person."""


_VERDICTS = {
    Answer.THERE: Verdict.REFUTE,
    Answer.GONE: Verdict.DELETE,
    Answer.MERGED: Verdict.MERGE,
    Answer.REFUSED: Verdict.LEAVE,
}


def judge_suspect(
    answer: Answer, *, times_missed: int, may_be_elsewhere: bool = False, may_be_unlisted: bool = False
) -> Verdict:
    """What becomes of a suspect that the guard allows to be asked about.

    Args:
        answer: of the source.
        times_missed: by how many proven listings in a row, the latest among them.
        may_be_elsewhere: whether they looked everywhere but where the token may not look.
        may_be_unlisted: whether the latest leaves out others that exist, so that no number of such proves anything.
    """
    if answer is Answer.UNTOLD:
        if may_be_unlisted:
            return Verdict.HOLD
        if times_missed < LISTINGS_TO_PROVE:
            return Verdict.LEAVE
        return Verdict.HOLD if may_be_elsewhere else Verdict.DELETE
    return _VERDICTS[answer]
