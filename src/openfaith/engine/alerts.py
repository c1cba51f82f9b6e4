"""What a person is told of, and what that person says about it; and what an operator has set for both."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta

from pydantic import SecretStr

from openfaith.alerting import Alert, AlertId, Delivery, Targets
from openfaith.delivery import Sender, parse_senders
from openfaith.engine.organizations import known_org
from openfaith.errors import ConfigurationError
from openfaith.settings import Settings
from openfaith.store import (
    AlertCount,
    Database,
    acknowledge_alerts,
    count_alerts,
    list_alerts,
    list_deliveries,
)


class Alerts:
    """The verbs of `openfaith alerts`, as `Engine.alerts` has them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def list(self, org: str | None = None, *, resolved: bool = False) -> Sequence[Alert]:
        """Alerts by organization, the oldest first.

        Args:
            org: one organization; all where None.
            resolved: those that hold no more, too. They are kept for ninety days.

        Raises:
            UnknownNameError: there is no such organization; names near ones.
        """
        org_id = None if org is None else await known_org(self._database, org)
        return await list_alerts(self._database, org_id, resolved=resolved)

    async def deliveries(self, alerts: Collection[Alert]) -> Mapping[AlertId, Sequence[Delivery]]:
        """How far these have come on their way to those who shall know; nothing of those that nobody is told of."""
        found: dict[AlertId, list[Delivery]] = {}
        for delivery in await list_deliveries(self._database, [alert.alert_id for alert in alerts]):
            found.setdefault(delivery.alert_id, []).append(delivery)
        return found

    async def count(self, org: str | None = None) -> Sequence[AlertCount]:
        """How many alerts hold, by organization, rule, severity and state.

        Raises:
            UnknownNameError: there is no such organization; names near ones.
        """
        org_id = None if org is None else await known_org(self._database, org)
        return await count_alerts(self._database, org_id)

    async def acknowledge(self, ids: Collection[int] | None, *, by: str = "python") -> int:
        """Say that a person knows of alerts: nobody is told of them again, as long as they hold.

        Args:
            ids: None for all that are open now.
            by: who knows.

        Returns how many were open.

        Raises:
            UnknownNameError: there is none of that number. Nothing was changed.
            ConfigurationError: one of them is resolved. Nothing was changed.
        """
        if isinstance(ids, str):
            raise ConfigurationError("ids", f"it is the text {ids!r}", "a list of numbers")
        chosen = None if ids is None else [AlertId(number) for number in ids]
        return await acknowledge_alerts(self._database, chosen, by=by)


def alert_targets(settings: Settings) -> Targets:
    """Beyond what a person is told."""
    return Targets(
        fresh_within=timedelta(hours=settings.alert_fresh_hours),
        proven_within=timedelta(hours=settings.alert_proven_hours),
        most_dead_letters=settings.alert_dead_letters,
    )


def alert_senders(settings: Settings) -> Sequence[Sender]:
    """By what a person is told.

    Raises:
        ConfigurationError: a setting cannot be used, or one of those for e-mail is missing.
    """
    return parse_senders(
        webhook_url=_revealed(settings.alert_webhook_url),
        smtp_url=_revealed(settings.alert_smtp_url),
        mail_from=settings.alert_email_from,
        mail_to=settings.alert_email_to,
    )


def _revealed(secret: SecretStr | None) -> str | None:
    return None if secret is None else secret.get_secret_value()
