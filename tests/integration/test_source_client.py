"""The client against a real server that behaves: what is sent, and what comes back."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta

import pytest

from openfaith.errors import RecordNotFoundError, RequestRejectedError
from openfaith.source import (
    AnsweredAsVersion,
    BearerToken,
    ClockFallback,
    ClockMoved,
    PersonalAccessToken,
    RateBudget,
    SourceClient,
    SourceEvent,
)
from support.scripted_source import RECORD, ScriptedSource, answer, error, held, no_content, scripted_source

TOKEN = PersonalAccessToken(app_id="Aladdin", secret="opensesame")
PEOPLE = "/people/v2/people"


def client_of(source: ScriptedSource, events: list[SourceEvent] | None = None) -> SourceClient:
    heard = [] if events is None else events
    return SourceClient(base_url=source.url, token=TOKEN, on_event=heard.append)


async def test_a_page_comes_back_with_its_records() -> None:
    listing = {"data": [RECORD], "meta": {"total_count": 1, "can_query_by": ["id"]}}
    async with scripted_source(answer(listing)) as source, client_of(source) as client:
        page = await client.get_page(PEOPLE, {}, version=None)
    assert [json.loads(record) for record in page.records] == [RECORD]
    assert page.total_count == 1
    assert page.size_bytes == len(json.dumps(listing))


async def test_a_record_comes_back_with_what_is_included() -> None:
    document = {"data": RECORD, "included": [RECORD], "meta": {"parent": {"id": "9"}}}
    async with scripted_source(answer(document)) as source, client_of(source) as client:
        read = await client.get_record(f"{PEOPLE}/1", {"include": "emails"}, version=None)
    assert json.loads(read.data) == RECORD
    assert len(read.included) == 1
    assert read.meta == {"parent": {"id": "9"}}


async def test_every_request_is_signed_named_and_versioned() -> None:
    async with scripted_source(answer()) as source, client_of(source) as client:
        await client.get_page(PEOPLE, {}, version="2025-03-20")
    sent = source.requests[0].headers
    assert sent["Authorization"] == "Basic QWxhZGRpbjpvcGVuc2VzYW1l"
    assert sent["User-Agent"].startswith("openfaith/")
    assert sent["X-PCO-API-Version"] == "2025-03-20"
    assert sent["Accept"].startswith("application/vnd.api+json")
    assert "gzip" in sent["Accept-Encoding"]


async def test_without_a_version_none_is_asked_for() -> None:
    async with scripted_source(answer()) as source, client_of(source) as client:
        await client.get_page(PEOPLE, {}, version=None)
    assert "X-PCO-API-Version" not in source.requests[0].headers


async def test_a_bearer_token_is_sent_as_one() -> None:
    token = BearerToken(token="abc")
    async with scripted_source(answer()) as source, SourceClient(base_url=source.url, token=token) as client:
        await client.get_page(PEOPLE, {}, version=None)
    assert source.requests[0].headers["Authorization"] == "Bearer abc"


async def test_parameters_arrive_as_they_were_meant() -> None:
    params = {
        "where[updated_at][gte]": "2025-01-01T00:00:00Z",
        "where[name]": "%J & R+1 ü?#",
        "include": "a,b",
    }
    async with scripted_source(answer()) as source, client_of(source) as client:
        await client.get_page(PEOPLE, params, version=None)
    assert source.requests[0].query == params


async def test_a_path_cannot_become_a_query_or_another_host() -> None:
    """An id comes from the source, and is not to be trusted with the shape of a request."""
    async with scripted_source(error(404, title="x")) as source, client_of(source) as client:
        for path in ("/people/1?per_page=0", "//evil.example/x", "https://evil.example/x", "/people/1#x"):
            with pytest.raises(RecordNotFoundError):
                await client.get_record(path, version=None)
    assert [seen.query for seen in source.requests] == [{}] * 4


async def test_the_path_of_the_base_url_is_kept() -> None:
    async with (
        scripted_source(answer()) as source,
        SourceClient(base_url=f"{source.url}/proxy/", token=TOKEN) as client,
    ):
        await client.get_page(PEOPLE, {}, version=None)
    assert source.requests[0].path == "/proxy/people/v2/people"


async def test_cookies_are_not_kept() -> None:
    async with scripted_source(answer(headers={"Set-Cookie": "session=1"})) as source:
        by_name = source.url.replace("127.0.0.1", "localhost")
        async with SourceClient(base_url=by_name, token=TOKEN) as client:
            await client.get_page(PEOPLE, {}, version=None)
            await client.get_page(PEOPLE, {}, version=None)
    assert "Cookie" not in source.requests[1].headers


async def test_a_write_sends_its_body_and_returns_the_record() -> None:
    async with scripted_source(answer({"data": RECORD}, status=201)) as source, client_of(source) as client:
        written = await client.write("POST", PEOPLE, b'{"data":{}}', version=None)
    assert written is not None
    assert json.loads(written.data) == RECORD
    seen = source.requests[0]
    assert (seen.method, seen.body, seen.headers["Content-Type"]) == (
        "POST",
        b'{"data":{}}',
        "application/json",
    )


async def test_a_deletion_is_answered_without_a_body() -> None:
    async with scripted_source(no_content()) as source, client_of(source) as client:
        assert await client.write("DELETE", f"{PEOPLE}/1", None, version=None) is None
    assert source.requests[0].method == "DELETE"


async def test_a_page_is_dated_by_the_servers_clock() -> None:
    """This machine's clock and the server's are years apart here."""
    dated = answer(headers={"Date": "Sun, 08 Dec 2019 03:09:09 GMT"})
    async with scripted_source(dated) as source, client_of(source) as client:
        page = await client.get_page(PEOPLE, {}, version=None)
    noted = datetime(2019, 12, 8, 3, 9, 9, tzinfo=UTC)
    assert noted - timedelta(seconds=60) < page.requested_at <= noted + timedelta(seconds=1)


async def test_without_a_date_this_machines_clock_is_used_and_told() -> None:
    now = datetime(2025, 11, 2, 12, tzinfo=UTC)
    events: list[SourceEvent] = []
    async with (
        scripted_source(answer(headers={"Date": "some day"})) as source,
        SourceClient(
            base_url=source.url,
            token=TOKEN,
            on_event=events.append,
            monotonic=lambda: 5.0,
            utc_now=lambda: now,
        ) as client,
    ):
        pages = [await client.get_page(PEOPLE, {}, version=None) for _ in range(2)]
    assert [page.requested_at for page in pages] == [now, now]
    assert events == [ClockFallback(host="127.0.0.1")]


async def test_a_clock_that_is_put_back_is_followed_and_told() -> None:
    events: list[SourceEvent] = []
    noon, before_noon = "Sun, 08 Dec 2019 12:00:00 GMT", "Sun, 08 Dec 2019 11:50:00 GMT"
    script = [answer(headers={"Date": date}) for date in (noon, before_noon)]
    async with scripted_source(*script) as source, client_of(source, events) as client:
        await client.get_page(PEOPLE, {}, version=None)
        page = await client.get_page(PEOPLE, {}, version=None)
    assert page.requested_at < datetime(2019, 12, 8, 11, 50, 1, tzinfo=UTC)
    assert [event.jump < timedelta(minutes=-9) for event in events if isinstance(event, ClockMoved)] == [True]


async def test_the_version_that_answered_is_told_once() -> None:
    events: list[SourceEvent] = []
    versioned = answer(headers={"X-PCO-API-Processed-As-Version": "2018-08-01"})
    async with scripted_source(versioned) as source, client_of(source, events) as client:
        for _ in range(2):
            await client.get_page(PEOPLE, {}, version="2019-01-01")
    assert events == [AnsweredAsVersion(product="people", asked="2019-01-01", answered="2018-08-01")]


async def test_identical_reads_in_flight_are_sent_once() -> None:
    may_answer = asyncio.Event()
    async with scripted_source(held(may_answer)) as source, client_of(source) as client:
        reads = [
            asyncio.create_task(client.get_page(PEOPLE, {"offset": "0"}, version=None)) for _ in range(3)
        ]
        await source.arrived.wait()
        may_answer.set()
        pages = await asyncio.gather(*reads)
        assert pages[0] is pages[1] is pages[2]
        assert client.requests_sent == len(source.requests) == 1
        await client.get_page(PEOPLE, {"offset": "0"}, version=None)
        assert client.requests_sent == len(source.requests) == 2


async def test_reads_that_differ_are_not() -> None:
    async with scripted_source(answer()) as source, client_of(source) as client:
        await asyncio.gather(
            client.get_page(PEOPLE, {}, version=None),
            client.get_page(PEOPLE, {"offset": "0"}, version=None),
            client.get_page(PEOPLE, {}, version="2025-03-20"),
        )
    assert len(source.requests) == 3


async def test_a_reader_that_is_cancelled_leaves_the_others_alone() -> None:
    may_answer = asyncio.Event()
    async with scripted_source(held(may_answer)) as source, client_of(source) as client:
        first, second = (asyncio.create_task(client.get_page(PEOPLE, {}, version=None)) for _ in range(2))
        await source.arrived.wait()
        first.cancel()
        await asyncio.wait({first})
        may_answer.set()
        assert len((await second).records) == 1
    assert len(source.requests) == 1


async def test_a_request_that_is_cancelled_keeps_its_slot_and_frees_its_place() -> None:
    async with scripted_source(held(asyncio.Event())) as source, client_of(source) as client:
        read = asyncio.create_task(client.get_page(PEOPLE, {}, version=None))
        await source.arrived.wait()
        read.cancel()
        await asyncio.wait({read})
        assert (client.statistics.in_flight, client.statistics.used, client.requests_sent) == (0, 1, 1)


async def test_clients_of_one_credential_share_one_budget() -> None:
    budget = RateBudget()
    async with scripted_source(answer()) as source:
        clients = [SourceClient(base_url=source.url, token=TOKEN, budget=budget) for _ in range(2)]
        for client in clients:
            async with client:
                await client.get_page(PEOPLE, {}, version=None)
    assert [client.statistics.used for client in clients] == [2, 2]
    assert [client.requests_sent for client in clients] == [1, 1]


async def test_a_missing_record_is_an_error_that_names_it() -> None:
    gone = error(404, title="Not Found", detail="The resource you requested could not be found")
    async with scripted_source(gone) as source, client_of(source) as client:
        with pytest.raises(RecordNotFoundError, match="GET /people/v2/people/1: not found"):
            await client.get_record(f"{PEOPLE}/1", version=None)


async def test_a_refused_write_is_an_error_that_names_the_attribute() -> None:
    refused = error(
        422, title="Validation Error", source={"parameter": "address"}, detail="CANARY is invalid"
    )
    async with scripted_source(refused) as source, client_of(source) as client:
        with pytest.raises(RequestRejectedError, match="parameter address") as raised:
            await client.write("POST", PEOPLE, b"{}", version=None)
    assert "CANARY" not in str(raised.value)


async def test_connections_are_used_again() -> None:
    async with scripted_source(answer()) as source, client_of(source) as client:
        for _ in range(5):
            await client.get_page(PEOPLE, {}, version=None)
    assert len({seen.port for seen in source.requests}) == 1


async def test_a_client_that_was_never_used_can_be_closed() -> None:
    async with scripted_source(answer()) as source, client_of(source):
        pass
