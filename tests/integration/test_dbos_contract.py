"""What we rely on in the durable engine and its public interface does not promise.

When one of these fails after an upgrade, `workflows/durable.py` is the place to look.
"""

from __future__ import annotations

import inspect
from importlib.metadata import version

from dbos import DBOS, WorkflowStatus
from dbos._error import DBOSWorkflowCancelledError, DBOSWorkflowConflictIDError


def test_the_engine_is_pinned_to_the_version_that_was_measured() -> None:
    assert version("dbos") == "3.4.0"


def test_the_work_of_other_processes_can_be_recovered_by_their_executor_ids() -> None:
    parameters = inspect.signature(DBOS._recover_pending_workflows).parameters
    assert list(parameters) == ["executor_ids"]


def test_a_workflow_tells_which_executor_holds_it() -> None:
    assert {"executor_id", "status", "workflow_id"} <= set(inspect.get_annotations(WorkflowStatus))


def test_listing_workflows_need_not_load_their_arguments_and_results() -> None:
    parameters = inspect.signature(DBOS.list_workflows).parameters
    assert {"status", "load_input", "load_output"} <= parameters.keys()


def test_the_engines_signals_to_a_workflow_pass_an_except_for_errors() -> None:
    """The orchestrator catches whatever a child raised; its own cancellation must not be among it."""
    assert not issubclass(DBOSWorkflowCancelledError, Exception)
    assert not issubclass(DBOSWorkflowConflictIDError, Exception)
