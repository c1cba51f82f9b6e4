"""The simulator over real connections: HTTP, dropped and cut answers, the control interface, and its life and death."""

from __future__ import annotations

import asyncio
import base64
import json
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from typing import Any

import aiohttp
import pytest

from openfaith.errors import ConfigurationError, SourceUnavailableError
from openfaith.simulator import RunningSimulator, SimulatorOptions, serve

AUTH = {"Authorization": "Basic " + base64.b64encode(b"simulator:secret").decode()}
PATIENCE_SECONDS = 30
"""How long a test waits for what should come at once."""


@pytest.fixture(scope="module")
def simulator() -> Iterator[RunningSimulator]:
    """One child for the whole file; each test leaves it without faults."""
    with RunningSimulator(SimulatorOptions(people=150, rate_limit=10**6)) as running:
        yield running


@pytest.fixture
async def client(simulator: RunningSimulator) -> AsyncIterator[aiohttp.ClientSession]:
    simulator.control("faults", {"faults": ""})
    simulator.control("requests", method="DELETE")
    async with aiohttp.ClientSession(simulator.base_url, headers=AUTH) as session:
        yield session
    simulator.control("faults", {"faults": ""})


async def get(client: aiohttp.ClientSession, path: str, **parameters: Any) -> dict[str, Any]:
    async with client.get(f"/people/v2/{path}", params=parameters) as answer:
        assert answer.status == 200
        found = await answer.json(content_type="application/vnd.api+json")
        assert isinstance(found, dict)
        return found


async def test_following_the_links_reads_every_record_once(
    client: aiohttp.ClientSession, simulator: RunningSimulator
) -> None:
    for path in ("people", "emails", "households"):
        url, seen = f"{simulator.base_url}/people/v2/{path}?per_page=40", []
        while url:
            async with client.get(url) as answer:
                document = json.loads(await answer.read())
            seen += [record["id"] for record in document["data"]]
            url = document["links"].get("next", "")
        truth = {
            json.loads(line)["id"]
            for line in await lines(
                simulator, {"people": "Person", "emails": "Email", "households": "Household"}[path]
            )
        }
        assert len(seen) == len(set(seen))
        assert set(seen) == truth


async def lines(simulator: RunningSimulator, entity: str, of: str = "truth") -> list[bytes]:
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{simulator.control_url}/{of}/{entity}") as answer,
    ):
        assert answer.content_type == "application/x-ndjson"
        return (await answer.read()).splitlines()


async def test_truth_is_what_the_api_sends(
    client: aiohttp.ClientSession, simulator: RunningSimulator
) -> None:
    """In numeric order, without links."""
    listed = (await get(client, "emails", per_page=100))["data"]
    truth = [json.loads(line) for line in await lines(simulator, "people.Email")]
    assert truth[:100] == [{name: value for name, value in one.items() if name != "links"} for one in listed]
    assert [int(one["id"]) for one in truth] == sorted(int(one["id"]) for one in truth)
    assert len(truth) == simulator.control("truth")["entities"]["people.Email"]


async def test_the_truth_of_a_nested_entity_says_where_its_records_are_found(
    client: aiohttp.ClientSession, simulator: RunningSimulator
) -> None:
    records = [json.loads(line) for line in await lines(simulator, "groups.Membership")]
    assert records
    for record in records[:3]:
        (place,) = record["parents"]
        assert place == {"group_id": record["relationships"]["group"]["data"]["id"]}
        async with client.get(f"/groups/v2/groups/{place['group_id']}/memberships/{record['id']}") as answer:
            assert answer.status == 200
    elsewhere = await lines(simulator, "groups.Membership?path=/groups/v2/people/{person_id}/memberships")
    assert all(
        one["parents"] == [{"person_id": one["relationships"]["person"]["data"]["id"]}]
        for one in map(json.loads, elsewhere)
    )


async def test_access_can_be_taken_away_and_given_back(
    client: aiohttp.ClientSession, simulator: RunningSimulator
) -> None:
    before = simulator.control("options")
    simulator.control(
        "options", {"inaccessible_products": ["giving"], "forbidden_entities": ["groups.Group"]}
    )
    for path, status in (("/giving/v2/funds", 401), ("/groups/v2/groups", 403), ("/groups/v2/tags", 200)):
        async with client.get(path) as answer:
            assert answer.status == status
    simulator.control("options", before)
    async with client.get("/giving/v2/funds") as answer:
        assert answer.status == 200


async def test_one_connection_serves_many_requests_with_the_simulators_own_date(
    client: aiohttp.ClientSession,
) -> None:
    async with client.get("/people/v2/apps") as answer:
        assert len(answer.headers.getall("Date")) == 1
        assert answer.headers["X-PCO-API-Request-Rate-Limit"] == "1000000"
        assert "Server" not in answer.headers


