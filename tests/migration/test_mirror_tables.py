"""Mirror tables that grew with their manifest equal those that are made from it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from openfaith.adapters import find_adapter
from openfaith.manifest import Attribute, AttributeType, Entity, Manifest, Relationship
from openfaith.records import EntityName
from openfaith.store import (
    ensure_mirror_tables,
    fill_mirror_tables,
    install_canonical_model,
    open_database,
)
from support.church import MAPPING
from support.mirror import CAMPUS, Examples, Reader, ask, make_entity, make_manifest, record, to_one
from support.schemas import describe

PCO = find_adapter("pco").load_manifest()
OWN = ("_run_id", "_synced_at", "_requested_at", "org_id", "xmin")
STAYS = {(AttributeType.FLOAT, AttributeType.INTEGER), (AttributeType.DATE_TIME, AttributeType.DATE)}
"""Changes of type for which the column is left as it is."""


def youth(manifest: Manifest) -> Manifest:
    """The manifest as it may have looked in its first days: some entities, every second attribute, no relationships."""

    def younger(entity: Entity) -> Entity:
        return replace(
            entity,
            attributes=dict(list(entity.attributes.items())[::2]),
            relationships={n: r for n, r in entity.relationships.items() if r.many},
        )

    entities = {name: younger(e) for n, (name, e) in enumerate(manifest.entities.items()) if n % 5}
    return replace(manifest, entities=entities)


async def test_the_tables_of_planning_center_grow_into_what_is_made_at_once(database_url: str) -> None:
    grown, fresh = replace(PCO, adapter="grown"), replace(PCO, adapter="fresh")
    async with open_database(database_url) as database:
        for manifest in (youth(grown), grown, fresh):
            assert await ensure_mirror_tables(database, manifest)
    assert describe(database_url, "grown") == describe(database_url, "fresh")


@pytest.fixture
def old_table(database_url: str) -> str:
    """A table as it was made before columns said what they are."""
    ask(database_url, "CREATE SCHEMA old")
    ask(
        database_url,
        "CREATE TABLE old.church_campus (org_id text NOT NULL, id text NOT NULL, name text, seats bigint,"
        " _extra jsonb, _source_updated_at timestamptz, _requested_at timestamptz NOT NULL, _hash bigint NOT NULL,"
        " _synced_at timestamptz NOT NULL DEFAULT now(), _run_id bigint NOT NULL, _deleted_at timestamptz,"
        " _merged_into text, PRIMARY KEY (org_id, id))",
    )
    return database_url


async def test_a_table_of_the_first_release_gets_its_comments(old_table: str) -> None:
    async with open_database(old_table) as database:
        for adapter in ("old", "fresh"):
            assert await ensure_mirror_tables(database, make_manifest(CAMPUS, adapter=adapter))
    assert describe(old_table, "old") == describe(old_table, "fresh")


# Any history

NAMES = ("a", "b", "c")
KINDS: st.SearchStrategy[AttributeType] = st.sampled_from(
    [k for k in AttributeType if k is not AttributeType.ARRAY]
)
VERSIONS = st.tuples(
    st.dictionaries(st.sampled_from(NAMES), KINDS, max_size=3),
    st.dictionaries(st.sampled_from(("r", "s")), st.booleans(), max_size=2),
)
VALUES: Any = st.sampled_from(
    [None, 5, 1.5, True, "5", "x", "2020-01-02", "2020-01-02T12:00:00Z", {"k": 1}, [1]]
)


def manifest_of(
    adapter: str, version: tuple[dict[str, AttributeType], dict[str, bool]], number: int
) -> Manifest:
    """One version of a manifest. Its number keeps apart two that are alike but for what came between."""
    attributes, references = version
    entity = make_entity(
        "Thing",
        attributes,
        *(Relationship(name=n, to=None, polymorphic=polymorphic) for n, polymorphic in references.items()),
    )
    manifest = make_manifest(entity, adapter=adapter)
    return replace(
        manifest, products={"church": replace(manifest.products["church"], version=f"version {number}")}
    )


def settled(history: list[tuple[dict[str, AttributeType], dict[str, bool]]]) -> bool:
    """Whether no column of the last version is one that was left with a wider type."""
    for name, kind in history[-1][0].items():
        kinds = [version[0][name] for version in history if name in version[0]]
        if any((before, kind) in STAYS for before in kinds):
            return False
    return True


async def rows_of(reader: Reader) -> dict[str, dict[str, object]]:
    return {
        key: {name: value for name, value in row.items() if name not in OWN}
        for key, row in (await reader.rows()).items()
    }


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    history=st.lists(VERSIONS, min_size=2, max_size=4).filter(settled),
    values=st.lists(st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=3), min_size=1, max_size=4),
)
def test_whatever_a_table_went_through_the_next_sync_finds_it_as_if_it_were_new(
    examples: Examples,
    history: list[tuple[dict[str, AttributeType], dict[str, bool]]],
    values: list[dict[str, object]],
) -> None:
    """Columns of the last version: types, comments and content. Columns that it lost are there besides."""
    name = examples.new_org().replace("-", "_")
    grown, fresh = f"grown_{name}", f"fresh_{name}"
    pages = [
        record(str(n), "Thing", relationships={"r": to_one("1"), "s": to_one("2")}, **attributes)
        for n, attributes in enumerate(values)
    ]

    async def run() -> None:
        database = examples.database
        manifests = [manifest_of(grown, version, number) for number, version in enumerate(history)]
        for number, manifest in enumerate(manifests):
            await ensure_mirror_tables(database, manifest)
            await fill_mirror_tables(database)
            await store(manifest, grown, pages, at=number)
        last = manifest_of(fresh, history[-1], len(history) - 1)
        await ensure_mirror_tables(database, last)
        await store(last, fresh, pages, at=0)
        expected = await rows_of(await reader_of(last, fresh))
        found = await rows_of(await reader_of(manifests[-1], grown))
        wanted = expected["0"].keys()
        assert {key: {n: row[n] for n in wanted} for key, row in found.items()} == expected

    async def reader_of(manifest: Manifest, org: str) -> Reader:
        [entity] = manifest.entities.values()
        return await Reader.begin(examples.database, entity, org=org, manifest=manifest)

    async def store(manifest: Manifest, org: str, records: list[bytes], *, at: float) -> None:
        reader = await reader_of(manifest, org)
        await reader.store(*records, at=at)
        await reader.complete()

    try:
        examples.run(run())
        columns = {schema: described_columns(examples.database.url, schema) for schema in (grown, fresh)}
        assert columns[fresh].items() <= columns[grown].items()
    finally:
        for schema in (grown, fresh):
            ask(examples.database.url, f"DROP SCHEMA IF EXISTS {schema} CASCADE")


def described_columns(url: str, schema: str) -> dict[object, tuple[object, ...]]:
    return {column[1]: column for column in describe(url, schema)["columns"]}


async def test_a_column_that_the_manifest_no_longer_has_says_so(database_url: str) -> None:
    wide = make_manifest(make_entity("Thing", {"a": AttributeType.STRING, "b": AttributeType.STRING}))
    narrow = make_manifest(make_entity("Thing", {"a": AttributeType.STRING}))
    async with open_database(database_url) as database:
        for manifest in (wide, narrow):
            assert await ensure_mirror_tables(database, manifest)
    said = {column[1]: column[-1] for column in describe(database_url, "sample")["columns"]}
    assert said["b"] == "Attribute b of church.Thing, string. No longer in the manifest: keeps what it had."
    assert said["a"] == "Attribute a of church.Thing, string."


async def test_readers_of_a_grown_table_see_the_same_rows(database_url: str) -> None:
    """Adding columns touches no row: PostgreSQL only notes that they are there."""
    thing = make_entity("Thing", {"a": AttributeType.STRING})
    async with open_database(database_url) as database:
        manifest = make_manifest(thing)
        await ensure_mirror_tables(database, manifest)
        reader = await Reader.begin(database, thing, org="grace", manifest=manifest)
        await reader.store(record("1", "Thing", a="x"))
        before = await reader.rows()
        wider = replace(
            thing, attributes=thing.attributes | {"b": Attribute(name="b", type=AttributeType.DATE)}
        )
        await ensure_mirror_tables(database, make_manifest(wider))
        assert await reader.rows() == {key: row | {"b": None} for key, row in before.items()}


async def test_the_canonical_views_are_no_obstacle(database_url: str) -> None:
    """They are ours: dropped with the change, and made again by whoever opens the database next."""
    person = PCO.entities[EntityName("people.Person")]
    gender = replace(person.attributes["gender"], type=AttributeType.JSON)
    changed = replace(person, attributes=person.attributes | {"gender": gender})
    newer = replace(PCO, entities={**PCO.entities, person.name: changed})
    async with open_database(database_url) as database:
        for manifest in (PCO, newer):
            assert await ensure_mirror_tables(database, manifest)
            assert await install_canonical_model(database, PCO, MAPPING)
    kinds = {(c[0], c[1]): c[2] for c in describe(database_url, "pco")["columns"]}
    assert kinds["people_person", "gender"] == "jsonb"
