"""A simulator without sockets: requests go straight to what decides."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from openfaith.simulator import Church, SimulatorOptions
from openfaith.simulator.answering import Request, Simulator
from openfaith.simulator.answers import Answer

PEOPLE = 120
"""Enough for every entity and for more than one page of people."""

START = 1_760_000_000.0
"""The tests' clock, a Unix time in 2025-10: later than everything that is generated."""

BASIC = "Basic " + base64.b64encode(b"simulator:secret").decode()


class Clock:
    """A clock that moves when told."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> float:
        return self.now


class Asker:
    """One simulator and its only client."""

    def __init__(self, options: SimulatorOptions, church: Church | None = None) -> None:
        self.clock = Clock()
        self.simulator = Simulator(options, church, self.clock)

    def raw(self, path: str, parameters: dict[str, Any] | None = None, **request: str) -> Answer:
        """The answer as it is; ``parameters`` are encoded here."""
        query = "&".join(f"{quote(name)}={quote(str(value))}" for name, value in (parameters or {}).items())
        sent = {"method": "GET", "query": query, "authorization": BASIC} | request
        return self.simulator.answer(Request(path=path, **sent))

    def get(self, path: str, **parameters: Any) -> dict[str, Any]:
        """The document of an answer with 200; parameters are given by name, `where` and `fields` as in the URL."""
        answer = self.raw(f"/people/v2/{path}".rstrip("/"), parameters)
        assert answer.status == 200, answer
        found = json.loads(answer.body)
        assert isinstance(found, dict)
        return found

    def ids(self, path: str, **parameters: Any) -> list[int]:
        """The ids of one page."""
        return [int(record["id"]) for record in self.get(path, **parameters)["data"]]


Ask = Callable[..., Asker]
"""Starts a simulator with these options: `ask(people=50, faults="drop@2")`."""