async def test_a_dropped_connection_ends_without_a_word(
    client: aiohttp.ClientSession, simulator: RunningSimulator
) -> None:
    """Not repeated by the client here: a request on a new connection is not."""
    simulator.control("faults", {"faults": "drop/Email"})
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await get(client, "emails")
    assert (await get(client, "people"))["data"]


async def test_a_cut_answer_ends_before_its_announced_length(
    client: aiohttp.ClientSession, simulator: RunningSimulator
) -> None:
    simulator.control("faults", {"faults": "cut/Email"})
    async with client.get("/people/v2/emails", params={"per_page": "100"}) as answer:
        announced = int(answer.headers["Content-Length"])
        assert answer.status == 200
        with pytest.raises(aiohttp.ClientPayloadError):
            await answer.read()
    assert announced > 10_000


async def test_a_truncated_answer_has_the_length_it_announces(
    client: aiohttp.ClientSession, simulator: RunningSimulator
) -> None:
    simulator.control("faults", {"faults": "truncate/Email"})
    async with client.get("/people/v2/emails") as answer:
        body = await answer.read()
    with pytest.raises(json.JSONDecodeError):
        json.loads(body)


async def test_a_slow_answer_lets_others_pass(
    client: aiohttp.ClientSession, simulator: RunningSimulator
) -> None:
    simulator.control("faults", {"faults": "slow=600s/Email"})
    slow = asyncio.ensure_future(get(client, "emails"))
    while "/people/v2/emails" not in [one["path"] for one in simulator.control("requests")["requests"]]:
        assert (await get(client, "people"))["data"]
    assert (await get(client, "people"))["data"]
    assert not slow.done()
    slow.cancel()


async def test_changes_are_made_now_or_when_requests_have_passed(
    client: aiohttp.ClientSession, simulator: RunningSimulator
) -> None:
    (applied,) = simulator.control("change", {"action": "add", "entity": "App", "count": 2})["applied"]
    first, second = applied["added"]["App"]
    answer = simulator.control(
        "change",
        {
            "after_requests": 1,
            "changes": [{"action": "delete", "entity": "App", "ids": [one]} for one in (first, second)],
        },
    )
    assert answer == {"applied": [], "scheduled": 2}
    assert first in [one["id"] for one in (await get(client, "apps"))["data"]]
    assert simulator.control("changes")["waiting"] == 2
    assert first not in [one["id"] for one in (await get(client, "apps"))["data"]]
    changes = simulator.control("changes")
    assert changes["waiting"] == 0
    assert changes["changes"][-1]["account"]["deleted"] == {"App": [second]}


async def test_changes_may_happen_by_themselves_and_leave_tombstones(
    client: aiohttp.ClientSession, simulator: RunningSimulator
) -> None:
    plan = "add=App@1,merge@2"
    assert simulator.control("changes-plan", {"changes": plan}) == {"changes": plan.split(",")}
    for _ in range(2):
        await get(client, "apps")
    simulator.control("changes-plan", {"changes": ""})
    assert simulator.control("changes-plan") == {"changes": []}
    added, merged = simulator.control("changes")["changes"][-2:]
    assert (added["plan"], merged["plan"]) == ("add=App@1", "merge@2")
    ((loser, keeper),) = merged["account"]["merged"]
    assert simulator.control("tombstones")["entities"]["people.Person"] >= 1
    tombstones = [json.loads(line) for line in await lines(simulator, "Person", "tombstones")]
    assert {
        "id": loser,
        "merged_into": keeper,
        "survivor": keeper,
        "after_request": merged["after_request"],
    } in tombstones
    with pytest.raises(ConfigurationError, match="did you mean Person"):
        simulator.control("changes-plan", {"changes": "delete=Persn"})


async def test_options_change_while_it_runs(
    client: aiohttp.ClientSession, simulator: RunningSimulator
) -> None:
    before = simulator.control("options")
    assert simulator.control("options", {"rate_limit": 7, "included_when_empty": False})["rate_limit"] == 7
    async with client.get("/people/v2/apps") as answer:
        assert answer.headers["X-PCO-API-Request-Rate-Limit"] == "7"
        assert b"included" not in await answer.read()
    assert simulator.control("options", before) == before


async def test_the_control_interface_is_never_counted_limited_or_faulty(
    client: aiohttp.ClientSession, simulator: RunningSimulator
) -> None:
    before = simulator.control("options")
    simulator.control("options", {"rate_limit": 1})
    simulator.control("faults", {"faults": "error=500"})
    for _ in range(5):
        assert simulator.control("health")["status"] == "ok"
    assert simulator.control("requests")["total"] == 0
    simulator.control("options", before)


