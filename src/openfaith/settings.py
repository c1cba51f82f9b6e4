"""The environment, read once. Packages take values as arguments and never look here themselves.

A variable that is empty counts as one that is not set.

| variable | default | means |
|---|---|---|
| OPENFAITH_DATABASE_URL | none: an embedded server | a PostgreSQL 14+ URL |
| OPENFAITH_HOME | ~/.openfaith | where the embedded server, keys and locks live |
| OPENFAITH_SECRET_KEYS | a file in OPENFAITH_HOME | keys that seal credentials, `id:base64`, comma-separated, newest first |
| OPENFAITH_LOG_LEVEL | warning | debug, info, warning or error |
| OPENFAITH_LOG_FORMAT | console | console or json |
| OPENFAITH_ENTITIES_IN_FLIGHT | 8 | entities of one organization that are read at once, 1 to 32 |
| OPENFAITH_WORKER_CONCURRENCY | 16 | entities that one process reads at once, over all organizations, 1 to 256 |
| OPENFAITH_LEASE_SECONDS | 30 | how long a silent process is believed alive, 2 to 600 |
| OPENFAITH_ALERT_WEBHOOK_URL | none | where alerts are posted to |
| OPENFAITH_ALERT_SMTP_URL | none | the mail server that sends alerts |
| OPENFAITH_ALERT_EMAIL_FROM | none | whom their e-mails are from |
| OPENFAITH_ALERT_EMAIL_TO | none | whom they go to, comma-separated |
| OPENFAITH_ALERT_FRESH_HOURS | 26 | how old the picture of an entity may be, 0.1 to 10000 |
| OPENFAITH_ALERT_PROVEN_HOURS | 192 | how long ago it may have been proven complete, 0.1 to 10000 |
| OPENFAITH_ALERT_DEAD_LETTERS | 10 | how many records of an entity may be set aside |
"""

from __future__ import annotations

from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from openfaith.errors import ConfigurationError


class Settings(BaseSettings):
    """What a process is told by its environment. See the table above; every field has a line there."""

    model_config = SettingsConfigDict(
        env_prefix="OPENFAITH_", env_ignore_empty=True, frozen=True, extra="ignore", hide_input_in_errors=True
    )

    database_url: SecretStr | None = None
    home: Path = Field(default=Path("~/.openfaith"), validate_default=True)
    secret_keys: SecretStr | None = None
    log_level: Literal["debug", "info", "warning", "error"] = "warning"
    log_format: Literal["console", "json"] = "console"
    entities_in_flight: int = Field(default=8, ge=1, le=32)
    worker_concurrency: int = Field(default=16, ge=1, le=256)
    lease_seconds: float = Field(default=30, ge=2, le=600)
    alert_webhook_url: SecretStr | None = None
    alert_smtp_url: SecretStr | None = None
    alert_email_from: str | None = None
    alert_email_to: str | None = None
    alert_fresh_hours: float = Field(default=26, ge=0.1, le=10_000)
    alert_proven_hours: float = Field(default=192, ge=0.1, le=10_000)
    alert_dead_letters: int = Field(default=10, ge=0, le=1_000_000_000)

    @field_validator("home")
    @classmethod
    def _find_home(cls, home: Path) -> Path:
        """`~` is whoever runs this; what is relative is so to where it was started."""
        try:
            return home.expanduser().absolute()
        except RuntimeError:
            raise ValueError("a directory: who runs this has no home of their own") from None

    @cached_property
    def lease_ttl(self) -> timedelta:
        return timedelta(seconds=self.lease_seconds)


def load_settings() -> Settings:
    """Read the environment.

    Raises:
        ConfigurationError: a variable has a value that cannot be used; it names the first one.
    """
    try:
        return Settings()
    except ValidationError as exc:
        first = exc.errors(include_input=False, include_url=False)[0]
        name = f"OPENFAITH_{'_'.join(str(part) for part in first['loc']).upper()}"
        raise ConfigurationError(name, "its value cannot be used", _expected(first["msg"])) from exc


def _expected(message: str) -> str:
    """What pydantic misses, as the end of our sentence: `Input should be a valid integer, unable to ...` → `a valid integer`."""
    missed = message.removeprefix("Input should be ").removeprefix("Value error, ")
    return missed.partition(", unable to parse")[0]
