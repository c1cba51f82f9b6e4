"""What has to be done to a table so that it is as the manifest wants it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openfaith.errors import ManifestError
from openfaith.manifest import AttributeType, Manifest, Relationship
from openfaith.store.conversions import is_wide_enough
from openfaith.store.mirror import WantedTable, fingerprint, wanted_tables
from openfaith.store.table_changes import (
    RETIRED,
    PresentColumn,
    PresentTable,
    TableChange,
    additions,
    creation,
    decide,
)
from support.mirror import make_entity, make_manifest

STRING, INTEGER = AttributeType.STRING, AttributeType.INTEGER


def manifest_of(attributes: Mapping[str, AttributeType], references: Mapping[str, bool]) -> Manifest:
    """One entity; a reference is polymorphic or not."""
    related = (Relationship(name=n, to=None, polymorphic=several) for n, several in references.items())
    return make_manifest(make_entity("Thing", dict(attributes), *related))


def wanted(attributes: Mapping[str, AttributeType], **references: bool) -> WantedTable:
    [table] = wanted_tables(manifest_of(attributes, references))
    return table


def after(change: TableChange, before: PresentTable | None) -> PresentTable:
    """The table once the change is made."""
    columns = {} if before is None else dict(before.columns)
    made = change.wanted.columns if change.creates else change.adds
    columns |= {c.name: PresentColumn(type=c.type) for c in made}
    columns |= {c.column.name: replace(columns[c.column.name], type=c.column.type) for c in change.converts}
    columns |= {n: replace(columns[n], comment=text) for n, text in change.comments.items()}
    comment = change.table_comment or (before.comment if before is not None else None)
    return PresentTable(comment=comment, columns=columns)


def made(table: WantedTable) -> PresentTable:
    return after(decide(table, None), None)


def test_a_table_that_is_not_there_is_made_whole() -> None:
    change = decide(wanted({"a": STRING}), None)
    assert change.creates
    assert not change.fills
    assert change.comments.keys() == {c.name for c in change.wanted.columns}
    text = creation(change).as_string()
    assert text.startswith(
        'CREATE TABLE "sample"."church_thing" ("org_id" text NOT NULL, "id" text NOT NULL, '
    )
    assert '"_hash" bigint NOT NULL' in text
    assert text.endswith("PRIMARY KEY (org_id, id))")


def test_a_table_that_is_as_it_should_be_needs_nothing() -> None:
    table = wanted({"a": STRING}, r=True)
    assert not decide(table, made(table)).is_needed


def test_what_is_missing_is_added_and_filled() -> None:
    change = decide(wanted({"a": STRING, "b": INTEGER}, r=True), made(wanted({"a": STRING})))
    assert [c.name for c in change.adds] == ["b", "r_id", "r_type"]
    assert change.fills == change.adds
    assert set(change.comments) == {"b", "r_id", "r_type"}
    assert additions(change).as_string() == (
        'ALTER TABLE "sample"."church_thing" ADD COLUMN "b" bigint, ADD COLUMN "r_id" text, ADD COLUMN "r_type" text'
    )


def test_a_column_of_another_type_takes_the_new_one_and_is_filled() -> None:
    change = decide(wanted({"a": INTEGER}), made(wanted({"a": STRING})))
    assert [str(c) for c in change.converts] == ["a: text → bigint"]
    assert [c.name for c in change.fills] == ["a"]


def test_a_column_that_left_the_manifest_says_so_once() -> None:
    narrow = wanted({"a": STRING})
    change = decide(narrow, made(wanted({"a": STRING, "b": STRING})))
    assert change.comments == {"b": "Attribute b of church.Thing, string." + RETIRED}
    assert not change.reshapes
    assert not decide(narrow, after(change, made(wanted({"a": STRING, "b": STRING})))).is_needed


def test_somebodys_own_column_is_left_alone() -> None:
    table = wanted({"a": STRING})
    present = made(table)
    mine = {"mine": PresentColumn(type="text"), "yours": PresentColumn(type="point", comment="where")}
    assert not decide(table, replace(present, columns={**present.columns, **mine})).is_needed


def test_tables_of_a_known_form_only_get_what_is_missing() -> None:
    """They were made for this manifest before: a newer program has been there since."""
    change = decide(
        wanted({"a": INTEGER, "b": INTEGER}), made(wanted({"a": STRING, "c": STRING})), known=True
    )
    assert [c.name for c in change.adds] == ["b"]
    assert change.converts == change.keeps == ()
    assert set(change.comments) == {"b"}


def test_a_key_of_another_type_is_refused() -> None:
    table = wanted({})
    present = made(table)
    with pytest.raises(ManifestError, match=r"sample\.church_thing\.id: the column's type is bigint"):
        decide(table, replace(present, columns={**present.columns, "id": PresentColumn(type="bigint")}))


@pytest.mark.parametrize(
    "other",
    [
        manifest_of({"a": INTEGER}, {}),
        manifest_of({"b": STRING}, {}),
        manifest_of({"a": STRING}, {"r": False}),
        replace(manifest_of({"a": STRING}, {}), adapter="other"),
    ],
)
def test_the_fingerprint_changes_with_the_form(other: Manifest) -> None:
    one = manifest_of({"a": STRING}, {})
    assert fingerprint(wanted_tables(one)) == fingerprint(wanted_tables(manifest_of({"a": STRING}, {})))
    assert (fingerprint(wanted_tables(one)) == fingerprint(wanted_tables(other))) == (
        other.adapter != one.adapter
    )


FORMS = st.tuples(
    st.dictionaries(st.sampled_from("abcd"), st.sampled_from(AttributeType), max_size=4),
    st.dictionaries(st.sampled_from("rs"), st.booleans(), max_size=2),
)


@given(st.lists(FORMS, min_size=1, max_size=5))
def test_after_any_history_there_is_nothing_left_to_do_and_nothing_was_lost(
    history: list[tuple[dict[str, AttributeType], dict[str, bool]]],
) -> None:
    present: PresentTable | None = None
    for form in history:
        [table] = wanted_tables(manifest_of(*form))
        change = decide(table, present)
        before = set() if present is None else set(present.columns)
        present = after(change, present)
        assert not decide(table, present).is_needed
        assert before <= present.columns.keys()
        for column in table.columns:
            kind = present.columns[column.name].type
            assert kind == column.type or is_wide_enough(kind, column.type)
