"""Deleting: only what was proven to be gone, and nothing that was seen since."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from openfaith.errors import LeaseLostError
from openfaith.manifest import Entity
from openfaith.store import (
    Database,
    Deleted,
    DeletionPolicy,
    allow_deletions,
    decide_suspects,
    ensure_mirror_tables,
    get_deletion_policy,
    hold_suspects,
    list_reconciliations,
    open_database,
    set_deletion_policy,
)
from support.family import (
    GIFT,
    MANIFEST,
    MEMBERSHIP,
    NOTE,
    PERSON,
    begin,
    deleted_by_entity,
    living,
    put,
    rows,
)
from support.mirror import Reader, connect_org, execute, moment, record, take, wait_until_blocked
from support.reconciling import Reconciler, store

POLICIES = list(DeletionPolicy)
REMOVING = [DeletionPolicy.HARD, DeletionPolicy.ARCHIVE]


@pytest.fixture
async def database(shared_url: str) -> AsyncIterator[Database]:
    async with open_database(shared_url, connections=4) as opened:
        await ensure_mirror_tables(opened, MANIFEST)
        yield opened


@pytest.fixture
async def reader(database: Database) -> Reader:
    return await begin(database, f"org-{secrets.token_hex(6)}", MEMBERSHIP, NOTE)


@pytest.fixture
async def church(reader: Reader) -> Reconciler:
    """Three people are stored, the listing of one of them is about to begin."""
    await store(reader, ["1", "2", "3"])
    return await Reconciler.of(reader)


async def set_policy(reader: Reader, policy: DeletionPolicy, entity: Entity = PERSON) -> None:
    await set_deletion_policy(reader.database, reader.org_id, MANIFEST.adapter, entity.name, policy)


# Who may be deleted


async def test_a_confirmed_suspect_is_deleted_and_counted(church: Reconciler) -> None:
    await church.reconcile("1")
    done = await church.delete("2", at=200)
    assert (done.deleted, done.refuted) == (1, 0)
    assert await church.living() == {"1", "3"}
    row = await church.reader.row("2")
    assert (row["_deleted_at"], row["_requested_at"], row["_merged_into"]) == (moment(200), moment(200), None)
    assert row["_run_id"] == church.reader.run_id
    assert await deleted_by_entity(church.reader) == {"church.Person": 1}
    suspect = (await church.suspects())["2"]
    assert (suspect["state"], suspect["confirmed_at"]) == ("confirmed", moment(200))
    report = await church.report()
    assert (report.deleted, report.merged, report.confirmed, report.refuted) == (1, 0, 1, 0)


async def test_to_delete_again_changes_nothing(church: Reconciler) -> None:
    await church.reconcile("1")
    await church.delete("2")
    before = await church.reader.rows()
    assert (await church.delete("2", at=300)).deleted == 0
    assert await church.reader.rows() == before
    assert (await church.report()).deleted == 1


async def test_what_is_no_suspect_is_not_deleted(church: Reconciler) -> None:
    await church.reconcile("1", "3")
    assert (await church.delete("1", "3", "99")).deleted == 0
    assert await church.living() == {"1", "2", "3"}


async def test_nothing_is_deleted_before_the_guard_has_spoken(church: Reconciler) -> None:
    await church.reconcile("1", allow=False)
    assert (await church.delete("2")).deleted == 0
    await allow_deletions(church.database, church.reader.held)
    assert (await church.delete("2")).deleted == 1


async def test_what_waits_for_a_person_is_not_deleted_and_waits_on(church: Reconciler) -> None:
    await church.reconcile("1", allow=False)
    await hold_suspects(church.database, church.reader.held, "too many")
    assert await church.delete("2") == await church.delete("3")
    assert await church.living() == {"1", "2", "3"}
    assert {row["state"] for row in (await church.suspects()).values()} == {"held"}


async def test_what_a_person_approved_is_deleted_and_nothing_else(church: Reconciler) -> None:
    await church.reconcile("1", allow=False)
    await hold_suspects(church.database, church.reader.held, "too many")
    reader = church.reader
    await decide_suspects(
        reader.database, reader.org_id, "family", PERSON.name, ["2"], approve=True, by="ann"
    )
    assert (await church.delete("2", "3")).deleted == 1
    assert await church.living() == {"1", "3"}


async def test_what_a_person_rejected_is_not_deleted(church: Reconciler) -> None:
    await church.reconcile("1")
    reader = church.reader
    await decide_suspects(
        reader.database, reader.org_id, "family", PERSON.name, ["2"], approve=False, by="ann"
    )
    assert (await church.delete("2", "3")).deleted == 1
    assert await church.living() == {"1", "2"}


@pytest.mark.parametrize("requested_at", [100.5, 150, 199, 201])
async def test_a_suspect_that_was_written_since_its_listing_lives(
    church: Reconciler, requested_at: float
) -> None:
    await church.reconcile("1")
    await store(church.reader, ["2"], at=requested_at, changed_at=90)
    done = await church.delete("2", "3", at=200)
    assert (done.deleted, done.refuted) == (1, 1)
    assert await church.living() == {"1", "2"}
    assert {key: row["state"] for key, row in (await church.suspects()).items()} == {"3": "confirmed"}
    assert (await church.report()).refuted == 1


@pytest.mark.parametrize(("requested_at", "dies"), [(199, True), (200, True), (201, False)])
async def test_what_the_source_itself_told_of_needs_no_listing_but_to_be_newer(
    reader: Reader, requested_at: float, dies: bool
) -> None:
    await store(reader, ["1"], at=requested_at)
    done = await Reconciler(reader).delete("1", at=200, suspects_only=False)
    assert done.deleted == dies


async def test_only_the_holder_deletes(church: Reconciler) -> None:
    await church.reconcile("1")
    await take(church.database, church.reader.run_id, PERSON)
    with pytest.raises(LeaseLostError):
        await church.delete("2")
    with pytest.raises(LeaseLostError):
        await church.merge({"2": "1"})
    assert await church.living() == {"1", "2", "3"}


async def test_other_organizations_keep_their_rows(church: Reconciler, database: Database) -> None:
    other = await begin(database, f"other-{secrets.token_hex(6)}")
    await store(other, ["2"])
    await church.reconcile("1")
    await church.delete("2", "3")
    assert await living(other, PERSON) == {"2"}


async def test_a_page_that_is_being_written_is_waited_for(church: Reconciler) -> None:
    """And what it wrote is looked at: it was requested after the listing."""
    await church.reconcile("1")
    reader = church.reader
    async with reader.database.transaction() as connection:
        await connection.execute(
            "UPDATE family.church_person SET _requested_at = %s WHERE org_id = %s AND id = '2'",
            (moment(150), reader.org_id),
        )
        deleting = asyncio.create_task(church.delete("2", "3"))
        await wait_until_blocked(reader.database)
    assert (await deleting).deleted == 1
    assert await church.living() == {"1", "2"}


# Coming back


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize(("requested_at", "lives"), [(150, False), (199, False), (200, True), (250, True)])
async def test_an_older_page_does_not_bring_it_back_and_a_newer_one_does(
    church: Reconciler, policy: DeletionPolicy, requested_at: float, lives: bool
) -> None:
    await set_policy(church.reader, policy)
    await church.reconcile("1")
    await church.delete("2", at=200)
    await store(church.reader, ["2", "4"], at=requested_at, changed_at=500)
    assert await church.living() == {"1", "3", "4"} | ({"2"} if lives else set())
    again = [record("2", PERSON.type, name="older", updated_at=moment(900).isoformat())]
    await church.reader.store(*again, at=requested_at - 60)
    assert ("2" in await church.living()) == lives


@pytest.mark.parametrize("policy", POLICIES)
async def test_what_came_back_can_be_deleted_again(church: Reconciler, policy: DeletionPolicy) -> None:
    await set_policy(church.reader, policy)
    await church.reconcile("1", "3")
    await church.delete("2", at=200)
    await store(church.reader, ["2"], at=250, changed_at=240)
    later = await church.again(at=300)
    await later.reconcile("1", "3")
    assert (await later.suspects())["2"]["times_missed"] == 1
    await later.delete("2", at=400)
    await store(later.reader, ["2"], at=350, changed_at=990)
    assert await later.living() == {"1", "3"}


# Policies


async def test_the_policy_is_soft_until_it_is_set(database: Database) -> None:
    org = await connect_org(database, f"org-{secrets.token_hex(6)}")
    assert await get_deletion_policy(database, org, "family", PERSON.name) is DeletionPolicy.SOFT
    for policy in POLICIES:
        await set_deletion_policy(database, org, "family", PERSON.name, policy)
        assert await get_deletion_policy(database, org, "family", PERSON.name) is policy
    assert await get_deletion_policy(database, org, "family", GIFT.name) is DeletionPolicy.SOFT


async def test_hard_removes_the_row(church: Reconciler) -> None:
    await set_policy(church.reader, DeletionPolicy.HARD)
    await church.reconcile("1")
    assert (await church.delete("2")).deleted == 1
    assert set(await church.reader.rows()) == {"1", "3"}
    assert (await church.suspects())["2"]["state"] == "confirmed"


async def test_archive_moves_the_row_as_it_was_last(church: Reconciler) -> None:
    await set_policy(church.reader, DeletionPolicy.ARCHIVE)
    await church.reconcile("1")
    before = await rows(church.reader, PERSON)
    await church.delete("2", at=200)
    assert set(await church.reader.rows()) == {"1", "3"}
    [kept] = (await rows(church.reader, PERSON, schema="family_archive")).values()
    changed = {"_deleted_at": moment(200), "_requested_at": moment(200), "_synced_at": kept["_synced_at"]}
    assert kept == before["2"] | changed


async def test_an_archive_keeps_the_latest_of_each_record(church: Reconciler) -> None:
    await set_policy(church.reader, DeletionPolicy.ARCHIVE)
    for round_number in range(1, 3):
        at = round_number * 1000
        await church.reader.store(
            record("2", PERSON.type, name=f"round {round_number}", updated_at=moment(at).isoformat()), at=at
        )
        await church.delete("2", at=at + 100, suspects_only=False)
    [kept] = (await rows(church.reader, PERSON, schema="family_archive")).values()
    assert kept["name"] == "round 2"


async def test_policies_of_one_organization_are_not_those_of_another(
    church: Reconciler, database: Database
) -> None:
    await set_policy(church.reader, DeletionPolicy.HARD)
    await church.delete("2", suspects_only=False)
    other = await begin(database, f"other-{secrets.token_hex(6)}")
    await store(other, ["2"], at=150)
    await Reconciler(other).delete("2", suspects_only=False)
    await store(other, ["2"], at=150)
    assert (await rows(other, PERSON))["2"]["_deleted_at"] == moment(200)


async def test_a_policy_that_was_changed_back_still_keeps_what_it_removed_from_coming_back(
    church: Reconciler,
) -> None:
    await set_policy(church.reader, DeletionPolicy.HARD)
    await church.delete("2", at=200, suspects_only=False)
    await set_policy(church.reader, DeletionPolicy.SOFT)
    await store(church.reader, ["2"], at=150)
    assert await church.living() == {"1", "3"}


@pytest.mark.parametrize("policy", REMOVING)
async def test_a_page_that_waits_for_a_removal_does_not_bring_it_back(
    church: Reconciler, policy: DeletionPolicy
) -> None:
    """It was requested before, and its statement began before the removal was committed."""
    await set_policy(church.reader, policy)
    await church.delete("3", suspects_only=False)  # the table is ready for it from here on
    reader = church.reader
    async with reader.database.transaction() as connection:
        await connection.execute(
            "SELECT FROM openfaith.deletion_policy WHERE org_id = %s FOR UPDATE", (reader.org_id,)
        )
        writing = asyncio.create_task(store(reader, ["2"], at=150))
        await wait_until_blocked(reader.database)
        await connection.execute(
            "INSERT INTO openfaith.removal (org_id, adapter, entity, id, deleted_at) VALUES (%s, 'family', %s, '2', %s)",
            (reader.org_id, PERSON.name, moment(200)),
        )
        await connection.execute(
            "DELETE FROM family.church_person WHERE org_id = %s AND id = '2'", (reader.org_id,)
        )
    await writing
    assert await church.living() == {"1"}


async def test_an_archive_follows_its_table(database_url: str) -> None:
    """A new column is added; one whose type was changed becomes text, which holds both."""
    async with open_database(database_url, connections=2) as database:
        await ensure_mirror_tables(database, MANIFEST)
        reader = await begin(database, "grace")
        church = Reconciler(reader)
        await set_policy(reader, DeletionPolicy.ARCHIVE)
        await put(reader, PERSON, "1", name="12", updated_at=moment(7))
        await church.delete("1", suspects_only=False)
        await execute(
            database,
            "ALTER TABLE family.church_person ADD COLUMN age bigint, ALTER COLUMN name TYPE bigint USING 0,"
            " ALTER COLUMN updated_at TYPE text USING NULL",
        )
        await put(reader, PERSON, "2", name=13, age=41, updated_at="later")
        await church.delete("2", suspects_only=False)
        kept = await rows(reader, PERSON, schema="family_archive")
    found = {key: (row["name"], row["age"], row["updated_at"]) for key, row in kept.items()}
    assert found == {"1": ("12", None, "2026-01-01T00:00:07Z"), "2": ("13", 41, "later")}


# What is below


async def grow(reader: Reader) -> None:
    """Memberships a and b below person 1, c below 2; a note below each."""
    for key, person in (("a", "1"), ("b", "1"), ("c", "2")):
        await put(reader, MEMBERSHIP, key, person_id=person)
        await put(reader, NOTE, f"note {key}", person_id=person, membership_id=key)
    await put(reader, GIFT, "gift", person_id="1")


@pytest.mark.parametrize("policy", POLICIES)
async def test_what_is_below_a_deleted_record_lives_on(church: Reconciler, policy: DeletionPolicy) -> None:
    """It may have moved elsewhere: its own listing tells."""
    await grow(church.reader)
    await set_policy(church.reader, policy)
    await church.reconcile("2", "3")
    assert await church.delete("1", at=200) == Deleted(deleted=1)
    assert await living(church.reader, MEMBERSHIP) == {"a", "b", "c"}
    assert await living(church.reader, NOTE) == {"note a", "note b", "note c"}
    assert await living(church.reader, GIFT) == {"gift"}
    assert await deleted_by_entity(church.reader) == {"church.Person": 1}


async def test_the_report_has_every_entity_of_the_run(church: Reconciler) -> None:
    await grow(church.reader)
    await church.reconcile("2", "3")
    await church.delete("1")
    reader = church.reader
    await reader.finish()
    held = await take(reader.database, reader.run_id, MEMBERSHIP)
    below = await Reconciler.of(replace(reader, entity=MEMBERSHIP, held=held))
    await below.close()
    await below.compare()
    found = await list_reconciliations(church.database, church.reader.run_id)
    assert [(r.entity, r.listed, r.suspects, r.deleted) for r in found] == [
        ("church.Person", 2, 1, 1),
        ("church.Membership", 0, 3, 0),
    ]
