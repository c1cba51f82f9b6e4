"""Dead letters: looked at, replayed through the same guarded upsert as any page, and given up."""

from __future__ import annotations

import asyncio
import json
import random
import string
from dataclasses import replace
from itertools import count, permutations, product

import pytest

from openfaith.errors import ConfigurationError, UnknownNameError
from openfaith.manifest import Attribute, AttributeType, Entity, Manifest
from openfaith.records import EntityName, OrgId
from openfaith.store import (
    Database,
    DeadLetterChoice,
    DeadLetterStatus,
    DeletionPolicy,
    Fault,
    PageWriter,
    Retried,
    RetryOutcome,
    discard_dead_letters,
    ensure_mirror_tables,
    forget_old_listings,
    get_dead_letter,
    list_dead_letters,
    retry_dead_letters,
    set_deletion_policy,
    summarize_dead_letters,
)
from openfaith.store.removals import prepare_removals
from support import family
from support.mirror import (
    ADAPTER,
    CAMPUS,
    MANIFEST,
    MEMBER,
    Reader,
    Row,
    blocking,
    execute,
    fetch,
    make_manifest,
    make_page,
    make_place,
    moment,
    open_sample,
    record,
    stamp,
    take,
    to_one,
    wait_until_blocked,
)

VISITOR = replace(MEMBER, type="Visitor")
LEARNED = make_manifest(CAMPUS, VISITOR)
"""Of a program that knows by what name the source calls members."""

UNSTORABLE = [
    (b"{", Fault.JSON),
    (b'{"a":1},{"b":2}', Fault.JSON),
    (b"5", Fault.SHAPE),
    (record("9", "Visitor"), Fault.SHAPE),
    (record("9", name="a\x00b"), Fault.VALUE),
    (record("9", age="N").replace(b'"N"', b"1e999999"), Fault.VALUE),
    (record("".join(random.Random(1).choices(string.printable[:94], k=9000))), Fault.REFUSED),
]


def visitor(key: str, **attributes: object) -> bytes:
    """What is no member, until the manifest has learned otherwise."""
    return record(key, VISITOR.type, **attributes)


def chosen(org: str, *ids: int, adapter: str = ADAPTER) -> DeadLetterChoice:
    return DeadLetterChoice(org_id=OrgId(org), adapter=adapter, ids=ids or None)


async def retry(database: Database, org: str, *ids: int, manifest: Manifest = LEARNED) -> list[RetryOutcome]:
    done = await retry_dead_letters(database, manifest, chosen(org, *ids, adapter=manifest.adapter))
    return [each.outcome for each in done]


async def letter(reader: Reader) -> Row:
    [only] = await reader.letters()
    return only


async def set_aside(reader: Reader, *bodies: bytes, at: float = 0) -> list[int]:
    """Numbers of letters that a page made."""
    committed = await reader.store(*bodies, at=at)
    assert committed.counts.dead_letters == len(bodies)
    return [row["dead_letter_id"] for row in await reader.letters()]


# What is kept


@pytest.mark.parametrize(("body", "fault"), UNSTORABLE)
async def test_a_letter_keeps_the_class_of_its_fault_and_the_request_that_brought_it(
    reader: Reader, body: bytes, fault: Fault
) -> None:
    await set_aside(reader, body)
    kept = await letter(reader)
    assert (kept["fault"], kept["path"], kept["page_token"]) == (fault, "/church.Member", "page=1")
    assert (kept["api_version"], kept["parents"], kept["carrier"], kept["owner_id"]) == (
        "2026-01-01", None, None, None,
    )  # fmt: skip


async def test_the_newest_request_says_all_of_a_letter(reader: Reader) -> None:
    await set_aside(reader, visitor("9", name="new"), at=20)
    await set_aside(reader, record("9", name="a\x00b"), at=10)
    kept = await letter(reader)
    assert (kept["body"], kept["fault"], kept["page_token"], kept["times_seen"]) == (
        visitor("9", name="new"), "shape", "page=1", 2,
    )  # fmt: skip
    await set_aside(reader, record("9", name="a\x00b"), at=30)
    kept = await letter(reader)
    assert (kept["fault"], kept["page_token"], kept["requested_at"]) == ("value", "page=3", moment(30))


# Looking


