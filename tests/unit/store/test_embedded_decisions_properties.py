"""How a start goes on, decided from what can be seen."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg.pq import Ping

from openfaith.store.embedded.accounts import working_in
from openfaith.store.embedded.postmaster import Move, next_move

_pids = st.integers(2, 20)
_alive = st.frozensets(_pids, max_size=4)
_answers = st.sampled_from(Ping)


@given(_answers, _alive, st.none() | _pids, st.booleans(), st.booleans())
def test_a_server_is_launched_only_where_nothing_is_alive(
    answer: Ping, alive: frozenset[int], postmaster: int | None, is_stopping: bool, held: bool
) -> None:
    move = next_move(answer, alive=alive, postmaster=postmaster, is_stopping=is_stopping, held=held)
    is_silent = answer in {Ping.NO_RESPONSE, Ping.NO_ATTEMPT}
    assert (move is Move.LAUNCH) == (is_silent and not alive and not held)


@given(_answers, _alive, st.none() | _pids, st.booleans(), st.booleans())
def test_processes_are_ended_only_without_their_postmaster(
    answer: Ping, alive: frozenset[int], postmaster: int | None, is_stopping: bool, held: bool
) -> None:
    move = next_move(answer, alive=alive, postmaster=postmaster, is_stopping=is_stopping, held=held)
    assert move is not Move.END_ORPHANS or (alive and postmaster not in alive and answer is not Ping.OK)


@given(_answers, _alive, st.none() | _pids, st.booleans())
def test_a_server_that_was_not_asked_to_stop_is_never_stopped(
    answer: Ping, alive: frozenset[int], postmaster: int | None, held: bool
) -> None:
    move = next_move(answer, alive=alive, postmaster=postmaster, is_stopping=False, held=held)
    assert move is not Move.FINISH_STOPPING


@given(_alive, st.none() | _pids, st.booleans(), st.booleans())
def test_a_connection_that_succeeds_is_all_the_proof_of_life_needed(
    alive: frozenset[int], postmaster: int | None, is_stopping: bool, held: bool
) -> None:
    move = next_move(Ping.OK, alive=alive, postmaster=postmaster, is_stopping=is_stopping, held=held)
    assert move is Move.ATTACH


def test_a_pid_that_belongs_to_another_process_now_proves_nothing() -> None:
    seen = next_move(Ping.NO_RESPONSE, alive=frozenset(), postmaster=4711, is_stopping=True, held=False)
    assert seen is Move.LAUNCH


@pytest.mark.parametrize("answer", [Ping.REJECT, Ping.NO_RESPONSE])
def test_a_server_in_recovery_is_awaited(answer: Ping) -> None:
    seen = next_move(answer, alive=frozenset({10, 11}), postmaster=10, is_stopping=False, held=True)
    assert seen is Move.WAIT


def test_a_server_whose_processes_cannot_be_seen_is_awaited() -> None:
    seen = next_move(Ping.NO_RESPONSE, alive=frozenset(), postmaster=10, is_stopping=False, held=True)
    assert seen is Move.WAIT


def test_a_listing_of_lsof_is_read() -> None:
    listing = "p10\nfcwd\nn/home/a/postgres/data\np11\nfcwd\nn/home/a/postgres/data\np12\nfcwd\nn/home/a\n"
    assert working_in(listing, Path("/home/a/postgres/data")) == {10, 11}
