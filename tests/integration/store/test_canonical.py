"""What the canonical views show of Planning Center's records."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from psycopg import sql

from openfaith.errors import DatabaseRefusedError
from openfaith.store import Database, open_database
from support.church import MAPPING, NOW, Row, open_model, read, store, the
from support.postgres import Databases
from support.roles import new_role


@pytest.fixture(scope="module")
def model_url(databases: Databases) -> Iterator[str]:
    """A database for the whole module, whose tests stay apart by their organizations."""
    with databases.fresh() as url:
        asyncio.run(_install(url))
        yield url


async def _install(url: str) -> None:
    async with open_model(url):
        pass


@pytest.fixture
async def database(model_url: str) -> AsyncIterator[Database]:
    async with open_database(model_url, connections=2) as opened:
        yield opened


@pytest.fixture
def org() -> str:
    return f"org-{secrets.token_hex(6)}"


async def shown(database: Database, view: str, org: str) -> dict[str, Row]:
    """An organization's records of one view, by their ids at the source."""
    rows = await read(database, f"SELECT * FROM canonical.{view} WHERE org_id = '{org}'")
    return {row["external_id"]: row for row in rows}


async def shown_one(database: Database, view: str, org: str) -> Row:
    (row,) = (await shown(database, view, org)).values()
    return row


# Values


async def test_a_person_has_the_words_of_the_model(database: Database, org: str) -> None:
    await store(
        database,
        "people.Person",
        {
            "1": {
                "name": "Ann Abel",
                "gender": "F",
                "status": "Active",
                "membership": "Member in Full",
                "birthdate": "1980-07-04",
                "child": False,
                "created_at": NOW,
            }
        },
        org=org,
    )
    row = await shown_one(database, "person", org)
    expected = {
        "id": the("person", "1", org=org),
        "org_id": org,
        "name": "Ann Abel",
        "gender": "female",
        "status": "active",
        "membership": "Member in Full",
        "birthdate": date(1980, 7, 4),
        "is_child": False,
        "campus_id": None,
        "created_at": NOW,
    }
    assert {name: row[name] for name in expected} == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [("M", "male"), (" male ", "male"), ("Female", "female"), ("Nonbinary", "nonbinary"), ("", None), (None, None)],
)  # fmt: skip
async def test_one_word_for_each_idea(
    database: Database, org: str, given: str | None, expected: str | None
) -> None:
    """A spelling that nobody foresaw is kept."""
    await store(database, "people.Person", {"1": {"gender": given}}, org=org)
    assert (await shown_one(database, "person", org))["gender"] == expected


async def test_an_email_address_is_in_small_letters(database: Database, org: str) -> None:
    await store(database, "people.Email", {"1": {"address": " Ann@Example.ORG "}}, org=org)
    assert (await shown_one(database, "email", org))["address"] == "ann@example.org"


