"""A source for tests of the engine: every list of some products, and a script for its answers.

The token may see nothing of the other products, and below single records there is nothing: such a path answers 404,
as if the record had vanished. An include brings every record of its entity along with the first page.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Self

from aiohttp import web
from aiohttp.test_utils import TestServer

from openfaith import Engine, Settings
from openfaith.manifest import AttributeType, Entity, Manifest

VALUES: dict[AttributeType, Callable[[int], object]] = {
    AttributeType.STRING: lambda n: f"text {n}",
    AttributeType.INTEGER: lambda n: n,
    AttributeType.FLOAT: lambda n: n + 0.5,
    AttributeType.BOOLEAN: lambda n: n % 2 == 0,
    AttributeType.DATE: lambda _: "2020-02-29",
    AttributeType.DATE_TIME: lambda _: "2021-05-06T07:08:09Z",
    AttributeType.JSON: lambda n: {"n": n},
    AttributeType.ARRAY: lambda n: [n],
}

Script = Callable[[web.Request], Awaitable[web.Response | None]]
"""Answers a request in its own way; None leaves it to the source."""


def make_record(entity: Entity, number: int) -> dict[str, Any]:
    """A record with a value for every attribute."""
    return {
        "type": entity.type,
        "id": str(number),
        "attributes": {a.name: VALUES[a.type](number) for a in entity.attributes.values()},
        "relationships": {r.name: {"data": {"type": "Thing", "id": str(number)}} for r in entity.to_one},
    }


class ScriptedSource:
    """Serves `records` per entity type; `scripts` answers first where it has one for the type."""

    def __init__(self, manifest: Manifest, *, products: tuple[str, ...] = ("people",), each: int = 3) -> None:
        listed = [e for e in manifest.entities.values() if e.product in products and e.listing]
        self.records = {e.type: [make_record(e, n) for n in range(1, each + 1)] for e in listed}
        self._includes = {
            e.type: {
                include: manifest.entities[target].type
                for include, target in e.include_targets.items()
                if target is not None
            }
            for e in listed
        }
        self._base_paths = tuple(f"{manifest.products[product].base_path}/" for product in products)
        self.scripts: dict[str, Script] = {}
        """By type; `me` is the question whose token it is."""
        self.date: str | None = None
        """What answers carry as their `Date`; None: the present."""
        self.organization: str | None = None
        """What listings name as their parent."""
        self.requests: list[tuple[str, int]] = []
        """Type and offset of every request, in order."""
        application = web.Application()
        for entity in listed:
            if entity.listing:
                application.router.add_get(entity.listing.path, self._listing(entity.type))
        application.router.add_get("/{elsewhere:.*}", self._elsewhere)
        application.on_response_prepare.append(self._tell_the_time)
        self._server = TestServer(application)

    async def __aenter__(self) -> Self:
        await self._server.start_server()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._server.close()

    @property
    def base_url(self) -> str:
        return str(self._server.make_url("/")).rstrip("/")

    async def _tell_the_time(self, _: web.Request, response: web.StreamResponse) -> None:
        if self.date is not None:
            response.headers["Date"] = self.date

    async def _elsewhere(self, request: web.Request) -> web.Response:
        """Below single records, and in other products."""
        if request.path.endswith("/me") and (script := self.scripts.get("me")):
            return await script(request) or web.json_response({"data": {"type": "Person", "id": "1"}})
        if request.path.startswith(self._base_paths):
            return await refuse(404, "not_found", "The resource you requested could not be found")(request)
        return await refuse(401, "unauthorized", "Error Code Hint: (TRASH_PANDA)")(request)

    def _listing(self, type_name: str) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def answer(request: web.Request) -> web.Response:
            self.requests.append((type_name, int(request.query.get("offset", 0))))
            script = self.scripts.get(type_name)
            scripted = await script(request) if script else None
            return scripted or self.page(request, type_name)

        return answer

    def page(self, request: web.Request, type_name: str) -> web.Response:
        """The honest answer."""
        offset, size = int(request.query.get("offset", 0)), min(100, int(request.query.get("per_page", 25)))
        records = self.records[type_name]
        page = records[offset : offset + size]
        meta: dict[str, Any] = {"total_count": len(records), "count": len(page)}
        if self.organization is not None:
            meta["parent"] = {"type": "Organization", "id": self.organization}
        links = {"self": str(request.url)}
        if offset + len(page) < len(records):
            meta["next"] = {"offset": offset + len(page)}
            links["next"] = str(request.url.update_query(offset=offset + len(page)))
        headers = {
            "X-PCO-API-Request-Rate-Limit": "100",
            "X-PCO-API-Request-Rate-Period": "20",
            "X-PCO-API-Request-Rate-Count": "1",
        }
        document = {
            "links": links,
            "data": [_speaking_of(record, _asked(request)) for record in page],
            "included": self._included(request, type_name),
            "meta": meta,
        }
        body = json.dumps(document).encode()
        return web.Response(body=body, headers=headers, content_type="application/vnd.api+json")

    def _included(self, request: web.Request, type_name: str) -> list[dict[str, Any]]:
        if int(request.query.get("offset", 0)):
            return []
        return [r for name in _asked(request) for r in self.records.get(self._includes[type_name][name], ())]


def _asked(request: web.Request) -> list[str]:
    """What is to come along."""
    return [name for name in request.query.get("include", "").split(",") if name]


def _speaking_of(record: Any, includes: list[str]) -> Any:
    """The record, with the relationships that only an include shows; what is none, as it is."""
    if not includes or not isinstance(record, dict):
        return record
    shown = {name: {"data": []} for name in includes} | record.get("relationships", {})
    return record | {"relationships": shown}


def refuse(status: int, code: str, detail: str = "") -> Callable[[web.Request], Awaitable[web.Response]]:
    """A script that answers every request with an error document."""

    async def answer(_: web.Request) -> web.Response:
        body = {"errors": [{"status": str(status), "code": code, "title": code, "detail": detail}]}
        return web.Response(status=status, text=json.dumps(body), content_type="application/json")

    return answer


class Gate:
    """A script that holds the request at one offset until it is opened."""

    def __init__(self, offset: int) -> None:
        self._offset = offset
        self.reached = asyncio.Event()
        self._open = asyncio.Event()

    def open(self) -> None:
        self._open.set()

    async def __call__(self, request: web.Request) -> None:
        if int(request.query.get("offset", 0)) == self._offset:
            self.reached.set()
            await self._open.wait()


@asynccontextmanager
async def connected(settings: Settings, source: ScriptedSource) -> AsyncIterator[Engine]:
    """An engine that knows of a church there."""
    async with Engine.open(settings) as engine:
        await engine.connect("church", "app:secret", base_url=source.base_url)
        yield engine
