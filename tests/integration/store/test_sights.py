"""What the token could see when rows were stored: noted before they are, and forgotten when they are accepted."""

from __future__ import annotations

from openfaith.records import EntityName, OrgId, RunId, SyncKind
from openfaith.store import (
    Database,
    PlannedReading,
    allow_deletions,
    begin_run,
    finish_run,
    hold_suspects,
    note_permissions,
    plan_entity_runs,
    read_standing,
    request_run,
    retry_run,
    take_entity_run,
)
from support.mirror import ADAPTER, CAMPUS, MEMBER, Reader, fetch, fetch_one, start_run, take
from support.reconciling import Reconciler, store


async def sights(database: Database, org: OrgId, entity: EntityName = MEMBER.name) -> set[str]:
    found = await fetch(
        database, "SELECT permissions FROM openfaith.sight WHERE org_id = %s AND entity = %s", org, entity
    )
    return {row["permissions"] for row in found}


async def permissions_of(database: Database, run_id: RunId) -> str | None:
    row = await fetch_one(database, "SELECT permissions FROM openfaith.sync_run WHERE run_id = %s", run_id)
    permissions: str | None = row["permissions"]
    return permissions


async def has_changed(church: Reconciler) -> bool:
    reader = church.reader
    standing = await read_standing(
        reader.database, reader.manifest, MEMBER, reader.org_id, reader.held.entity_run_id
    )
    return standing.permissions_changed


async def stored(database: Database, org: OrgId, permissions: str | None, *keys: str) -> Reader:
    """These were stored by a run under that sight."""
    reader = await Reader.begin(database, org=org, permissions=permissions)
    await store(reader, keys)
    return reader


async def listing(reader: Reader, permissions: str | None, *, at: float = 100) -> Reconciler:
    """The next run, in which the token sees this."""
    return await Reconciler.of(await reader.begin_again(permissions=permissions), at=at)


async def retry(reader: Reader, permissions: str | None) -> None:
    """The same run once more, with another sight."""
    await finish_run(reader.database, reader.run_id)
    await retry_run(reader.database, reader.run_id)
    assert await begin_run(reader.database, reader.run_id)
    await note_permissions(reader.database, reader.run_id, permissions, attempt=2)
    reader.held = await take(reader.database, reader.run_id)


async def test_what_was_stored_under_another_sight_is_not_accepted_under_this(
    database: Database, org: OrgId
) -> None:
    church = await listing(await stored(database, org, "all", "1", "2"), "few")
    await church.reconcile("1", allow=False)
    assert await has_changed(church)
    await hold_suspects(database, church.reader.held, "permissions")
    church = await church.again(at=300, permissions="few")
    await church.reconcile("1", allow=False)
    assert await has_changed(church), "to try again is not enough"


async def test_what_is_allowed_is_accepted_under_what_the_token_sees(database: Database, org: OrgId) -> None:
    church = await listing(await stored(database, org, "all", "1"), "few")
    await church.reconcile("1")
    assert await sights(database, org) == {"few"}
    assert not await has_changed(church)
    church = await church.again(at=300, permissions="few")
    await church.reconcile("1", allow=False)
    assert not await has_changed(church)


async def test_what_a_stronger_token_stored_in_between_is_not_accepted_yet(
    database: Database, org: OrgId
) -> None:
    church = await listing(await stored(database, org, "few", "1"), "few")
    await church.reconcile("1")
    stronger = await church.reader.begin_again(permissions="all")
    await store(stronger, ["1", "2"])
    church = await listing(stronger, "few", at=300)
    await church.reconcile("1", allow=False)
    assert await has_changed(church)


async def test_where_the_source_never_tells_nothing_ever_changes(database: Database, org: OrgId) -> None:
    church = await listing(await stored(database, org, None, "1", "2"), None)
    await church.reconcile("1", allow=False)
    assert await sights(database, org) == {""}
    assert not await has_changed(church)


async def test_a_sight_that_nobody_knew_is_another(database: Database, org: OrgId) -> None:
    church = await listing(await stored(database, org, "all", "1", "2"), None)
    await church.reconcile("1", allow=False)
    assert await has_changed(church)
    church = await church.again(at=300, permissions="all")
    await church.reconcile("1", allow=False)
    assert await has_changed(church)


