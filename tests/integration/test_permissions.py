"""What the token's user may see, and that the source may not tell."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from typing import cast

import pytest

from openfaith.adapters import ADAPTERS, Identity
from openfaith.adapters.planning_center import load_planning_center
from openfaith.errors import CredentialsRejectedError, DatabaseUnavailableError
from openfaith.records import OrgId, RunId
from openfaith.simulator import RunningSimulator, SimulatorOptions
from openfaith.source import SourceClient, parse_token
from openfaith.store import open_database
from openfaith.workflows.permissions import ask_permissions, fingerprint, permissions_of
from openfaith.workflows.runtime import Runtime
from support.mirror import ask
from support.scripted_source import Answer, answer, error, scripted_source

ORG = OrgId("grace")
RUN = RunId(1)
IDENTITY = cast("Identity", ADAPTERS["pco"].identity)


class Church(Runtime):
    """A process that asks one source for every organization."""

    source: SourceClient

    async def connect(self, org_id: OrgId, adapter: str) -> SourceClient:  # one for all
        return self.source

    async def client(self, org_id: OrgId, adapter: str) -> SourceClient:
        return self.source


Open = Callable[[str], Church]


@pytest.fixture
async def reach(shared_url: str) -> AsyncIterator[Open]:
    clients: list[SourceClient] = []

    def church(url: str) -> Church:
        made = Church(
            database=database,
            manifests={"pco": load_planning_center()},
            keys=(),
            entities_in_flight=1,
        )
        made.source = SourceClient(base_url=url, token=parse_token("simulator:secret"))
        clients.append(made.source)
        return made

    async with open_database(shared_url) as database:
        yield church
    for client in clients:
        await client.close()


def me(key: str = "1", **attributes: object) -> dict[str, object]:
    return {"data": {"type": "Person", "id": key, "attributes": attributes}}


def read(document: dict[str, object]) -> str | None:
    return fingerprint(json.dumps(document["data"]).encode(), IDENTITY)


def test_who_it_is_and_what_they_may_see_is_all_that_counts() -> None:
    manager = me(people_permissions="Manager", resource_permission_flags={"a": True, "b": False})
    same = me(resource_permission_flags={"b": False, "a": True}, people_permissions="Manager", name="Ann")
    assert read(manager) == read(same)
    others = [
        me("2", people_permissions="Manager", resource_permission_flags={"a": True, "b": False}),
        me(people_permissions="Viewer", resource_permission_flags={"a": True, "b": False}),
        me(people_permissions="Manager", resource_permission_flags={"a": False, "b": False}),
        me(people_permissions="Manager"),
        me(site_administrator=True),
        me(),
    ]
    assert len({read(each) for each in [manager, *others]}) == 1 + len(others)
    assert len(read(manager) or "") == 64


def test_every_adapter_asks_for_attributes_that_there_are() -> None:
    for adapter in ADAPTERS.values():
        if adapter.identity is not None:
            entity = adapter.load_manifest().entities[adapter.identity.entity]
            assert {*adapter.identity.permissions} <= {*entity.attributes}


async def test_it_is_asked_anew_whenever_it_is_needed(reach: Open) -> None:
    async with scripted_source(answer(me(people_permissions="Viewer")), answer(me())) as source:
        church = reach(source.url)
        assert await ask_permissions(church, ORG, "pco") == (read(me(people_permissions="Viewer")), 1)
        assert await ask_permissions(church, ORG, "pco_dry_7") == (read(me()), 1)
        assert {request.path for request in source.requests} == {"/people/v2/me"}
        assert source.requests[0].headers["X-PCO-API-Version"] == "2025-03-20"


@pytest.mark.parametrize(
    "refusal",
    [
        error(404, code="not_found"),
        error(403, code="forbidden"),
        error(401, code="unauthorized", detail="Error Code Hint: (TRASH_PANDA)"),
    ],
)
async def test_where_the_source_does_not_tell_nothing_is_known(reach: Open, refusal: Answer) -> None:
    async with scripted_source(refusal) as source:
        assert await ask_permissions(reach(source.url), ORG, "pco") == (None, 1)


async def test_a_run_whose_source_cannot_be_asked_does_not_know_either_and_says_so(
    reach: Open, shared_url: str
) -> None:
    async with scripted_source(*[error(401, code="unauthorized")] * 2) as source:
        church = reach(source.url)
        with pytest.raises(CredentialsRejectedError):
            await ask_permissions(church, ORG, "pco")
        assert await permissions_of(church, ORG, "pco", RUN) is None
    [(reason,)] = ask(
        shared_url,
        "SELECT details ->> 'reason' FROM openfaith.event WHERE name = 'PermissionsUnknown' AND run_id = %s",
        RUN,
    )
    assert "rejected the credentials" in reason


async def test_a_database_that_is_away_is_waited_for(reach: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """It holds the credential, and says nothing about the token."""

    async def away(*_of: object) -> SourceClient:
        raise DatabaseUnavailableError("the database", "it restarts")

    church = reach("http://127.0.0.1:1")
    monkeypatch.setattr(church, "client", away)
    with pytest.raises(DatabaseUnavailableError):
        await permissions_of(church, ORG, "pco", RUN)


async def test_an_adapter_that_does_not_say_whose_token_it_is_is_not_asked(reach: Open) -> None:
    assert await ask_permissions(reach("http://127.0.0.1:1"), ORG, "sample") == (None, 0)


async def test_a_user_who_sees_less_has_another_fingerprint(reach: Open) -> None:
    options = SimulatorOptions(people=20, products=("people",), faults="hidden=Email:5@2-")
    with RunningSimulator(options) as running:
        church = reach(running.base_url)
        whole, less, again = [await permissions_of(church, ORG, "pco", RUN) for _ in range(3)]
    assert None is not whole != less == again
