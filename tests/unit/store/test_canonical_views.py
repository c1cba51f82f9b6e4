from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from psycopg import sql

from openfaith.manifest import CanonicalMapping, load_canonical_mapping
from openfaith.store.canonical import fingerprint
from openfaith.store.canonical_views import View, canonical_views, is_survivor_view, outdated
from support.mirror import CAMPUS, MEMBER, make_manifest

MANIFEST = make_manifest(CAMPUS, MEMBER)

Catalog = dict[str, list[tuple[str, str]]]


def mapping() -> CanonicalMapping:
    name = {"kind": "column", "from": "name", "type": "text", "meaning": "Its name."}
    campus_id = {"kind": "reference", "from": "campus_id", "to": "campus", "meaning": "The campus."}
    entities = {
        "campus": {"source": "church.Campus", "meaning": "A campus.", "columns": {"name": name}},
        "person": {
            "source": "church.Member",
            "meaning": "A person.",
            "merges": True,
            "columns": {"name": name, "campus_id": campus_id},
        },
    }
    return load_canonical_mapping({"a.json": {"domain": "all", "entities": entities}}, MANIFEST)


VIEWS = canonical_views(MANIFEST, mapping(), {})
NAMES = tuple(view.name for view in VIEWS)


def catalog(views: tuple[View, ...] = VIEWS) -> Catalog:
    return {view.name: [(name, kind) for name, kind, _ in view.columns] for view in views}


def test_views_come_after_what_they_are_made_of() -> None:
    assert NAMES == ("_person_survivor", "campus", "person", "external_link", "edge")


def test_what_is_as_it_should_be_stays() -> None:
    assert outdated(VIEWS, NAMES, catalog()) == ()


def test_nothing_goes_where_columns_only_come() -> None:
    present = catalog()
    present["campus"].pop()
    assert outdated(VIEWS, NAMES, present) == ()


def test_a_view_with_a_column_too_many_goes() -> None:
    """What is made of it is emptied before, and stays."""
    present = catalog()
    present["campus"].append(("seats", "bigint"))
    assert outdated(VIEWS, NAMES, present) == ("campus",)


def test_a_column_of_another_type_is_another_column() -> None:
    present = catalog()
    present["campus"][-1] = ("name", "bigint")
    assert outdated(VIEWS, NAMES, present) == ("campus",)


def test_dependents_go_before_what_they_need() -> None:
    present = catalog()
    for name in ("campus", "edge"):
        present[name].append(("more", "text"))
    assert outdated(VIEWS, NAMES, present) == ("edge", "campus")


def test_a_view_that_keeps_its_form_has_the_references_of_that_form() -> None:
    kept = canonical_views(MANIFEST, mapping(), {}, kept={"person": {"id", "name"}})
    assert "campus_id" not in kept[-1].body.as_string()
    assert "campus_id" in VIEWS[-1].body.as_string()


def test_everything_may_rest_on_the_view_of_the_survivors() -> None:
    present = catalog()
    present["_person_survivor"].append(("more", "text"))
    assert outdated(VIEWS, NAMES, present) == tuple(reversed(NAMES))


def test_what_was_never_ours_stays() -> None:
    assert outdated(VIEWS, NAMES, catalog() | {"somebodys": [("it", "integer")]}) == ()


def test_what_is_remembered_and_gone_need_not_go_again() -> None:
    assert outdated(VIEWS, (*NAMES, "former"), {}) == ()


_COLUMNS = st.lists(
    st.tuples(st.sampled_from(["id", "org_id", "name"]), st.sampled_from(["text", "bigint"])), max_size=5
)


@given(st.dictionaries(st.sampled_from([*NAMES, "former", "_former_survivor", "somebodys"]), _COLUMNS))
def test_what_stays_can_be_replaced_and_rests_on_nothing_that_goes(
    present: Mapping[str, list[tuple[str, str]]],
) -> None:
    former = ("_former_survivor", "_person_survivor", "former", "campus", "person", "external_link", "edge")
    gone = outdated(VIEWS, former, present)
    order = [former.index(name) for name in gone]
    assert order == sorted(order, reverse=True)
    assert set(gone) <= present.keys() - {"somebodys"}
    stays = (present.keys() & set(former)) - set(gone)
    assert all(view.can_replace(present[view.name]) for view in VIEWS if view.name in stays)
    assert stays <= set(NAMES)
    if any(map(is_survivor_view, gone)):
        assert not stays


def test_another_table_another_type_or_another_meaning_is_another_definition() -> None:
    column = VIEWS[1].columns[-1]
    others = (
        canonical_views(replace(MANIFEST, adapter="other"), mapping(), {}),
        canonical_views(MANIFEST, mapping(), {"church_campus": {"name": "jsonb"}}),
        (replace(VIEWS[1], columns=(*VIEWS[1].columns[:-1], (*column[:2], "Another meaning."))), *VIEWS[2:]),
        (replace(VIEWS[1], body=sql.SQL("SELECT {}").format(sql.Literal(1))), *VIEWS[2:]),
    )
    assert fingerprint(VIEWS) not in map(fingerprint, others)
    assert fingerprint(canonical_views(MANIFEST, mapping(), {})) == fingerprint(VIEWS)
