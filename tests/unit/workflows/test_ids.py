"""Workflow ids are keys: one for each attempt of a run, and for each entity of it."""

from __future__ import annotations

from itertools import product

from openfaith.records import EntityName, RunId
from openfaith.workflows.ids import entity_run_workflow_id, sync_run_workflow_id


def test_ids_say_whose_they_are() -> None:
    assert sync_run_workflow_id(RunId(42), 1) == "run-42-1"
    assert entity_run_workflow_id(RunId(42), 1, EntityName("people.Person")) == "run-42-1-people.Person"


def test_no_two_are_alike() -> None:
    runs = [(RunId(run), attempt) for run, attempt in product((1, 11, 111), (1, 11, 111))]
    entities = [EntityName(name) for name in ("people.Person", "people.PersonMerger", "giving.Person")]
    ids = [sync_run_workflow_id(*run) for run in runs]
    ids += [entity_run_workflow_id(*run, entity) for run, entity in product(runs, entities)]
    assert len(set(ids)) == len(ids)
