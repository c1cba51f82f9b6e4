"""The simulator's own interface, below `/_simulator`: never counted, never limited, never faulty.

Bodies and answers are JSON; a request that means nothing gets 400 and `{"error": …}`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from typing import Any, TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from openfaith.errors import ConfigurationError, SyncError
from openfaith.simulator.ancestry import Ancestors, ancestors, path_named, usual_path
from openfaith.simulator.answering import Simulator
from openfaith.simulator.changes import Change
from openfaith.simulator.options import PeriodText
from openfaith.simulator.rendering import Shape, encode
from openfaith.simulator.rows import Reference, Table

T = TypeVar("T")

Endpoint = Callable[[Request], Coroutine[Any, Any, Response]]

TRUTH_BATCH = 500
"""Records that one piece of a truth stream holds; changes may fall between two pieces."""

NEWLINE_DELIMITED = "application/x-ndjson"


class Changes(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of `POST /_simulator/change`."""

    changes: list[Change]
    after_requests: int | None = None
    """Wait until so many more requests of the API were answered. Absent: now."""


class Faults(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of `POST /_simulator/faults`."""

    faults: str


class Plan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of `POST /_simulator/changes-plan`."""

    changes: str


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """The body of `POST /_simulator/options`: the options that may change while the simulator runs."""

    rate_limit: int | msgspec.UnsetType = msgspec.UNSET
    rate_period_text: PeriodText | msgspec.UnsetType = msgspec.UNSET
    deep_offset: int | msgspec.UnsetType = msgspec.UNSET
    deep_offset_share: float | msgspec.UnsetType = msgspec.UNSET
    latency_seconds: float | msgspec.UnsetType = msgspec.UNSET
    clock_offset_seconds: float | msgspec.UnsetType = msgspec.UNSET
    included_when_empty: bool | msgspec.UnsetType = msgspec.UNSET
    inaccessible_products: tuple[str, ...] | msgspec.UnsetType = msgspec.UNSET
    forbidden_entities: tuple[str, ...] | msgspec.UnsetType = msgspec.UNSET


class Warming(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of `POST /_simulator/warm`, which may be empty."""

    includes: dict[str, str] = {}
    """Type → the `include=` with which it will be listed; plain listings of it are not warmed then."""


class Control:
    """The endpoints over one simulator."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator

    def routes(self) -> list[Route]:
        """What is where, below `/_simulator`."""
        return [
            Route("/health", _guarded(self.health)),
            Route("/change", _guarded(self.change), methods=["POST"]),
            Route("/changes", _guarded(self.changes)),
            Route("/changes-plan", _guarded(self.changes_plan), methods=["GET", "POST"]),
            Route("/faults", _guarded(self.faults), methods=["GET", "POST"]),
            Route("/options", _guarded(self.options), methods=["GET", "POST"]),
            Route("/truth", _guarded(self.truth)),
            Route("/truth/{entity}", _guarded(self.truth_of)),
            Route("/tombstones", _guarded(self.tombstones)),
            Route("/tombstones/{entity}", _guarded(self.tombstones_of)),
            Route("/requests", _guarded(self.requests), methods=["GET", "DELETE"]),
            Route("/warm", _guarded(self.warm), methods=["POST"]),
        ]

    async def health(self, _request: Request) -> Response:
        """Whether it runs, and its clock."""
        return _json(
            {
                "status": "ok",
                "people": len(self._simulator.church.world.layouts["Person"].ids),
                "products": list(self._simulator.church.products),
                "seed": self._simulator.church.seed,
                "now": self._simulator.now,
            }
        )

    async def change(self, request: Request) -> Response:
        """Change the church, now or later: one change, or several under `changes`."""
        asked = _read_changes(await request.body())
        if asked.after_requests is None:
            return _json(
                {"applied": [self._simulator.change(change) for change in asked.changes], "scheduled": 0}
            )
        for change in asked.changes:
            self._simulator.schedule(change, asked.after_requests)
        return _json({"applied": [], "scheduled": len(asked.changes)})

    async def changes(self, _request: Request) -> Response:
        """What happened so far, also on schedule, and how much is still to come."""
        return _json({"changes": list(self._simulator.changes), "waiting": self._simulator.waiting})

    async def changes_plan(self, request: Request) -> Response:
        """What happens by itself, after setting another plan if one is given."""
        if request.method == "POST":
            self._simulator.set_changes(_decode(await request.body(), Plan).changes)
        return _json({"changes": [one.text for one in self._simulator.change_plan.changes]})

    async def faults(self, request: Request) -> Response:
        """The faults that are set, after setting others if some are given."""
        if request.method == "POST":
            self._simulator.set_faults(_decode(await request.body(), Faults).faults)
        return _json(self._simulator.plan.describe())

    async def options(self, request: Request) -> Response:
        """The options that may change, after changing those given."""
        if request.method == "POST":
            wanted = msgspec.structs.asdict(_decode(await request.body(), Settings))
            given = {name: value for name, value in wanted.items() if value is not msgspec.UNSET}
            self._simulator.set_options(dataclasses.replace(self._simulator.options, **given))
        return _json({name: getattr(self._simulator.options, name) for name in Settings.__struct_fields__})

    async def truth(self, _request: Request) -> Response:
        """How many live records each entity has, under the names that a manifest gives them."""
        tables = self._served()
        return _json({"entities": {table.entity.name: len(table) for table in tables}})

    async def truth_of(self, request: Request) -> Response:
        """Every live record of one entity, one JSON object a line, in numeric order of the ids.

        Records that are found below others only have `parents`: the ids of their usual path, or of `?path=` as the
        manifest writes it, by placeholder, once for each place where they are found.
        """
        church = self._simulator.church
        table = church.table(request.path_params["entity"])
        template = request.query_params.get("path")
        path = path_named(church, table.type, template) if template else usual_path(church, table.type)
        found = ancestors(church, path) if path is not None else None
        return StreamingResponse(self._records(table.type, found), media_type=NEWLINE_DELIMITED)

    async def tombstones(self, _request: Request) -> Response:
        """How many records of each entity there were and are no more, under the names that a manifest gives them."""
        entities, counts = self._simulator.church.entities, self._simulator.tombstones.counts()
        return _json({"entities": {entities[name].name: count for name, count in counts.items()}})

    async def tombstones_of(self, request: Request) -> Response:
        """Every record of one entity that there was and is no more, one JSON object a line, ids ascending.

        `merged_into` is the record it was merged into, null where it was deleted; `survivor` the one at the end of
        all merges, null where that is deleted too.
        """
        entity_type = self._simulator.church.table(request.path_params["entity"]).type
        lines = (encode(one) + b"\n" for one in self._simulator.tombstones.of(entity_type))
        return Response(b"".join(lines), media_type=NEWLINE_DELIMITED)

    async def requests(self, request: Request) -> Response:
        """What was asked of the API: `?after=` a number, `?limit=` so many. DELETE forgets it."""
        if request.method == "DELETE":
            self._simulator.journal.reset()
        after, limit = _number(request, "after"), _number(request, "limit")
        return _json(self._simulator.journal.report(after=after or 0, limit=limit))

    async def warm(self, request: Request) -> Response:
        """Render every record once, as listings at this host send it, so that a benchmark measures its client.

        Refused where they are more than are kept: they would be rendered again, and the benchmark would measure that.
        """
        body = await request.body()
        includes = _decode(body, Warming).includes if body else {}
        shapes = {name: Shape(includes=tuple(names.split(","))) for name, names in includes.items()}
        origin = f"{request.url.scheme}://{request.headers.get('host', '')}"
        tables = self._served()
        references = [Reference(table.type, record_id) for table in tables for record_id in table.ids]
        overflows = self._simulator.renderer.overflows
        records = self._simulator.renderer.render(references, shapes, origin)
        size = sum(len(record.text) for record in records)
        if self._simulator.renderer.overflows > overflows:
            kept = f"{self._simulator.options.cache_bytes:,} bytes are kept"
            raise ConfigurationError("cache_bytes", f"{kept}, and these are {size:,}", "enough for all")
        return _json({"records": len(records), "bytes": size})

    def _served(self) -> list[Table]:
        """The tables that have paths."""
        return [self._simulator.church.tables[entity_type] for entity_type in self._simulator.church.served]

    async def _records(self, entity_type: str, found: Ancestors | None) -> AsyncIterator[bytes]:
        ids = list(self._simulator.church.tables[entity_type].ids)
        for start in range(0, len(ids), TRUTH_BATCH):
            yield b"".join(self._lines(entity_type, ids[start : start + TRUTH_BATCH], found))

    def _lines(self, entity_type: str, ids: list[int], found: Ancestors | None) -> Iterator[bytes]:
        for record_id in ids:
            if record_id in self._simulator.church.tables[entity_type]:
                text = self._simulator.renderer.truth(Reference(entity_type, record_id))
                if found is not None:
                    text = text[:-1] + b',"parents":' + encode(found.get(record_id, [])) + b"}"
                yield text + b"\n"


def _guarded(endpoint: Endpoint) -> Endpoint:
    """An endpoint that answers what it cannot do with 400 and the reason."""

    async def guarded(request: Request) -> Response:
        try:
            return await endpoint(request)
        except (SyncError, msgspec.MsgspecError) as error:
            return _json({"error": str(error)}, status=400)

    return guarded


def _read_changes(body: bytes) -> Changes:
    """One change stands for a list of one; `after_requests` may stand beside it."""
    asked = _decode(body, dict[str, Any])
    if "changes" not in asked:
        rest = {name: value for name, value in asked.items() if name != "after_requests"}
        asked = {
            "changes": [rest],
            **({"after_requests": asked["after_requests"]} if "after_requests" in asked else {}),
        }
    return msgspec.convert(asked, Changes)


def _decode(body: bytes, to: type[T]) -> T:
    return msgspec.json.decode(body, type=to)


def _number(request: Request, name: str) -> int | None:
    text = request.query_params.get(name)
    if text is not None and not text.isdecimal():
        raise ConfigurationError(name, text, "a whole number")
    return None if text is None else int(text)


def _json(content: object, *, status: int = 200) -> Response:
    return Response(encode(content), status_code=status, media_type="application/json")
