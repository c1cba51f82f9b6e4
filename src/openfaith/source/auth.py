"""The two kinds of token that Planning Center takes, and the header each becomes."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass, field

from openfaith.errors import ConfigurationError

_EXPECTED = "an application id and its secret as `app_id:secret`, or an access token"


@dataclass(frozen=True, kw_only=True, slots=True)
class PersonalAccessToken:
    """HTTP Basic with an application id and its secret: good for the owner's own organization only.

    Source: Planning Center's overview of authentication.
    """

    app_id: str
    secret: str = field(repr=False)

    def __post_init__(self) -> None:
        _require_word("app_id", self.app_id)
        _require_word("secret", self.secret)
        if ":" in self.app_id:
            raise ConfigurationError("app_id", "it holds a colon", _EXPECTED)

    @property
    def authorization(self) -> str:
        """The value of the `Authorization` header. A secret: never to be logged."""
        return "Basic " + b64encode(f"{self.app_id}:{self.secret}".encode()).decode()


@dataclass(frozen=True, kw_only=True, slots=True)
class BearerToken:
    """An OAuth 2 access token. It lives two hours; whoever made it renews it."""

    token: str = field(repr=False)

    def __post_init__(self) -> None:
        _require_word("token", self.token)

    @property
    def authorization(self) -> str:
        """The value of the `Authorization` header. A secret: never to be logged."""
        return f"Bearer {self.token}"


Token = PersonalAccessToken | BearerToken


def parse_token(text: str) -> Token:
    """Read what a person pasted: `app_id:secret` is a personal access token, anything else a bearer token.

    Raises:
        ConfigurationError: It is empty, one half is, or it cannot stand in a header. The text is not quoted.
    """
    app_id, colon, secret = text.strip().partition(":")
    if not colon:
        return BearerToken(token=app_id)
    return PersonalAccessToken(app_id=app_id, secret=secret)


def _require_word(name: str, value: str) -> None:
    """Refuse what could not be sent, or would be sent as something else, before any request is made with it."""
    if not value:
        raise ConfigurationError(name, "it is empty", _EXPECTED)
    if not all("!" <= letter <= "~" for letter in value):
        raise ConfigurationError(name, "it holds a space, a line break or a letter outside ASCII", _EXPECTED)
