"""The parents of a nested walk: our own rows, in one order, a few at a time; and those that were left behind."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from openfaith.errors import LeaseLostError
from openfaith.manifest import Below
from openfaith.records import EntityRunId
from openfaith.store import (
    Database,
    PageWriter,
    ParentRow,
    cancel_run,
    count_parent_failures,
    finish_run,
    list_parents,
    note_checkpoint,
)
from support.mirror import Examples, Reader, execute, make_page, make_place, open_sample, record, take, to_one
from unit.manifest.samples import endpoint, listed, load, nested

CARD = listed("cards", relationships={"person": {"to": "Person"}})
CARD["endpoints"] = [
    endpoint("list", "/church/v1/cards", collection=True),
    endpoint("of_person", "/church/v1/people/{id}/cards", collection=True),
]
MANIFEST = replace(
    load(
        {
            "Person": listed("people"),
            "Note": nested("people/{person_id}/notes"),
            "Card": CARD,
            "Line": nested("people/{person_id}/cards/{card_id}/lines"),
        }
    ),
    adapter="walking",
)
PERSON, NOTE, CARDS, LINE = MANIFEST.entities.values()


async def failures(database: Database, entity_run: EntityRunId) -> tuple[int, str | None]:
    """How many parents failed, and why one of them did."""
    found = await count_parent_failures(database, entity_run)
    return found.failed, found.failure


def place(below: Below | None) -> Below:
    assert below is not None
    return below


@pytest.fixture
async def database(shared_url: str) -> AsyncIterator[Database]:
    async with open_sample(shared_url, manifest=MANIFEST) as opened:
        yield opened


@dataclass
class People:
    """An organization's people, below whom notes are read by an entity run."""

    reader: Reader

    @classmethod
    async def stored(cls, database: Database, *keys: str, org: str | None = None) -> People:
        org = org or f"walking-{secrets.token_hex(6)}"
        reader = await Reader.begin(database, PERSON, org=org, manifest=MANIFEST)
        await reader.store(*(record(key, "Person", name=key) for key in keys))
        return cls(reader)

    @property
    def run(self) -> EntityRunId:
        return self.reader.held.entity_run_id

    async def listed(
        self, after: str | None = None, limit: int = 100, failed_of: EntityRunId | None = None
    ) -> list[str]:
        rows = await list_parents(
            self.reader.database, MANIFEST, place(NOTE.below), self.reader.org_id, after=after, limit=limit, failed_of=failed_of
        )  # fmt: skip
        assert all(row.ids == {"person_id": row.id} for row in rows)
        return [row.id for row in rows]

    async def batches(self, limit: int, failed_of: EntityRunId | None = None) -> list[list[str]]:
        """All of them, as a walk asks for them."""
        found: list[list[str]] = []
        while batch := await self.listed(found[-1][-1] if found else None, limit, failed_of):
            found.append(batch)
        return found

    async def fail(self, *keys: str, reason: str = "503") -> None:
        for key in keys:
            await note_checkpoint(self.reader.database, self.reader.held, "{}", parent_id=key, reason=reason)


async def test_parents_come_in_the_order_of_their_ids_a_few_at_a_time(database: Database) -> None:
    people = await People.stored(database, "b", "30", "2", "a", "1")
    assert await people.listed() == ["1", "2", "30", "a", "b"]
    assert await people.batches(2) == [["1", "2"], ["30", "a"], ["b"]]


async def test_a_walk_goes_on_after_an_id_that_is_gone_meanwhile(database: Database) -> None:
    people = await People.stored(database, "1", "2", "3")
    await execute(
        database,
        "DELETE FROM walking.church_person WHERE org_id = %s AND id = '2'",
        people.reader.org_id,
    )
    assert await people.listed(after="2") == ["3"]


async def test_tombstones_are_no_parents(database: Database) -> None:
    people = await People.stored(database, "1", "2", "3")
    await execute(
        database,
        "UPDATE walking.church_person SET _deleted_at = now() WHERE org_id = %s AND id = '2'",
        people.reader.org_id,
    )
    assert await people.listed() == ["1", "3"]


