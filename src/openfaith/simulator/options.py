"""What a simulated Planning Center is told at its start."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from openfaith.errors import ConfigurationError

HINTS = ("BABOON", "CAPUCHIN", "CHINCHILLA", "FLAMINGO", "LEMMING", "PELICAN", "TRASH_PANDA")
"""The reasons for a 401 that the API names in its `detail`.

Planning Center's page on errors: PELICAN scope missing, BABOON token expired, CAPUCHIN revoked, TRASH_PANDA no
access to the product, CHINCHILLA client application unknown, FLAMINGO user gone, LEMMING organization gone.
"""


@dataclass(frozen=True, kw_only=True)
class SimulatorOptions:
    """One simulated church and its API.

    Raises:
        ConfigurationError: a value is outside of what its line says.
    """

    people: int = 5000
    """How many people the church has; everything else grows with them. 0 is an empty church."""
    seed: int = 1
    """Another seed is another church, and other coincidences of the faults."""
    rate_limit: int = 100
    """Requests per period and credential, at least 1."""
    rate_period_seconds: int = 20
    """Length of the period, at least 1."""
    rate_window: Literal["fixed", "sliding"] = "sliding"
    """Whether the count starts anew with each period, or looks back over the last one. Which of the two Planning
    Center does is not known."""
    rate_period_text: Literal["mixed", "number", "words"] = "mixed"
    """How the period header is written: `20`, `20 seconds`, or as seen: words on 429s and unrouted 404s only."""
    deep_offset: int = 30_000
    """Beyond this offset fewer requests are allowed (documented: 30,000)."""
    deep_offset_share: float = 0.75
    """The share of `rate_limit` that holds there: 0.75 is documented (75 of 100), 0.1 was reported in 2026-03."""
    latency_seconds: float = 0.0
    """How long every answer takes, on top of the work."""
    clock_offset_seconds: float = 0.0
    """How far the simulator's clock is ahead of this machine's (behind: negative)."""
    tokens: tuple[str, ...] = ("simulator:secret",)
    """Accepted credentials: `application id:secret` for Basic, or any text for Bearer."""
    refused_tokens: Mapping[str, str] = field(default_factory=dict)
    """Known credentials that get a 401, each with its hint, as in `{"old:secret": "CAPUCHIN"}`."""
    included_when_empty: bool = True
    """Whether a document without an include says `"included": []` (recorded until 2023) or nothing (2026)."""
    faults: str = ""
    """What goes wrong, in the syntax of `faults.py`: `error=500:0.02,drop:0.01`. Empty: nothing."""
    cache_bytes: int = 256 * 1024 * 1024
    """How much of the rendered records is kept in memory, at most."""
    logged_requests: int = 200_000
    """How many requests the log keeps; older ones are forgotten."""

    def __post_init__(self) -> None:
        _require(self.people >= 0, "people", self.people, "0 or more")
        _require(self.rate_limit >= 1, "rate_limit", self.rate_limit, "1 or more")
        _require(self.rate_period_seconds >= 1, "rate_period_seconds", self.rate_period_seconds, "1 or more")
        _require(
            0 < self.deep_offset_share <= 1,
            "deep_offset_share",
            self.deep_offset_share,
            "more than 0 and at most 1",
        )
        _require(self.latency_seconds >= 0, "latency_seconds", self.latency_seconds, "0 or more")
        for token in (*self.tokens, *self.refused_tokens):
            _require(
                bool(re.fullmatch(r"[!-~]+", token)),
                "tokens",
                "a token with spaces or none at all",
                "printable ASCII",
            )
        for hint in self.refused_tokens.values():
            _require(hint in HINTS, "refused_tokens", hint, f"one of {', '.join(HINTS)}")


def _require(holds: bool, name: str, seen: object, expected: str) -> None:
    if not holds:
        raise ConfigurationError(f"the simulator's {name}", str(seen), expected)