async def test_letters_are_listed_a_part_at_a_time_and_without_their_records(
    database: Database, reader: Reader
) -> None:
    ids = await set_aside(reader, visitor("1"), visitor("2"), b"{")
    first = await list_dead_letters(database, reader.org_id, limit=2)
    rest = await list_dead_letters(database, reader.org_id, after=first[-1])
    assert [each.dead_letter_id for each in (*first, *rest)] == ids
    assert [each.record_key for each in first] == ["1", "2"]
    assert (first[0].fault, first[0].bytes) == (Fault.SHAPE, len(visitor("1")))
    found = await list_dead_letters(database, reader.org_id, reason="json", entity=MEMBER.name)
    assert [each.dead_letter_id for each in found] == ids[2:]
    in_full = await list_dead_letters(database, reader.org_id, reason="its type is not Member")
    assert [each.dead_letter_id for each in in_full] == ids[:2]
    assert not await list_dead_letters(database, reader.org_id, entity=CAMPUS.name)


async def test_letters_are_counted_with_their_size(database: Database, reader: Reader) -> None:
    await set_aside(reader, visitor("1"), visitor("2"), b"{")
    shape, syntax = await summarize_dead_letters(database, reader.org_id)
    assert (shape.reason, shape.letters, shape.bytes) == ("its type is not Member", 2, 2 * len(visitor("1")))
    assert (syntax.fault, syntax.letters, syntax.bytes) == (Fault.JSON, 1, 1)


async def test_a_letter_is_shown_with_its_record_to_its_own_organization_only(
    database: Database, reader: Reader, other_org: OrgId
) -> None:
    [number] = await set_aside(reader, b"\xff")
    shown, body = await get_dead_letter(database, reader.org_id, number)
    assert (shown.dead_letter_id, body) == (number, b"\xff")
    for org, wanted in ((other_org, number), (reader.org_id, 0), (reader.org_id, 2**63)):
        with pytest.raises(UnknownNameError, match=rf"no dead letter '{wanted}'.*dead-letters list"):
            await get_dead_letter(database, org, wanted)


async def test_letters_of_a_dry_run_are_nobodys(database: Database, reader: Reader) -> None:
    [number] = await set_aside(reader, visitor("1"))
    await execute(
        database, "UPDATE openfaith.dead_letter SET adapter = 'sample_dry_7' WHERE org_id = %s", reader.org_id
    )
    assert not await list_dead_letters(database, reader.org_id)
    assert not await summarize_dead_letters(database, reader.org_id)
    assert await retry(database, reader.org_id) == []
    for verb in (retry(database, reader.org_id, number), discard(database, reader.org_id, number)):
        with pytest.raises(ConfigurationError):
            await verb


# Replaying


async def test_a_replay_stores_the_record_as_its_page_would_have(database: Database, reader: Reader) -> None:
    await set_aside(reader, visitor("9", name="Ann", age="old", updated_at=stamp(3)), at=5)
    assert await retry(database, reader.org_id) == [RetryOutcome.STORED]
    row = await reader.row("9")
    assert (row["name"], row["age"], row["_extra"]) == ("Ann", None, {"age": "old"})
    assert (row["_requested_at"], row["_source_updated_at"], row["_run_id"]) == (
        moment(5), moment(3), reader.run_id,
    )  # fmt: skip
    kept = await letter(reader)
    assert (kept["status"], kept["attempts"], kept["last_outcome"]) == ("resolved", 1, "stored")
    assert kept["last_attempt_at"] is not None


async def test_a_replay_is_told_without_a_word_of_the_record(database: Database, reader: Reader) -> None:
    await set_aside(reader, visitor("9", name="Ann"), b"{Bob")
    await retry(database, reader.org_id)
    [event] = await fetch(
        database, "SELECT * FROM openfaith.event WHERE org_id = %s AND name LIKE 'Dead%%'", reader.org_id
    )
    assert (event["name"], event["severity"], event["entity"]) == (
        "DeadLettersRetried", "warning", MEMBER.name,
    )  # fmt: skip
    assert event["details"] == {"stored": 1, "superseded": 0, "unstorable": 1}
    assert "Ann" not in str(event)
    assert "Bob" not in str(event)


async def test_to_replay_again_changes_nothing(database: Database, reader: Reader) -> None:
    [number] = await set_aside(reader, visitor("9"))
    assert await retry(database, reader.org_id, number) == [RetryOutcome.STORED]
    before = [await reader.rows(), await letter(reader)]
    assert await retry(database, reader.org_id, number) == [RetryOutcome.SETTLED]
    assert await retry(database, reader.org_id) == []
    assert [await reader.rows(), await letter(reader)] == before