async def test_another_organizations_rows_are_no_parents(database: Database) -> None:
    people, others = await People.stored(database, "1"), await People.stored(database, "2")
    assert (await people.listed(), await others.listed()) == (["1"], ["2"])


async def test_without_rows_there_are_no_parents(database: Database) -> None:
    assert await (await People.stored(database)).listed() == []


@pytest.fixture
def walking(shared_url: str, examples: Examples) -> Examples:
    async def made() -> None:
        async with open_sample(shared_url, manifest=MANIFEST):
            pass

    examples.run(made())
    return examples


plain_ids = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=4)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(keys=st.sets(plain_ids.filter(lambda key: key not in {"true", "false"} and key[0] not in "[{"), max_size=12), limit=st.integers(1, 5))  # fmt: skip
def test_batches_have_every_parent_once_whatever_its_id(
    walking: Examples, keys: set[str], limit: int
) -> None:
    async def listed_and_in_batches() -> tuple[list[str], list[str]]:
        people = await People.stored(walking.database, *keys, org=walking.new_org())
        return await people.listed(), [key for batch in await people.batches(limit) for key in batch]

    whole, batches = walking.run(listed_and_in_batches())
    assert sorted(whole) == sorted(keys)
    assert batches == whole


# Ids of the path


async def test_the_ids_of_a_path_come_from_the_columns_of_the_parents_row(database: Database) -> None:
    reader = await Reader.begin(database, CARDS, org=f"walking-{secrets.token_hex(6)}", manifest=MANIFEST)
    pointing = record("5", "Card", relationships={"person": to_one("7", "Person")}, name="card")
    await reader.store(pointing, record("6", "Card", name="card"))
    found = await list_parents(database, MANIFEST, place(LINE.below), reader.org_id, after=None, limit=9)
    assert found == [
        ParentRow(id="5", ids={"person_id": "7", "card_id": "5"}),
        ParentRow(id="6", ids={"person_id": None, "card_id": "6"}),
    ]
    assert [row.fault(place(LINE.below)) for row in found] == [
        None,
        "its row has no person_id (column person_id)",
    ]


@pytest.mark.parametrize("key", ["1", "123456789012", "a-b_c", "A:1", "1.5", "~x", "-7", "primary"])
def test_an_ordinary_id_can_stand_in_a_path(key: str) -> None:
    assert ParentRow(id="1", ids={"person_id": key, "card_id": "5"}).fault(place(LINE.below)) is None


@pytest.mark.parametrize(
    "key",
    [".", "..", ".git", "1/2", "../people", "1?include=x", "1#x", "a b", "1\n", "%2e%2e", "ü", "\uff11", "{id}", "1&2", "a\\b"],
)  # fmt: skip
def test_an_id_that_would_lead_elsewhere_is_told_by_its_name_and_column(key: str) -> None:
    """And not by its value: what stands there is no id."""
    row = ParentRow(id=key, ids={"person_id": "7", "card_id": key})
    assert row.fault(place(LINE.below)) == "its card_id (column id) cannot stand in a path"


@pytest.mark.parametrize("key", [None, ""])
def test_every_id_that_is_amiss_is_told(key: str | None) -> None:
    row = ParentRow(id="1", ids={"person_id": key, "card_id": "a/b"})
    assert row.fault(place(LINE.below)) == (
        "its row has no person_id (column person_id); its card_id (column id) cannot stand in a path"
    )


async def test_the_ids_of_the_path_fill_the_columns_of_what_is_read_below(database: Database) -> None:
    reader = await Reader.begin(database, LINE, org=f"walking-{secrets.token_hex(6)}", manifest=MANIFEST)
    row = ParentRow(id="5", ids={"person_id": "7", "card_id": "5"})
    below = replace(make_place(reader.held), parents=row.to_json())
    writer = PageWriter(database, MANIFEST, LINE)
    await writer.commit(make_page(record("1", "Line", name="line")), below)
    line = await reader.row("1")
    assert (line["person_id"], line["card_id"]) == ("7", "5")


