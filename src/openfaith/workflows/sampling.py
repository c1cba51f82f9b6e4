"""The sample that ends a reconciliation: a few stored records are asked for once more, and what they say is compared.

The listing knows ids and stamps. Whether the rest of a row is what the source says, only the record itself tells; so a
few are read, by chance, through the same guarded upsert as any page, which finds what differs and puts it right. What
differs under the same stamp no delta would have found.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from openfaith.store import note_sample, sample_ids
from openfaith.workflows.single_records import RecordReader, single_path

if TYPE_CHECKING:
    from openfaith.manifest import Entity
    from openfaith.workflows.committing import Committer
    from openfaith.workflows.reconciling import Settlement

SAMPLE = 5
"""Records of each entity and reconciliation."""


def can_be_sampled(entity: Entity) -> bool:
    """Whether a record can be asked for by its id alone, and has a stamp that a change may fail to move."""
    return single_path(entity) is not None and "updated_at" in entity.attributes


async def compare_sample(settlement: Settlement, committer: Committer) -> bool:
    """Ask for a few stored records and store what they say. Safe to repeat. Returns whether it is done.

    Raises:
        SyncError: as `Committer.commit`, and what the client raises, but for records that are gone or not to be seen.
    """
    assignment, runtime = settlement.assignment, settlement.runtime
    if not can_be_sampled(assignment.entity):
        return True
    if await settlement.must_pause():
        return False
    ids = await sample_ids(
        runtime.database,
        runtime.manifest(assignment.adapter),
        assignment.entity,
        assignment.org_id,
        size=SAMPLE,
    )
    if ids:
        found = await RecordReader(settlement.client, assignment).read(ids)
        await committer.keep(found.page, found.requests, token=f"sample={','.join(ids)}", finds_blind=True)
        await note_sample(
            runtime.database, settlement.held, 0 if found.page is None else len(found.page.records)
        )
    return True
