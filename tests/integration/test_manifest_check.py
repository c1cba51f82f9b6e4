"""The manifest beside what a live source says of itself."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from aiohttp import web

from openfaith import Engine, Settings
from openfaith.adapters import find_adapter
from openfaith.errors import CredentialsRejectedError, UnknownNameError
from openfaith.records import EntityName
from openfaith.telemetry import Subject
from openfaith.workflows import EntityCheck, ManifestCheck
from openfaith.workflows.drift import drift_event
from support.mirror import ask
from support.source import Script, ScriptedSource, refuse

PCO = find_adapter("pco").load_manifest()
TWO_PRODUCTS = replace(
    PCO,
    products={name: PCO.products[name] for name in ("people", "publishing")},
    entities={name: e for name, e in PCO.entities.items() if e.product in {"people", "publishing"}},
)
"""Few enough for the announced limit of 100 requests, so that nobody waits."""

LISTED = [e for e in TWO_PRODUCTS.entities.values() if e.listing is not None]
CAMPUS = TWO_PRODUCTS.entities[EntityName("people.Campus")]


@pytest.fixture
async def source() -> AsyncIterator[ScriptedSource]:
    async with ScriptedSource(TWO_PRODUCTS, products=tuple(TWO_PRODUCTS.products), each=1) as running:
        yield running


@asynccontextmanager
async def connected(settings: Settings, source: ScriptedSource) -> AsyncIterator[Engine]:
    async with Engine.open(settings) as engine:
        await engine.connect("grace", "app:secret", base_url=source.base_url, verify=False)
        engine._manifests = {"pco": TWO_PRODUCTS}
        yield engine


def of(check: ManifestCheck, name: str) -> EntityCheck:
    return next(one for one in check.entities if one.entity == name)


def saying(source: ScriptedSource, type_name: str, **meta: Any) -> Script:
    """The honest answer, that says something of itself."""

    async def answer(request: web.Request) -> web.Response:
        honest = source.page(request, type_name)
        assert isinstance(honest.body, bytes)
        document = json.loads(honest.body)
        document["meta"] |= meta
        return web.json_response(
            document, headers={k: v for k, v in honest.headers.items() if k.startswith("X-")}
        )

    return answer


async def test_every_collection_is_asked_once_for_one_record(
    settings: Settings, source: ScriptedSource
) -> None:
    async with connected(settings, source) as engine:
        check = await engine.check_manifest("grace")
    assert [one.entity for one in check.entities] == [e.name for e in LISTED]
    assert len(source.requests) == check.requests == len(LISTED)
    assert check.drifted == check.failed == ()
    assert check.closed == {}


async def test_drift_of_an_entity_is_found_in_its_page_and_in_its_rows(
    settings: Settings, source: ScriptedSource
) -> None:
    assert CAMPUS.listing is not None
    del source.records["Campus"][0]["attributes"]["city"]
    includes = [*CAMPUS.listing.includes, "x"]
    source.scripts["Campus"] = saying(
        source, "Campus", can_query_by=["id"], can_order_by=[], can_include=includes
    )
    async with connected(settings, source) as engine:
        ask(
            engine.database_url,
            "INSERT INTO pco.people_campus (org_id, id, _extra, _requested_at, _hash, _run_id)"
            """ VALUES ('grace', '1', '{"mood": "calm", "latitude": "north"}', now(), 0, 0)""",
        )
        check = await engine.check_manifest("grace")
    found = {(d.kind, d.name, d.change) for d in of(check, "people.Campus").drift}
    assert ("attribute", "mood", "added") in found
    assert ("attribute", "city", "gone") in found
    assert ("attribute", "latitude", "added") not in found
    assert ("filter", "updated_at", "gone") in found
    assert ("include", "x", "added") in found
    assert [one.entity for one in check.drifted] == ["people.Campus"]
    event = drift_event(Subject(entity=CAMPUS.name), of(check, "people.Campus").drift)
    assert event is not None
    assert event.severity == "warning"
    assert event.gone["attribute"] == ["city"]


async def test_no_drift_is_no_event() -> None:
    assert drift_event(Subject(), ()) is None


CLOSED = refuse(401, "unauthorized", "Error Code Hint: (TRASH_PANDA)")
DENIED = refuse(403, "forbidden")


@pytest.mark.parametrize(("answer", "requests"), [(CLOSED, 1), (DENIED, 4)])
async def test_a_product_without_access_is_said_once(
    settings: Settings, source: ScriptedSource, answer: Script, requests: int
) -> None:
    """Where the source says so of the product, one request is enough."""
    publishing = {e.type for e in LISTED if e.product == "publishing"}
    async with connected(settings, source) as engine:
        source.scripts |= dict.fromkeys(publishing, answer)
        check = await engine.check_manifest("grace")
    assert check.closed.keys() == {"publishing"}
    assert not [one for one in check.entities if one.entity.startswith("publishing.")]
    assert check.failed == ()
    assert len([type_name for type_name, _ in source.requests if type_name in publishing]) == requests


async def test_one_collection_without_access_closes_no_product(
    settings: Settings, source: ScriptedSource
) -> None:
    async with connected(settings, source) as engine:
        source.scripts["Household"] = refuse(403, "forbidden")
        check = await engine.check_manifest("grace")
    assert of(check, "people.Household").outcome == "denied"
    assert check.closed == {}
    assert check.failed == ()


async def test_a_collection_that_the_source_does_not_have_is_drift(
    settings: Settings, source: ScriptedSource
) -> None:
    async with connected(settings, source) as engine:
        source.scripts["Household"] = refuse(
            404, "not_found", "The resource you requested could not be found"
        )
        check = await engine.check_manifest("grace")
    [gone] = of(check, "people.Household").drift
    assert (gone.kind, gone.change) == ("collection", "gone")


async def test_what_could_not_be_asked_is_named(settings: Settings, source: ScriptedSource) -> None:
    async with connected(settings, source) as engine:
        source.scripts["Household"] = refuse(500, "broken")
        check = await engine.check_manifest("grace")
    [failed] = check.failed
    assert failed.entity == "people.Household"
    assert "unavailable" in failed.reason


async def test_a_rejected_token_ends_the_check(settings: Settings, source: ScriptedSource) -> None:
    async with connected(settings, source) as engine:
        for entity in LISTED:
            source.scripts[entity.type] = refuse(401, "unauthorized", "Error Code Hint: (BABOON)")
        with pytest.raises(CredentialsRejectedError):
            await engine.check_manifest("grace")
    assert len(source.requests) == 1


async def test_an_unknown_organization_is_named(settings: Settings, source: ScriptedSource) -> None:
    async with connected(settings, source) as engine:
        with pytest.raises(UnknownNameError, match="grcae"):
            await engine.check_manifest("grcae")
