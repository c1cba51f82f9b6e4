"""How a page is dated. The exchange is given, so that its moments are exact."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from openfaith.source import BearerToken, SourceClient
from openfaith.source.exchanges import Exchange, Request
from openfaith.source.transport import Transport

NOON = datetime(2025, 11, 2, 12, tzinfo=UTC)


async def date_of_page(
    monkeypatch: pytest.MonkeyPatch, *, sent_at: float, answered_at: float, ended_at: float
) -> datetime:
    """The date of a page whose answer is dated 12:00:00."""

    async def send(_: Transport, __: Request) -> Exchange:
        headers = {"Date": "Sun, 02 Nov 2025 12:00:00 GMT"}
        return Exchange(
            sent_at=sent_at,
            answered_at=answered_at,
            ended_at=ended_at,
            status=200,
            headers=headers,
            body=b'{"data":[]}',
        )

    monkeypatch.setattr(Transport, "send", send)
    async with SourceClient(base_url="http://localhost", token=BearerToken(token="x")) as client:
        return (await client.get_page("/people/v2/people", {}, version=None)).requested_at


async def test_a_page_is_dated_from_before_its_request_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """What changed while the request was on its way is not in the page for sure."""
    date = await date_of_page(monkeypatch, sent_at=100.0, answered_at=102.0, ended_at=102.0)
    assert date == pytest.approx(NOON - timedelta(seconds=2), abs=timedelta(seconds=0.01))


async def test_a_body_that_comes_slowly_does_not_blur_the_date(monkeypatch: pytest.MonkeyPatch) -> None:
    date = await date_of_page(monkeypatch, sent_at=100.0, answered_at=100.0, ended_at=140.0)
    assert date == pytest.approx(NOON, abs=timedelta(seconds=0.05))
