"""Whether anybody is at a run."""

from __future__ import annotations

import pytest

from openfaith.cli.standing import attend
from openfaith.records import EntityName, RunStatus, SyncKind
from support.views import NOON, make_run, make_worker


def test_a_running_run_that_nobody_is_at_was_interrupted() -> None:
    [standing] = attend([make_run(RunStatus.RUNNING)], [])
    assert standing.status == "interrupted"
    assert standing.sentence() == (
        "Run 7 was interrupted, and nobody is working: `openfaith sync grace` goes on with it."
    )


def test_a_running_run_with_a_living_process_is_running() -> None:
    [standing] = attend([make_run(RunStatus.RUNNING)], [make_worker(role="command")])
    assert standing.status == "running"
    assert standing.sentence() == "Run 7 is running."


@pytest.mark.parametrize("status", [RunStatus.COMPLETED, RunStatus.FAILED, RunStatus.QUEUED])
def test_no_other_run_is_called_interrupted(status: RunStatus) -> None:
    [standing] = attend([make_run(status)], [])
    assert standing.status == status
    assert standing.to_json()["interrupted"] is False


def test_the_command_that_goes_on_asks_for_the_same_entities() -> None:
    run = make_run(RunStatus.QUEUED, entities=(EntityName("people.Email"),))
    assert "`openfaith sync grace --entity people.Email`" in attend([run], [])[0].sentence()


def test_a_cancelled_run_is_not_requested_again() -> None:
    run = make_run(RunStatus.RUNNING, cancel_requested_at=NOON)
    assert "openfaith sync" not in attend([run], [])[0].sentence()
    assert "pages in flight" in attend([run], [make_worker()])[0].sentence()


def test_machines_read_the_recorded_status_and_beside_it_whether_it_was_interrupted() -> None:
    document = attend([make_run(RunStatus.RUNNING)], [])[0].to_json()
    assert (document["run_id"], document["status"], document["interrupted"]) == ("7", "running", True)


def test_a_run_of_many_entities_is_continued_by_its_number() -> None:
    """As of a whole product: nobody wants to copy fifty names."""
    names = tuple(EntityName(f"people.E{number}") for number in range(5))
    [standing] = attend([make_run(RunStatus.RUNNING, entities=names)], [])
    assert "`openfaith runs retry 7` goes on with it" in standing.sentence()


def test_the_command_that_goes_on_asks_for_the_same_kind_and_writes_no_more_than_before() -> None:
    run = make_run(RunStatus.RUNNING, kind=SyncKind.DELTA, dry_run=True)
    [standing] = attend([run], [])
    assert standing.sentence() == (
        "Dry run 7 was interrupted, and nobody is working: `openfaith sync grace --type delta --dry-run` goes on with it."
    )
    assert standing.to_json()["dry_run"] is True
