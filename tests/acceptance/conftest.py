"""One simulated church, and one database with it connected, for each file of tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from openfaith.simulator import RunningSimulator, SimulatorOptions
from support.postgres import Databases
from support.terminal import Terminal


@pytest.fixture(scope="module")
def church() -> Iterator[RunningSimulator]:
    """A small church, whose API allows as many requests as one likes."""
    with RunningSimulator(SimulatorOptions(people=250, products=("people",), rate_limit=10**6)) as running:
        yield running


@pytest.fixture(scope="module")
def terminal(
    databases: Databases, opened: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Terminal]:
    """A command line with a home of its own, and a database of its own that the product has opened before."""
    with databases.fresh(template=opened) as url:
        yield Terminal(tmp_path_factory.mktemp("home"), database_url=url)


@pytest.fixture(scope="module")
def grace(terminal: Terminal, church: RunningSimulator) -> Terminal:
    """The same, with the church connected as the organization `grace`."""
    terminal.connect("grace", church.base_url)
    return terminal


@pytest.fixture
def nowhere(tmp_path: Path) -> Path:
    """A home that nobody can write to, not even root: its parent is a file."""
    (tmp_path / "file").touch()
    return tmp_path / "file" / "home"
