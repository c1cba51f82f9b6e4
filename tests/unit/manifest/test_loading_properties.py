from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from openfaith.adapters.planning_center import load_planning_center
from openfaith.adapters.planning_center.manifest import documents
from openfaith.errors import ManifestError
from openfaith.manifest import Manifest, columns, load_manifest, table_name
from openfaith.planning import derive_graph, order

TEXT = st.text(st.characters(exclude_categories=()), max_size=80)
"""With halves of surrogate pairs, which JSON can spell."""

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    TEXT,
    st.sampled_from(
        ["Person", "people.Person", "id", "org_id", "updated_at", "list", "GET", "/people/v2/{id}", "{}"]
    ),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
SEEDS = st.integers(0, 2**32)


Container = dict[str, object] | list[object]


def spot(tree: object, chance: random.Random) -> tuple[Container, str | int]:
    """Somewhere in the document: a container and a key or index in it."""
    assert isinstance(tree, dict)
    container: Container = tree
    while True:
        key: str | int = chance.choice(
            [*container] if isinstance(container, dict) else [*range(len(container))]
        )
        inner = container[key]  # type: ignore[index]  # the key is of this container
        if not isinstance(inner, dict | list) or not inner or chance.random() < 0.1:
            return container, key
        container = inner


def load(document: object) -> Manifest | None:
    """The manifest, or None where it is refused as it should be."""
    try:
        return load_manifest({"people.json": document}, adapter="pco", default_product="people")
    except ManifestError as error:
        str(error).encode()  # a message that cannot be printed explains nothing
        return None


def check(manifest: Manifest | None) -> None:
    """Whatever was accepted can be stored."""
    if manifest is None:
        return
    tables = [table_name(entity) for entity in manifest.entities.values()]
    assert len({*tables}) == len(tables)
    for entity in manifest.entities.values():
        names = [column.name for column in columns(entity)]
        assert len({*names}) == len(names)
        assert all(0 < len(name.encode()) <= 63 and not name.startswith("_") for name in [*names, *tables])
        assert {"id", "org_id"}.isdisjoint(names)


@settings(max_examples=60)
@given(SEEDS, VALUES, st.integers(1, 4))
def test_a_changed_manifest_is_loaded_or_refused_and_never_breaks(
    seed: int, value: object, times: int
) -> None:
    document = documents()["people.json"]
    chance = random.Random(seed)
    for _ in range(times):
        container, key = spot(document, chance)
        container[key] = value  # type: ignore[index]  # the key is of this container
    check(load(document))


@settings(max_examples=60)
@given(SEEDS)
def test_a_manifest_that_lacks_a_part_is_loaded_or_refused(seed: int) -> None:
    document = documents()["people.json"]
    container, key = spot(document, random.Random(seed))
    del container[key]  # type: ignore[arg-type]  # the key is of this container
    check(load(document))


@settings(max_examples=60)
@given(SEEDS, TEXT)
def test_a_manifest_with_a_renamed_member_is_loaded_or_refused(seed: int, name: str) -> None:
    document = documents()["people.json"]
    container, key = spot(document, random.Random(seed))
    if isinstance(container, dict) and isinstance(key, str):
        container[name] = container.pop(key)
    check(load(document))


@settings(max_examples=60)
@given(VALUES)
def test_anything_but_a_manifest_is_refused(value: object) -> None:
    assert load(value) is None


def shuffled(document: object, chance: random.Random) -> dict[str, object]:
    assert isinstance(document, dict)
    entities = list(document["entities"].items())
    chance.shuffle(entities)
    return document | {"entities": dict(entities)}


@settings(max_examples=5, deadline=None)
@given(SEEDS)
def test_the_order_of_entities_in_the_files_does_not_matter_to_the_plan(seed: int) -> None:
    chance = random.Random(seed)
    files = list(documents().items())
    chance.shuffle(files)
    manifest = load_manifest(
        {name: shuffled(document, chance) for name, document in files},
        adapter="pco",
        default_product="people",
    )
    assert derive_graph(manifest) == derive_graph(load_planning_center())
    assert order(derive_graph(manifest)) == order(derive_graph(load_planning_center()))
