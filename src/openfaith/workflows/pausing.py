"""Waiting for a source that is in trouble, without a request more than it takes to see whether it is well again.

Its client shuts itself where too many calls fail (`breakers.Gate`); what it has seen then becomes a row that all processes
keep to. An entity that meets it ends its segment and sleeps, durably; whoever wakes first when a probe is due makes the one
cheap call. A request that is given up does not tell by itself whether the source is in trouble or only what was asked: the
cheap call decides that too, so that one bad address stops one entity and nothing else. It also decides about a refusal of
the credentials, which may be of that address alone; and nothing that was refused to former credentials is held against
others.

A run that has read nothing lately does not wait, because somebody who starts one wants to know; unless the trouble is
everybody's. Rejected credentials are not waited for: whoever brings others has the run go on (`Engine.connect`).
"""

from __future__ import annotations

from datetime import timedelta
from typing import TypeGuard

from openfaith.adapters import ADAPTERS, Identity
from openfaith.breakers import BreakerReason, is_outage, opened_by, probe_wait
from openfaith.errors import BreakerOpenError, CredentialsRejectedError, RateLimitedError, SyncError
from openfaith.records import OrgId, RunId, base_adapter, is_copy
from openfaith.source import Document, SourceClient
from openfaith.store import (
    OpenBreaker,
    claim_probe,
    close_breaker,
    find_breaker,
    has_read,
    open_breaker,
    prolong_breaker,
)
from openfaith.telemetry import Event, log_event
from openfaith.workflows.assignments import Assignment
from openfaith.workflows.runtime import Runtime


async def time_to_wait(runtime: Runtime, org_id: OrgId, adapter: str, run_id: RunId) -> timedelta | None:
    """How long a run's work has to sleep before its source may be asked; None where it may be asked now.

    Makes the probe where one is due.

    Raises:
        BreakerOpenError: the breaker is open, and this is nothing to wait for.
    """
    adapter = base_adapter(adapter)
    while (found := await find_breaker(runtime.database, org_id, adapter)) is not None:
        if found.reason is BreakerReason.REJECTED:
            await runtime.connect(
                org_id, adapter
            )  # the row is of the present credential, which may be a new one
        if not await _is_waited_for(runtime, found, run_id):
            raise found.error
        if not await claim_probe(runtime.database, found, takes=runtime.breakers.probe_takes):
            return _sleep(runtime, found)
        await _probe(runtime, found, org_id)
    client = await runtime.client(org_id, adapter)
    client.open_gate()
    return None


async def wait_for(
    runtime: Runtime, assignment: Assignment, error: SyncError, asked: SourceClient
) -> timedelta | None:
    """How long an entity sleeps that has met an error; None where the error is its own, and ends it.

    Args:
        asked: the client that has met it.
    """
    org_id, adapter = assignment.org_id, base_adapter(assignment.adapter)
    if _is_rejected(error) and await runtime.connect(org_id, adapter) is not asked:
        return runtime.breakers.shortest_sleep  # there are other credentials by now
    trouble = await _trouble(runtime, org_id, adapter, error)
    if trouble is None:
        # It was refused for what another has met, and that was no matter of the source.
        return runtime.breakers.shortest_sleep if isinstance(error, BreakerOpenError) else None
    await _open(runtime, org_id, adapter, trouble, asked=asked, run_id=_stopped_run(assignment))
    found = await find_breaker(runtime.database, org_id, adapter)
    if found is None and _is_rejected(trouble):  # there are other credentials by now
        return runtime.breakers.shortest_sleep
    if found is None:  # it was closed in the meantime
        goes_on = await has_read(runtime.database, assignment.run_id, within=runtime.breakers.patience)
        return runtime.breakers.shortest_sleep if goes_on else None
    return _sleep(runtime, found) if await _is_waited_for(runtime, found, assignment.run_id) else None


