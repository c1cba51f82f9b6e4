"""What a request for a sync is answered with."""

from __future__ import annotations

from openfaith.cli.following import announcement, worker_line
from openfaith.records import RunStatus
from support.views import make_run, make_worker


def test_a_new_run_is_started() -> None:
    text = announcement(make_run(RunStatus.QUEUED), is_new=True, executors=[], pages=0)
    assert text == "Started run 7, a full sync of grace."


def test_a_dry_run_is_called_one() -> None:
    run = make_run(RunStatus.QUEUED, dry_run=True)
    assert announcement(run, is_new=True, executors=[], pages=0) == (
        "Started run 7, a dry run of a full sync of grace."
    )


def test_a_run_that_somebody_works_on_is_joined() -> None:
    text = announcement(make_run(RunStatus.RUNNING), is_new=False, executors=[make_worker()], pages=9)
    assert text == "Joined run 7, a full sync of grace, which is running already."


def test_a_run_that_nobody_works_on_goes_on_where_it_stopped() -> None:
    text = announcement(make_run(RunStatus.RUNNING), is_new=False, executors=[], pages=9)
    assert text == "Continuing run 7, a full sync of grace, which was interrupted after 9 pages."


def test_a_run_that_was_only_requested_is_taken_up() -> None:
    assert announcement(make_run(RunStatus.QUEUED), is_new=False, executors=[], pages=0).startswith(
        "Taking up run 7"
    )


def test_whoever_does_the_work_elsewhere_is_named() -> None:
    one, two = make_worker(), make_worker(42)
    assert (
        worker_line([make_worker(role="command"), one])
        == "A worker (host, process 41) does the work; following it here."
    )
    assert "process 41 and 1 more" in worker_line([one, two])
    assert worker_line([]).startswith("A worker (another process)")
