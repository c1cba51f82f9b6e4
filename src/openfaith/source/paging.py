"""Where a listing goes on, as its links say it."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit


def offset_of_link(link: object) -> int | None:
    """The `offset` in a page's `links.next`; None where there is no link or no such number in it.

    The `per_page` of the same link is not to be believed: a request for 500 is cut to 100 and the link keeps
    saying 500 (seen in a recorded answer).
    """
    if not isinstance(link, str):
        return None
    try:
        offsets = parse_qs(urlsplit(link).query).get("offset", [])
    except ValueError:
        return None
    return whole_number(offsets[0]) if offsets else None


def whole_number(text: str) -> int | None:
    """A number of at most nine ASCII digits, else None."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 9 else None