async def test_two_replays_at_once_are_one(own_database: Database) -> None:
    reader = await Reader.begin(own_database, org="grace")
    [number] = await set_aside(reader, visitor("9"))
    async with own_database.transaction() as connection:
        await connection.execute("SELECT FROM openfaith.dead_letter FOR UPDATE")
        both = asyncio.gather(*(retry(own_database, "grace", number) for _ in range(2)))
        await wait_until_blocked(own_database, 2)
    assert sorted(outcome for outcomes in await both for outcome in outcomes) == ["settled", "stored"]
    assert (await letter(reader))["attempts"] == 1


@pytest.mark.parametrize(
    ("updated", "requested"), [(stamp(20), 5), (stamp(3), 30)], ids=["newer stamp", "later request"]
)
async def test_an_older_letter_never_replaces_a_newer_row(
    database: Database, reader: Reader, updated: str, requested: float
) -> None:
    await set_aside(reader, visitor("9", name="old", updated_at=stamp(3)), at=10)
    await reader.store(record("9", name="new", updated_at=updated), at=requested)
    before = await reader.row("9")
    assert await retry(database, reader.org_id) == [RetryOutcome.SUPERSEDED]
    assert await reader.row("9") == before
    kept = await letter(reader)
    assert (kept["status"], kept["last_outcome"]) == ("resolved", "superseded")


async def test_a_newer_letter_replaces_an_older_row(database: Database, reader: Reader) -> None:
    await reader.store(record("9", name="old", updated_at=stamp(3)), at=5)
    await set_aside(reader, visitor("9", name="new", updated_at=stamp(4)), at=10)
    assert await retry(database, reader.org_id) == [RetryOutcome.STORED]
    assert (await reader.row("9"))["name"] == "new"


async def test_whatever_comes_by_page_and_whatever_by_replay_the_newest_stays(
    database: Database, reader: Reader
) -> None:
    """Three versions of a record in every order, each by either way."""
    versions = [(stamp(1), 10), (stamp(2), 5), (stamp(2), 20)]
    keys = map(str, count())
    for order in permutations(versions):
        for kinds in product((MEMBER.type, VISITOR.type), repeat=3):
            key = next(keys)
            for (updated, requested), kind in zip(order, kinds, strict=True):
                body = record(key, kind, name=str(requested), updated_at=updated)
                await reader.store(body, at=requested)
                await retry(database, reader.org_id)
    assert {row["name"] for row in (await reader.rows()).values()} == {"20"}
    assert len(await reader.rows()) == 48


@pytest.mark.parametrize(("body", "fault"), UNSTORABLE)
async def test_what_can_still_not_be_stored_stays_open(
    database: Database, reader: Reader, body: bytes, fault: Fault
) -> None:
    """Under the manifest by which it was read."""
    await set_aside(reader, body)
    reason = (await letter(reader))["reason"]
    for attempts in (1, 2):
        assert await retry(database, reader.org_id, manifest=MANIFEST) == [RetryOutcome.UNSTORABLE]
        kept = await letter(reader)
        assert (kept["status"], kept["attempts"], kept["last_outcome"]) == ("open", attempts, "unstorable")
        assert (kept["fault"], kept["reason"], kept["body"]) == (fault, reason, body)
    assert await reader.rows() == {}


async def test_a_letter_never_becomes_two_rows(database: Database, reader: Reader) -> None:
    await set_aside(reader, b"{")
    two = record("1") + b"," + record("2")
    await execute(
        database, "UPDATE openfaith.dead_letter SET body = %s WHERE org_id = %s", two, reader.org_id
    )
    assert await retry(database, reader.org_id, manifest=MANIFEST) == [RetryOutcome.UNSTORABLE]
    assert await reader.rows() == {}


async def test_a_replay_says_why_it_came_to_nothing_this_time(database: Database, reader: Reader) -> None:
    [number] = await set_aside(reader, record("9", "Visitor"))
    guest = make_manifest(CAMPUS, replace(MEMBER, type="Guest"))
    reason = "its type is not Guest"
    assert await retry_dead_letters(database, guest, chosen(reader.org_id)) == [
        Retried(dead_letter_id=number, entity=MEMBER.name, outcome=RetryOutcome.UNSTORABLE, reason=reason)
    ]
    assert (await letter(reader))["reason"] == reason


