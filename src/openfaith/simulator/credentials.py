"""Who asks: the `Authorization` header, and what becomes of a wrong one."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass

ANONYMOUS = "-"


@dataclass(frozen=True, slots=True)
class Caller:
    """One request's credential."""

    label: str
    """What the log and the limit call it: never the secret."""
    method: str
    """`HTTPBasic`, `OAuth2`, or nothing: the API names it in a header."""
    hint: str | None
    """Why it is refused, or None if it is accepted. Empty: there was none."""


def identify(authorization: str, accepted: Collection[str], refused: Mapping[str, str]) -> Caller:
    """Who a header stands for. An unknown Basic user is an unknown client, an unknown Bearer token an expired one."""
    scheme, _, value = authorization.partition(" ")
    match scheme.lower():
        case "basic":
            token = _decoded(value.strip())
            return Caller(
                token.partition(":")[0] or ANONYMOUS,
                "HTTPBasic",
                _hint(token, accepted, refused, "CHINCHILLA"),
            )
        case "bearer":
            token = value.strip()
            return Caller(
                f"bearer {hashlib.sha256(token.encode()).hexdigest()[:8]}",
                "OAuth2",
                _hint(token, accepted, refused, "BABOON"),
            )
        case _:
            return Caller(ANONYMOUS, "", "")


def _hint(token: str, accepted: Collection[str], refused: Mapping[str, str], otherwise: str) -> str | None:
    return None if token in accepted else refused.get(token, otherwise)


def _decoded(value: str) -> str:
    try:
        return base64.b64decode(value, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""
