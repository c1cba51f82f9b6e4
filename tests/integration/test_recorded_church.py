"""A real church: 200 people as Planning Center sent them in 2019, listed again page by page, with what belongs to them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from openfaith import Engine, RunStatus, Settings
from openfaith.adapters import find_adapter
from openfaith.records import EntityName
from support.truth import differences, read_rows

RECORDING = Path(__file__).parents[3] / "shared" / "pco" / "recorded" / "test_iterate.json"
PCO = find_adapter("pco").load_manifest()
LEFT_OUT = {"transfer-encoding", "content-encoding", "content-length", "connection"}
"""Headers of the transport, which the test's own server makes."""

pytestmark = pytest.mark.skipif(not RECORDING.exists(), reason="the recorded answers are not on this machine")


TYPES = {"emails": "Email", "addresses": "Address"}
"""By include."""


class RecordedSource:
    """Serves the recorded records and headers, cut into the pages that are asked for."""

    def __init__(self) -> None:
        interactions = json.loads(RECORDING.read_text("utf-8"))["interactions"]
        documents = [i["response"] for i in interactions]
        self.headers = {
            name: values[0]
            for name, values in documents[0]["headers"].items()
            if name.lower() not in LEFT_OUT
        }
        self.meta: dict[str, Any] = documents[0]["body"]["meta"]
        self.records: dict[str, dict[str, dict[str, Any]]] = {}
        for document in documents:
            for record in (*document["body"]["data"], *document["body"].get("included", [])):
                self.records.setdefault(record["type"], {}).setdefault(record["id"], record)
        self.requests: list[str] = []

    def application(self) -> web.Application:
        application = web.Application()
        application.router.add_get("/people/v2/people", self._people)
        return application

    async def _people(self, request: web.Request) -> web.Response:
        self.requests.append(request.path_qs)
        offset, size = int(request.query["offset"]), min(100, int(request.query["per_page"]))
        records = list(self.records["Person"].values())
        page = records[offset : offset + size]
        meta = self.meta | {"total_count": len(records), "count": len(page)}
        meta.pop("next")
        links = {"self": str(request.url)}
        if offset + size < len(records):
            meta["next"] = {"offset": offset + size}
            links["next"] = str(request.url.update_query(offset=offset + size))
        include = request.query.get("include", "")
        included = self._belonging_to({record["id"] for record in page}, include)
        linked = [self._with_links(record, include) for record in page]
        body = {"links": links, "data": linked, "included": included, "meta": meta}
        return web.Response(body=json.dumps(body).encode(), headers=self.headers)

    def _belonging_to(self, people: set[str], include: str) -> list[dict[str, Any]]:
        asked = [
            record for name in include.split(",") if name for record in self.records[TYPES[name]].values()
        ]
        return [r for r in asked if r["relationships"]["person"]["data"]["id"] in people]

    def _with_links(self, person: dict[str, Any], include: str) -> dict[str, Any]:
        """A person names what comes along with it, where that was asked for (seen in the recorded answers, 2019)."""
        links = {
            name: {
                "data": [{"type": r["type"], "id": r["id"]} for r in self._belonging_to({person["id"]}, name)]
            }
            for name in include.split(",")
            if name
        }
        return person | {"relationships": person["relationships"] | links}


@pytest.fixture
async def recorded() -> AsyncIterator[tuple[RecordedSource, str]]:
    source = RecordedSource()
    async with TestServer(source.application()) as server:
        yield source, str(server.make_url("/")).rstrip("/")


async def test_every_attribute_of_every_recorded_record_arrives(
    recorded: tuple[RecordedSource, str], opened_url: str, tmp_path: Path
) -> None:
    """Field by field: 200 people, their e-mail addresses, and the addresses that were recorded with them."""
    source, base_url = recorded
    names = {t: EntityName(f"people.{t}") for t in ("Person", "Email", "Address")}
    async with Engine.open(Settings(database_url=opened_url, home=tmp_path)) as engine:  # type: ignore[arg-type]  # pydantic makes it a secret
        await engine.connect("recorded", "app:secret", base_url=base_url, verify=False)
        view = await engine.sync("recorded", entities=list(names.values()))
    assert view.status is RunStatus.COMPLETED, [(e.entity, e.reason) for e in view.entities]
    assert len(source.records["Person"]) == 200
    for type_name, name in names.items():
        truth = source.records[type_name].values()
        assert differences(opened_url, PCO, PCO.entities[name], "recorded", truth) == []
    assert {e.entity: e.records for e in view.entities} == {
        name: len(source.records[type_name]) for type_name, name in names.items()
    }
    assert len(source.requests) == 3


async def test_a_second_sync_of_the_recorded_church_rewrites_no_row(
    recorded: tuple[RecordedSource, str], opened_url: str, tmp_path: Path
) -> None:
    """No row has a new version: neither its content nor a stamp of ours was written again."""
    _, base_url = recorded
    entity = PCO.entities[EntityName("people.Person")]
    async with Engine.open(Settings(database_url=opened_url, home=tmp_path)) as engine:  # type: ignore[arg-type]  # pydantic makes it a secret
        await engine.connect("recorded", "app:secret", base_url=base_url, verify=False)
        await engine.sync("recorded", entities=["Person"])
        before = read_rows(opened_url, PCO, entity, "recorded")
        again = await engine.sync("recorded", entities=["Person"])
    assert [(e.inserted, e.updated, e.unchanged) for e in again.entities] == [(0, 0, 200)]
    assert read_rows(opened_url, PCO, entity, "recorded") == before
