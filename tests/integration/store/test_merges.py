"""Merges: the merged record is an alias of the one that is left, and everything points there."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from openfaith.store import Database, DeletionPolicy, ensure_mirror_tables, open_database, set_deletion_policy
from openfaith.store.merges import references_to
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
from support.mirror import Reader, moment, record, to_one
from support.reconciling import Reconciler, store


@pytest.fixture
async def database(shared_url: str) -> AsyncIterator[Database]:
    async with open_database(shared_url, connections=4) as opened:
        await ensure_mirror_tables(opened, MANIFEST)
        yield opened


@pytest.fixture
async def church(database: Database) -> Reconciler:
    """People 1 to 4, and a listing that is about to begin."""
    reader = await begin(database, f"org-{secrets.token_hex(6)}", MEMBERSHIP)
    await store(reader, ["1", "2", "3", "4"])
    return await Reconciler.of(reader)


async def told(church: Reconciler, survivors: dict[str, str], at: float = 200) -> None:
    await church.merge(survivors, at=at, suspects_only=False)


async def aliases(reader: Reader) -> dict[str, str]:
    return {key: row["_merged_into"] for key, row in (await reader.rows()).items() if row["_merged_into"]}


async def test_a_merged_record_is_an_alias(church: Reconciler) -> None:
    await church.reconcile("1", "3", "4")
    done = await church.merge({"2": "1"})
    assert (done.merged, done.refuted, done.circular) == (1, 0, ())
    row = await church.reader.row("2")
    assert (row["_merged_into"], row["_deleted_at"], row["_requested_at"]) == ("1", moment(200), moment(200))
    assert await church.living() == {"1", "3", "4"}
    assert await deleted_by_entity(church.reader) == {"church.Person": 1}
    report = await church.report()
    assert (report.merged, report.deleted, report.confirmed) == (1, 0, 1)
    assert (await church.suspects())["2"]["state"] == "confirmed"


async def test_what_is_no_suspect_is_not_merged_unless_the_source_tells_of_it(church: Reconciler) -> None:
    assert (await church.merge({"2": "1"})).merged == 0
    assert await aliases(church.reader) == {}
    await told(church, {"2": "1"})
    assert await aliases(church.reader) == {"2": "1"}


async def test_a_record_that_was_seen_since_is_not_merged(church: Reconciler) -> None:
    await store(church.reader, ["2"], at=201, changed_at=190)
    await put(church.reader, GIFT, "gift", person_id="2")
    await told(church, {"2": "1"}, at=200)
    assert await aliases(church.reader) == {}
    assert (await rows(church.reader, GIFT))["gift"]["person_id"] == "2"


async def test_to_be_told_again_changes_nothing(church: Reconciler) -> None:
    await told(church, {"2": "1"})
    before = await church.reader.rows()
    await told(church, {"2": "1"}, at=300)
    assert await church.reader.rows() == before
    assert await deleted_by_entity(church.reader) == {"church.Person": 1}


@pytest.mark.parametrize(("at", "lives"), [(150, False), (250, True)])
async def test_only_a_newer_page_brings_an_alias_back(church: Reconciler, at: float, lives: bool) -> None:
    await told(church, {"2": "1"}, at=200)
    await store(church.reader, ["2"], at=at, changed_at=240)
    assert ("2" in await church.living()) == lives
    assert ("2" in await aliases(church.reader)) != lives


async def test_a_record_that_was_deleted_before_becomes_a_merged_one(church: Reconciler) -> None:
    await church.delete("2", at=150, suspects_only=False)
    await told(church, {"2": "1"})
    row = await church.reader.row("2")
    assert (row["_merged_into"], row["_deleted_at"]) == ("1", moment(150))
    assert await deleted_by_entity(church.reader) == {"church.Person": 1}


# Chains


async def test_a_chain_is_followed_to_its_end(church: Reconciler) -> None:
    await told(church, {"2": "3"})
    await told(church, {"1": "2"}, at=300)
    assert await aliases(church.reader) == {"1": "3", "2": "3"}


async def test_those_who_were_merged_into_one_before_follow_it(church: Reconciler) -> None:
    await told(church, {"1": "2"})
    await put(church.reader, GIFT, "gift", person_id="1")
    await told(church, {"2": "3"}, at=300)
    await told(church, {"3": "4"}, at=400)
    assert await aliases(church.reader) == {"1": "4", "2": "4", "3": "4"}


async def test_a_chain_that_is_told_at_once_has_one_end(church: Reconciler) -> None:
    await put(church.reader, GIFT, "gift", person_id="1", giver_id="3")
    await told(church, {"1": "2", "2": "3", "3": "4"})
    assert await aliases(church.reader) == {"1": "4", "2": "4", "3": "4"}
    gift = (await rows(church.reader, GIFT))["gift"]
    assert (gift["person_id"], gift["giver_id"]) == ("4", "4")


async def test_of_a_circle_nobody_is_touched(church: Reconciler) -> None:
    done = await church.merge({"1": "2", "2": "1", "3": "3", "4": "1"}, suspects_only=False)
    assert set(done.circular) == {"1", "2", "3", "4"}
    assert await church.living() == {"1", "2", "3", "4"}


async def test_a_survivor_may_be_unknown(church: Reconciler) -> None:
    await told(church, {"2": "99"})
    assert await aliases(church.reader) == {"2": "99"}


# What points at them


def test_what_points_at_an_entity_is_found_by_the_manifest() -> None:
    """The paths that a record is read by as well as its relationships; not what may be of any type."""
    found = [(entity.name, column.name) for entity, column in references_to(MANIFEST, PERSON.name)]
    assert found == [
        (GIFT.name, "person_id"),
        (GIFT.name, "giver_id"),
        (MEMBERSHIP.name, "person_id"),
        (NOTE.name, "person_id"),
    ]
    assert [e.name for e, _ in references_to(MANIFEST, MEMBERSHIP.name)] == [NOTE.name]


async def test_what_points_at_a_merged_record_points_at_who_is_left(church: Reconciler) -> None:
    reader = church.reader
    await put(reader, GIFT, "both", person_id="2", giver_id="2", thing_id="2")
    await put(reader, GIFT, "other", person_id="3")
    await put(reader, MEMBERSHIP, "a", person_id="2")
    await put(reader, NOTE, "n", person_id="2", membership_id="a")
    done = await church.merge({"2": "1"}, suspects_only=False)
    assert done.repointed == {
        "church.Gift.person_id": 1,
        "church.Gift.giver_id": 1,
        "church.Membership.person_id": 1,
        "church.Note.person_id": 1,
    }
    gifts = await rows(reader, GIFT)
    assert [gifts["both"][name] for name in ("person_id", "giver_id", "thing_id")] == ["1", "1", "2"]
    assert gifts["other"]["person_id"] == "3"
    assert await living(reader, MEMBERSHIP) == {"a"}
    assert (await rows(reader, NOTE))["n"]["membership_id"] == "a"


async def test_what_points_at_a_merged_record_and_was_requested_later_is_left_alone(
    church: Reconciler,
) -> None:
    await put(church.reader, GIFT, "gift", person_id="2", at=201)
    await told(church, {"2": "1"}, at=200)
    assert (await rows(church.reader, GIFT))["gift"]["person_id"] == "2"


@pytest.mark.parametrize(("at", "said"), [(150, "2"), (250, "2"), (250, "1")])
async def test_the_source_has_the_last_word_on_what_points_where(
    church: Reconciler, at: float, said: str
) -> None:
    """A page that was requested before the merge does not undo it; a later one is believed, whatever it says."""
    reader = church.reader
    gifts = replace(reader, entity=GIFT)
    relationships = {"person": to_one("2", "Person")}
    await gifts.store(record("gift", "Gift", relationships=relationships), at=0)
    await told(church, {"2": "1"}, at=200)
    await gifts.store(record("gift", "Gift", relationships={"person": to_one(said, "Person")}), at=at)
    assert (await gifts.row("gift"))["person_id"] == (said if at > 200 else "1")


# Policies


@pytest.mark.parametrize("policy", list(DeletionPolicy))
async def test_an_alias_stays_whatever_the_policy(church: Reconciler, policy: DeletionPolicy) -> None:
    reader = church.reader
    await reader.store(
        record("2", "Person", name="Ann", shoe_size=41, updated_at=moment(90).isoformat()), at=99
    )
    await set_deletion_policy(reader.database, reader.org_id, "family", PERSON.name, policy)
    await told(church, {"2": "1"})
    row = await reader.row("2")
    assert (row["_merged_into"], row["_deleted_at"], row["_requested_at"]) == ("1", moment(200), moment(200))
    content = [row[name] for name in ("name", "updated_at", "_extra", "_source_updated_at")]
    assert content == (
        ["Ann", moment(90), {"shoe_size": 41}, moment(90)] if policy is DeletionPolicy.SOFT else [None] * 4
    )
    if policy is DeletionPolicy.ARCHIVE:
        [kept] = (await rows(reader, PERSON, schema="family_archive")).values()
        assert (kept["name"], kept["_merged_into"]) == ("Ann", "1")
