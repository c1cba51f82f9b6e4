"""Reading single records: those that a reconciliation found to be missing here, or stale."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from openfaith.errors import AccessDeniedError, RecordNotFoundError
from openfaith.manifest import Endpoint, Entity, Reading
from openfaith.records import Page, RecordId, SyncKind
from openfaith.source import Document, Rows, SourceClient
from openfaith.store import find_get, path_of
from openfaith.workflows.assignments import Assignment

RECORDS_AT_ONCE = 100
"""Asked for by their ids in one request, or one by one before they are stored together."""

_AT_A_TIME = 8
"""Single requests under way. The rate budget holds them back; this bounds what waits for it."""


def single_path(entity: Entity) -> Endpoint | None:
    """The path that gives one record by its own id alone."""
    get = find_get(entity)
    return get if get is not None and get.placeholders == ("id",) else None


def is_listed_by_id(assignment: Assignment) -> bool:
    """Whether ids and stamps are all that is listed of an entity, since what differs can be asked for by itself."""
    if assignment.kind is not SyncKind.RECONCILIATION:
        return False
    entity = assignment.entity
    alone = assignment.reading is Reading.TOP and not assignment.riders
    return alone and "updated_at" in entity.attributes and single_path(entity) is not None


def can_ask_by_ids(endpoint: Endpoint) -> bool:
    """Whether one request can ask a list for several ids."""
    return "id" in endpoint.query_by


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """What came of asking for some records."""

    page: Page | None
    """Those that are there, to be stored like a page; None where none is."""
    requests: int
    """That all of them took."""
    refused: Collection[str] = ()
    """Ids of those that the token may not see."""


class RecordReader:
    """Reads records of one entity by their ids: many at once where the source does so, else one by one."""

    def __init__(self, client: SourceClient, assignment: Assignment) -> None:
        self._client = client
        self._version = assignment.version
        self._retry = assignment.entity.retries
        self._page_size = assignment.page_size
        self._many = assignment.endpoint
        self._one = single_path(assignment.entity)
        self._by_ids = self._many is not None and can_ask_by_ids(self._many)

    async def read(self, ids: Sequence[RecordId]) -> Found:
        """Ask for records. What is there no more is left out.

        Raises:
            SyncError: what the client raises, but for single records that are gone or not to be seen.
        """
        if not self._by_ids:
            return await self._read_each(ids)
        page = await self._read_many(ids)
        shown = {row.id for row in page.rows}
        if not shown <= {*ids}:
            # A filter that is ignored shows anything: from now on each is asked for by itself.
            self._by_ids = False
            page, shown = replace(page, records=()), set()
        rest = await self._read_each([name for name in ids if name not in shown])
        return replace(rest, page=_joined(page, rest.page), requests=rest.requests + page.requests)

    async def _read_many(self, ids: Sequence[RecordId]) -> Page:
        assert self._many is not None, "asked for by ids where there is a list"
        parameters = {"where[id]": ",".join(ids), "per_page": str(self._page_size), "offset": "0"}
        return await self._client.get_page(
            self._many.path, parameters, version=self._version, retry=self._retry
        )

    async def _read_each(self, ids: Sequence[RecordId]) -> Found:
        found: list[Document] = []
        refused: set[str] = set()
        for at in range(0, len(ids), _AT_A_TIME):
            asked = ids[at : at + _AT_A_TIME]
            for name, answer in zip(asked, await asyncio.gather(*map(self._read_one, asked)), strict=True):
                if answer is None:
                    refused.add(name)
                elif isinstance(answer, Document):
                    found.append(answer)
        return Found(page=page_of(found), requests=len(ids), refused=refused)

    async def _read_one(self, name: RecordId) -> Document | RecordNotFoundError | None:
        """The record, why it is not there, or None where the token may not see it."""
        assert self._one is not None, "what is read by id has a path for it"
        path = path_of(self._one, {"id": name})
        if path is None:
            return None
        try:
            return await self._client.get_record(path, version=self._version, retry=self._retry)
        except RecordNotFoundError as error:
            return error
        except AccessDeniedError:
            return None


def page_of(documents: Sequence[Document]) -> Page | None:
    """Single records as a page, as old as the oldest of them; None of none."""
    if not documents:
        return None
    records = tuple(document.data for document in documents)
    return Page(
        records=records,
        rows=Rows(records),
        included={},
        total_count=None,
        has_next=False,
        can_query_by=None,
        can_order_by=None,
        can_include=None,
        requested_at=min(document.requested_at for document in documents),
        size_bytes=sum(document.size_bytes for document in documents),
    )


def _joined(page: Page, other: Page | None) -> Page | None:
    if other is None or not page.records:
        return page if page.records else other
    records = (*page.records, *other.records)
    requested_at = min(page.requested_at, other.requested_at)
    return replace(page, records=records, rows=Rows(records), included={}, requested_at=requested_at)