async def test_what_is_bad_does_not_keep_the_others_from_being_stored(
    database: Database, reader: Reader
) -> None:
    """More of them than are replayed together."""
    await set_aside(
        reader, *(visitor(str(n)) for n in range(30)), b"{", *(visitor(str(n)) for n in range(30, 60))
    )
    outcomes = await retry(database, reader.org_id)
    assert (outcomes.count(RetryOutcome.STORED), outcomes.count(RetryOutcome.UNSTORABLE)) == (60, 1)
    assert len(await reader.rows()) == 60


async def test_a_replay_goes_by_what_the_manifest_has_learned(own_database: Database) -> None:
    reader = await Reader.begin(own_database, org="grace")
    await set_aside(reader, visitor("9", nickname="Annie", age="old"))
    learned = with_attributes(VISITOR, nickname=AttributeType.STRING, age=AttributeType.STRING)
    await ensure_mirror_tables(own_database, learned)
    assert await retry(own_database, "grace", manifest=learned) == [RetryOutcome.STORED]
    row = await reader.row("9")
    assert (row["nickname"], row["age"], row["_extra"]) == ("Annie", "old", None)


async def test_a_program_of_an_older_manifest_replays_into_the_columns_as_they_are(
    own_database: Database,
) -> None:
    reader = await Reader.begin(own_database, org="grace")
    await set_aside(reader, visitor("9", age=7), visitor("10", age=8))
    await ensure_mirror_tables(own_database, with_attributes(VISITOR, age=AttributeType.STRING))
    assert await retry(own_database, "grace") == [RetryOutcome.STORED] * 2
    assert [row["age"] for row in (await reader.rows()).values()] == ["8", "7"]


def with_attributes(entity: Entity, **types: AttributeType) -> Manifest:
    more = {name: Attribute(name=name, type=kind) for name, kind in types.items()}
    return make_manifest(CAMPUS, replace(entity, attributes={**entity.attributes, **more}))


async def test_a_replay_waits_for_the_page_that_is_being_written(own_database: Database) -> None:
    """And holds no letter meanwhile, for which the page might wait in turn."""
    reader = await Reader.begin(own_database, org="grace")
    await set_aside(reader, visitor("9"))
    async with blocking(own_database, reader) as page:
        replay = asyncio.create_task(retry(own_database, "grace"))
        await wait_until_blocked(own_database)
        await page.execute("SELECT FROM openfaith.dead_letter FOR UPDATE NOWAIT")
    assert await replay == [RetryOutcome.STORED]


async def test_an_entity_that_the_manifest_does_not_have_stays_open(
    database: Database, reader: Reader
) -> None:
    await set_aside(reader, visitor("9"))
    assert await retry(database, reader.org_id, manifest=make_manifest(CAMPUS)) == [RetryOutcome.UNSTORABLE]
    kept = await letter(reader)
    assert (kept["fault"], kept["reason"]) == ("place", "this program's manifest has no church.Member")


async def test_what_the_letters_run_could_see_counts_as_seen(database: Database, org: OrgId) -> None:
    """What is stored late was read under another sight, and must not be deleted under a weaker one."""
    reader = await Reader.begin(database, org=org, permissions="all")
    await set_aside(reader, visitor("9"))
    await execute(database, "DELETE FROM openfaith.sight WHERE org_id = %s", org)
    assert await retry(database, org) == [RetryOutcome.STORED]
    [sight] = await fetch(database, "SELECT * FROM openfaith.sight WHERE org_id = %s", org)
    assert (sight["entity"], sight["permissions"]) == (MEMBER.name, "all")


async def test_a_letter_outlives_its_run(database: Database, reader: Reader) -> None:
    await set_aside(reader, visitor("9"))
    await execute(database, "UPDATE openfaith.dead_letter SET run_id = NULL WHERE org_id = %s", reader.org_id)
    assert await retry(database, reader.org_id) == [RetryOutcome.STORED]
    assert (await reader.row("9"))["_run_id"] == 0


# What was deleted, or merged


