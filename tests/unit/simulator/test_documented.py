"""Whatever the simulator can be told stands in its reference."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import msgspec
import pytest

from openfaith.simulator import Church, SimulatorOptions
from openfaith.simulator.answering import Simulator
from openfaith.simulator.change_plans import ACTIONS
from openfaith.simulator.changes import Change
from openfaith.simulator.control import Control
from openfaith.simulator.faults import REQUEST_FAULTS
from openfaith.simulator.record_faults import ATTRIBUTE_FAULTS, RECORD_FAULTS
from openfaith.simulator.sight import HIDING

REFERENCE = (Path(__file__).parents[3] / "docs" / "reference" / "simulator.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", sorted({*REQUEST_FAULTS, *RECORD_FAULTS, *ATTRIBUTE_FAULTS, *HIDING}))
def test_every_fault_is_in_the_reference(name: str) -> None:
    assert f"| `{name}`" in REFERENCE or f"| `{name}=" in REFERENCE


@pytest.mark.parametrize("name", sorted(ACTIONS))
def test_every_action_of_a_plan_is_in_the_reference(name: str) -> None:
    assert any(line.startswith((f"{name}=", f"{name}:", f"{name}*")) for line in REFERENCE.splitlines())


@pytest.mark.parametrize("change", Change.__args__)
def test_every_change_is_in_the_reference(change: type[msgspec.Struct]) -> None:
    assert f'{{"action": "{change.__struct_config__.tag}"' in REFERENCE
    assert "`stamp_offset_seconds`" in REFERENCE


@pytest.mark.parametrize("option", [field.name for field in dataclasses.fields(SimulatorOptions)])
def test_every_option_is_in_the_reference(option: str) -> None:
    assert f"`{option}`" in REFERENCE


def test_every_request_of_the_control_interface_is_in_the_reference() -> None:
    control = Control(Simulator(SimulatorOptions(people=0), Church(people=0)))
    for route in control.routes():
        path = route.path.strip("/").replace("{entity}", "Person")
        assert any(f" {path}`" in line for line in REFERENCE.splitlines() if line.startswith("|")), path