async def test_the_log_is_read_in_parts(client: aiohttp.ClientSession, simulator: RunningSimulator) -> None:
    for _ in range(3):
        await get(client, "apps", per_page=2)
    report = simulator.control("requests?limit=1")
    assert (report["total"], report["rows"], len(report["requests"])) == (3, 6, 1)
    assert report["requests"][0]["query"] == "per_page=2"
    assert simulator.control(f"requests?after={report['requests'][0]['sequence']}")["requests"] == []


async def test_warming_renders_what_a_listing_then_sends(
    client: aiohttp.ClientSession, simulator: RunningSimulator
) -> None:
    warmed = simulator.control("warm", {"includes": {"Person": "emails,phone_numbers"}})
    assert warmed["records"] == sum(simulator.control("truth")["entities"].values())
    assert (await get(client, "people", include="emails,phone_numbers"))["included"]


def test_warming_more_than_is_kept_is_refused() -> None:
    options = SimulatorOptions(people=10, products=("people",), cache_bytes=3000)
    told = r"cache_bytes: 3,000 bytes are kept, and these are \d+,\d+; expected enough for all"
    with RunningSimulator(options) as simulator, pytest.raises(ConfigurationError, match=told):
        simulator.control("warm", {})


@pytest.mark.parametrize(
    ("path", "body", "message"),
    [
        ("change", {"action": "delete", "entity": "Persn", "count": 1}, "did you mean Person"),
        ("change", {"action": "explode", "entity": "Person"}, "explode"),
        ("change", {"action": "delete", "entity": "Person", "cuont": 1}, "cuont"),
        ("change", {"action": "delete", "entity": "Person", "count": "many"}, "count"),
        ("change", ["delete"], "object"),
        ("faults", {"faults": "eror=500"}, "error"),
        ("options", {"rate_limit": 0}, "1 or more"),
        ("options", {"people": 3}, "people"),
        ("truth/Nobody", None, "no entity"),
        ("requests?limit=few", None, "a whole number"),
    ],
)
def test_what_means_nothing_is_answered_with_400_and_the_reason(
    simulator: RunningSimulator, path: str, body: object, message: str
) -> None:
    with pytest.raises(ConfigurationError, match=message):
        simulator.control(path, body)


def test_two_processes_make_the_same_church_byte_for_byte() -> None:
    """Python's own hashes differ from process to process; nothing may depend on them."""

    def run() -> list[tuple[int, bytes]]:
        with RunningSimulator(
            SimulatorOptions(people=60, seed=9, faults="poison=Person:9,error=500:0.2")
        ) as running:
            return [
                raw(running, path)
                for path in (
                    "people?include=emails,households",
                    "field_data",
                    "households?order=-name",
                    "people?order=birthdate",
                )
            ]

    assert run() == run()


def raw(running: RunningSimulator, path: str) -> tuple[int, bytes]:
    """Status and body of an answer to a client that names the host as everybody does."""
    host, port = running.base_url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), PATIENCE_SECONDS) as connection:
        head = f"GET /people/v2/{path} HTTP/1.1\r\nHost: church\r\nAuthorization: {AUTH['Authorization']}\r\nConnection: close\r\n\r\n"
        connection.sendall(head.encode())
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    return int(answer.split(maxsplit=2)[1]), answer.partition(b"\r\n\r\n")[2]


def test_the_child_ends_with_the_block() -> None:
    with RunningSimulator(SimulatorOptions(people=1)) as running:
        connection = connected(running.base_url)
        assert running.control("health")["people"] == 1
    with connection:
        assert is_gone(connection)


PARENT = """
import sys
from openfaith.simulator import RunningSimulator, SimulatorOptions
with RunningSimulator(SimulatorOptions(people=1)) as running:
    print(running.base_url, flush=True)
    sys.stdin.read()
"""


def test_the_child_ends_when_its_parent_is_killed() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        with connected(parent.stdout.readline().strip()) as connection:
            parent.send_signal(signal.SIGKILL)
            assert is_gone(connection)


def connected(base_url: str) -> socket.socket:
    host, port = base_url.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), PATIENCE_SECONDS)


def is_gone(connection: socket.socket) -> bool:
    """Waits until the other end closes, or is no more."""
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True


def test_options_that_mean_nothing_end_the_child_at_once() -> None:
    with (
        pytest.raises(SourceUnavailableError, match="ended with 2 before it was ready"),
        RunningSimulator(SimulatorOptions(people=1, faults="nonsense")),
    ):
        pass


def test_an_address_in_use_is_named() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        pytest.raises(ConfigurationError, match="a free port"),
    ):
        serve(SimulatorOptions(people=1), "127.0.0.1", taken.getsockname()[1])


def test_it_listens_before_it_says_so() -> None:
    """`on_ready` may connect at once: connections wait until the server runs."""

    class Seen(Exception):  # noqa: N818 - not an error
        pass

    def connect(base_url: str) -> None:
        with connected(base_url):
            raise Seen

    with pytest.raises(Seen):
        serve(SimulatorOptions(people=1), on_ready=connect)
