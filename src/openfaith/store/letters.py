"""Setting records aside that cannot be stored, in the transaction of the page that brought them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import psycopg

from openfaith.store.examination import Unstorable
from openfaith.store.queries import query


async def set_aside(
    connection: psycopg.AsyncConnection, letters: Sequence[Unstorable], about: Mapping[str, object]
) -> None:
    """Keep records as dead letters, each once however often it is met.

    Args:
        about: what there is to know of all of them, as the statement names it: `entity_run_id` whose they are,
            `asked_run_id` whose page brought them, its `token` and `requested_at`, the API's `version`, the ids of the
            path (`parents`, JSON), and for what rode the page's other records (`carriers`) and the `include`.
    """
    for letter in letters:
        await connection.execute(
            query("dead_letters", "set_aside"),
            {
                **about,
                "record_key": letter.record_key,
                "fault": letter.fault,
                "reason": letter.reason,
                "body": letter.body,
            },
        )
