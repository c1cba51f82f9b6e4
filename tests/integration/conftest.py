"""Homes for embedded servers of a test's own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.postgres import Databases, discard_home, make_home
from support.processes import ordinary_account


@pytest.fixture
def home() -> Iterator[Path]:
    """An empty home, discarded at the end with its server."""
    made = make_home("openfaith-home-")
    yield made
    discard_home(made)


@pytest.fixture
def ordinary_home(home: Path) -> Path:
    """An empty home of an ordinary user's."""
    mine = home / "ordinary"
    mine.mkdir(mode=0o700)
    if account := ordinary_account():
        os.chown(mine, account.pw_uid, account.pw_gid)
    return mine


@pytest.fixture
def run_url(databases: Databases) -> str:
    """The run's own server, to look at."""
    return databases.server_url