async def test_an_address_stands_in_one_line_without_what_is_missing(database: Database, org: str) -> None:
    await store(
        database,
        "people.Address",
        {
            "1": {"street_line_1": "1 Main St", "street_line_2": "", "city": "Springfield", "state": None},
            "2": {},
        },
        org=org,
    )
    lines = {key: row["one_line"] for key, row in (await shown(database, "address", org)).items()}
    assert lines == {"1": "1 Main St, Springfield", "2": None}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (("+12125550123", "whatever", None), "+12125550123"),
        ((None, "(212) 555-0123", "US"), "+12125550123"),
        ((None, "1-212-555-0123", "ca"), "+12125550123"),
        ((None, "+44 20 7946 0123", None), "+442079460123"),
        (("2125550123", "+44 20 7946 0123", "US"), "+442079460123"),
        ((None, "(212) 555-0123", None), None),  # of which country?
        ((None, "020 7946 0123", "GB"), None),
        ((None, "555-0123", "US"), None),
        ((None, "(212) 555-0123 x4", "US"), None),
        ((None, "+1 212 555 0123 ext. 4", "US"), None),
        ((None, "(112) 555-0123", "US"), None),  # no area code begins with 1
        ((None, "+0123456789", None), None),
        ((None, "+44 (0)20 7946 0123", "GB"), "+442079460123"),
        ((None, "+(44) ( 0 ) 20 7946 0123", None), "+442079460123"),
        ((None, "+44 (020) 7946 0123", "GB"), None),  # is the zero part of it?
        ((None, "+39 06 1234 5678", "IT"), "+390612345678"),
        ((None, "+39 (0)6 1234 5678", "IT"), None),  # in Italy it is
        ((None, "+(0)44 20 7946 0123", None), None),
        ((None, "+1 (555) 123", "US"), None),
        ((None, "+1 (212) 555-01234", None), None),
        ((None, "+49 12345", None), None),
        ((None, "+49 123456", None), "+49123456"),
        (("+1555123", "(212) 555-0123", "US"), "+12125550123"),
        (("+4912345", None, None), None),
        ((None, None, "US"), None),
    ],
)
async def test_a_phone_number_is_e164_where_that_is_no_guess(
    database: Database, org: str, given: tuple[str | None, ...], expected: str | None
) -> None:
    row = dict(zip(("e164", "number", "country_code"), given, strict=True))
    await store(database, "people.PhoneNumber", {"1": row}, org=org)
    found = await shown_one(database, "phone_number", org)
    assert (found["e164"], found["number"]) == (expected, row["number"])


@pytest.mark.parametrize(
    ("cents", "currency", "expected"),
    [
        (1250, "USD", "12.50"),
        (-37, "usd", "-0.37"),
        (1250, None, "12.50"),
        (1250, "JPY", "1250"),
        (1250, "KWD", "1.250"),
        (9007199254740993, "EUR", "90071992547409.93"),
        (None, "USD", None),
    ],
)
async def test_money_is_an_amount_in_units_of_its_currency(
    database: Database, org: str, cents: int | None, currency: str | None, expected: str | None
) -> None:
    row = {"amount_cents": cents, "amount_currency": currency}
    await store(database, "giving.Donation", {"1": row}, org=org)
    amount = (await shown_one(database, "donation", org))["amount"]
    assert (amount, amount is None or str(amount)) == (expected and Decimal(expected), expected or True)


async def test_a_check_in_knows_its_event_and_time_by_its_session(database: Database, org: str) -> None:
    starts_at = datetime(2026, 1, 4, 15, tzinfo=UTC)
    await store(database, "check-ins.EventPeriod", {"p": {"event_id": "e", "starts_at": starts_at}}, org=org)
    await store(
        database,
        "check-ins.CheckIn",
        {
            "1": {"event_period_id": "p", "created_at": NOW},
            "2": {"event_period_id": "gone", "created_at": NOW},
        },
        org=org,
    )
    rows = await shown(database, "check_in", org)
    assert rows["1"]["check_in_event_id"] == the("check_in_event", "e", org=org)
    assert (rows["1"]["starts_at"], rows["1"]["checked_in_at"]) == (starts_at, NOW)
    assert (rows["2"]["check_in_event_id"], rows["2"]["starts_at"]) == (None, NOW)
    assert rows["2"]["check_in_session_id"] == the("check_in_session", "gone", org=org)


# Ids and references


@pytest.mark.parametrize(
    "external_id", ["1", "", "a\nb", "\\x41", "back\\slash", "żółć", "\U0001d535", "%s", "'", '"']
)
async def test_the_database_and_the_program_compute_the_same_id(
    database: Database, org: str, external_id: str
) -> None:
    await store(database, "people.Campus", {external_id: {"name": "North"}}, org=org)
    assert (await shown_one(database, "campus", org))["id"] == the("campus", external_id, org=org)


PERSONS = [
    ("giving.Donation", "donation"),
    ("groups.Membership", "group_membership"),
    ("check-ins.CheckIn", "check_in"),
    ("services.PlanPerson", "plan_assignment"),
    ("people.Email", "email"),
]


@pytest.mark.parametrize(("source", "view"), PERSONS)
async def test_every_product_means_the_same_person(
    database: Database, org: str, source: str, view: str
) -> None:
    await store(database, source, {"9": {"person_id": "1"}}, org=org)
    assert (await shown_one(database, view, org))["person_id"] == the("person", "1", org=org)


