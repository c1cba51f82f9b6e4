"""The plan of a run, as one step stores it and every later decision reads it."""

from __future__ import annotations

import json

from openfaith.planning import Scheduled
from openfaith.records import EntityName
from openfaith.workflows.orchestrator import read_plan
from openfaith.workflows.steps import PlanResult

A, B, C = map(EntityName, "abc")
STORED = PlanResult(
    order=[B, A, C], hard={A: [], B: [], C: [B]}, soft={A: [B], B: [], C: [A]}, strategy="hybrid", in_flight=9
)


def test_a_stored_plan_is_read_in_its_order_with_its_dependencies() -> None:
    assert read_plan(json.loads(json.dumps(STORED))) == (
        Scheduled(name=B, hard=(), soft=()),
        Scheduled(name=A, hard=(), soft=(B,)),
        Scheduled(name=C, hard=(B,), soft=(A,)),
    )