async def refuse_away(runtime: Runtime, org_id: OrgId, adapter: str, error: SyncError) -> None:
    """Tell, by the one cheap call, whether an error that ended a request is the source's trouble or that request's own.

    Raises:
        BreakerOpenError: it is the source's. It carries the requests that the error has cost.
    """
    if not is_outage(error):
        return
    trouble = await _trouble(runtime, org_id, base_adapter(adapter), error)
    if trouble is not None:
        trouble.requests = error.requests
        raise trouble from error


async def ask_whose_token(
    runtime: Runtime, org_id: OrgId, adapter: str, identity: Identity, *, run_id: RunId | None
) -> Document:
    """Ask the source whose token it is, when a run begins: with that it shows, too, whether it is well again.

    Args:
        run_id: what other credentials shall have go on, should these be rejected.

    Raises:
        SyncError: what it answers, or that it does not.
    """
    # There may be another credential since this process asked last.
    client = await runtime.connect(org_id, adapter)
    version = runtime.manifest(adapter).products[identity.entity.partition(".")[0]].version
    try:
        if client.is_shut or await find_breaker(runtime.database, org_id, adapter) is not None:
            try:
                me = await client.probe(identity.path, version=version)
            except RateLimitedError as limited:  # it is well, and has no time just now
                if limited.wait is not None:
                    raise
                await _close_all(runtime, org_id, adapter, client)
                me = await client.get_record(identity.path, version=version)
        else:
            me = await client.get_record(identity.path, version=version)
    except CredentialsRejectedError as error:
        await _close_shared(runtime, org_id, adapter)
        await _open(runtime, org_id, adapter, _rejected(error), asked=client, run_id=run_id)
        if await runtime.connect(org_id, adapter) is not client:  # there are other credentials by now
            return await ask_whose_token(runtime, org_id, adapter, identity, run_id=run_id)
        raise
    except SyncError as error:
        if not is_outage(error):
            await _close_all(runtime, org_id, adapter, client)
        raise
    await _close_all(runtime, org_id, adapter, client)
    return me


async def _trouble(
    runtime: Runtime, org_id: OrgId, adapter: str, error: SyncError
) -> BreakerOpenError | None:
    """What opens the breaker; None where an error is no matter of the source."""
    if _is_rejected(error):
        return await _trouble_of_credentials(runtime, org_id, adapter, error)
    if isinstance(error, BreakerOpenError):
        return error
    if error.wait is not None:
        return opened_by(error)
    if not is_outage(error):
        return None
    seen = await _ask_cheaply(runtime, org_id, adapter)
    if isinstance(seen, CredentialsRejectedError):
        return _rejected(seen)
    return opened_by(error) if is_outage(seen) else None


async def _trouble_of_credentials(
    runtime: Runtime, org_id: OrgId, adapter: str, error: CredentialsRejectedError | BreakerOpenError
) -> BreakerOpenError | None:
    known, found = ADAPTERS.get(adapter), await find_breaker(runtime.database, org_id, adapter)
    is_known = found is not None and found.reason is BreakerReason.REJECTED
    if not is_known and known is not None and known.identity is not None:
        seen = await _ask_cheaply(runtime, org_id, adapter)
        if seen is None:
            (await runtime.client(org_id, adapter)).open_gate()
            return None
    return _rejected(error) if isinstance(error, CredentialsRejectedError) else error


def _is_rejected(error: SyncError) -> TypeGuard[CredentialsRejectedError | BreakerOpenError]:
    if isinstance(error, BreakerOpenError):
        return error.reason == BreakerReason.REJECTED
    return isinstance(error, CredentialsRejectedError)


def _stopped_run(assignment: Assignment) -> RunId | None:
    """The run that other credentials shall have go on; a dry run is over."""
    return None if is_copy(assignment.adapter) else assignment.run_id


def _rejected(error: CredentialsRejectedError) -> BreakerOpenError:
    return BreakerOpenError(BreakerReason.REJECTED, error.what, error.seen)


