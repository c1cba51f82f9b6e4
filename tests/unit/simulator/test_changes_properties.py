"""Whatever happens to a church, it stays coherent, and what is kept for speed stays right."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from openfaith.simulator import Church, SimulatorOptions
from openfaith.simulator.answering import Simulator
from openfaith.simulator.changes import Add, Change, Delete, Merge, Restore, Update
from openfaith.simulator.documents import shapes
from openfaith.simulator.query import OrderKey, Query
from openfaith.simulator.rendering import Rendered
from openfaith.simulator.rows import Reference, column_value, sort_key
from openfaith.simulator.selection import select

PEOPLE = 25
NAMES = sorted(Church(people=PEOPLE, products=["people"]).tables)
INCLUDES = {
    "Person": ("emails", "households", "primary_campus", "field_data", "name_prefix"),
    "Household": ("people",),
    "Note": ("person", "category"),
    "MessageGroup": ("messages", "from"),
}
NESTED = {"Person": ("households.people", "emails"), "FieldDefinition": ("tab",)}
COLUMNS = (
    "id",
    "created_at",
    "updated_at",
    "person_id",
    "household_id",
    "primary_campus_id",
    "name",
    "primary",
)

entities = st.sampled_from(NAMES) | st.sampled_from(["Person", "Email", "Household", "HouseholdMembership"])
changes: st.SearchStrategy[Change] = st.one_of(
    st.builds(
        Update,
        entity=entities,
        count=st.integers(0, 6),
        blind=st.booleans(),
        stamp_offset_seconds=st.sampled_from([0, -90, 600]),
    ),
    st.builds(Add, entity=entities, count=st.integers(1, 3)),
    st.builds(Delete, entity=entities, count=st.integers(0, 6), blind=st.booleans()),
    st.builds(Merge, count=st.integers(1, 3), blind=st.booleans()),
    st.builds(Restore, entity=entities, count=st.integers(1, 4), blind=st.booleans()),
)


def look_at_everything(simulator: Simulator) -> dict[tuple[Reference, bool], Rendered]:
    """Every record as it is sent with its includes, through what the simulator keeps."""
    found: dict[tuple[Reference, bool], Rendered] = {}
    for is_nested, includes in enumerate((INCLUDES, NESTED)):
        for name, table in simulator.church.tables.items():
            shape = shapes(Query(includes=includes.get(name, ()), fields={}), name)
            references = [Reference(name, one) for one in table.ids]
            records = simulator.renderer.render(references, shape, "http://simulator")
            keys = [(reference, bool(is_nested)) for reference in references]
            found.update(zip(keys, records, strict=True))
    return found


def use_columns(simulator: Simulator) -> None:
    """Make the simulator keep columns, orders and who refers to whom."""
    for table in simulator.church.tables.values():
        for key in COLUMNS:
            select(table, Query(order=(OrderKey(key, descending=False),), fields={}))
            table.sorted_by(key)
    for link in simulator.church.relations.links:
        simulator.church.table(link.type).referring(link.name)


@settings(max_examples=40, deadline=None)
@given(st.lists(changes, max_size=8))
def test_any_changes_leave_a_coherent_church(wanted: list[Change]) -> None:
    simulator = Simulator(SimulatorOptions(people=PEOPLE, products=("people",)))
    for change in wanted:
        simulator.change(change)
    church = simulator.church
    for link in church.relations.links:
        for one in church.table(link.type).ids:
            target = church.table(link.type).record(one).links[link.name]
            assert target is None or link.kept or church.has(target)
            assert target is not None or not link.owned or not len(church.table(link.to))
    for home in church.table("Household").ids:
        household = church.table("Household").record(home)
        memberships = church.table("HouseholdMembership").referring("household").get(home, [])
        members = [church.table("HouseholdMembership").record(one).links["person"] for one in memberships]
        assert household.attributes["member_count"] == len(members) > 0
        assert household.links["primary_contact"] in members


@settings(max_examples=20, deadline=None)
@given(st.lists(changes, max_size=6))
def test_what_is_kept_for_speed_is_what_would_be_made_anew(wanted: list[Change]) -> None:
    """Rendered records, columns, orders and references are kept over changes, and never stale."""
    simulator = Simulator(SimulatorOptions(people=PEOPLE, products=("people",)))
    look_at_everything(simulator)
    use_columns(simulator)
    for change in wanted:
        simulator.change(change)
        use_columns(simulator)
    kept = look_at_everything(simulator)
    simulator.renderer.forget_all()
    assert look_at_everything(simulator) == kept
    for table in simulator.church.tables.values():
        records = [table.record(one) for one in table.ids]
        for key in COLUMNS:
            values = {record.id: column_value(record, key) for record in records}
            assert table.column(key) == values
            rows = sorted((sort_key(value), one) for one, value in values.items() if value is not None)
            assert list(table.sorted_by(key)[1]) == [one for _, one in rows]
    for link in simulator.church.relations.links:
        table = simulator.church.table(link.type)
        pointing: dict[int, list[int]] = {}
        for one in table.ids:
            target = table.record(one).links[link.name]
            if target is not None:
                pointing.setdefault(target.id, []).append(one)
        assert {target: ids for target, ids in table.referring(link.name).items() if ids} == pointing


@settings(max_examples=25, deadline=None)
@given(st.lists(changes, min_size=1, max_size=5))
def test_an_account_names_all_that_changed_and_nothing_else(wanted: list[Change]) -> None:
    simulator = Simulator(SimulatorOptions(people=PEOPLE, products=("people",)))
    church = simulator.church
    for change in wanted:
        before = {
            name: {one: table.record(one) for one in table.ids} for name, table in church.tables.items()
        }
        account = simulator.change(change)
        for name, table in church.tables.items():
            now = {one: table.record(one) for one in table.ids}
            added = now.keys() - before[name].keys()
            deleted = before[name].keys() - now.keys()
            changed = {one for one in now.keys() & before[name].keys() if now[one] != before[name][one]}
            assert {int(one) for one in account.added.get(name, [])} - {
                int(one) for one in account.deleted.get(name, [])
            } == added
            assert deleted <= {int(one) for one in account.deleted.get(name, [])}
            assert changed <= {int(one) for one in account.updated.get(name, [])}


@settings(max_examples=10, deadline=None)
@given(st.lists(changes, max_size=5))
def test_the_same_changes_make_the_same_church(wanted: list[Change]) -> None:
    def run() -> dict[tuple[Reference, bool], Rendered]:
        simulator = Simulator(
            SimulatorOptions(people=PEOPLE, products=("people",)), clock=lambda: 1_760_000_000.0
        )
        for change in wanted:
            simulator.change(change)
        return look_at_everything(simulator)

    assert run() == run()
