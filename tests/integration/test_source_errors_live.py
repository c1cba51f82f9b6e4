"""Every row of the reference page of the source's errors, each fault against a simulator that runs.

What no source can answer, since it is never reached, stands on the way to it: another name, another port, another
scheme. Waiting costs no time: the sleep is the test's.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

import pytest

from openfaith import errors
from openfaith.errors import SyncError
from openfaith.retries import RetryPolicy
from openfaith.simulator import RunningSimulator, SimulatorOptions
from openfaith.source import SourceClient, parse_token, transport
from support.certificates import self_signed
from support.scripted_source import answer, scripted_source
from support.source_errors import Row, rows

PEOPLE = "/people/v2/people"
MYSELF = "/people/v2/me"
TOKEN = "simulator:secret"
ATTEMPTS = RetryPolicy(attempts=3)
REFUSALS = 20
"""So often a request is refused for now before it is given up."""

SOON = timedelta(milliseconds=200)

FAULTS = {
    "404 with an error document": "error=404",
    "404 with anything else": "html=404",
    "203": "status=203",
    "206": "status=206",
    "429": "limited",
    "200 with HTML": "html",
    "200 with nothing": "bare",
    "200 with JSON that is cut off": "truncate",
    "200 with an error document": "error=200",
    "200 with `data` that is no list, where a listing was asked for": "misshapen",
    "200 with `data` that is no record, where a record was asked for": "misshapen",
    "204, where a document was asked for": "status=204",
    "body cut off, or not to be unpacked": "garbled",
    "body larger than 64 MiB": "flood=65",
    "something that is not HTTP": "noise",
    "connection dropped before the answer": "drop",
    "no whole answer in time": "slow=30s",
}
"""What the simulator is told; `error` with the status and the hint of all other rows."""

ELSEWHERE = {
    "name of the host not resolved",
    "connection refused",
    "connection not accepted in time",
    "TLS not spoken",
    "certificate not trusted",
}


@pytest.fixture(scope="module")
def church() -> Iterator[RunningSimulator]:
    with RunningSimulator(SimulatorOptions(people=5, products=("people",), rate_limit=10**6)) as running:
        yield running


class Asked(NamedTuple):
    """What one call came to."""

    error: SyncError
    attempts: int
    """Also those for which no connection came about."""


async def ask(base_url: str, *, patience: timedelta = timedelta(seconds=60), path: str = PEOPLE) -> Asked:
    waits = 0

    async def wait(_: float) -> None:
        nonlocal waits
        waits += 1

    client = SourceClient(
        base_url=base_url, token=parse_token(TOKEN), retry=ATTEMPTS, request_timeout=patience, sleep=wait
    )
    async with client:
        with pytest.raises(SyncError) as raised:
            await (
                client.get_page(path, {}, version=None)
                if path == PEOPLE
                else client.get_record(path, version=None)
            )
    assert raised.value.requests == client.requests_sent
    return Asked(raised.value, waits + 1)


def attempts_of(row: Row) -> int:
    return {"raised": 1, "sent again": ATTEMPTS.attempts, "waited for": REFUSALS}[row.treatment]


def by_name(which: set[bool]) -> list[object]:
    return [pytest.param(row, id=row.name) for row in rows() if (row.seen in ELSEWHERE) in which]


@pytest.mark.parametrize("row", by_name({False}))
async def test_what_the_simulator_answers_so_is_treated_so(row: Row, church: RunningSimulator) -> None:
    hint = f"+{row.hint}" if row.hint else ""
    church.control("faults", {"faults": FAULTS.get(row.seen, f"error={row.seen}{hint}")})
    church.control("requests", method="DELETE")
    asked = await ask(
        church.base_url,
        patience=SOON if row.seen == "no whole answer in time" else timedelta(seconds=60),
        path=MYSELF if "no record" in row.seen else PEOPLE,
    )
    assert type(asked.error) is getattr(errors, row.error)
    assert church.control("requests")["total"] == asked.error.requests == attempts_of(row)


@contextmanager
def deaf_port() -> Iterator[int]:
    """A port whose queue of connections is full."""
    with socket.socket() as listening, socket.socket() as first, socket.socket() as second:
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        port = listening.getsockname()[1]
        for waiting in (first, second):
            waiting.setblocking(False)
            waiting.connect_ex(("127.0.0.1", port))
        yield port


async def ask_in_vain(seen: str, church: RunningSimulator, directory: Path) -> Asked:
    port = church.base_url.rpartition(":")[2]
    match seen:
        case "name of the host not resolved":
            return await ask("https://simulator.invalid")
        case "connection refused":
            with socket.socket() as unused:
                unused.bind(("127.0.0.1", 0))
                return await ask(f"http://127.0.0.1:{unused.getsockname()[1]}")
        case "connection not accepted in time":
            with deaf_port() as deaf:
                return await ask(f"http://127.0.0.1:{deaf}")
        case "TLS not spoken":
            return await ask(f"https://127.0.0.1:{port}")
    async with scripted_source(answer(), tls=self_signed(directory)) as source:
        return await ask(source.url)


@pytest.mark.parametrize("row", by_name({True}))
async def test_what_is_never_reached_is_treated_so(
    row: Row, church: RunningSimulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "_CONNECT_TIMEOUT", SOON)
    asked = await ask_in_vain(row.seen, church, tmp_path)
    assert type(asked.error) is getattr(errors, row.error)
    assert (asked.error.requests, asked.attempts) == (0, attempts_of(row))


def test_every_row_that_is_named_is_there() -> None:
    assert FAULTS.keys() | ELSEWHERE <= {row.seen for row in rows()}
