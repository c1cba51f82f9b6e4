"""Answers that were recorded at the real API, read where they lie, pass through the client unharmed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from openfaith.errors import RecordNotFoundError, RequestRejectedError, SyncError
from openfaith.source import AnsweredAsVersion, PersonalAccessToken, RateLimit, SourceClient, SourceEvent
from support.scripted_source import answer, scripted_source

RECORDED = Path(__file__).parents[3] / "shared" / "pco" / "recorded"
NOT_REPLAYED = frozenset(
    {"connection", "content-encoding", "content-length", "keep-alive", "transfer-encoding"}
)
"""They describe how the recorded body travelled, not the body."""

Interaction = dict[str, Any]


def interactions() -> Iterator[Any]:
    for file in sorted(RECORDED.glob("*.json")):
        for number, interaction in enumerate(json.loads(file.read_text(encoding="utf-8"))["interactions"]):
            yield pytest.param(interaction, id=f"{file.stem}-{number}")


ALL = list(interactions()) or [
    pytest.param(
        None, marks=pytest.mark.skip(reason=f"no recorded answers beside the repository ({RECORDED.name}/)")
    )
]


def body_of(interaction: Interaction) -> bytes:
    body = interaction["response"]["body"]
    if body is None:
        return b""
    return (body if isinstance(body, str) else json.dumps(body)).encode()


def headers_of(interaction: Interaction) -> dict[str, str]:
    named = interaction["response"]["headers"].items()
    return {name: values[0] for name, values in named if name.lower() not in NOT_REPLAYED}


def expected_error(interaction: Interaction) -> type[SyncError] | None:
    status, body = interaction["response"]["status"]["code"], interaction["response"]["body"]
    if status == 404 and isinstance(body, dict):
        return RecordNotFoundError
    return RequestRejectedError if status >= 400 else None


async def ask(client: SourceClient, interaction: Interaction) -> list[bytes] | None:
    """Ask as the recorded request did; returns the records of `data`, None without a body."""
    url = urlsplit(interaction["request"]["url"])
    params, method = dict(parse_qsl(url.query)), interaction["request"]["method"]
    body = interaction["response"]["body"]
    if method == "GET" and isinstance(body, dict) and isinstance(body.get("data"), list):
        return list((await client.get_page(url.path, params, version=None)).records)
    if method == "GET" and body is not None:
        return [(await client.get_record(url.path, params, version=None)).data]
    document = await client.write(method, url.path, b"{}", version=None)
    return None if document is None else [document.data]


@pytest.mark.parametrize("interaction", ALL)
async def test_a_recorded_answer_is_understood(interaction: Interaction) -> None:
    """Listings, single records, writes, 204, errors as JSON and as HTML: all keep what they held."""
    status, headers = interaction["response"]["status"]["code"], headers_of(interaction)
    events: list[SourceEvent] = []
    async with (
        scripted_source(answer(status=status, headers=headers, body=body_of(interaction))) as source,
        SourceClient(
            base_url=source.url, token=PersonalAccessToken(app_id="a", secret="b"), on_event=events.append
        ) as client,
    ):
        expected = expected_error(interaction)
        if expected is not None:
            with pytest.raises(expected):
                await ask(client, interaction)
        else:
            assert_same(interaction, await ask(client, interaction))
        assert client.statistics.limit == RateLimit(100, timedelta(seconds=20))
    said = headers.get("X-PCO-API-Processed-As-Version")
    assert [event.answered for event in events if isinstance(event, AnsweredAsVersion)] == (
        [said] if said else []
    )


def assert_same(interaction: Interaction, records: list[bytes] | None) -> None:
    body = interaction["response"]["body"]
    if body is None:
        assert records is None
        return
    assert records is not None
    data = body["data"]
    single = not isinstance(data, list) or interaction["request"]["method"] != "GET"
    assert [json.loads(record) for record in records] == ([data] if single else data)


@pytest.mark.parametrize(
    "interaction", [p for p in ALL if p.values[0] and "page" in p.values[0]["request"]["url"]]
)
async def test_a_recorded_page_says_where_to_go_on(interaction: Interaction) -> None:
    body, url = interaction["response"]["body"], urlsplit(interaction["request"]["url"])
    params = dict(parse_qsl(url.query))
    async with (
        scripted_source(answer(headers=headers_of(interaction), body=body_of(interaction))) as source,
        SourceClient(base_url=source.url, token=PersonalAccessToken(app_id="a", secret="b")) as client,
    ):
        page = await client.get_page(url.path, params, version=None)
    assert sum(map(len, page.included.values())) == len(body.get("included", []))
    assert page.total_count == body["meta"]["total_count"]
    assert page.has_next == ("next" in body["links"])
    queries = body["meta"].get("can_query_by")
    assert page.can_query_by == (None if queries is None else frozenset(queries))
    noted = datetime.strptime(headers_of(interaction)["Date"], "%a, %d %b %Y %H:%M:%S GMT").replace(
        tzinfo=UTC
    )
    assert noted - timedelta(seconds=60) < page.requested_at <= noted + timedelta(seconds=1)
