"""Alerts as an e-mail, handed to one mail server."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from hashlib import sha256
from ipaddress import ip_address
from urllib.parse import unquote, urlsplit

from aiosmtplib import (
    SMTPAuthenticationError,
    SMTPException,
    SMTPRecipientsRefused,
    SMTPResponseException,
    SMTPTimeoutError,
    send,
)

from openfaith.alerting import Channel, Notice, Occasion
from openfaith.errors import ConfigurationError, DeliveryFailedError
from openfaith.telemetry import get_logger

_TIMEOUT_SECONDS = 30.0
_EXPECTED_SERVER = "a mail server such as smtps://user:password@mail.example.org:465"
_EXPECTED_ADDRESS = "an address such as openfaith@example.org"

_log = get_logger("openfaith.delivery")


@dataclass(frozen=True, kw_only=True, slots=True)
class _Server:
    host: str
    port: int
    username: str | None
    password: str | None
    use_tls: bool
    start_tls: bool | None
    """True where it must, None where it may."""


class MailSender:
    """Sends from one address to some, by one server."""

    channel = Channel.EMAIL

    def __init__(
        self, smtp_url: str, *, sender: str, recipients: str, timeout_seconds: float = _TIMEOUT_SECONDS
    ) -> None:
        """Everything is checked and nothing is sent.

        Args:
            smtp_url: `smtps://` for TLS from the first byte, else `smtp://`; with user and password, where it wants any.
            sender: whom it is from.
            recipients: whom it goes to, separated by commas.
            timeout_seconds: for all of a message.

        Raises:
            ConfigurationError: one of them cannot be used.
        """
        self._server = _parse_server(smtp_url)
        self._from = _parse_address("OPENFAITH_ALERT_EMAIL_FROM", sender)
        self._to = [_parse_address("OPENFAITH_ALERT_EMAIL_TO", text) for text in recipients.split(",")]
        self._timeout_seconds = timeout_seconds

    async def send(self, notices: Sequence[Notice]) -> None:
        """Hand one message about these to the server. Arrived is what it takes for at least one recipient.

        Raises:
            DeliveryFailedError: it was not taken.
        """
        try:
            async with asyncio.timeout(self._timeout_seconds):
                refused = await self._hand_over(self._message(notices))
        except (TimeoutError, SMTPTimeoutError):
            raise DeliveryFailedError(self.channel, f"no answer within {self._timeout_seconds:g} s") from None
        except (SMTPException, OSError, ValueError) as exc:
            raise DeliveryFailedError(self.channel, _said(exc)) from None
        if refused:
            _log.warning("the mail server refused some recipients", refused=refused, of=len(self._to))

    async def _hand_over(self, message: EmailMessage) -> int:
        """Returns how many recipients were refused."""
        server = self._server
        refused, _ = await send(
            message,
            hostname=server.host,
            port=server.port,
            username=server.username,
            password=server.password,
            use_tls=server.use_tls,
            start_tls=server.start_tls,
            timeout=self._timeout_seconds,
        )
        return len(refused)

    def _message(self, notices: Sequence[Notice]) -> EmailMessage:
        message = EmailMessage()
        message["From"] = self._from
        message["To"] = self._to
        message["Subject"] = subject(notices)
        # The same for the same notices: a mailbox that has it already need not show it again.
        digest = sha256(" ".join(notice.key for notice in notices).encode()).hexdigest()[:32]
        message["Message-ID"] = f"<openfaith-{digest}@{self._from.domain}>"
        message["Auto-Submitted"] = "auto-generated"
        message.set_content("\n".join(lines(notices)) + "\n")
        return message


def subject(notices: Sequence[Notice]) -> str:
    """`openfaith: stale (grace)`, `openfaith: 3 alerts opened, 1 resolved`."""
    if len(notices) == 1:
        [notice] = notices
        over = "" if notice.occasion is Occasion.OPENED else ", resolved"
        return f"openfaith: {notice.alert.rule} ({notice.alert.org_id}){over}"
    counts = Counter(notice.occasion for notice in notices)
    told = [f"{counts[occasion]} {occasion}" for occasion in Occasion if counts[occasion]]
    return f"openfaith: alerts: {', '.join(told)}"


def lines(notices: Sequence[Notice]) -> Iterator[str]:
    """A paragraph for each, and what to do when it is known."""
    for notice in notices:
        alert = notice.alert
        yield f"{alert.alert_id} {notice.occasion}: {alert.severity}, {alert.rule}, {alert.org_id}"
        yield f"  {alert.message}"
        yield ""
    yield "`openfaith alerts list` shows what holds, `openfaith alerts ack ID` says that you know."


def _said(error: SMTPException | OSError | ValueError) -> str:
    """What went wrong, without the server's own text: that can quote addresses."""
    if isinstance(error, SMTPAuthenticationError):
        return f"the mail server rejects the user or password ({error.code})"
    if isinstance(error, SMTPRecipientsRefused):
        return f"the mail server refuses all recipients ({error.recipients[0].code})"
    if isinstance(error, SMTPResponseException):
        return f"the mail server answered {error.code}"
    return f"the mail server cannot be used ({type(error).__name__})"


def _parse_server(url: str) -> _Server:
    try:
        parts = urlsplit(url.strip())
        port = parts.port
    except ValueError:
        raise ConfigurationError(
            "OPENFAITH_ALERT_SMTP_URL", "it cannot be read as an address", _EXPECTED_SERVER
        ) from None
    if parts.scheme not in {"smtp", "smtps"} or not parts.hostname:
        raise ConfigurationError(
            "OPENFAITH_ALERT_SMTP_URL",
            "it does not begin with smtp:// or smtps:// and a host",
            _EXPECTED_SERVER,
        )
    use_tls = parts.scheme == "smtps"
    # A password goes over no network unencrypted.
    must_encrypt = parts.password is not None and not use_tls and not _is_loopback(parts.hostname)
    return _Server(
        host=parts.hostname,
        port=port or (465 if use_tls else 587),
        username=None if parts.username is None else unquote(parts.username),
        password=None if parts.password is None else unquote(parts.password),
        use_tls=use_tls,
        start_tls=False if use_tls else (must_encrypt or None),
    )


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _parse_address(name: str, text: str) -> Address:
    try:
        address = Address(addr_spec=text.strip())
    except (MessageError, ValueError, IndexError, AttributeError, RecursionError):
        # The last two are faults of Python's own reader of addresses: of `a@[`, and of a thousand brackets.
        raise ConfigurationError(name, "it cannot be read as an e-mail address", _EXPECTED_ADDRESS) from None
    if not address.username or not address.domain:
        raise ConfigurationError(name, "it cannot be read as an e-mail address", _EXPECTED_ADDRESS)
    return address