async def test_a_tombstone_holds_against_what_was_requested_before_it(
    database: Database, reader: Reader
) -> None:
    await reader.store(record("9", name="Ann", updated_at=stamp(1)))
    await set_aside(reader, visitor("9", name="Anna", updated_at=stamp(90)), at=40)
    await execute(
        database,
        "UPDATE sample.church_member SET _deleted_at = %s, _requested_at = %s WHERE org_id = %s",
        moment(50), moment(50), reader.org_id,
    )  # fmt: skip
    assert await retry(database, reader.org_id) == [RetryOutcome.SUPERSEDED]
    assert (await reader.row("9"))["_deleted_at"] == moment(50)


async def test_a_row_that_was_removed_stays_away_however_long_its_letter_is_open(
    own_database: Database,
) -> None:
    reader = await Reader.begin(own_database, org="grace")
    await set_aside(reader, visitor("9"), visitor("10"), at=40)
    await set_deletion_policy(own_database, reader.org_id, ADAPTER, MEMBER.name, DeletionPolicy.HARD)
    await prepare_removals(own_database, MANIFEST, reader.held.entity_run_id, MEMBER)
    removed = (
        "INSERT INTO openfaith.removal SELECT 'grace', 'sample', 'church.Member', id, %s, now() - interval '91 days'"
        " FROM unnest(ARRAY['9', '8']) AS id"
    )
    await execute(own_database, removed, moment(50))
    await forget_old_listings(own_database)
    assert await retry(own_database, "grace") == [RetryOutcome.SUPERSEDED, RetryOutcome.STORED]
    assert list(await reader.rows()) == ["10"]
    assert [row["id"] for row in await fetch(own_database, "SELECT id FROM openfaith.removal")] == ["9"]
    await forget_old_listings(own_database)
    assert not await fetch(own_database, "SELECT FROM openfaith.removal")


@pytest.fixture
async def people(org: OrgId, shared_url: str) -> Reader:
    """People, of whom 2 became 1 at 50 seconds."""
    async with open_sample(shared_url, manifest=family.MANIFEST) as database:
        reader = await family.begin(database, org, family.GIFT, family.MEMBERSHIP)
        await family.put(reader, family.PERSON, "1")
        gone = {"_merged_into": "1", "_deleted_at": moment(50)}
        await family.put(reader, family.PERSON, "2", at=50, **gone)
    return reader


async def test_a_merged_record_stays_an_alias(database: Database, people: Reader) -> None:
    people = replace(people, database=database)
    await set_aside(people, record("2", "Human"), at=40)
    human = renamed(family.PERSON, "Human")
    assert await retry(database, people.org_id, manifest=human) == [RetryOutcome.SUPERSEDED]
    assert (await family.rows(people, family.PERSON))["2"]["_merged_into"] == "1"


@pytest.mark.parametrize(("at", "points_to"), [(40, "1"), (60, "2")])
async def test_a_replayed_record_points_at_the_survivor_of_what_was_merged_since(
    database: Database, people: Reader, at: float, points_to: str
) -> None:
    gifts = await reading(database, people, family.GIFT)
    await set_aside(gifts, record("7", "Present", relationships={"person": to_one("2", "Person")}), at=at)
    present = renamed(family.GIFT, "Present")
    assert await retry(database, people.org_id, manifest=present) == [RetryOutcome.STORED]
    assert (await family.rows(gifts, family.GIFT))["7"]["person_id"] == points_to


async def reading(database: Database, people: Reader, entity: Entity) -> Reader:
    """Whoever reads another entity in the same run."""
    held = await take(database, people.run_id, entity)
    return replace(people, database=database, entity=entity, held=held)


def renamed(entity: Entity, kind: str) -> Manifest:
    entities = {**family.MANIFEST.entities, entity.name: replace(entity, type=kind)}
    return replace(family.MANIFEST, entities=entities)


# Below parents


async def below_person(database: Database, people: Reader) -> Reader:
    """After a page of what is below person 1, of which nothing can be stored."""
    reader = await reading(database, people, family.MEMBERSHIP)
    place = replace(make_place(reader.held), parents=json.dumps({"person_id": "1"}))
    page = make_page(record("5", "Seat", name="x"))
    await PageWriter(database, family.MANIFEST, family.MEMBERSHIP).commit(page, place)
    return reader


