"""The environment: every variable, its default, and what cannot be used."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

from openfaith import settings as module
from openfaith.errors import ConfigurationError
from openfaith.settings import Settings, load_settings

SECRET = "s3cret"


@pytest.fixture(autouse=True)
def empty_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(f"OPENFAITH_{name.upper()}", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))


def test_without_variables_there_are_defaults(tmp_path: Path) -> None:
    settings = load_settings()
    assert settings.database_url is None
    assert settings.secret_keys is None
    assert settings.home == tmp_path / ".openfaith"
    assert (settings.log_level, settings.log_format) == ("warning", "console")
    assert settings.lease_ttl == timedelta(seconds=settings.lease_seconds)


def test_the_table_has_every_variable_and_its_default() -> None:
    lines = re.findall(r"^\| OPENFAITH_(\w+) \| (.*?) \| .* \|$", module.__doc__ or "", re.MULTILINE)
    assert [name.lower() for name, _ in lines] == list(Settings.model_fields)
    settings = Settings()
    for name, default in lines:
        value = getattr(settings, name.lower())
        if not default.startswith(("none", "~", "a file")):
            assert default == (f"{value:g}" if isinstance(value, float) else str(value))


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("home", "/srv/openfaith", Path("/srv/openfaith")),
        ("log_level", "debug", "debug"),
        ("log_level", "error", "error"),
        ("log_format", "json", "json"),
        ("entities_in_flight", "1", 1),
        ("entities_in_flight", "32", 32),
        ("worker_concurrency", "1", 1),
        ("worker_concurrency", "256", 256),
        ("lease_seconds", "2", 2.0),
        ("lease_seconds", "0.5e2", 50.0),
        ("lease_seconds", "600", 600.0),
        ("alert_email_from", "openfaith@example.org", "openfaith@example.org"),
        ("alert_email_to", "ann@example.org,bob@example.org", "ann@example.org,bob@example.org"),
        ("alert_fresh_hours", "0.1", 0.1),
        ("alert_proven_hours", "10000", 10_000.0),
        ("alert_dead_letters", "0", 0),
    ],
)
def test_a_variable_is_read(monkeypatch: pytest.MonkeyPatch, name: str, text: str, value: object) -> None:
    monkeypatch.setenv(f"OPENFAITH_{name.upper()}", text)
    assert getattr(load_settings(), name) == value


@pytest.mark.parametrize("name", ["database_url", "secret_keys", "alert_webhook_url", "alert_smtp_url"])
def test_a_secret_is_read_and_never_shown(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(f"OPENFAITH_{name.upper()}", SECRET)
    settings = load_settings()
    assert getattr(settings, name).get_secret_value() == SECRET
    assert SECRET not in f"{settings!r} {settings} {settings.model_dump()} {settings.model_dump_json()}"


@pytest.mark.parametrize("name", list(Settings.model_fields))
def test_a_variable_that_is_empty_is_not_set(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """As a compose file leaves it. An empty URL would otherwise mean whatever server is nearest."""
    default = getattr(load_settings(), name)
    monkeypatch.setenv(f"OPENFAITH_{name.upper()}", "")
    assert getattr(load_settings(), name) == default


def test_a_home_is_whole_whatever_was_written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for text, home in (("~/mine", tmp_path / "mine"), ("mine", tmp_path / "mine"), (".", tmp_path)):
        monkeypatch.setenv("OPENFAITH_HOME", text)
        assert load_settings().home == home


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("HOME", "~no-such-user-here/x", "a directory: who runs this has no home of their own"),
        ("LOG_LEVEL", "loud", "'debug', 'info', 'warning' or 'error'"),
        ("LOG_LEVEL", "INFO", "'debug', 'info', 'warning' or 'error'"),
        ("LOG_FORMAT", "xml", "'console' or 'json'"),
        ("ENTITIES_IN_FLIGHT", "0", "greater than or equal to 1"),
        ("ENTITIES_IN_FLIGHT", "33", "less than or equal to 32"),
        ("ENTITIES_IN_FLIGHT", "1.5", "a valid integer"),
        ("WORKER_CONCURRENCY", "-1", "greater than or equal to 1"),
        ("WORKER_CONCURRENCY", "257", "less than or equal to 256"),
        ("WORKER_CONCURRENCY", "many", "a valid integer"),
        ("LEASE_SECONDS", "1.9", "greater than or equal to 2"),
        ("LEASE_SECONDS", "inf", "less than or equal to 600"),
        ("LEASE_SECONDS", "nan", "less than or equal to 600"),
        ("LEASE_SECONDS", "soon", "a valid number"),
        ("ALERT_FRESH_HOURS", "0", "greater than or equal to 0.1"),
        ("ALERT_PROVEN_HOURS", "inf", "less than or equal to 10000"),
        ("ALERT_DEAD_LETTERS", "-1", "greater than or equal to 0"),
    ],
)
def test_a_value_that_cannot_be_used_is_named_and_not_quoted(
    monkeypatch: pytest.MonkeyPatch, name: str, text: str, expected: str
) -> None:
    monkeypatch.setenv("OPENFAITH_DATABASE_URL", SECRET)
    monkeypatch.setenv(f"OPENFAITH_{name}", text)
    with pytest.raises(ConfigurationError) as caught:
        load_settings()
    assert str(caught.value) == f"OPENFAITH_{name}: its value cannot be used; expected {expected}"
    assert SECRET not in f"{caught.value.__cause__!r} {caught.value.__cause__}"


def test_other_variables_are_none_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENFAITH_SOMETHING_ELSE", "x")
    monkeypatch.setenv("LOG_LEVEL", "loud")
    assert load_settings().log_level == "warning"


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValidationError):
        load_settings().log_level = "debug"
