"""What a simulated Planning Center is told at its start."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

from openfaith.errors import ConfigurationError

HINTS = ("BABOON", "CAPUCHIN", "CHINCHILLA", "FLAMINGO", "LEMMING", "PELICAN", "TRASH_PANDA")
"""The reasons for a 401 that the API names in its `detail`.

Planning Center's page on errors: PELICAN scope missing, BABOON token expired, CAPUCHIN revoked, TRASH_PANDA no
access to the product, CHINCHILLA client application unknown, FLAMINGO user gone, LEMMING organization gone.
"""

_TOKEN = re.compile(r"[!-~]+")

RateWindow = Literal["fixed", "sliding"]
PeriodText = Literal["mixed", "number", "words"]


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
    products: tuple[str, ...] = ()
    """The products that the church uses, as in `("people", "giving")`; empty: all. The token may see nothing of others."""
    inaccessible_products: tuple[str, ...] = ()
    """Products that the token's user has no access to: every request gets a 401 with the hint TRASH_PANDA."""
    forbidden_entities: tuple[str, ...] = ()
    """Entities whose collections and records answer 403, as in `("giving.Donation", "Note")`."""
    rate_limit: int = 100
    """Requests per period and credential, at least 1."""
    rate_period_seconds: int = 20
    """Length of the period, at least 1."""
    rate_window: RateWindow = "sliding"
    """Whether the count starts anew with each period, or looks back over the last one. Which of the two Planning
    Center does is not known."""
    rate_period_text: PeriodText = "mixed"
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
    """What goes wrong, in the syntax of `fault_plans.py`: `error=500:0.02,drop:0.01`. Empty: nothing."""
    changes: str = ""
    """What happens by itself, in the syntax of `change_plans.py`: `update=Person:0.2,merge:0.05`. Empty: nothing."""
    cache_bytes: int = 256 * 1024 * 1024
    """How much of the rendered records is kept in memory, at most."""
    logged_requests: int = 200_000
    """How many requests the log keeps; older ones are forgotten."""

    def __post_init__(self) -> None:
        self._require("people", self.people >= 0, "0 or more")
        self._require("rate_limit", self.rate_limit >= 1, "1 or more")
        self._require("rate_period_seconds", self.rate_period_seconds >= 1, "1 or more")
        self._require("rate_window", self.rate_window in get_args(RateWindow), "fixed or sliding")
        self._require(
            "rate_period_text", self.rate_period_text in get_args(PeriodText), "mixed, number or words"
        )
        self._require("deep_offset_share", 0 < self.deep_offset_share <= 1, "more than 0 and at most 1")
        self._require("latency_seconds", self.latency_seconds >= 0, "0 or more")
        tokens = (*self.tokens, *self.refused_tokens)
        self._require("tokens", all(map(_TOKEN.fullmatch, tokens)), "printable ASCII without blanks")
        self._require(
            "refused_tokens", set(self.refused_tokens.values()) <= set(HINTS), f"hints of {', '.join(HINTS)}"
        )

    def _require(self, name: str, holds: bool, expected: str) -> None:
        if not holds:
            seen = (
                "one is not possible" if "tokens" in name else f"it is {getattr(self, name)}"
            )  # secrets stay untold
            raise ConfigurationError(f"the simulator's {name}", seen, expected)
