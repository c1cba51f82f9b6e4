"""The channels that an operator has set up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from openfaith.alerting import Channel, Notice
from openfaith.delivery.mail import MailSender
from openfaith.delivery.webhook import WebhookSender
from openfaith.errors import ConfigurationError


class Sender(Protocol):
    """One channel."""

    @property
    def channel(self) -> Channel: ...

    async def send(self, notices: Sequence[Notice]) -> None:
        """Tell of these in one message.

        Raises:
            DeliveryFailedError: it has not arrived, as far as anybody knows.
        """
        ...


def parse_senders(
    *, webhook_url: str | None, smtp_url: str | None, mail_from: str | None, mail_to: str | None
) -> tuple[Sender, ...]:
    """The channels that these settings make; none where nothing is set.

    Raises:
        ConfigurationError: one cannot be used, or for e-mail one is missing. No value is quoted: it may be a secret.
    """
    senders: list[Sender] = []
    if webhook_url is not None:
        senders.append(WebhookSender(webhook_url))
    if any((smtp_url, mail_from, mail_to)):
        senders.append(
            MailSender(
                _required("OPENFAITH_ALERT_SMTP_URL", smtp_url),
                sender=_required("OPENFAITH_ALERT_EMAIL_FROM", mail_from),
                recipients=_required("OPENFAITH_ALERT_EMAIL_TO", mail_to),
            )
        )
    return tuple(senders)


def _required(name: str, value: str | None) -> str:
    if value is None:
        raise ConfigurationError(
            name,
            "it is not set, and another setting for e-mail is",
            "OPENFAITH_ALERT_SMTP_URL, OPENFAITH_ALERT_EMAIL_FROM and OPENFAITH_ALERT_EMAIL_TO, or none of them",
        )
    return value
