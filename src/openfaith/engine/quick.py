"""The shortest way: one call, from a token to the rows."""

from __future__ import annotations

from collections.abc import Collection

from openfaith.adapters import find_adapter
from openfaith.engine.requests import known_strategy
from openfaith.engine.verbs import Engine
from openfaith.engine.views import RunView
from openfaith.loops import run
from openfaith.planning import make_plan
from openfaith.records import Strategy
from openfaith.settings import Settings


def run_pco_sync(
    token: str,
    entities: Collection[str] | None = None,
    *,
    org: str = "default",
    strategy: Strategy | str = Strategy.HYBRID,
    base_url: str | None = None,
    settings: Settings | None = None,
) -> RunView:
    """Sync a Planning Center account into PostgreSQL: the named entities, or all that can be read.

    Args:
        token: `app_id:secret` of a personal access token, or a bearer token.
        entities: as in `["Person"]` or `["people.Person", "people.Email"]`.
        org: under which name its rows are kept.
        strategy: how the entities wait for each other: `sequential`, `parallel` or `hybrid`.
        base_url: of another source than Planning Center itself, such as the simulator.
        settings: the environment's, where None.

    Returns what happened, per entity. A run that failed is a result; what keeps it from starting is an error.

    Raises:
        UnknownNameError: no such entity; names near ones.
        SyncError: the settings, the database or the token cannot be used.
    """
    return run(
        _run_pco_sync(
            token,
            entities,
            org=org,
            strategy=known_strategy(strategy),
            base_url=base_url,
            settings=settings,
        )
    )


async def _run_pco_sync(
    token: str,
    entities: Collection[str] | None,
    *,
    org: str,
    strategy: Strategy,
    base_url: str | None,
    settings: Settings | None,
) -> RunView:
    if not isinstance(entities, str):
        make_plan(
            find_adapter("pco").load_manifest(), entities
        )  # a wrong name is told before anything is started
    async with Engine.open(settings) as engine:
        await engine.connect(org, token, base_url=base_url)
        return await engine.sync(org, entities=entities, strategy=strategy)
