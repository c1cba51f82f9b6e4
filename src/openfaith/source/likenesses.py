"""What a record says, where it holds something that our own decoder minds.

Half a surrogate pair, as a cut-off emoji leaves it, or a NaN somewhere in a record makes msgspec refuse all of it. Such
a record cannot be stored; but who it is, and when it changed, can be read all the same, and must be: a walk goes by it.
"""

from __future__ import annotations

import json

from openfaith.texts import storable_json


def liken(record: bytes) -> bytes | None:
    """The record without what cannot be stored, nor any number, as JSON for whoever looks at it. None where it is none."""
    try:
        return json.dumps(storable_json(_READER.decode(record.decode("utf-8", "surrogateescape")))).encode()
    except (ValueError, RecursionError):
        return None


def _nothing(_number: str) -> None:
    """No number is looked at; one may have more digits than Python reads."""


_READER = json.JSONDecoder(parse_int=_nothing, parse_float=_nothing, parse_constant=_nothing)
