"""Who does not hold the newest token writes nothing, whenever it comes."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from openfaith.errors import DatabaseUnavailableError, LeaseLostError
from openfaith.records import EntityStatus
from openfaith.store import Committed, PageWriter, cancel_run, finish_entity_run, finish_run, retry_run
from support.mirror import Reader, ask, blocking, make_page, make_place, record, take, wait_until_blocked


async def everything(reader: Reader) -> list[object]:
    """All that a page writes to, but for when."""
    run = await reader.entity_run()
    return [
        await reader.rows(),
        await reader.ledger(),
        await reader.letters(),
        run["checkpoint"],
        run["pages"],
    ]


async def taken_over(reader: Reader) -> Reader:
    """The same entity run in other hands."""
    held = await take(reader.database, reader.run_id, reader.entity)
    return replace(reader, held=held)


@pytest.mark.parametrize("beside", [[], [b"a bad record"]])
async def test_a_superseded_token_writes_nothing(reader: Reader, beside: list[bytes]) -> None:
    await reader.store(record("1"))
    await taken_over(reader)
    before = await everything(reader)
    with pytest.raises(LeaseLostError) as caught:
        await reader.store(record("2"), record("1", name="zombie"), *beside, at=1)
    assert (caught.value.entity_run, caught.value.fence) == (reader.held.entity_run_id, 1)
    assert await everything(reader) == before


async def test_a_token_from_the_future_writes_nothing(reader: Reader) -> None:
    with pytest.raises(LeaseLostError):
        await replace(reader, held=replace(reader.held, fence=2)).store(record("1"))
    assert await reader.rows() == {}


@pytest.mark.parametrize("number", [0, 1, 3])
async def test_a_page_that_is_not_the_next_writes_nothing(reader: Reader, number: int) -> None:
    """Neither can a page be committed twice, nor one be left out."""
    await reader.store(record("1"))
    before = await everything(reader)
    writer = PageWriter(reader.database, reader.manifest, reader.entity)
    with pytest.raises(LeaseLostError):
        await writer.commit(make_page(record("2"), at=1), make_place(reader.held, number))
    assert await everything(reader) == before


@pytest.mark.parametrize("status", [EntityStatus.COMPLETED, EntityStatus.FAILED, EntityStatus.CANCELLED])
async def test_a_settled_entity_run_takes_no_page(reader: Reader, status: EntityStatus) -> None:
    await finish_entity_run(
        reader.database, reader.run_id, reader.entity.name, status=status, table=reader.table
    )
    with pytest.raises(LeaseLostError):
        await reader.store(record("1"))
    assert await reader.rows() == {}


async def test_a_run_that_was_ended_and_retried_takes_no_page_of_the_former_attempt(reader: Reader) -> None:
    await finish_run(reader.database, reader.run_id, reason="its process is gone")
    await retry_run(reader.database, reader.run_id)
    with pytest.raises(LeaseLostError):
        await reader.store(record("1"))
    assert await reader.rows() == {}


async def test_whoever_takes_over_continues_after_the_last_page(reader: Reader) -> None:
    await reader.store(record("1"))
    other = await taken_over(reader)
    assert (other.held.fence, other.held.pages, other.held.checkpoint) == (2, 1, {"page": 1})
    await other.store(record("2"), at=1)
    assert [line["fence"] for line in await reader.ledger()] == [1, 2]


async def test_a_page_that_waited_while_its_token_was_superseded_writes_nothing(reader: Reader) -> None:
    async with blocking(reader.database, reader) as connection:
        waiting = asyncio.create_task(reader.store(record("1")))
        await wait_until_blocked(reader.database)
        await connection.execute(
            "UPDATE openfaith.entity_run SET fence = fence + 1 WHERE entity_run_id = %s",
            (reader.held.entity_run_id,),
        )
    with pytest.raises(LeaseLostError):
        await waiting
    assert await everything(reader) == [{}, [], [], None, 0]


async def test_whoever_takes_over_waits_for_the_page_that_is_being_written(reader: Reader) -> None:
    async with blocking(reader.database, reader) as connection:
        taking = asyncio.create_task(taken_over(reader))
        await wait_until_blocked(reader.database)
        await connection.execute(
            "UPDATE openfaith.entity_run SET pages = 1, checkpoint = '{\"page\": 1}' WHERE entity_run_id = %s",
            (reader.held.entity_run_id,),
        )
    other = await taking
    assert (other.held.fence, other.held.checkpoint) == (2, {"page": 1})


async def test_a_cancellation_is_seen_by_the_page_that_waited_for_it(reader: Reader) -> None:
    async with blocking(reader.database, reader) as connection:
        waiting = asyncio.create_task(reader.store(record("1")))
        await wait_until_blocked(reader.database)
        await connection.execute(
            "UPDATE openfaith.entity_run SET cancel_requested = true, requests = 7 WHERE entity_run_id = %s",
            (reader.held.entity_run_id,),
        )
    assert (await waiting).cancel_requested
    run = await reader.entity_run()
    assert (run["pages"], run["checkpoint"], run["requests"], run["inserted"]) == (1, {"page": 1}, 8, 1)
    assert list(await reader.rows()) == ["1"]


async def test_a_cancellation_is_seen_by_the_next_page(reader: Reader) -> None:
    assert not (await reader.store(record("1"))).cancel_requested
    await cancel_run(reader.database, reader.run_id)
    assert (await reader.store(record("2"))).cancel_requested
    assert (await reader.store(b"a bad record")).cancel_requested


async def test_an_old_and_a_new_token_never_both_commit_a_page(reader: Reader) -> None:
    """Whoever comes first in each round: a page has one writer."""

    async def attempt(holder: Reader, name: str) -> Committed | None:
        try:
            return await holder.store(record(name, name=name), at=holder.held.pages)
        except LeaseLostError:
            return None

    async def take_over_and_commit(name: str) -> Reader:
        other = await taken_over(reader)
        assert await attempt(other, name) is not None
        return other

    holder = reader
    for round_number in range(15):
        before = len(await reader.ledger())
        old, holder = await asyncio.gather(
            attempt(holder, f"old {round_number}"), take_over_and_commit(f"new {round_number}")
        )
        lines = (await reader.ledger())[before:]
        rows = await reader.rows()
        assert len(lines) == (1 if old is None else 2)
        assert (f"old {round_number}" in rows) == (old is not None)
        assert len({line["fence"] for line in lines}) == len(lines)


async def test_a_page_whose_connection_is_lost_is_unavailable_and_can_be_committed_again(
    reader: Reader, shared_url: str
) -> None:
    async with blocking(reader.database, reader):
        waiting = asyncio.create_task(reader.store(record("1")))
        await wait_until_blocked(reader.database)
        ask(
            shared_url,
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND wait_event_type = 'Lock'",
        )
        with pytest.raises(DatabaseUnavailableError):
            await waiting
    assert await everything(reader) == [{}, [], [], None, 0]
    await reader.store(record("1"))
    assert list(await reader.rows()) == ["1"]
