"""Whatever happens to a church with every product, what its products know stays coherent."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from openfaith.simulator import Church, SimulatorOptions
from openfaith.simulator.answering import Simulator
from openfaith.simulator.changes import Add, Change, Delete, Merge, Restore, Update
from openfaith.simulator.contents import PRODUCT_PEOPLE
from openfaith.simulator.relations import Via
from openfaith.simulator.rendering import PLAIN
from openfaith.simulator.rows import Reference

PEOPLE = 20
NAMES = sorted(Church(people=1).served)

entities = st.sampled_from(NAMES) | st.sampled_from(
    ["Person", "groups.Group", "services.Plan", "giving.Donation", "check-ins.EventPeriod", "groups.Person"]
)
changes: st.SearchStrategy[Change] = st.one_of(
    st.builds(Update, entity=entities, count=st.integers(0, 4)),
    st.builds(Add, entity=entities, count=st.integers(1, 3)),
    st.builds(Delete, entity=entities, count=st.integers(0, 4)),
    st.builds(Merge, count=st.integers(1, 2)),
    st.builds(Restore, entity=entities, count=st.integers(1, 3)),
)


def changed(wanted: list[Change]) -> Simulator:
    simulator = Simulator(SimulatorOptions(people=PEOPLE), clock=lambda: 1_760_000_000.0)
    for change in wanted:
        simulator.change(change)
    return simulator


@settings(max_examples=15, deadline=None)
@given(st.lists(changes, max_size=6))
def test_references_lead_to_live_records_and_repeated_ones_agree(wanted: list[Change]) -> None:
    church = changed(wanted).church
    for entity_type, table in church.tables.items():
        links = list(church.relations.links_of(entity_type))
        for record_id in table.ids:
            record = table.record(record_id)
            for link in links:
                target = record.links[link.name]
                assert target is None or link.kept or church.has(target), link
                if isinstance(link.rule, Via):
                    between = record.links[link.rule.link]
                    near = church.find(between) if between else None
                    repeated = near.links[link.rule.onward] if near and link.rule.onward else between
                    assert target == repeated, link


@settings(max_examples=15, deadline=None)
@given(st.lists(changes, max_size=6))
def test_a_product_knows_no_one_whom_the_church_does_not(wanted: list[Change]) -> None:
    church = changed(wanted).church
    people = church.table("Person")
    for entity_type in PRODUCT_PEOPLE:
        for one in church.tables[entity_type].ids:
            assert one in people
            known = church.tables[entity_type].record(one)
            assert known.links["person"] == Reference("Person", one)


@settings(max_examples=8, deadline=None)
@given(st.lists(changes, max_size=4))
def test_kept_texts_are_never_stale(wanted: list[Change]) -> None:
    """Their own links name those above them, who may change."""
    simulator = Simulator(SimulatorOptions(people=PEOPLE), clock=lambda: 1_760_000_000.0)
    church = simulator.church

    def look() -> list[bytes]:
        references = [Reference(name, one) for name in church.served for one in church.tables[name].ids]
        shapes = dict.fromkeys(church.served, PLAIN)
        return [one.text for one in simulator.renderer.render(references, shapes, "http://simulator")]

    look()
    for change in wanted:
        simulator.change(change)
    kept = look()
    simulator.renderer.forget_all()
    assert look() == kept
