"""An alert as it is kept, and its way to those who shall know."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NewType

from openfaith.records import EntityName, OrgId

AlertId = NewType("AlertId", int)
"""Number of an alert, unique in one database."""


class AlertState(StrEnum):
    """What became of an alert."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    """Its rule still holds, and a person knows."""
    RESOLVED = "resolved"
    """Its rule holds no more. When it does again, that is another alert."""


class Channel(StrEnum):
    """By what somebody is told."""

    WEBHOOK = "webhook"
    EMAIL = "email"


class Occasion(StrEnum):
    """What somebody is told of."""

    OPENED = "opened"
    RESOLVED = "resolved"


@dataclass(frozen=True, kw_only=True, slots=True)
class Alert:
    """An alert as it stands. Times are by the database's clock."""

    alert_id: AlertId
    rule: str
    """One of `RULES`, or one that another release knows."""
    org_id: OrgId
    adapter: str
    entity: EntityName | None
    """None where it is about all of the organization."""
    aspect: str | None
    """What of it, where the rule tells several apart; of `run_failed` the kind of sync."""
    severity: str
    message: str
    """As its rule last said it."""
    state: AlertState
    opened_at: datetime
    last_seen_at: datetime
    """When its rule last held."""
    times_seen: int
    """How often somebody looked and it held."""
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    resolved_at: datetime | None

    def __post_init__(self) -> None:
        object.__setattr__(self, "state", AlertState(self.state))


@dataclass(frozen=True, kw_only=True, slots=True)
class Notice:
    """One alert, to be told on one occasion by one channel."""

    alert: Alert
    occasion: Occasion
    attempt: int
    """From 1."""

    @property
    def key(self) -> str:
        """The same for every attempt to tell the same, so that a receiver can leave out what it has had."""
        return f"{self.alert.alert_id}-{self.occasion}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Delivery:
    """How far an alert has come on its way to those who shall know."""

    alert_id: AlertId
    channel: Channel
    occasion: Occasion
    attempts: int
    """Begun ones."""
    next_attempt_at: datetime
    error: str | None
    """Why the last attempt failed."""
    delivered_at: datetime | None
    given_up_at: datetime | None

    def __post_init__(self) -> None:
        object.__setattr__(self, "channel", Channel(self.channel))
        object.__setattr__(self, "occasion", Occasion(self.occasion))
