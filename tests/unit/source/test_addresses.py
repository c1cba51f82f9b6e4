"""A base URL is checked before a secret is sent to it."""

from __future__ import annotations

import pytest

from openfaith.errors import ConfigurationError
from openfaith.source.addresses import is_loopback, parse_base_url


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("https://api.planningcenteronline.com", "https://api.planningcenteronline.com"),
        ("https://api.planningcenteronline.com/", "https://api.planningcenteronline.com"),
        ("  https://proxy.example/pco/ ", "https://proxy.example/pco"),
        ("http://localhost:8080", "http://localhost:8080"),
        ("http://127.0.0.1:1", "http://127.0.0.1:1"),
        ("http://127.9.9.9", "http://127.9.9.9"),
        ("http://[::1]:9/x", "http://[::1]:9/x"),
        ("https://Z.\U0001f642", "https://z.xn--938h"),
    ],
)
def test_an_address_is_taken_without_its_closing_slash(text: str, url: str) -> None:
    assert str(parse_base_url(text)) == url


@pytest.mark.parametrize(
    "text",
    [
        "",
        "api.planningcenteronline.com",
        "/people",
        "ftp://host",
        "https://",
        "https://host?token=x",
        "https://host/#part",
        "https://host:notaport",
        "https://host:99999",
        "https://[::1",
        "https://[]@",
        "https://xn--a",
        "https://api..planningcenteronline.com",
        f"https://{'a' * 64}.example",
        "https://api planningcenteronline.com",
        "https://api\0.example",
        "https://api%41.example",
    ],
)
def test_what_is_no_base_url_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match="base_url"):
        parse_base_url(text)


@pytest.mark.parametrize(
    "host",
    [
        "api.planningcenteronline.com",
        "10.0.0.1",
        "192.168.1.2",
        "localhost.example",
        "127.0.0.1.example",
        "0.0.0.0",
    ],
)
def test_a_secret_is_not_sent_unencrypted_over_a_network(host: str) -> None:
    with pytest.raises(ConfigurationError, match="unencrypted"):
        parse_base_url(f"http://{host}")


def test_credentials_in_the_address_are_refused_and_not_quoted() -> None:
    with pytest.raises(ConfigurationError) as raised:
        parse_base_url("https://me:CANARY@host")
    assert "CANARY" not in str(raised.value)


def test_a_query_is_refused_and_not_quoted() -> None:
    with pytest.raises(ConfigurationError) as raised:
        parse_base_url("https://host/?secret=CANARY")
    assert "CANARY" not in str(raised.value)


@pytest.mark.parametrize(
    ("host", "stays"),
    [("LOCALHOST", True), ("::1", True), ("::1%zz", False), ("128.0.0.1", False), ("", False)],
)
def test_loopback_is_this_machine_only(host: str, stays: bool) -> None:
    assert is_loopback(host) is stays