async def test_organizations_share_no_ids(database: Database, org: str) -> None:
    other = f"{org}-2"
    for each in (org, other):
        await store(database, "people.Person", {"1": {"name": each, "primary_campus_id": "7"}}, org=each)
    mine, yours = await shown_one(database, "person", org), await shown_one(database, "person", other)
    assert mine["id"] != yours["id"]
    assert mine["campus_id"] != yours["campus_id"]


# Deleted and merged


async def test_only_living_records_are_shown(database: Database, org: str) -> None:
    await store(database, "people.Person", {"1": {}, "2": {"_deleted_at": NOW}}, org=org)
    assert list(await shown(database, "person", org)) == ["1"]


async def test_a_record_that_the_source_marks_as_deleted_is_not_shown(database: Database, org: str) -> None:
    await store(database, "services.Team", {"1": {}, "2": {"deleted_at": NOW}}, org=org)
    assert list(await shown(database, "team", org)) == ["1"]
    links = await shown(database, "external_link", org)
    assert {key: row["deleted_at"] for key, row in links.items()} == {"1": None, "2": NOW}


async def test_a_merge_is_followed_to_the_end_of_the_chain(database: Database, org: str) -> None:
    """From 1 into 2, and from 2 into 3."""
    people = {
        "1": {"_deleted_at": NOW, "_merged_into": "2"},
        "2": {"_deleted_at": NOW, "_merged_into": "3"},
        "3": {},
    }
    await store(database, "people.Person", people, org=org)
    await store(
        database, "giving.Donation", {key: {"person_id": key} for key in ("1", "2", "3", "4")}, org=org
    )
    assert list(await shown(database, "person", org)) == ["3"]
    third, fourth = the("person", "3", org=org), the("person", "4", org=org)
    donations = await shown(database, "donation", org)
    assert [donations[key]["person_id"] for key in "1234"] == [third, third, third, fourth]
    links = await read(
        database,
        f"SELECT * FROM canonical.external_link WHERE org_id = '{org}' AND entity = 'people.Person' ORDER BY external_id",
    )
    assert [(r["canonical_id"], r["own_id"], r["is_merged"], r["deleted_at"]) for r in links] == [
        (third, the("person", "1", org=org), True, NOW),
        (third, the("person", "2", org=org), True, NOW),
        (third, third, False, None),
    ]


async def test_records_that_were_merged_in_a_circle_stay_what_they_are(database: Database, org: str) -> None:
    people = {"1": {"_merged_into": "2"}, "2": {"_merged_into": "1"}, "3": {"_merged_into": "1"}}
    await store(database, "people.Person", people, org=org)
    await store(database, "giving.Donation", {"1": {"person_id": "1"}}, org=org)
    assert (await shown_one(database, "donation", org))["person_id"] == the("person", "1", org=org)
    links = await read(database, f"SELECT is_merged FROM canonical.external_link WHERE org_id = '{org}'")
    assert [row["is_merged"] for row in links] == [False] * 4


async def test_a_merge_in_one_organization_is_none_in_another(database: Database, org: str) -> None:
    other = f"{org}-2"
    await store(database, "people.Person", {"1": {"_merged_into": "2"}, "2": {}}, org=other)
    await store(database, "giving.Donation", {"1": {"person_id": "1"}}, org=org)
    assert (await shown_one(database, "donation", org))["person_id"] == the("person", "1", org=org)


# Links and edges


async def test_a_link_leads_from_every_product_to_the_canonical_record(database: Database, org: str) -> None:
    for product in ("people", "giving", "groups", "services", "check-ins", "calendar"):
        await store(database, f"{product}.Person", {"1": {}}, org=org)
    links = await read(
        database, f"SELECT * FROM canonical.external_link WHERE org_id = '{org}' ORDER BY entity"
    )
    assert [row["entity"] for row in links] == [
        "calendar.Person",
        "check-ins.Person",
        "giving.Person",
        "groups.Person",
        "people.Person",
        "services.Person",
    ]
    assert {row["canonical_id"] for row in links} == {the("person", "1", org=org)}
    assert {(row["canonical_entity"], row["adapter"]) for row in links} == {("person", "pco")}


