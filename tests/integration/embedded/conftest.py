"""Homes for embedded servers of a test's own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from openfaith.store.embedded import EmbeddedServer, is_running, stop
from support.postgres import discard_home, make_home
from support.processes import ordinary_account


@pytest.fixture
def new_home() -> Iterator[Path]:
    """An empty home, discarded at the end with its server."""
    made = make_home()
    yield made
    discard_home(made)


@pytest.fixture(scope="session")
def _used_home() -> Iterator[Path]:
    made = make_home()
    EmbeddedServer.start(made).release()
    yield made
    discard_home(made)


@pytest.fixture
def home(_used_home: Path) -> Iterator[Path]:
    """A home that was used before and whose server is stopped, as a test must leave it; a new one costs a second."""
    yield _used_home
    stop(_used_home)
    assert not is_running(_used_home)


@pytest.fixture
def ordinary_home(new_home: Path) -> Path:
    """An empty home of an ordinary user's."""
    mine = new_home / "ordinary"
    mine.mkdir(mode=0o700)
    if account := ordinary_account():
        os.chown(mine, account.pw_uid, account.pw_gid)
    return mine
