"""Merges that the stored log tells of are applied when it has been read, over PostgreSQL."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

import pytest

from openfaith.errors import LeaseLostError
from openfaith.records import EntityName, OrgId, RunId
from openfaith.simulator import RunningSimulator, SimulatorOptions
from openfaith.source import SourceClient, parse_token
from openfaith.store import (
    Database,
    DeletionPolicy,
    HeldEntityRun,
    list_told,
    open_database,
    set_deletion_policy,
)
from openfaith.workflows import merging
from openfaith.workflows.assignments import Assignment
from openfaith.workflows.merging import Survivor, apply_merges, find_survivor
from openfaith.workflows.runtime import Runtime
from support.church import MANIFEST, Row, open_model, read, store, the
from support.mirror import connect_org, execute, fetch, moment, start_run, take
from support.postgres import Databases

PERSON = MANIFEST.entities[EntityName("people.Person")]
MERGER = MANIFEST.entities[EntityName("people.PersonMerger")]
[LOG] = MANIFEST.merges
READ_AT = moment(100)
"""When the log was read; everything else was, before that."""


@pytest.fixture(scope="module")
def model_url(databases: Databases) -> Iterator[str]:
    """A database for the whole module, whose tests stay apart by their organizations."""

    async def install(url: str) -> None:
        async with open_model(url):
            pass

    with databases.fresh() as url:
        asyncio.run(install(url))
        yield url


@dataclass
class Church:
    """A run that has read the log, and is about to settle it."""

    runtime: Runtime
    org: OrgId
    run_id: RunId
    held: HeldEntityRun

    @property
    def database(self) -> Database:
        return self.runtime.database

    async def people(self, *ids: str, at: float = 0, **columns: object) -> None:
        rows = {key: {"_requested_at": moment(at), **columns} for key in ids}
        await store(self.database, "people.Person", rows, org=self.org)

    async def mergers(self, *pairs: tuple[str, str], at: datetime = READ_AT) -> None:
        """Told in this order, each a second after the one before."""
        before = len(await self.rows("people_person_merger"))
        rows: dict[str, Mapping[str, object]] = {
            str(number): {
                "person_to_remove_id": removed,
                "person_to_keep_id": kept,
                "created_at": moment(number),
                "_requested_at": at,
            }
            for number, (removed, kept) in enumerate(pairs, start=before + 1)
        }
        await store(self.database, "people.PersonMerger", rows, org=self.org)

    async def apply(self) -> int:
        return await apply_merges(self.runtime, self.assignment(), self.held)

    def assignment(self) -> Assignment:
        return Assignment(
            run_id=self.run_id,
            org_id=self.org,
            adapter="pco",
            entity=MERGER,
            endpoint=MERGER.listing,
            version="",
            page_size=100,
        )

    async def rows(self, table: str) -> dict[str, Row]:
        found = await read(
            self.database, f"SELECT * FROM pco.{table} WHERE org_id = '{self.org}' ORDER BY id"
        )
        return {row["id"]: row for row in found}

    async def aliases(self) -> dict[str, str]:
        people = await self.rows("people_person")
        return {key: row["_merged_into"] for key, row in people.items() if row["_merged_into"]}

    async def living(self) -> set[str]:
        return {key for key, row in (await self.rows("people_person")).items() if row["_deleted_at"] is None}

    async def events(self) -> list[Row]:
        return await fetch(
            self.database,
            "SELECT entity, details FROM openfaith.event WHERE org_id = %s AND name = 'RecordsMerged' ORDER BY at",
            self.org,
        )

    async def deleted(self) -> dict[str, int]:
        rows = await fetch(
            self.database, "SELECT entity, deleted FROM openfaith.entity_run WHERE run_id = %s", self.run_id
        )
        return {row["entity"]: row["deleted"] for row in rows if row["deleted"]}


@pytest.fixture
async def church(model_url: str) -> AsyncIterator[Church]:
    async with open_database(model_url, connections=3) as database:
        runtime = Runtime(database=database, manifests={"pco": MANIFEST}, keys=(), entities_in_flight=1)
        org = await connect_org(database, f"org-{secrets.token_hex(6)}")
        run_id = await start_run(database, org, PERSON, MERGER, adapter="pco")
        yield Church(runtime, org, run_id, await take(database, run_id, MERGER))


async def test_a_merged_person_becomes_an_alias_and_what_referred_to_it_follows(church: Church) -> None:
    await church.people("1", "2", "3")
    await store(
        church.database, "people.Email", {"e": {"person_id": "2", "_requested_at": moment(0)}}, org=church.org
    )
    await church.mergers(("2", "1"))
    assert await church.apply() == 1
    assert await church.aliases() == {"2": "1"}
    assert await church.living() == {"1", "3"}
    row = (await church.rows("people_person"))["2"]
    assert (row["_deleted_at"], row["_requested_at"]) == (READ_AT, READ_AT)
    assert (await church.rows("people_email"))["e"]["person_id"] == "1"
    assert await church.deleted() == {"people.Person": 1}
    [event] = await church.events()
    assert event["entity"] == "people.Person"
    assert event["details"] == {"merged": 1, "repointed": {"people.Email.person_id": 1}}


async def test_the_log_itself_stays_as_the_source_has_it(church: Church) -> None:
    await church.people("1", "2")
    relationships = {"person_to_remove_relationship_id": "2", "person_to_keep_relationship_id": "1"}
    merger = {"person_to_remove_id": "2", "person_to_keep_id": "1", "_requested_at": READ_AT, **relationships}
    await store(church.database, "people.PersonMerger", {"1": merger}, org=church.org)
    before = await church.rows("people_person_merger")
    assert await church.apply() == 1
    assert await church.rows("people_person_merger") == before


async def test_canonical_views_show_who_is_left(church: Church) -> None:
    """A donation that was read later, and still names the old id, leads to the survivor too."""
    await church.people("1", "2", "3")
    donation = {"person_id": "1", "_requested_at": moment(500)}
    await store(church.database, "giving.Donation", {"d": donation}, org=church.org)
    await church.mergers(("1", "2"), ("2", "3"))
    assert await church.apply() == 2
    third = the("person", "3", org=church.org)
    [shown] = await read(
        church.database, f"SELECT person_id FROM canonical.donation WHERE org_id = '{church.org}'"
    )
    assert shown["person_id"] == third
    links = await read(
        church.database,
        f"SELECT external_id, canonical_id, is_merged FROM canonical.external_link"
        f" WHERE org_id = '{church.org}' AND entity = 'people.Person' ORDER BY external_id",
    )
    assert [tuple(link.values()) for link in links] == [
        ("1", third, True),
        ("2", third, True),
        ("3", third, False),
    ]
    survivors = await read(
        church.database, f"SELECT * FROM canonical._person_survivor WHERE org_id = '{church.org}'"
    )
    assert {row["external_id"]: row["survivor_id"] for row in survivors} == {"1": "3", "2": "3"}
    people = await read(
        church.database, f"SELECT external_id FROM canonical.person WHERE org_id = '{church.org}'"
    )
    assert [row["external_id"] for row in people] == ["3"]


async def test_to_apply_again_changes_nothing_and_tells_nothing(church: Church) -> None:
    await church.people("1", "2")
    await church.mergers(("2", "1"))
    assert await church.apply() == 1
    before = await church.rows("people_person")
    assert await church.apply() == 0
    assert await church.rows("people_person") == before
    assert len(await church.events()) == 1
    assert await church.deleted() == {"people.Person": 1}


async def test_whoever_was_written_after_the_word_of_the_log_lives(church: Church) -> None:
    await church.people("1")
    await church.people("2", at=101)
    await church.mergers(("2", "1"))
    assert await church.apply() == 0
    assert await church.living() == {"1", "2"}


async def test_whoever_was_deleted_becomes_an_alias_however_old_the_word_of_the_log(church: Church) -> None:
    await church.people("1")
    await church.people("2", at=50, _deleted_at=moment(50))
    await church.people("3", at=150, _deleted_at=moment(150))
    await church.mergers(("2", "1"), ("3", "1"))
    assert await church.apply() == 2
    people = await church.rows("people_person")
    assert await church.aliases() == {"2": "1", "3": "1"}
    assert [people[key]["_deleted_at"] for key in "23"] == [moment(50), moment(150)]
    assert [people[key]["_requested_at"] for key in "23"] == [READ_AT, moment(150)]
    assert await church.apply() == 0


async def test_a_survivor_need_not_be_stored(church: Church) -> None:
    await church.people("1")
    await church.mergers(("1", "9"))
    assert await church.apply() == 1
    assert await church.aliases() == {"1": "9"}


async def test_a_chain_leads_over_people_that_we_never_had(church: Church) -> None:
    await church.people("1", "4")
    await church.mergers(("1", "2"))
    await church.apply()
    assert await church.aliases() == {"1": "2"}
    await church.mergers(("2", "3"), ("3", "4"))
    assert await church.apply() == 1
    assert await church.aliases() == {"1": "4"}
    await church.people("5")
    await church.mergers(("5", "2"))
    await church.apply()
    assert await church.aliases() == {"1": "4", "5": "4"}


async def test_what_cannot_be_an_id_is_nobodys_survivor_and_links_no_chain(church: Church) -> None:
    """As where a source sends an object in the place of an id, of two merges that have nothing to do with each other."""
    await church.people("1", "2", "3")
    await church.mergers(("1", '{"unexpected": ["object"]}'), ('{"unexpected": ["object"]}', "3"), ("2", ""))
    assert await church.apply() == 0
    assert await church.aliases() == {}
    assert await church.living() == {"1", "2", "3"}


async def test_of_several_words_about_one_person_the_newest_counts(church: Church) -> None:
    await church.people("1", "2", "3")
    await church.mergers(("1", "2"), ("1", "3"))
    assert await church.apply() == 1
    assert await church.aliases() == {"1": "3"}


async def test_of_a_circle_nobody_is_touched_and_what_follows_is_applied(
    church: Church, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(merging, "AT_ONCE", 1)
    await church.people("1", "2", "3", "4")
    await church.mergers(("1", "2"), ("2", "1"), ("3", "4"), ("4", "4"))
    assert await church.apply() == 1
    assert await church.aliases() == {"3": "4"}


async def test_words_from_different_times_are_each_of_their_own(church: Church) -> None:
    await church.people("1", "2", "3")
    await church.mergers(("1", "3"), at=moment(200))
    await church.mergers(("2", "3"), at=moment(300))
    assert await church.apply() == 2
    people = await church.rows("people_person")
    assert [people[key]["_requested_at"] for key in "12"] == [moment(200), moment(300)]
    [event] = await church.events()
    assert event["details"]["merged"] == 2


async def test_many_are_applied_in_parts_and_a_crash_between_them_loses_nothing(
    church: Church, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(merging, "AT_ONCE", 2)
    gone = [str(number) for number in range(2, 9)]
    await church.people("1", *gone)
    await church.mergers(*((key, "1") for key in gone))
    tell, told = church.runtime.tell, 0

    async def crash(*events: object) -> None:
        nonlocal told
        told += 1
        if told == 2:
            raise KeyboardInterrupt
        await tell(*events)  # type: ignore[arg-type]  # whatever it is told

    monkeypatch.setattr(church.runtime, "tell", crash)
    with pytest.raises(KeyboardInterrupt):
        await church.apply()
    assert len(await church.aliases()) == 4
    again = replace(church, held=await take(church.database, church.run_id, MERGER))
    assert await again.apply() == 3
    assert await church.aliases() == dict.fromkeys(gone, "1")
    assert await church.deleted() == {"people.Person": 7}


async def test_whoever_lost_the_log_applies_nothing(church: Church) -> None:
    await church.people("1", "2")
    await church.mergers(("2", "1"))
    await take(church.database, church.run_id, MERGER)
    with pytest.raises(LeaseLostError):
        await church.apply()
    assert await church.aliases() == {}


async def test_a_run_of_the_log_alone_applies_it(church: Church) -> None:
    await church.people("1", "2")
    await church.mergers(("2", "1"))
    await execute(
        church.database,
        "UPDATE openfaith.sync_run SET status = 'failed', finished_at = now() WHERE run_id = %s",
        church.run_id,
    )
    await execute(
        church.database,
        "UPDATE openfaith.entity_run SET status = 'cancelled', finished_at = now() WHERE run_id = %s",
        church.run_id,
    )
    run_id = await start_run(church.database, church.org, MERGER, adapter="pco", named=True)
    alone = replace(church, run_id=run_id, held=await take(church.database, run_id, MERGER))
    assert await alone.apply() == 1
    assert await alone.deleted() == {}


async def test_the_logs_own_listing_does_not_count_other_records(church: Church) -> None:
    """Ids of mergers and people may be the same, and say nothing of each other."""
    for entity in (PERSON, MERGER):
        await execute(
            church.database,
            "INSERT INTO openfaith.listing (entity_run_id, org_id, adapter, entity, started_at)"
            " SELECT entity_run_id, org_id, adapter, entity, now() FROM openfaith.entity_run"
            " WHERE run_id = %s AND entity = %s",
            church.run_id,
            entity.name,
        )
    await execute(
        church.database,
        "INSERT INTO openfaith.difference (entity_run_id, id, kind, state)"
        " SELECT entity_run_id, '2', 'suspect', 'open' FROM openfaith.entity_run WHERE run_id = %s",
        church.run_id,
    )
    await church.people("1", "2")
    await church.mergers(("2", "1"))
    await church.apply()
    listings = await fetch(
        church.database,
        "SELECT l.entity, l.merged, d.state FROM openfaith.listing AS l JOIN openfaith.difference AS d USING (entity_run_id)"
        " WHERE l.org_id = %s ORDER BY l.entity",
        church.org,
    )
    assert [tuple(row.values()) for row in listings] == [
        ("people.Person", 1, "settled"),
        ("people.PersonMerger", 0, "open"),
    ]


async def test_a_merge_in_one_organization_is_none_in_another(church: Church) -> None:
    other = await connect_org(church.database, f"{church.org}-2")
    await store(church.database, "people.Person", {"2": {"_requested_at": moment(0)}}, org=other)
    await church.people("1")
    await church.mergers(("2", "1"))
    assert await church.apply() == 0
    assert (await list_told(church.database, MANIFEST, LOG, other)).survivors == {}


async def test_an_alias_of_a_hard_deletion_keeps_no_more_than_its_survivor(church: Church) -> None:
    await set_deletion_policy(church.database, church.org, "pco", PERSON.name, DeletionPolicy.HARD)
    await church.people("1", "2", name="Ann Abel")
    await church.mergers(("2", "1"))
    assert await church.apply() == 1
    assert (await church.rows("people_person"))["2"]["name"] is None
    assert await church.aliases() == {"2": "1"}


async def test_the_source_is_asked_who_is_left() -> None:
    options = SimulatorOptions(people=20, products=("people",))
    with RunningSimulator(options) as running:
        async with SourceClient(base_url=running.base_url, token=parse_token("simulator:secret")) as client:
            page = await client.get_page("/people/v2/people", {"per_page": "4"}, version=None)
            first, second, third, other = (str(row.id) for row in page.rows)
            for loser, keeper in ((first, second), (second, third)):
                running.control("change", {"action": "merge", "loser": loser, "keeper": keeper})
            running.control("change", {"action": "delete", "entity": "Person", "ids": [other]})
            assert await find_survivor(client, MANIFEST, LOG, first) == Survivor(id=third, requests=3)
            assert await find_survivor(client, MANIFEST, LOG, other) == Survivor(id=None, requests=1)


async def test_what_is_no_log_has_nothing_to_apply(church: Church) -> None:
    await church.people("1", "2")
    await church.mergers(("2", "1"))
    assert await apply_merges(church.runtime, replace(church.assignment(), entity=PERSON), church.held) == 0
    assert await church.aliases() == {}
