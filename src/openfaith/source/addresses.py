"""Where the source is: a base URL that it is safe to send a secret to."""

from __future__ import annotations

import re
from ipaddress import ip_address

from yarl import URL

from openfaith.errors import ConfigurationError

_HOST = re.compile(r"[A-Za-z0-9._~-]*|[0-9A-Fa-f:.]+(%[A-Za-z0-9._~-]+)?")
"""A name as name servers know it, or a number; one of IPv6 may have its interface after a `%`."""

_EXPECTED = "an address such as https://api.planningcenteronline.com"


def parse_base_url(text: str) -> URL:
    """Check a base URL, and cut its closing slash.

    Raises:
        ConfigurationError: It is no address of a web server, holds more than a host and a path, or would send the
            credentials in clear over a network. Its text is quoted only where it can hold no password.
    """
    try:
        url = URL(text.strip())
        _require_name(url)
    except (ValueError, IndexError) as error:  # the latter for `https://[]@`
        raise ConfigurationError("base_url", "it cannot be read as an address", _EXPECTED) from error
    if url.user is not None or url.password is not None:
        raise ConfigurationError(
            "base_url", "it holds a user name or a password", f"{_EXPECTED}, and the token apart"
        )
    _require_shape(url)
    if url.scheme == "http" and not is_loopback(url.host or ""):
        raise ConfigurationError(
            "base_url",
            f"http://{url.host} would carry the token unencrypted over the network",
            f"https://{url.host}",
        )
    host = (url.raw_host or "").lower()  # the library leaves some internationalized names as they are written
    return (url if host == url.raw_host else url.with_host(host)).with_path(url.path.rstrip("/"))


def _require_name(url: URL) -> None:
    """Refuse a host that no name server can be asked for: the system would, in the middle of a run.

    Raises:
        ValueError: it has a part that is empty or too long, or characters that no name and no number has.
    """
    url.host  # noqa: B018  # what is no internationalized name shows when it is read
    host = url.raw_host or ""
    host.encode("idna")
    if not _HOST.fullmatch(host):
        raise ValueError


def _require_shape(url: URL) -> None:
    if url.scheme not in {"http", "https"} or not url.host:
        raise ConfigurationError("base_url", "it does not begin with https:// and a host", _EXPECTED)
    if url.query_string or url.fragment:
        raise ConfigurationError(
            "base_url", f"the address of {url.host} has a query or a fragment", _EXPECTED
        )


def is_loopback(host: str) -> bool:
    """Does this name or number stay on this machine?"""
    try:
        return ip_address(host).is_loopback and "%" not in host  # a zone is of a network
    except ValueError:
        return host.lower() == "localhost"
