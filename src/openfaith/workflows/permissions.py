"""What the token's user may see, as a fingerprint: whether it is the same as it was is all that matters.

A user who may see less hides records without an error, and that looks like mass deletion.
"""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from datetime import timedelta

from openfaith.adapters import ADAPTERS, Identity
from openfaith.errors import (
    AccessDeniedError,
    BreakerOpenError,
    DatabaseUnavailableError,
    RecordNotFoundError,
    SyncError,
)
from openfaith.records import OrgId, RunId, base_adapter, is_copy
from openfaith.source import SourceClient
from openfaith.telemetry import PermissionsUnknown, Subject
from openfaith.workflows.pausing import ask_whose_token, time_to_wait
from openfaith.workflows.runtime import Runtime


async def permissions_of(
    runtime: Runtime, org_id: OrgId, adapter: str, run_id: RunId
) -> str | timedelta | None:
    """What the token's user may see when a run begins. None where the source does not tell, or cannot be asked now.

    Where the run waits for its source, the time after which to ask again: what it stores then is stored under that sight.
    Whatever is wrong, the entities of the run will say.

    Raises:
        DatabaseUnavailableError: it holds the credential.
    """
    try:
        identity = _identity(adapter)
        if identity is None:
            return None
        with suppress(BreakerOpenError):  # nothing to wait for: asking shows whether it is well again
            if (sleep := await time_to_wait(runtime, org_id, adapter, run_id)) is not None:
                return sleep
        stopped = None if is_copy(adapter) else run_id
        me = await ask_whose_token(runtime, org_id, base_adapter(adapter), identity, run_id=stopped)
    except DatabaseUnavailableError:
        raise
    except SyncError as error:
        found, reason = None, str(error)
    else:
        found = fingerprint(me.data, identity)
        reason = f"GET {identity.path} is answered with no record that can be read"
    if found is None:
        await runtime.tell(PermissionsUnknown(about=Subject(org_id=org_id, run_id=run_id), reason=reason))
    return found


async def ask_permissions(runtime: Runtime, org_id: OrgId, adapter: str) -> tuple[str | None, int]:
    """The fingerprint of what the token's user may see, and how many requests it took to know.

    None where the source does not tell. It can change while it is read.

    Raises:
        SyncError: the source could not be asked.
    """
    adapter = base_adapter(adapter)
    identity = _identity(adapter)
    if identity is None:
        return None, 0
    version = runtime.manifest(adapter).products[identity.entity.partition(".")[0]].version
    return await _ask(await runtime.client(org_id, adapter), identity, version)


def _identity(adapter: str) -> Identity | None:
    known = ADAPTERS.get(base_adapter(adapter))
    return None if known is None else known.identity


async def _ask(client: SourceClient, identity: Identity, version: str) -> tuple[str | None, int]:
    try:
        me = await client.get_record(identity.path, version=version)
    except (AccessDeniedError, RecordNotFoundError) as error:
        return None, error.requests
    return fingerprint(me.data, identity), 1


def fingerprint(record: bytes, identity: Identity) -> str | None:
    """Of a user's record: who it is, and what that user may see. Nothing else of the record counts.

    None where it cannot be read, so that nobody knows.
    """
    try:
        document = json.loads(record)
    except (ValueError, RecursionError):
        return None
    attributes = document.get("attributes")
    attributes = attributes if isinstance(attributes, dict) else {}
    told = {"id": document.get("id"), **{name: attributes.get(name) for name in identity.permissions}}
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()