async def test_every_reference_of_a_record_is_an_edge(database: Database, org: str) -> None:
    await store(database, "giving.Donation", {"5": {"person_id": "1", "campus_id": "7"}}, org=org)
    edges = await read(database, f"SELECT * FROM canonical.edge WHERE org_id = '{org}' ORDER BY kind")
    assert edges == [
        {
            "org_id": org,
            "from_id": the("donation", "5", org=org),
            "to_id": the(to, external_id, org=org),
            "kind": f"donation.{to}",
            "from_entity": "donation",
            "to_entity": to,
        }
        for to, external_id in (("campus", "7"), ("person", "1"))
    ]


async def test_an_edge_leads_to_who_took_the_place(database: Database, org: str) -> None:
    await store(database, "people.Person", {"1": {"_merged_into": "2"}, "2": {}}, org=org)
    await store(database, "giving.Donation", {"5": {"person_id": "1"}}, org=org)
    (edge,) = await read(database, f"SELECT to_id FROM canonical.edge WHERE org_id = '{org}'")
    assert edge["to_id"] == the("person", "2", org=org)


# The catalog


async def test_every_view_can_be_read_and_says_what_it_shows(database: Database) -> None:
    rows = await read(
        database,
        "SELECT c.relname AS view, a.attname AS column, col_description(c.oid, a.attnum) AS comment,"
        " obj_description(c.oid) AS about FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid"
        " WHERE c.relnamespace = 'canonical'::regnamespace AND c.relkind = 'v'",
    )
    assert {row["view"] for row in rows} >= {*MAPPING.entities, "external_link", "edge"}
    assert [row for row in rows if not (row["comment"] and row["about"])] == []
    for view in {row["view"] for row in rows}:
        await read(database, f'SELECT * FROM canonical."{view}" LIMIT 1')


async def test_who_may_only_read_the_model_can(
    database: Database, run_url: str, model_url: str, org: str
) -> None:
    """As the reference page says; the mirror tables stay closed to him."""
    await store(
        database, "people.PhoneNumber", {"1": {"number": "212 555 0123", "country_code": "US"}}, org=org
    )
    await store(database, "giving.Donation", {"1": {"person_id": "1", "amount_cents": 5}}, org=org)
    with new_role(run_url) as reader:
        name = sql.Identifier(reader.name)
        async with database.connection() as connection:
            for right in ("USAGE ON SCHEMA canonical", "SELECT ON ALL TABLES IN SCHEMA canonical"):
                await connection.execute(sql.SQL("GRANT {} TO {}").format(sql.SQL(right), name))
        try:
            async with open_database(reader.url(model_url), connections=1) as theirs:
                assert (await shown_one(theirs, "phone_number", org))["e164"] == "+12125550123"
                assert (await shown_one(theirs, "donation", org))["amount"] == Decimal("0.05")
                with pytest.raises(DatabaseRefusedError):
                    await read(theirs, "SELECT * FROM pco.people_person")
        finally:
            async with database.connection() as connection:
                await connection.execute(sql.SQL("DROP OWNED BY {}").format(name))


async def test_merged_people_are_found_without_reading_the_others(database: Database) -> None:
    """Every view that refers to people asks for them."""
    async with database.transaction() as connection:
        await connection.execute(
            "SET LOCAL enable_seqscan = off"
        )  # the tables here are too small for an index
        plan = await connection.execute("EXPLAIN SELECT * FROM canonical._person_survivor")
        text = "\n".join(line for (line,) in await plan.fetchall())
    assert "people_person_merged" in text


async def test_a_filter_on_the_organization_reaches_the_tables(database: Database) -> None:
    plan = await read(database, "EXPLAIN SELECT * FROM canonical.check_in WHERE org_id = 'grace'")
    text = "\n".join(row["QUERY PLAN"] for row in plan)
    assert text.count("org_id = 'grace'") >= 2