async def _is_waited_for(runtime: Runtime, found: OpenBreaker, run_id: RunId) -> bool:
    if found.reason is BreakerReason.REJECTED or found.open_for > runtime.breakers.patience:
        return False
    return found.org_id is None or await has_read(runtime.database, run_id, within=runtime.breakers.patience)


def _sleep(runtime: Runtime, found: OpenBreaker) -> timedelta:
    """Until the next probe, or until somebody else's has come to something; never for so long that a run that was
    cancelled meanwhile would be kept.
    """
    due = found.due_in or runtime.breakers.first_wait
    spread = 1 + runtime.random() / 4
    return min(max(due * spread, runtime.breakers.shortest_sleep), runtime.breakers.longest_sleep)


async def _probe(runtime: Runtime, found: OpenBreaker, org_id: OrgId) -> None:
    client = await runtime.client(org_id, found.adapter)
    seen = await _ask_cheaply(runtime, org_id, found.adapter)
    if isinstance(seen, CredentialsRejectedError):
        await _open(runtime, org_id, found.adapter, _rejected(seen), asked=client)
    if seen is not None and is_outage(seen):
        wait = max(seen.wait or timedelta(), probe_wait(found.probes + 1, runtime.breakers, runtime.random))
        said = opened_by(seen).seen
        _log(await prolong_breaker(runtime.database, found, said, policy=runtime.breakers, wait=wait))
    elif not isinstance(seen, CredentialsRejectedError) or found.org_id is None:
        await _close(runtime, found, client)


async def _ask_cheaply(runtime: Runtime, org_id: OrgId, adapter: str) -> SyncError | None:
    """The one cheap call: what it ends with, None where it is answered. An API without one is taken to be well: then
    the next request tells.
    """
    known = ADAPTERS.get(adapter)
    if known is None or known.identity is None:
        return None
    version = runtime.manifest(adapter).products[known.identity.entity.partition(".")[0]].version
    client = await runtime.client(org_id, adapter)
    try:
        await client.probe(known.identity.path, version=version)
    except SyncError as error:
        return error
    return None


async def _open(
    runtime: Runtime,
    org_id: OrgId,
    adapter: str,
    trouble: BreakerOpenError,
    *,
    asked: SourceClient,
    run_id: RunId | None = None,
) -> None:
    """As far as the trouble is still of the credentials that are kept.

    Args:
        asked: the client that has met it.
        run_id: what other credentials shall have go on.
    """
    saved_at = runtime.saved_at(org_id, adapter, asked)
    if saved_at is None and _is_rejected(trouble):
        return  # it was rejected with the credentials of before
    _log(
        await open_breaker(
            runtime.database,
            org_id,
            adapter,
            trouble,
            run_id=run_id,
            policy=runtime.breakers,
            wait=max(trouble.wait or timedelta(), probe_wait(0, runtime.breakers, runtime.random)),
            saved_at=saved_at,
        )
    )


async def _close(runtime: Runtime, found: OpenBreaker, client: SourceClient) -> None:
    # First, so that whoever finds the row gone finds the gate open.
    client.open_gate()
    _log(await close_breaker(runtime.database, found))


async def _close_shared(runtime: Runtime, org_id: OrgId, adapter: str) -> None:
    """The source has answered, though not what this organization wants to hear."""
    found = await find_breaker(runtime.database, org_id, adapter)
    if found is not None and found.org_id is None:
        _log(await close_breaker(runtime.database, found))


async def _close_all(runtime: Runtime, org_id: OrgId, adapter: str, client: SourceClient) -> None:
    """The source has answered this organization: neither its own trouble nor everybody's is one any more."""
    client.open_gate()
    while (found := await find_breaker(runtime.database, org_id, adapter)) is not None:
        _log(await close_breaker(runtime.database, found))


def _log(events: list[Event]) -> None:
    for event in events:
        log_event(event)
