"""How to ask an API: one client per credential, and everything that keeps it polite and truthful.

A request passes through small parts that decide and one part that acts. `RateBudget` says when it may be sent,
`transport` sends it once and says what came of it, `responses` turns a status into one error of the tree,
`documents` splits the answer's envelope without decoding the records, and `openfaith.retries` says whether to try
again. This is the only layer that retries: whoever calls the client gets an answer or an error that is final here.
`ServerClock` dates every page by the source's own clock. aiohttp is imported here and nowhere else.
"""

from __future__ import annotations

from openfaith.source.auth import BearerToken, PersonalAccessToken, Token, parse_token
from openfaith.source.budget import RateBudget
from openfaith.source.client import SourceClient, SourceStatistics
from openfaith.source.documents import Document, Rows, speaks_of, without_first
from openfaith.source.events import (
    AnsweredAsVersion,
    ClockFallback,
    ClockMoved,
    RateLimitChanged,
    RateLimitPaused,
    RequestRetried,
    RetryRefused,
    SourceEvent,
)
from openfaith.source.limits import RateLimit

__all__ = [
    "AnsweredAsVersion",
    "BearerToken",
    "ClockFallback",
    "ClockMoved",
    "Document",
    "PersonalAccessToken",
    "RateBudget",
    "RateLimit",
    "RateLimitChanged",
    "RateLimitPaused",
    "RequestRetried",
    "RetryRefused",
    "Rows",
    "SourceClient",
    "SourceEvent",
    "SourceStatistics",
    "Token",
    "parse_token",
    "speaks_of",
    "without_first",
]
