"""A small church, written by hand into Planning Center's mirror tables, whose answers can be counted on fingers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from openfaith.adapters.planning_center import load_planning_center, load_planning_center_mapping
from openfaith.manifest import CanonicalMapping, Manifest, canonical_id, table_name
from openfaith.records import EntityName
from openfaith.store import Database, ensure_mirror_tables, install_canonical_model, open_database

MANIFEST: Manifest = load_planning_center()
MAPPING: CanonicalMapping = load_planning_center_mapping()
NOW = datetime(2026, 3, 31, tzinfo=UTC)

Row = dict[str, Any]


@asynccontextmanager
async def open_model(url: str) -> AsyncIterator[Database]:
    """A database with Planning Center's mirror tables and the canonical model over them."""
    async with open_database(url, connections=4) as database:
        await ensure_mirror_tables(database, MANIFEST)
        await install_canonical_model(database, MANIFEST, MAPPING)
        yield database


async def store(
    database: Database, entity: str, rows: Mapping[str, Mapping[str, object]], *, org: str = "grace"
) -> None:
    """Put records into an entity's mirror table: id → columns."""
    async with database.transaction() as connection:
        for record_id, columns in rows.items():
            await _store(connection, entity, {"org_id": org, "id": record_id, **columns})


async def _store(connection: psycopg.AsyncConnection, entity: str, columns: Mapping[str, object]) -> None:
    row = {"_requested_at": NOW, "_hash": 0, "_run_id": 1} | {
        name: Jsonb(value) if isinstance(value, dict | list) else value for name, value in columns.items()
    }
    await connection.execute(
        sql.SQL(
            "INSERT INTO {} ({}) VALUES ({}) ON CONFLICT (org_id, id) DO UPDATE SET ({}) = ROW ({})"
        ).format(
            sql.Identifier("pco", table_name(MANIFEST.entities[EntityName(entity)])),
            sql.SQL(", ").join(map(sql.Identifier, row)),
            sql.SQL(", ").join(map(sql.Placeholder, row)),
            sql.SQL(", ").join(map(sql.Identifier, row)),
            sql.SQL(", ").join(sql.SQL("excluded.{}").format(sql.Identifier(name)) for name in row),
        ),
        row,
    )


async def read(database: Database, statement: str) -> list[Row]:
    """Every row of a query, by column."""
    async with database.connection() as connection, connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(sql.SQL(statement))
        return await cursor.fetchall()


async def one(database: Database, statement: str) -> Row:
    (row,) = await read(database, statement)
    return row


def the(entity: str, external_id: str, *, org: str = "grace") -> str:
    """The canonical id of a record."""
    return canonical_id("pco", MAPPING.entities[entity], org, external_id)


async def found(database: Database, *, org: str = "grace") -> None:
    """Write the church of the ten questions."""
    for entity, rows in _RECORDS.items():
        await store(database, entity, rows, org=org)


def _at(day: str, hour: int = 15) -> datetime:
    return datetime.fromisoformat(day).replace(hour=hour, tzinfo=UTC)


def _person(name: str, born: str | None, campus: str | None, **more: object) -> Row:
    first, last = name.split()
    return {
        "name": name,
        "first_name": first,
        "last_name": last,
        "birthdate": born,
        "primary_campus_id": campus,
        "status": "active",
        "child": False,
    } | more


def _donation(person: str | None, day: str, cents: int, **more: object) -> Row:
    return {
        "person_id": person,
        "received_at": _at(day),
        "amount_cents": cents,
        "amount_currency": "USD",
        "payment_status": "succeeded",
        "refunded": False,
    } | more


def _part(donation: str, fund: str, cents: int) -> Row:
    return {"donation_id": donation, "fund_id": fund, "amount_cents": cents, "amount_currency": "USD"}


def _check_ins(session: str, *people: str | None) -> dict[str, Row]:
    """``None`` is a guest whom nobody entered as a person."""
    return {
        f"{session}-{number}": {"event_period_id": session, "person_id": person, "created_at": NOW}
        for number, person in enumerate(people)
    }


