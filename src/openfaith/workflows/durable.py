"""The port to the durable engine: starting it, stopping it, and asking it about runs.

This is the one file that touches a private name of the engine (`DBOS._recover_pending_workflows`: its public
API never takes over another process's work). A contract test fails when an upgrade changes it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime
from enum import Enum
from pathlib import Path
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

import dbos
from dbos import DBOS, DBOSConfig, SetEnqueueOptions, SetWorkflowID
from sqlalchemy.exc import DBAPIError

from openfaith.errors import ConfigurationError
from openfaith.loops import end_tasks
from openfaith.records import RunId
from openfaith.store import PREPARED_AFTER, SILENCE, Database, translated, watch
from openfaith.workflows.engine_log import quieten, silence
from openfaith.workflows.ids import sync_run_workflow_id
from openfaith.workflows.leases import Lease
from openfaith.workflows.orchestrator import sync_organization
from openfaith.workflows.queues import SYNC_PRIORITY, SYNC_QUEUE, register_queues
from openfaith.workflows.runtime import Runtime, bind, is_bound
from openfaith.workflows.serialization import JsonSerializer

APPLICATION_NAME = "openfaith"

APPLICATION_VERSION = "1"
"""Constant: old and new code run side by side, and workflow bodies change only behind patches."""

_ENGINE_DIRECTORY = Path(dbos.__file__).parent

_MOST_AT_ONCE = 1_000

_LOOK_FOR_NOTIFICATIONS_SECONDS = 0.1

_ACTIVE = {"PENDING", "ENQUEUED", "DELAYED"}


class Started(Enum):
    """What came of asking for a run's workflow to be started."""

    UNDER_WAY = "under way"
    ENDED = "ended"
    """It ran before and is over: it will not run again under this id."""


@asynccontextmanager
async def durable_engine(runtime: Runtime, lease: Lease, *, worker_concurrency: int) -> AsyncIterator[None]:
    """Run workflows in this process for as long as the block runs.

    Call inside the event loop that the steps shall use. Leaving the block stops the engine, then gives the lease
    back; what was in the middle of something is taken over by others, or by the next process.
    """
    if is_bound():
        raise ConfigurationError(
            "the engine", "this process is working already", "one at a time in a process"
        )
    bind(runtime)
    try:
        await asyncio.to_thread(lease.begin)
    except BaseException:
        bind(None)
        raise
    try:
        DBOS(config=_config(runtime.database.url, lease.executor.executor_id))
        try:
            async with runtime.database.exclusive("launch"):
                with _told(runtime.database.url):
                    DBOS.launch()
                    await register_queues(worker_concurrency)
            lease.watch(_executors_with_work, _recover)
            yield
        finally:
            await _stop(runtime)
    finally:
        bind(None)
        await asyncio.to_thread(lease.end)


@contextmanager
def _told(url: str) -> Iterator[None]:
    """What goes wrong between the engine and its database is told as it is everywhere.

    Raises:
        DatabaseUnavailableError, DatabaseRefusedError: as `store.faults` says.
    """
    try:
        yield
    except DBAPIError as exc:
        with translated(url):
            raise (exc.orig or exc) from exc


async def migrate_durable_engine(database: Database) -> None:
    """Bring the engine's own tables up to date, as its start would: afterwards it starts quicker."""
    quieten()
    async with database.exclusive("launch"):
        with _told(database.url):
            await asyncio.to_thread(DBOS.migrate, _for_sqlalchemy(database.url))


async def _stop(runtime: Runtime) -> None:
    """Stop the engine. Nothing is waited for but the pages being written: workflows go on elsewhere, or later."""
    await runtime.stop()
    silence()
    await asyncio.to_thread(DBOS.destroy)
    # The engine made the loop's default executor its own, and has shut it down.
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor())
    await end_tasks(task for task in asyncio.all_tasks() if _is_of_the_engine(task))


def _is_of_the_engine(task: asyncio.Task[object]) -> bool:
    code = getattr(task.get_coro(), "cr_code", None)
    return code is not None and Path(code.co_filename).is_relative_to(_ENGINE_DIRECTORY)


def _config(url: str, executor_id: str) -> DBOSConfig:
    quieten()
    return DBOSConfig(
        name=APPLICATION_NAME,
        system_database_url=_for_sqlalchemy(url),
        application_version=APPLICATION_VERSION,
        executor_id=executor_id,
        serializer=JsonSerializer(),
        log_level="WARNING",
        sys_db_pool_size=6,
        # Two round trips fewer per step; the engine itself retries on a lost connection.
        # The connection that was used last is the warmest: its statements are prepared.
        db_engine_kwargs={
            "pool_pre_ping": False,
            "pool_use_lifo": True,
            "connect_args": {"prepare_threshold": PREPARED_AFTER},
        },
        # Nobody is told of anything by notification, and it wakes a hundred times a second to look whether somebody is.
        # Its end is waited for when the engine stops, so not for longer.
        notification_coalesce_sec=_LOOK_FOR_NOTIFICATIONS_SECONDS,
    )


def _for_sqlalchemy(url: str) -> str:
    """The same URL in the spelling SQLAlchemy wants: a socket directory as a parameter. And what ends its connections to a
    server that is gone without a word.
    """
    parts = urlsplit(url)
    query = urlencode([*parse_qsl(parts.query), *watch(url, SILENCE).items()], quote_via=quote)
    return urlunsplit(("postgresql", parts.netloc, parts.path, query, ""))


def _executors_with_work() -> Collection[str]:
    pending = DBOS.list_workflows(status="PENDING", load_input=False, load_output=False)
    return {w.executor_id for w in pending if w.executor_id is not None}


def _recover(executor_ids: list[str]) -> int:
    return len(DBOS._recover_pending_workflows(executor_ids))  # noqa: SLF001  # see the module's docstring


async def start_run(run_id: RunId, attempt: int) -> Started:
    """Enqueue the orchestrator of a run. Asking again changes nothing: its workflow id is the key."""
    workflow_id = sync_run_workflow_id(run_id, attempt)
    status = await DBOS.get_workflow_status_async(workflow_id)
    if status is None:
        with SetWorkflowID(workflow_id), SetEnqueueOptions(priority=SYNC_PRIORITY):
            await DBOS.enqueue_workflow_async(SYNC_QUEUE, sync_organization, run_id, attempt)
        return Started.UNDER_WAY
    return Started.UNDER_WAY if status.status in _ACTIVE else Started.ENDED


async def forget_old_workflows(ended_before: datetime) -> int:
    """Delete what the engine keeps of workflows that ended before then, a thousand at a time. It keeps them for ever."""
    deleted = 0
    while True:
        ended = await DBOS.list_workflows_async(
            completed_before=ended_before.isoformat(),
            limit=_MOST_AT_ONCE,
            load_input=False,
            load_output=False,
        )
        if not ended:
            return deleted
        await DBOS.delete_workflows_async([w.workflow_id for w in ended])
        deleted += len(ended)
