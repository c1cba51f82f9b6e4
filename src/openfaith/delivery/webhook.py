"""Alerts as JSON, posted to an address. The shape is a contract: members are added, never renamed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from aiohttp import (
    ClientConnectorError,
    ClientError,
    ClientSession,
    ClientTimeout,
    DummyCookieJar,
    InvalidURL,
)
from yarl import URL

from openfaith.alerting import Channel, Notice
from openfaith.errors import ConfigurationError, DeliveryFailedError

_TIMEOUT_SECONDS = 10.0
_EXPECTED = "an address such as https://alerts.example.org/openfaith"


class WebhookSender:
    """Posts to one address, which is a secret: many carry a token."""

    channel = Channel.WEBHOOK

    def __init__(self, url: str, *, timeout_seconds: float = _TIMEOUT_SECONDS) -> None:
        """The address is checked and nothing is sent.

        Raises:
            ConfigurationError: it is none of a web server.
        """
        self._url = _parse(url)
        self._timeout_seconds = timeout_seconds

    async def send(self, notices: Sequence[Notice]) -> None:
        """Post these. Arrived is what was answered with a status from 200 to 299; a redirect is not followed.

        Raises:
            DeliveryFailedError: anything else came, or nothing.
        """
        try:
            status = await self._post(document(notices))
        except TimeoutError:
            raise DeliveryFailedError(self.channel, f"no answer within {self._timeout_seconds:g} s") from None
        except (ClientConnectorError, InvalidURL, ValueError):
            raise DeliveryFailedError(self.channel, "the receiver cannot be reached") from None
        except (ClientError, OSError) as exc:
            # Their texts can quote the address.
            raise DeliveryFailedError(self.channel, f"the connection failed ({type(exc).__name__})") from None
        if not 200 <= status < 300:
            raise DeliveryFailedError(self.channel, f"the receiver answered {status}")

    async def _post(self, body: object) -> int:
        timeout = ClientTimeout(total=self._timeout_seconds)
        async with (
            ClientSession(timeout=timeout, cookie_jar=DummyCookieJar()) as session,
            session.post(self._url, json=body, allow_redirects=False) as answer,
        ):
            return answer.status


def document(notices: Sequence[Notice]) -> dict[str, object]:
    """What is posted."""
    return {"product": "openfaith", "version": 1, "alerts": [_member(notice) for notice in notices]}


def _member(notice: Notice) -> dict[str, object]:
    alert = notice.alert
    return {
        "key": notice.key,
        "occasion": notice.occasion,
        "id": str(alert.alert_id),
        "rule": alert.rule,
        "severity": alert.severity,
        "org": alert.org_id,
        "adapter": alert.adapter,
        "entity": alert.entity,
        "aspect": alert.aspect,
        "message": alert.message,
        "opened_at": alert.opened_at.isoformat(),
        "resolved_at": _iso(alert.resolved_at),
        "attempt": notice.attempt,
    }


def _iso(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()


def _parse(text: str) -> URL:
    try:
        url = URL(text.strip())
        (url.host or "").encode("idna")  # what no name server can be asked for
    except (ValueError, IndexError):  # the latter for `https://[]@`
        raise ConfigurationError(
            "OPENFAITH_ALERT_WEBHOOK_URL", "it cannot be read as an address", _EXPECTED
        ) from None
    if url.scheme not in {"http", "https"} or not url.host:
        raise ConfigurationError(
            "OPENFAITH_ALERT_WEBHOOK_URL", "it does not begin with https:// and a host", _EXPECTED
        )
    return url