async def test_what_may_have_been_stored_after_a_listing_began_is_not_accepted_by_it(
    database: Database, org: OrgId
) -> None:
    """A run is retried after another one has stored what its listing could not show."""
    church = await listing(await stored(database, org, "few", "1"), "few")
    await church.show("1")
    await finish_run(database, church.reader.run_id)
    between = await Reader.begin(database, org=org, permissions="all")
    await store(between, ["1", "2"], at=200)
    await between.complete()
    await retry_run(database, church.reader.run_id)
    assert await begin_run(database, church.reader.run_id)
    await note_permissions(database, church.reader.run_id, "few", attempt=2)
    church.reader.held = await take(database, church.reader.run_id)
    await church.close()
    await church.compare()
    assert await church.suspects() == {}
    await allow_deletions(database, church.reader.held)
    assert await sights(database, org) == {"all", "few"}


async def test_what_was_seen_when_an_older_listing_began_counts_from_then_on(
    database: Database, org: OrgId
) -> None:
    """It was noted before, and noted again since."""
    church = await listing(await stored(database, org, "all", "1"), "few")
    await church.show("1")
    await retry(church.reader, "all")
    await church.close()
    await church.compare()
    await allow_deletions(database, church.reader.held)
    assert await sights(database, org) == {"all", "few"}
    assert await has_changed(church)


async def test_an_attempt_is_not_taken_for_the_next(database: Database, org: OrgId) -> None:
    reader = await stored(database, org, "all", "1")
    await finish_run(database, reader.run_id)
    assert await permissions_of(database, reader.run_id) == "all"
    await note_permissions(database, reader.run_id, "late", attempt=1)
    assert await permissions_of(database, reader.run_id) == "all"
    await retry_run(database, reader.run_id)
    assert await permissions_of(database, reader.run_id) is None
    assert await begin_run(database, reader.run_id)
    await note_permissions(database, reader.run_id, "late", attempt=1)
    assert await permissions_of(database, reader.run_id) is None
    await note_permissions(database, reader.run_id, "few", attempt=2)
    reader.held = await take(database, reader.run_id)
    assert await sights(database, org) == {"all", "few"}


async def test_what_cannot_be_taken_notes_nothing(database: Database, org: OrgId) -> None:
    reader = await stored(database, org, "all", "1")
    await reader.finish()
    await note_permissions(database, reader.run_id, "few", attempt=1)
    assert await take_entity_run(database, reader.run_id, MEMBER.name) is None
    assert await sights(database, org) == {"all"}


async def ridden(database: Database, org: OrgId, permissions: str | None) -> RunId:
    """A run in which campuses ride on members."""
    run_id = await start_run(database, org)
    await note_permissions(database, run_id, permissions, attempt=1)
    await plan_entity_runs(
        database,
        run_id,
        [
            PlannedReading(entity=MEMBER.name, reading="top", path="/"),
            PlannedReading(
                entity=CAMPUS.name, reading="include", path="/", carrier=MEMBER.name, include="campus"
            ),
        ],
    )
    return run_id


async def test_whoever_takes_an_entity_notes_what_rides_on_it(database: Database, org: OrgId) -> None:
    run_id = await ridden(database, org, "all")
    assert await sights(database, org, CAMPUS.name) == set()
    await take(database, run_id)
    assert await sights(database, org) == await sights(database, org, CAMPUS.name) == {"all"}


async def test_what_rides_began_with_what_it_rides_on(database: Database, org: OrgId) -> None:
    """A carrier listed, somebody else stored, and only then the rider is taken in a retried run."""
    run_id = await ridden(database, org, "few")
    await Reconciler.of(Reader(database, MEMBER, org, run_id, await take(database, run_id)))
    await finish_run(database, run_id)
    stronger, _ = await request_run(
        database, org_id=org, adapter=ADAPTER, kind=SyncKind.FULL, entities=[CAMPUS.name], requested_by="test"
    )
    assert await begin_run(database, stronger)
    await note_permissions(database, stronger, "all", attempt=1)
    await plan_entity_runs(database, stronger, [PlannedReading(entity=CAMPUS.name, reading="top", path="/")])
    await take(database, stronger, CAMPUS)
    await finish_run(database, stronger)
    await retry_run(database, run_id)
    assert await begin_run(database, run_id)
    await note_permissions(database, run_id, "few", attempt=2)
    held = await take(database, run_id, CAMPUS)
    church = Reconciler(Reader(database, CAMPUS, org, run_id, held))
    await church.close()
    await church.compare()
    await allow_deletions(database, church.reader.held)
    assert await sights(database, org, CAMPUS.name) == {"all", "few"}


async def test_organizations_and_entities_are_apart(database: Database, org: OrgId, other_org: OrgId) -> None:
    await stored(database, other_org, "all", "1")
    campuses = await Reader.begin(database, CAMPUS, org=org, permissions="all")
    await campuses.complete()
    church = await listing(await stored(database, org, "few", "1"), "few")
    await church.reconcile("1")
    assert not await has_changed(church)
    assert await sights(database, org, CAMPUS.name) == await sights(database, other_org) == {"all"}
