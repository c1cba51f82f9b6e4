"""A change that moved no stamp is counted where it is stored, and added up over a cycle of sweeps."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from openfaith.errors import LeaseLostError
from openfaith.records import EntityStatus, SyncKind
from openfaith.store import (
    BlindChanges,
    Committed,
    EntityState,
    PageWriter,
    finish_entity_run,
    finish_run,
    get_sweep_checkpoint,
    list_sync_state,
    note_sample,
    sample_ids,
)
from support.mirror import MANIFEST, Reader, execute, make_page, make_place, moment, record, stamp

IS_OF_KIND = "UPDATE openfaith.sync_run SET kind = %s WHERE run_id = %s"


def said(key: str, name: str, at: float = 10) -> bytes:
    return record(key, name=name, updated_at=stamp(at))


async def sweep(reader: Reader, *records: bytes, at: float = 20, closed: bool = False) -> Committed:
    """Commit the next page of a sweep."""
    writer = PageWriter(reader.database, MANIFEST, reader.entity, blind=BlindChanges(MANIFEST))
    place = make_place(reader.held, reader.held.pages + 1)
    checkpoint = json.dumps({"sweep": 1, "page": place.number, "closed": closed})
    committed = await writer.commit(make_page(*records, at=at), replace(place, checkpoint=checkpoint))
    reader.held = replace(reader.held, pages=place.number)
    return committed


async def test_other_content_under_the_same_stamp_is_a_blind_change(reader: Reader) -> None:
    await reader.store(said("1", "Ann"), said("2", "Bob"), said("3", "Cid"))
    committed = await sweep(reader, said("1", "Anna"), said("2", "Bob"), said("3", "Cyd"))
    assert committed.parts[0].blind_changes == 2
    assert (await reader.entity_run())["blind_changes"] == 2
    assert (await reader.row("1"))["name"] == "Anna"


async def test_what_is_new_or_has_a_new_stamp_or_says_the_same_is_none(reader: Reader) -> None:
    await reader.store(said("1", "Ann"), said("2", "Bob"))
    committed = await sweep(reader, said("1", "Anna", at=15), said("2", "Bob"), said("3", "Cid"))
    assert (committed.counts.inserted, committed.counts.updated) == (1, 1)
    assert committed.parts[0].blind_changes == 0


async def test_a_record_without_a_stamp_has_none_that_could_fail_to_move(reader: Reader) -> None:
    await reader.store(record("1", name="Ann"))
    assert (await sweep(reader, record("1", name="Anna"))).parts[0].blind_changes == 0


async def test_a_row_that_is_only_written_in_another_form_has_not_changed(reader: Reader) -> None:
    """As after an upgrade that gives a column another type: then every hash differs."""
    await reader.store(said("1", "Ann"), said("2", "Bob"))
    table = ".".join(reader.table)
    await execute(reader.database, f"UPDATE {table} SET _hash = _hash + 1 WHERE org_id = %s", reader.org_id)
    committed = await sweep(reader, said("1", "Ann"), said("2", "Bobby"))
    assert (committed.counts.updated, committed.parts[0].blind_changes) == (2, 1)


async def test_a_record_that_comes_back_has_not_changed_blindly(reader: Reader) -> None:
    await reader.store(said("1", "Ann"))
    table = ".".join(reader.table)
    await execute(reader.database, f"UPDATE {table} SET _deleted_at = now() WHERE org_id = %s", reader.org_id)
    committed = await sweep(reader, said("1", "Anna"))
    assert (committed.counts.updated, committed.parts[0].blind_changes) == (1, 0)


async def test_older_content_is_not_stored_and_no_change(reader: Reader) -> None:
    await reader.store(said("1", "Ann"), at=30)
    assert (await sweep(reader, said("1", "Anna"), at=20)).parts[0].blind_changes == 0


@pytest.mark.parametrize(
    "poison", [b"{", b"5", record("9", name="a\x00b"), record("1", name="twice"), b'{"type": "Member"}']
)
async def test_a_page_with_a_bad_record_is_counted_too(reader: Reader, poison: bytes) -> None:
    await reader.store(said("1", "Ann"))
    committed = await sweep(reader, poison, said("1", "Anna"))
    assert committed.parts[0].blind_changes == 1
    assert (await reader.entity_run())["blind_changes"] == 1


async def end(reader: Reader, status: EntityStatus = EntityStatus.COMPLETED) -> EntityState:
    await execute(reader.database, IS_OF_KIND, SyncKind.SWEEP, reader.run_id)
    await finish_entity_run(
        reader.database, reader.run_id, reader.entity.name, status=status, table=reader.table
    )
    await finish_run(reader.database, reader.run_id)
    [state] = await list_sync_state(reader.database, reader.org_id)
    return state


async def begin(reader: Reader, started_at: float) -> Reader:
    return await Reader.begin(reader.database, org=reader.org_id, started_at=started_at)


async def place(reader: Reader) -> object:
    return await get_sweep_checkpoint(reader.database, reader.org_id, MANIFEST.adapter, reader.entity.name)


async def test_sweeps_are_added_up_until_their_cycle_is_closed(reader: Reader) -> None:
    await reader.store(said("1", "Ann"), said("2", "Bob"))
    await reader.complete()
    first = await begin(reader, 100)
    await sweep(first, said("1", "Anna"))
    state = await end(first)
    assert (state.swept_rows, state.blind_changes, state.cycle_closed_at) == (1, 1, None)
    assert (state.last_swept_at, state.watermark) == (moment(100), moment(0))
    assert await place(reader) == {"sweep": 1, "page": 1, "closed": False}
    second = await begin(reader, 200)
    await sweep(second, said("2", "Bob"), closed=True)
    state = await end(second)
    assert (state.swept_rows, state.blind_changes, state.blind_change_rate) == (2, 1, 0.5)
    assert state.cycle_closed_at is not None
    third = await begin(reader, 300)
    await sweep(third, said("1", "Ann"), said("2", "Bobby"), closed=True)
    state = await end(third)
    assert (state.swept_rows, state.blind_changes) == (2, 2)


@pytest.mark.parametrize("status", [EntityStatus.FAILED, EntityStatus.CANCELLED])
async def test_a_sweep_that_did_not_complete_has_moved_nothing(reader: Reader, status: EntityStatus) -> None:
    await sweep(reader, said("1", "Ann"))
    before = await end(reader)
    later = await begin(reader, 100)
    await sweep(later, said("1", "Anna"), closed=True)
    state = await end(later, status)
    assert (
        replace(
            state,
            last_run_id=before.last_run_id,
            last_status=before.last_status,
            swept_seconds=before.swept_seconds,
        )
        == before
    )
    assert await place(reader) == {"sweep": 1, "page": 1, "closed": False}


async def test_a_full_run_leaves_sweeps_where_they_are(reader: Reader) -> None:
    await sweep(reader, said("1", "Ann"))
    before = await end(reader)
    full = await begin(reader, 100)
    await full.store(said("1", "Ann"))
    await full.complete()
    [state] = await list_sync_state(reader.database, reader.org_id)
    assert (state.swept_rows, state.last_swept_at) == (before.swept_rows, before.last_swept_at)
    assert await place(reader) == {"sweep": 1, "page": 1, "closed": False}


async def sample(reader: Reader) -> list[str]:
    return list(await sample_ids(reader.database, MANIFEST, reader.entity, reader.org_id, size=5))


async def keep_sample(reader: Reader, sampled: int) -> None:
    await execute(reader.database, IS_OF_KIND, SyncKind.RECONCILIATION, reader.run_id)
    await note_sample(reader.database, reader.held, sampled)
    await reader.complete()


async def test_a_sample_is_the_same_until_it_is_kept_and_then_another(reader: Reader) -> None:
    """So a dry run samples what the run after it does."""
    await reader.store(*(said(str(n), "Ann") for n in range(100)))
    before = await sample(reader)
    assert len(set(before)) == 5
    assert await sample(reader) == before
    later = await reader.begin_again(started_at=50)
    assert await sample(later) == before
    await keep_sample(later, 5)
    assert await sample(later) != before


async def test_a_sample_is_kept_by_the_run_that_completes(reader: Reader) -> None:
    await reader.store(said("1", "Ann"), said("2", "Bob"))
    await sweep(reader, said("1", "Anna"), said("2", "Bob"))
    await keep_sample(reader, 2)
    [state] = await list_sync_state(reader.database, reader.org_id)
    assert (state.sampled, state.sampled_different, state.sampled_at) == (2, 1, moment(0))
    assert state.sampled_seconds is not None


async def test_nobody_else_keeps_a_sample(reader: Reader) -> None:
    with pytest.raises(LeaseLostError):
        await note_sample(reader.database, replace(reader.held, fence=reader.held.fence - 1), 2)
