"""The source's log of merges, asked about one record."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from openfaith.adapters import ADAPTERS
from openfaith.adapters.planning_center import load_planning_center
from openfaith.errors import AccessDeniedError
from openfaith.manifest import MergeLog, merge_log_of
from openfaith.records import EntityName, Page
from openfaith.source import SourceClient
from openfaith.workflows.merging import MOST_LINKS, Survivor, _told, find_survivor
from openfaith.workflows.permissions import fingerprint
from support.mirror import make_page, record, stamp

MANIFEST = load_planning_center()
LOG = cast("MergeLog", merge_log_of(MANIFEST, EntityName("people.Person")))


def merger(key: str, removed: object, kept: object, *, at: float | None = 0) -> bytes:
    created = {} if at is None else {"created_at": stamp(at)}
    return record(key, "PersonMerger", person_to_remove_id=removed, person_to_keep_id=kept, **created)


@dataclass
class Log:
    """A client of a source that has these mergers."""

    mergers: Iterable[bytes]
    filters: bool = True
    asked: list[tuple[str, Mapping[str, str]]] = field(default_factory=list)
    failing: int = 0
    """The request that is refused, counted from 1; 0: none."""

    async def get_page(self, path: str, params: Mapping[str, str], *, version: str) -> Page:
        assert version == "2025-03-20"
        self.asked.append((path, params))
        if len(self.asked) == self.failing:
            error = AccessDeniedError("GET person_mergers", "403")
            error.requests = 2
            raise error
        wanted = params["where[person_to_remove_id]"]
        found = [m for m in self.mergers if not self.filters or self._removed(m) == wanted]
        return make_page(*found, requests=1)

    def _removed(self, one: bytes) -> str:
        document: dict[str, Any] = json.loads(one)
        return str(document["attributes"]["person_to_remove_id"])


async def survivor(log: Log, record_id: str = "1") -> Survivor:
    return await find_survivor(cast("SourceClient", log), MANIFEST, LOG, record_id)


async def test_a_record_that_was_not_merged_has_no_survivor() -> None:
    log = Log([])
    assert await survivor(log) == Survivor(id=None, requests=1)
    [(path, params)] = log.asked
    assert path == "/people/v2/person_mergers"
    assert params == {"where[person_to_remove_id]": "1", "per_page": "100", "order": "-created_at"}


@pytest.mark.parametrize(("removed", "kept"), [("1", "2"), (1, 2), ("1", 2)])
async def test_ids_may_be_numbers_or_texts(removed: object, kept: object) -> None:
    assert await survivor(Log([merger("9", removed, kept)])) == Survivor(id="2", requests=2)


async def test_a_chain_is_followed_to_its_end() -> None:
    log = Log([merger("1", "1", "2"), merger("2", "2", "3"), merger("3", "3", "4")])
    assert await survivor(log) == Survivor(id="4", requests=4)


async def test_a_circle_has_no_survivor() -> None:
    log = Log([merger("1", "1", "2"), merger("2", "2", "3"), merger("3", "3", "2")])
    assert await survivor(log) == Survivor(id=None, requests=3)
    assert (await survivor(Log([merger("1", "1", "1")]))).id is None


@pytest.mark.parametrize(("links", "found"), [(MOST_LINKS - 1, True), (MOST_LINKS, False)])
async def test_a_chain_has_an_end_within_reason(links: int, found: bool) -> None:
    log = Log([merger(str(n), str(n), str(n + 1)) for n in range(1, links + 1)])
    assert await survivor(log) == Survivor(id=str(links + 1) if found else None, requests=MOST_LINKS)


async def test_the_newest_merge_counts() -> None:
    told = [merger("10", "1", "3", at=5), merger("9", "1", "2", at=5), merger("11", "1", "4", at=1)]
    assert (await survivor(Log([*told, merger("12", "1", "5", at=None)]))).id == "3"


async def test_merges_that_nobody_asked_for_are_not_believed() -> None:
    """The source ignores a filter that it does not know, with 200."""
    log = Log([merger("1", "7", "2"), merger("2", "10", "3")], filters=False)
    assert await survivor(log) == Survivor(id=None, requests=1, filter_ignored=True)
    log = Log([merger("1", "7", "2"), merger("2", "1", "3")], filters=False)
    assert await survivor(log) == Survivor(id="3", requests=2, filter_ignored=True)


@pytest.mark.parametrize("kept", [None, "", True, [2]])
async def test_a_merge_without_a_survivor_is_none(kept: object) -> None:
    assert (await survivor(Log([merger("1", "1", kept)]))).id is None


async def test_an_error_counts_the_requests_of_all_links() -> None:
    with pytest.raises(AccessDeniedError) as caught:
        await survivor(Log([merger("1", "1", "2")], failing=2))
    assert caught.value.requests == 1 + 2


@pytest.mark.parametrize(
    "fault", [b'{"id":"\xff"}', b'{"id":"8","n":' + b"9" * 5000 + b"}", b"[" * 3000 + b"]" * 3000]
)
async def test_an_entry_that_cannot_be_read_hides_no_other(fault: bytes) -> None:
    page = make_page(fault, merger("9", 1, 2))
    assert [(removed, kept) for removed, kept, _ in _told(page, LOG)] == [("1", "2")]


def test_an_entry_whose_id_is_beyond_all_numbers_is_one_all_the_same() -> None:
    [(_, _, (_, number))] = _told(make_page(merger("9" * 5000, 1, 2)), LOG)
    assert number == 0


def test_a_user_whose_record_cannot_be_read_is_nobody_that_is_known() -> None:
    identity = ADAPTERS["pco"].identity
    assert identity is not None
    for record_of_user in (b'{"id":"\xff"}', b'{"id":' + b"9" * 5000 + b"}"):
        assert fingerprint(record_of_user, identity) is None