async def test_a_nested_record_is_stored_below_its_parents(database: Database, people: Reader) -> None:
    reader = await below_person(database, people)
    kept = await letter(reader)
    assert (kept["parents"], kept["carrier"]) == ({"person_id": "1"}, None)
    seat = renamed(family.MEMBERSHIP, "Seat")
    assert await retry(database, people.org_id, manifest=seat) == [RetryOutcome.STORED]
    assert (await family.rows(reader, family.MEMBERSHIP))["5"]["person_id"] == "1"


async def test_a_nested_record_of_nobody_knows_whom_stays_open(database: Database, people: Reader) -> None:
    """As an older program set it aside."""
    reader = await below_person(database, people)
    await execute(
        database,
        "UPDATE openfaith.dead_letter SET path = NULL, parents = NULL WHERE org_id = %s",
        people.org_id,
    )
    seat = renamed(family.MEMBERSHIP, "Seat")
    assert await retry(database, people.org_id, manifest=seat) == [RetryOutcome.UNSTORABLE]
    assert (await letter(reader))["fault"] == "place"
    assert await family.rows(reader, family.MEMBERSHIP) == {}


# Giving up, and naming


async def discard(database: Database, org: str, *ids: int) -> int:
    return await discard_dead_letters(database, chosen(org, *ids), by="ann")


async def test_a_discarded_letter_is_not_replayed_and_says_who_gave_it_up(
    database: Database, reader: Reader
) -> None:
    [number] = await set_aside(reader, visitor("9"))
    assert await discard(database, reader.org_id, number) == 1
    assert await discard(database, reader.org_id, number) == 0
    kept = await letter(reader)
    assert (kept["status"], kept["decided_by"], kept["decided_at"] is None) == ("discarded", "ann", False)
    assert await retry(database, reader.org_id, number) == [RetryOutcome.SETTLED]
    assert await reader.rows() == {}
    told = await fetch(
        database,
        "SELECT details FROM openfaith.event WHERE org_id = %s AND name = 'DeadLettersDiscarded'",
        reader.org_id,
    )
    assert told == [{"details": {"letters": 1}}]


async def test_a_discarded_record_that_comes_again_is_a_new_letter(
    database: Database, reader: Reader
) -> None:
    [number] = await set_aside(reader, visitor("9"))
    await discard(database, reader.org_id)
    old, new = await set_aside(reader, visitor("9"), at=1)
    assert (old, (await list_dead_letters(database, reader.org_id))[0].dead_letter_id) == (number, new)


async def test_what_was_stored_is_not_discarded(database: Database, reader: Reader) -> None:
    [number] = await set_aside(reader, visitor("9"))
    await retry(database, reader.org_id)
    assert await discard(database, reader.org_id, number) == 0
    assert (await letter(reader))["status"] == "resolved"


async def test_only_what_was_chosen_is_decided_about(database: Database, reader: Reader) -> None:
    one, two, three = await set_aside(reader, visitor("1"), visitor("2"), b"{")
    assert await retry(database, reader.org_id, two) == [RetryOutcome.STORED]
    syntax = DeadLetterChoice(org_id=reader.org_id, adapter=ADAPTER, reason="json")
    assert await discard_dead_letters(database, syntax, by="ann") == 1
    campuses = DeadLetterChoice(org_id=reader.org_id, adapter=ADAPTER, entity=CAMPUS.name)
    assert await retry_dead_letters(database, LEARNED, campuses) == []
    found = await list_dead_letters(database, reader.org_id, statuses=list(DeadLetterStatus))
    assert [(each.dead_letter_id, each.status) for each in found] == [
        (one, "open"), (two, "resolved"), (three, "discarded"),
    ]  # fmt: skip


async def test_an_unknown_number_is_refused_and_nothing_is_changed(
    database: Database, reader: Reader, other_org: OrgId
) -> None:
    [number] = await set_aside(reader, visitor("9"))
    for org, ids in ((reader.org_id, (number, 999_999)), (other_org, (number,)), (reader.org_id, (2**63,))):
        for verb in (retry(database, org, *ids), discard(database, org, *ids)):
            with pytest.raises(ConfigurationError, match=r"no.* with the number .*, so nothing was changed"):
                await verb
    elsewhere = DeadLetterChoice(
        org_id=reader.org_id, adapter=ADAPTER, ids=[number], entity=EntityName("church.Campus")
    )
    with pytest.raises(ConfigurationError, match=r"dead letters of church\.Campus"):
        await retry_dead_letters(database, LEARNED, elsewhere)
    assert (await letter(reader))["status"] == "open"