# Left behind


async def test_only_those_that_failed_are_listed_again(database: Database) -> None:
    people = await People.stored(database, "1", "2", "3", "4")
    await people.fail("4", "2", "9")
    assert await people.batches(1, failed_of=people.run) == [["2"], ["4"]]
    assert await people.listed() == ["1", "2", "3", "4"]


async def test_a_failure_belongs_to_its_entity_run(database: Database) -> None:
    people, others = [await People.stored(database, "1", "2") for _ in range(2)]
    await people.fail("1")
    await others.fail("2")
    assert await people.listed(failed_of=people.run) == ["1"]
    assert await others.listed(failed_of=others.run) == ["2"]
    assert await failures(database, people.run) == (1, "503")


async def test_a_failure_is_counted_once_and_keeps_its_newest_reason(database: Database) -> None:
    people = await People.stored(database, "1")
    assert await failures(database, people.run) == (0, None)
    await people.fail("1", reason="500")
    await people.fail("1", reason="50\x003")
    assert await failures(database, people.run) == (1, "50\ufffd3")


async def test_what_could_be_read_after_all_is_forgotten(database: Database) -> None:
    people = await People.stored(database, "1", "2")
    await people.fail("1", "2")
    await note_checkpoint(database, people.reader.held, "{}", parent_id="1")
    await note_checkpoint(database, people.reader.held, "{}", parent_id="9")
    assert await people.listed(failed_of=people.run) == ["2"]


# Checkpoints without a page


async def test_a_checkpoint_is_kept_without_a_page(database: Database) -> None:
    reader = (await People.stored(database, "1")).reader
    before = await reader.entity_run()
    assert not await note_checkpoint(database, reader.held, '{"after": "1"}', requests=2)
    after = await reader.entity_run()
    assert after["checkpoint"] == {"after": "1"}
    assert (after["requests"], after["pages"]) == (before["requests"] + 2, before["pages"])
    await reader.store(record("2", "Person", name="2"), at=1)


async def test_a_superseded_token_keeps_no_checkpoint(database: Database) -> None:
    reader = (await People.stored(database, "1")).reader
    await take(database, reader.run_id, PERSON)
    before = await reader.entity_run()
    with pytest.raises(LeaseLostError):
        await note_checkpoint(database, reader.held, "{}", requests=1, parent_id="1", reason="503")
    assert await reader.entity_run() == before
    assert await failures(database, reader.held.entity_run_id) == (0, None)


async def test_a_settled_entity_run_keeps_no_checkpoint(database: Database) -> None:
    reader = (await People.stored(database, "1")).reader
    await finish_run(database, reader.run_id, reason="enough")
    with pytest.raises(LeaseLostError):
        await note_checkpoint(database, reader.held, "{}")


async def test_a_cancellation_is_seen_by_whoever_keeps_a_checkpoint(database: Database) -> None:
    reader = (await People.stored(database, "1")).reader
    await cancel_run(database, reader.run_id)
    assert await note_checkpoint(database, reader.held, "{}")


async def test_a_parent_is_read_after_all_with_the_page_that_says_so_or_not_at_all(
    database: Database,
) -> None:
    """The page, and that its parent is no longer left behind, are one transaction under one token."""
    reader = await Reader.begin(database, NOTE, org=f"walking-{secrets.token_hex(6)}", manifest=MANIFEST)
    run = reader.held.entity_run_id
    await note_checkpoint(database, reader.held, "{}", parent_id="1", reason="503")
    last = replace(make_place(reader.held), parents='{"person_id": "1"}', read_below="1")
    writer = PageWriter(database, MANIFEST, NOTE)
    with pytest.raises(LeaseLostError):
        await writer.commit(make_page(), replace(last, fence=last.fence - 1))
    assert await failures(database, run) == (1, "503")
    await writer.commit(make_page(), replace(last, read_below=None))
    assert await failures(database, run) == (1, "503")
    await writer.commit(make_page(), replace(last, number=2))
    assert await failures(database, run) == (0, None)
