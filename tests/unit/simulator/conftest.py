"""What the tests of the simulator may ask for."""

from __future__ import annotations

from typing import Any

import pytest

from openfaith.simulator import Church, SimulatorOptions
from support.asking import PEOPLE, Ask, Asker


@pytest.fixture(scope="session")
def church() -> Church:
    """A church to look at, not to change."""
    return Church(people=PEOPLE, seed=1, products=["people"])


@pytest.fixture(scope="session")
def reader(church: Church) -> Asker:
    """A simulator whose church nobody changes, with a limit that nobody reaches."""
    return Asker(SimulatorOptions(people=PEOPLE, products=("people",), rate_limit=10**9), church)


@pytest.fixture
def ask() -> Ask:
    """Starts a simulator of one's own: `ask(people=50, faults="drop@2")`."""

    def start(**options: Any) -> Asker:
        defaults: dict[str, Any] = {"people": PEOPLE, "products": ("people",), "rate_limit": 10**9}
        return Asker(SimulatorOptions(**defaults | options))

    return start
