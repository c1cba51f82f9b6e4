"""`openfaith plan`: how a sync would read each entity, and what that costs."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING, Any

from rich.table import Table

from openfaith.cli.options import AsJson, Entities, Org, Products
from openfaith.cli.output import Output
from openfaith.cli.session import with_engine
from openfaith.cli.words import counted

if TYPE_CHECKING:
    from openfaith.engine import Engine
    from openfaith.planning import Plan, Way


def plan(org: Org, *, entity: Entities = None, product: Products = None, as_json: AsJson = False) -> int:
    """Show how a sync would read, in how many requests. Nothing is asked of the source.

    The counts are those of the last sync; an entity that was never synced has none yet.
    """
    return with_engine(
        partial(_plan, output=Output(as_json=as_json), org=org, entities=entity, products=product)
    )


async def _plan(
    engine: Engine, *, output: Output, org: str, entities: list[str] | None, products: list[str] | None
) -> int:
    planned = await engine.plan(org, entities=entities, products=products)
    output.show(_table(planned))
    for note in planned.notes:
        output.say(note)
    output.say(_closing(planned))
    output.data(_json(planned))
    return 0


def _table(planned: Plan) -> Table:
    table = Table("entity", "read", "how", box=None, pad_edge=False)
    table.add_column("requests", justify="right")
    for entity in planned.entities:
        way = entity.way
        requests = "?" if way.requests is None else f"{way.requests:,}"
        table.add_row(entity.name, way.reading, way.text, requests)
    return table


def _closing(planned: Plan) -> str:
    expected, uncounted = _totals(entity.way for entity in planned.entities)
    return closing(len(planned.entities), expected, uncounted)


def closing(entities: int, expected: int, uncounted: int) -> str:
    """What it costs in all, as far as that can be known."""
    text = f"{counted(entities, 'entity')}; "
    if not uncounted:
        return f"{text}{counted(expected, 'request')} expected."
    unknown = (
        f"{counted(uncounted, 'entity')} that nobody has counted yet; the plan knows after the first sync"
    )
    if not expected:
        return f"{text}requests unknown for {unknown}."
    return f"{text}{counted(expected, 'request')} expected, beside those for {unknown}."


def _totals(ways: Iterable[Way]) -> tuple[int, int]:
    """Requests expected, and how many entities have no expectation."""
    expected = [way.requests for way in ways]
    return sum(requests or 0 for requests in expected), expected.count(None)


def _json(planned: Plan) -> dict[str, Any]:
    expected, uncounted = _totals(entity.way for entity in planned.entities)
    return {
        "entities": [
            {
                "name": entity.name,
                "reading": entity.way.reading,
                "path": entity.way.endpoint.path,
                "parent": entity.way.parent,
                "carrier": entity.way.carrier,
                "include": entity.way.include,
                "requests": entity.way.requests,
                "hard": list(entity.hard),
                "soft": list(entity.soft),
            }
            for entity in planned.entities
        ],
        "requests": expected,
        "uncounted": uncounted,
        "notes": list(planned.notes),
    }