_RECORDS: Mapping[str, Mapping[str, Row]] = {
    "people.Campus": {"1": {"name": "North"}, "2": {"name": "South"}},
    "people.Person": {
        "1": _person("Ann Abel", "1980-07-04", "1"),
        "2": _person("Ben Abel", "1978-11-30", "1"),
        "3": _person("Cal Abel", "2015-07-20", "1", child=True),
        "4": _person("Dora Burns", "1950-03-01", "2"),
        "5": _person("Eli Cole", "1995-07-15", "2"),
        "6": _person("Fay Dunn", None, "2", status="inactive"),
        # Of whom only day and month of birth are known.
        "7": _person("Gus Eder", "1885-02-02", None),
        # Twice in the source, until somebody noticed.
        "8": _person("August Eder", None, None, _deleted_at=NOW, _merged_into="7"),
        "9": _person("Ida Foss", "1990-01-01", "1", _deleted_at=NOW),
    },
    "people.Household": {"1": {"name": "Abel"}, "2": {"name": "Burns"}},
    "people.HouseholdMembership": {
        "1": {"household_id": "1", "person_id": "1"},
        "2": {"household_id": "1", "person_id": "2"},
        "3": {"household_id": "1", "person_id": "3"},
        "4": {"household_id": "2", "person_id": "4"},
        # Eli moved out.
        "5": {"household_id": "2", "person_id": "5", "_deleted_at": NOW},
    },
    "groups.Group": {
        "1": {"name": "Young adults"},
        "2": {"name": "Old choir", "archived_at": NOW},
        "3": {"name": "Seniors"},
    },
    "groups.Membership": {
        "1": {"group_id": "1", "person_id": "5", "role": "leader"},
        "2": {"group_id": "1", "person_id": "1", "role": "member"},
        "3": {"group_id": "1", "person_id": "2", "role": "member"},
        "4": {"group_id": "2", "person_id": "4", "role": "leader"},
        "5": {"group_id": "3", "person_id": "4", "role": "member"},
        # A member who is gone, though nobody has taken her off the group yet.
        "6": {"group_id": "3", "person_id": "9", "role": "leader"},
    },
    "giving.Fund": {"1": {"name": "General"}, "2": {"name": "Missions"}},
    "giving.Donation": {
        "0": _donation("1", "2025-12-07", 1000),
        "1": _donation("1", "2026-01-04", 10000),
        "2": _donation("2", "2026-01-18", 5000),
        "3": _donation("1", "2026-02-01", 2550),
        "4": _donation("5", "2026-02-15", 1000),
        "5": _donation("4", "2026-02-08", 4000, payment_status="failed"),
        # Given by the Gus who was merged away.
        "6": _donation("8", "2026-02-22", 500),
        "7": _donation("1", "2026-02-10", 9900, refunded=True),
        # In the plate.
        "8": _donation(None, "2026-01-11", 2000),
    },
    "giving.Designation": {
        "0": _part("0", "1", 1000),
        "1a": _part("1", "1", 7000),
        "1b": _part("1", "2", 3000),
        "2": _part("2", "1", 5000),
        "3": _part("3", "1", 2550),
        "4": _part("4", "2", 1000),
        "5": _part("5", "1", 4000),
        "6": _part("6", "1", 500),
        "7": _part("7", "1", 9900),
        "8": _part("8", "1", 2000),
    },
    "check-ins.Event": {"1": {"name": "Sunday"}, "2": {"name": "Midweek"}},
    "check-ins.EventPeriod": {
        "jan4": {"event_id": "1", "starts_at": _at("2026-01-04")},
        "jan11": {"event_id": "1", "starts_at": _at("2026-01-11")},
        "jan18": {"event_id": "1", "starts_at": _at("2026-01-18")},
        # The Wednesday after.
        "jan21": {"event_id": "2", "starts_at": _at("2026-01-21")},
        "feb22": {"event_id": "1", "starts_at": _at("2026-02-22")},
        "mar29": {"event_id": "1", "starts_at": _at("2026-03-29")},
    },
    "check-ins.CheckIn": {
        **_check_ins("jan4", "1", "2", "3", "4", None),
        **_check_ins("jan11", "1", "3", "4"),
        **_check_ins("jan18", "1", "4", "5"),
        **_check_ins("jan21", "1", "5"),
        **_check_ins("feb22", "1", "5"),
        **_check_ins("mar29", "1", "5"),
    },
    "services.ServiceType": {"1": {"name": "Sunday morning"}},
    "services.Team": {
        "1": {"name": "Band", "service_type_id": "1"},
        "2": {"name": "Ushers", "service_type_id": "1"},
        "3": {"name": "Parking", "service_type_id": "1", "archived_at": NOW},
        "4": {"name": "Lights", "service_type_id": "1", "deleted_at": NOW},
        "5": {"name": "Kids", "service_type_id": "1"},
    },
    "services.TeamPosition": {
        "1": {"name": "Guitar", "team_id": "1"},
        "2": {"name": "Vocals", "team_id": "1"},
        "3": {"name": "Usher", "team_id": "2"},
        "4": {"name": "Attendant", "team_id": "3"},
        "5": {"name": "Technician", "team_id": "4"},
    },
    "services.PersonTeamPositionAssignment": {
        "1": {"person_id": "1", "team_id": "1", "team_position_id": "1"},
        "2": {"person_id": "1", "team_id": "1", "team_position_id": "2"},
        "3": {"person_id": "5", "team_id": "1", "team_position_id": "1"},
        "4": {"person_id": "4", "team_id": "2", "team_position_id": "3"},
        "5": {"person_id": "2", "team_id": "3", "team_position_id": "4"},
        "6": {"person_id": "7", "team_id": "4", "team_position_id": "5"},
    },
    "services.Song": {
        "1": {"title": "Amazing Grace"},
        "2": {"title": "Be Thou My Vision"},
        "3": {"title": "Never Sung"},
    },
    "services.Plan": {
        "1": {"service_type_id": "1", "sort_date": _at("2025-12-28")},
        "2": {"service_type_id": "1", "sort_date": _at("2026-01-04")},
        "3": {"service_type_id": "1", "sort_date": _at("2026-01-11")},
    },
    "services.Item": {
        "1": {"plan_id": "1", "song_id": "2", "item_type": "song"},
        "2": {"plan_id": "2", "song_id": "1", "item_type": "song"},
        "3": {"plan_id": "2", "song_id": "2", "item_type": "song"},
        "4": {"plan_id": "3", "song_id": "1", "item_type": "song"},
        # Sung twice in one service.
        "5": {"plan_id": "3", "song_id": "1", "item_type": "song"},
        "6": {"plan_id": "3", "song_id": None, "item_type": "header"},
    },
}
