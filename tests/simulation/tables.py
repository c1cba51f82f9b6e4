"""What the engine's tables show, and whether it can be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from psycopg import sql
from psycopg.rows import dict_row

from openfaith.manifest import Entity, Manifest, columns, table_name
from openfaith.records import EntityName
from openfaith.store import Database
from simulation.church import SimulatedChurch
from support.truth import _is_found, _wrong_fields

NOT_THERE = "is not at the source"


@dataclass(frozen=True, slots=True)
class Row:
    """Of one record, what must not go wrong."""

    lives: bool
    merged_into: str | None
    updated_at: datetime | None


Rows = Mapping[EntityName, Mapping[str, Row]]


class Tables:
    """Of one organization."""

    def __init__(self, database: Database, manifest: Manifest, entities: Sequence[Entity], org: str) -> None:
        self._database = database
        self._manifest = manifest
        self._entities = entities
        self._org = org
        self._before: Rows = {}
        self._statement = sql.SQL(" UNION ALL ").join(
            sql.SQL(
                "SELECT {}, id, _deleted_at IS NULL, _merged_into, _source_updated_at FROM {} WHERE org_id = %(org)s"
            ).format(sql.Literal(entity.name), sql.Identifier(manifest.adapter, table_name(entity)))
            for entity in entities
        )

    async def read(self) -> Rows:
        rows: dict[EntityName, dict[str, Row]] = {entity.name: {} for entity in self._entities}
        async with self._database.connection() as connection:
            cursor = await connection.execute(self._statement, {"org": self._org})
            for name, record_id, *row in await cursor.fetchall():
                rows[EntityName(name)][record_id] = Row(*row)
        return rows

    async def problems(self, church: SimulatedChurch) -> list[str]:
        """What cannot be, after what was there the last time."""
        after = await self.read()
        found = list(self._problems(church, self._before, after))
        self._before = after
        return found

    def _problems(self, church: SimulatedChurch, before: Rows, after: Rows) -> Iterator[str]:
        for entity in self._entities:
            for record_id, was in before.get(entity.name, {}).items():
                row = after[entity.name].get(record_id)
                if was.lives and (row is None or not row.lives) and not church.was_absent(entity, record_id):
                    yield f"I4: {entity.name} {record_id} was deleted, and was there all the time"
                if row is not None and was.updated_at and row.updated_at and row.updated_at < was.updated_at:
                    yield f"I5: {entity.name} {record_id} went from {was.updated_at} back to {row.updated_at}"

    async def differences(
        self, church: SimulatedChurch, entities: Sequence[Entity] | None = None, *, most: int = 20
    ) -> list[str]:
        """What is missing, too much, or different, field by field, as `support.truth.differences` has it."""
        compared = self._entities if entities is None else entities
        return [text for entity in compared for text in await self._different(entity, church)][:most]

    async def _different(self, entity: Entity, church: SimulatedChurch) -> list[str]:
        statement = sql.SQL("SELECT * FROM {} WHERE org_id = %(org)s AND _deleted_at IS NULL")
        async with self._database.connection() as connection:
            cursor = connection.cursor(row_factory=dict_row)
            await cursor.execute(
                statement.format(sql.Identifier(self._manifest.adapter, table_name(entity))),
                {"org": self._org},
            )
            rows = {row["id"]: row for row in await cursor.fetchall()}
        found = []
        own = columns(entity)
        for record in filter(_is_found, church.truth(entity)):
            row = rows.pop(str(record["id"]), None)
            wrong = ["is missing"] if row is None else _wrong_fields(entity, own, record, row)
            found += [f"{entity.name} {record['id']}: {text}" for text in wrong]
        return [*found, *(f"{entity.name} {record_id} {NOT_THERE}" for record_id in rows)]

    async def wrong_merges(self, church: SimulatedChurch) -> list[str]:
        """Tombstones that do not say who has their place, although the log of merges does; as far as it does."""
        rows = await self.read()
        told = church.told_merges()
        wrong: list[str] = []
        for entity in (entity for entity in self._entities if entity.type == "Person"):
            survivors = church.survivors(entity)
            for loser, survivor in survivors.items():
                row = rows[entity.name].get(loser)
                if loser not in told or row is None:
                    continue
                said = row.merged_into
                ends_early = said is not None and said not in told and survivors.get(said) == survivor
                if said != survivor and not ends_early:
                    wrong.append(
                        f"{entity.name} {loser} was merged into {survivor}, and the table says {said}"
                    )
        return wrong
