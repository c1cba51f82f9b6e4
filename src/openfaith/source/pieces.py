"""Takes apart JSON that msgspec refuses as a whole, and leaves its pieces as they came, byte for byte.

Needed for the rare page of which one record is at fault. Whatever is good on it must end up as it would without its
neighbour: decoded and written again, a number of thirty digits would be another, and one of five thousand an error.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

_READER = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=str, strict=False)
"""Numbers are texts to it, so that none is too large. It minds neither NaN nor half a surrogate pair."""

_GAP = re.compile(r"[ \t\r\n]*")


def read_leniently(text: bytes) -> object:
    """The JSON, its numbers as texts.

    Raises:
        ValueError: it is none.
        RecursionError: it is too deep.
    """
    return _READER.decode(_decoded(text))


def split_object(text: bytes) -> Iterator[tuple[str, bytes]]:
    """The members of an object that `read_leniently` can read, each value as it stands there."""
    whole = _decoded(text)
    at = _skip_gap(whole, whole.index("{") + 1)
    while whole[at] != "}":
        name, at = _READER.raw_decode(whole, at)
        start = _skip_gap(whole, _skip_gap(whole, at) + 1)  # past the colon
        _, end = _READER.raw_decode(whole, start)
        yield name, _encoded(whole[start:end])
        at = _next(whole, end)


def split_list(text: bytes) -> Iterator[bytes]:
    """The same of a list."""
    whole = _decoded(text)
    at = _skip_gap(whole, whole.index("[") + 1)
    while whole[at] != "]":
        _, end = _READER.raw_decode(whole, at)
        yield _encoded(whole[at:end])
        at = _next(whole, end)


def _next(whole: str, end: int) -> int:
    at = _skip_gap(whole, end)
    return _skip_gap(whole, at + 1) if whole[at] == "," else at


def _skip_gap(whole: str, at: int) -> int:
    found = _GAP.match(whole, at)
    assert found is not None, "it matches nothing, too"
    return found.end()


def _decoded(text: bytes) -> str:
    """Bytes that are not UTF-8 survive it."""
    return text.decode("utf-8-sig", "surrogateescape")


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
