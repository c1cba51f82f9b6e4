"""Organizations and their credentials, sealed in the database."""

from __future__ import annotations

import pytest

from openfaith.errors import ConfigurationError, UnknownNameError
from openfaith.records import OrgId
from openfaith.store import (
    Credential,
    Database,
    get_credential,
    list_organizations,
    parse_keys,
    save_credential,
)
from support.mirror import ask, fetch

KEYS = parse_keys("k1:" + "A" * 43 + "=")
OTHER_KEYS = parse_keys("k2:" + "B" * 42 + "A=")


def credential(org: str = "grace", adapter: str = "pco", token: str = "app:s3cret") -> Credential:
    return Credential(org_id=OrgId(org), adapter=adapter, base_url=f"https://{org}.example", token=token)


async def test_a_credential_comes_back_as_it_was_given(own_database: Database) -> None:
    await save_credential(own_database, KEYS, credential())
    assert await get_credential(own_database, KEYS, OrgId("grace"), "pco") == credential()


async def test_a_second_one_replaces_the_first(own_database: Database) -> None:
    await save_credential(own_database, KEYS, credential())
    await save_credential(own_database, [*OTHER_KEYS, *KEYS], credential(token="app:newer"))
    assert (await get_credential(own_database, OTHER_KEYS, OrgId("grace"), "pco")).token == "app:newer"
    assert len(await fetch(own_database, "SELECT FROM openfaith.credential")) == 1


async def test_nothing_in_the_database_shows_the_secret(own_database: Database, database_url: str) -> None:
    await save_credential(own_database, KEYS, credential())
    [(text,)] = ask(database_url, "SELECT c::text || encode(sealed, 'escape') FROM openfaith.credential AS c")
    assert "s3cret" not in text


async def test_a_sealed_value_that_was_copied_to_another_row_does_not_open(
    own_database: Database, database_url: str
) -> None:
    for org in ("grace", "hope"):
        await save_credential(own_database, KEYS, credential(org))
    ask(
        database_url,
        "UPDATE openfaith.credential SET sealed = (SELECT sealed FROM openfaith.credential WHERE org_id = 'grace')",
    )
    assert (await get_credential(own_database, KEYS, OrgId("grace"), "pco")).token == "app:s3cret"
    with pytest.raises(ConfigurationError, match="does not open the secret of organization hope"):
        await get_credential(own_database, KEYS, OrgId("hope"), "pco")


async def test_other_keys_do_not_open_it(own_database: Database) -> None:
    await save_credential(own_database, KEYS, credential())
    with pytest.raises(ConfigurationError, match="key 'k1' of organization grace is missing"):
        await get_credential(own_database, OTHER_KEYS, OrgId("grace"), "pco")


@pytest.mark.parametrize(("org", "adapter"), [("hope", "pco"), ("grace", "other")])
async def test_what_is_not_connected_is_an_unknown_name(
    own_database: Database, org: str, adapter: str
) -> None:
    await save_credential(own_database, KEYS, credential())
    with pytest.raises(UnknownNameError, match=f"`openfaith connect {adapter} --org {org}`"):
        await get_credential(own_database, KEYS, OrgId(org), adapter)


async def test_organizations_are_listed_by_name(own_database: Database) -> None:
    for org, adapter in (("hope", "pco"), ("grace", "pco"), ("grace", "other")):
        await save_credential(own_database, KEYS, credential(org, adapter))
    assert await list_organizations(own_database) == [
        ("grace", "other", "https://grace.example"),
        ("grace", "pco", "https://grace.example"),
        ("hope", "pco", "https://hope.example"),
    ]
