"""A reconciliation finds just the difference, and deletes just what of it is gone, whatever there is to compare."""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from openfaith.errors import LeaseLostError
from openfaith.store import (
    Database,
    DeletionPolicy,
    allow_deletions,
    list_open_suspects,
    set_deletion_policy,
)
from support.mirror import MEMBER, Examples, Reader, execute, make_page, moment, record
from support.reconciling import Reconciler

STARTED_AT = 100
CONFIRMED_AT = 200
SAME_MOMENT = 2

KEYS = st.sampled_from("01Zaä") | st.text(st.sampled_from("0129AZazäß-_ '%😀"), min_size=1, max_size=3)
"""Some are drawn often, so that what is stored is listed, too."""
STAMPS = st.none() | st.integers(0, 3)


@dataclass(frozen=True)
class Stored:
    requested_at: int
    stamp: int | None
    deleted: bool


STORED = st.builds(
    Stored, requested_at=st.sampled_from([0, 99, 100, 101, 150]), stamp=STAMPS, deleted=st.booleans()
)


def said(stamp: int | None) -> dict[str, str]:
    return {} if stamp is None else {"updated_at": moment(stamp).isoformat()}


async def fill(reader: Reader, stored: dict[str, Stored]) -> None:
    for at in sorted({each.requested_at for each in stored.values()}):
        rows = [record(k, **said(s.stamp)) for k, s in stored.items() if s.requested_at == at]
        await reader.commit(make_page(*rows, at=at))
    await execute(
        reader.database,
        "UPDATE sample.church_member SET _deleted_at = _requested_at WHERE org_id = %s AND id = ANY(%s)",
        reader.org_id,
        [key for key, each in stored.items() if each.deleted],
    )


def expected(stored: dict[str, Stored], listed: dict[str, int | None], *, proven: bool) -> dict[str, str]:
    """Kind by id."""
    found = {}
    for key, stamp in listed.items():
        known = stored.get(key)
        if known is None or known.deleted:
            found[key] = "missing"
        elif stamp is not None and (known.stamp is None or stamp > known.stamp):
            found[key] = "stale"
        elif stamp is not None and stamp == known.stamp and stamp > known.requested_at - SAME_MOMENT:
            found[key] = "stale"  # it may have changed again in the second of its stamp
    for key, known in stored.items():
        if proven and key not in listed and not known.deleted and known.requested_at <= STARTED_AT:
            found[key] = "suspect"
    return found


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    stored=st.dictionaries(KEYS, STORED, max_size=12),
    listed=st.dictionaries(KEYS, STAMPS, max_size=12),
    proven=st.booleans(),
    limit=st.integers(1, 6),
    others=st.sets(KEYS),
)
def test_the_difference_is_found_and_only_what_is_gone_of_it_deleted(
    examples: Examples,
    *,
    stored: dict[str, Stored],
    listed: dict[str, int | None],
    proven: bool,
    limit: int,
    others: set[str],
) -> None:
    async def example() -> None:
        reader = await Reader.begin(examples.database, org=examples.new_org())
        await fill(reader, stored)
        church = await Reconciler.of(reader, at=STARTED_AT)
        await church.commit(make_page(*(record(key, **said(stamp)) for key, stamp in listed.items())))
        await church.close(*([] if proven else ["a doubt"]))
        await church.compare(limit=limit)
        kinds = expected(stored, listed, proven=proven)
        assert await church.differences() == dict(sorted(kinds.items(), key=lambda item: item[0].encode()))
        if proven:
            await allow_deletions(church.database, reader.held)
        await church.delete(*others, *stored, *listed, at=CONFIRMED_AT)
        suspects = {key for key, kind in kinds.items() if kind == "suspect"}
        alive = {key for key, each in stored.items() if not each.deleted}
        assert await church.living() == alive - suspects

    examples.run(example())


async def test_a_removed_row_is_not_brought_back_by_pages_that_are_being_written(
    database: Database, org: str
) -> None:
    """Neither by those of the same entity run nor by others, which hold no lock in common with the removal."""
    reader = await Reader.begin(database, org=org)
    church = Reconciler(reader)
    await set_deletion_policy(database, reader.org_id, "sample", MEMBER.name, DeletionPolicy.HARD)

    async def by_page(key: str) -> None:
        try:
            await reader.commit(make_page(record(key), at=150))
        except LeaseLostError:  # a page of this number was there before
            return

    async def otherwise(key: str) -> None:
        await execute(
            database,
            "INSERT INTO sample.church_member (org_id, id, _requested_at, _hash, _run_id)"
            " SELECT %s, %s, %s, 0, 0 FROM pg_sleep(%s) ON CONFLICT DO NOTHING",
            reader.org_id,
            key,
            moment(150),
            secrets.randbelow(20) / 10_000,
        )

    for round_number in range(25):
        key = f"round {round_number}"
        await reader.commit(make_page(record(key), at=150))
        await asyncio.gather(
            by_page(key),
            otherwise(key),
            church.delete(key, at=CONFIRMED_AT, suspects_only=False),
            otherwise(key),
        )
        assert key not in await church.living()


async def test_the_suspects_of_many_ranges_are_handed_out_in_parts(database: Database, org: str) -> None:
    reader = await Reader.begin(database, org=org)
    await reader.commit(make_page(*(record(f"{n:03}") for n in range(100))))
    church = await Reconciler.of(reader)
    await church.reconcile("099")
    found: list[str] = []
    while part := await list_open_suspects(
        database, reader.held.entity_run_id, after=found[-1] if found else "", limit=30
    ):
        found += [suspect.id for suspect in part]
    assert found == [f"{n:03}" for n in range(99)]
