"""Alerts follow from facts, and from nothing else."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from openfaith.alerting import EntityFacts, Facts, Targets, decide
from openfaith.records import EntityName, OrgId, RunId
from support.alerts import NOON, make_facts, make_run_facts

moments = st.none() | st.integers(0, 1000).map(lambda hours: NOON - timedelta(hours=hours))
counts = st.integers(0, 30)
entities = st.builds(
    make_facts,
    org_id=st.sampled_from("ab").map(OrgId),
    adapter=st.sampled_from(["pco", "other"]),
    entity=st.sampled_from(["people.Person", "people.Email", "giving.Fund"]).map(EntityName),
    watermark=moments,
    is_synced=st.booleans(),
    is_accessible=st.booleans(),
    connected_at=moments.filter(bool),
    proven_at=moments,
    is_doubted=st.booleans(),
    sampled=counts,
    sampled_different=counts,
    held=counts,
    dead_letters=counts,
)
runs = st.builds(
    make_run_facts,
    org_id=st.sampled_from("ab").map(OrgId),
    adapter=st.sampled_from(["pco", "other"]),
    kind=st.sampled_from(["full", "delta", "reconciliation", "sweep"]),
    run_id=st.integers(1, 9).map(RunId),
    is_partial=st.booleans(),
)
facts = st.builds(
    Facts,
    at=st.just(NOON),
    # The key of the table: an entity of an organization is known once, and so is the last run of a kind.
    entities=st.lists(entities, max_size=8, unique_by=lambda e: (e.org_id, e.adapter, e.entity)),
    runs=st.lists(runs, max_size=4, unique_by=lambda r: (r.org_id, r.adapter, r.kind)),
)
targets = st.builds(
    Targets,
    fresh_within=st.integers(1, 1000).map(lambda hours: timedelta(hours=hours)),
    proven_within=st.integers(1, 1000).map(lambda hours: timedelta(hours=hours)),
    most_dead_letters=counts,
)


def keys(known: Facts, measure: Targets) -> set[tuple[Any, ...]]:
    return {(f.rule, f.org_id, f.adapter, f.entity, f.aspect) for f in decide(known, measure)}


@given(facts, targets)
def test_no_subject_is_found_twice(known: Facts, measure: Targets) -> None:
    assert len(keys(known, measure)) == len(decide(known, measure))


@given(facts, targets)
def test_the_same_facts_are_the_same_alerts_in_the_same_words(known: Facts, measure: Targets) -> None:
    assert decide(known, measure) == decide(known, measure)


@given(facts, targets, st.integers(0, 10_000))
def test_no_alert_ends_by_the_passing_of_time(known: Facts, measure: Targets, minutes: int) -> None:
    """And none changes its words: what flaps is not read."""
    later = replace(known, at=known.at + timedelta(minutes=minutes))
    assert {(f.rule, f.message) for f in decide(known, measure)} <= {
        (f.rule, f.message) for f in decide(later, measure)
    }


@given(facts, targets)
def test_what_is_known_of_one_organization_changes_nothing_for_another(
    known: Facts, measure: Targets
) -> None:
    def only(org: str) -> Facts:
        return replace(
            known,
            entities=[e for e in known.entities if e.org_id == org],
            runs=[r for r in known.runs if r.org_id == org],
        )

    assert keys(only("a"), measure) | keys(only("b"), measure) == keys(known, measure)


@given(entities, targets)
def test_a_rule_holds_if_and_only_if_its_condition_does(entity: EntityFacts, measure: Targets) -> None:
    found = {(rule, aspect) for rule, *_, aspect in keys(Facts(at=NOON, entities=[entity]), measure)}
    since_true = None if entity.watermark is None else NOON - entity.watermark
    assert (("stale", None) in found) == (
        entity.is_synced and since_true is not None and since_true > measure.fresh_within
    )
    assert (("guard_stopped", None) in found) == (entity.held > 0)
    assert (("dead_letters", None) in found) == (entity.dead_letters > measure.most_dead_letters)
    assert (("parity_lost", "sample") in found) == (entity.sampled_different > 0)
    last = entity.proven_at or (entity.connected_at if entity.is_doubted else NOON)
    overdue = NOON - last > measure.proven_within
    assert (("parity_lost", "proof") in found) == (entity.is_synced and entity.is_accessible and overdue)
