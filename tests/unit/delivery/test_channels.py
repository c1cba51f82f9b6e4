"""Which channels settings make, and what they would send."""

from __future__ import annotations

from typing import Any

import pytest

from openfaith.alerting import Channel, Notice, Occasion
from openfaith.delivery import MailSender, WebhookSender, parse_senders
from openfaith.delivery.mail import lines, subject
from openfaith.delivery.webhook import document
from openfaith.errors import ConfigurationError
from support.alerts import NOON, make_alert, make_notice

SECRET = "s3cret"
NOTHING: dict[str, Any] = {"webhook_url": None, "smtp_url": None, "mail_from": None, "mail_to": None}
MAIL: dict[str, Any] = {
    "smtp_url": f"smtps://ann:{SECRET}@mail.example.org",
    "mail_from": "openfaith@example.org",
    "mail_to": "ann@example.org, bob@example.org",
}


def test_without_settings_nobody_is_told() -> None:
    assert parse_senders(**NOTHING) == ()


def test_each_channel_has_its_own_settings() -> None:
    url = f"https://hooks.example.org/{SECRET}"
    senders = parse_senders(**NOTHING | MAIL | {"webhook_url": url})
    assert [sender.channel for sender in senders] == [Channel.WEBHOOK, Channel.EMAIL]
    assert isinstance(senders[0], WebhookSender)
    assert isinstance(senders[1], MailSender)
    assert all(SECRET not in f"{sender!r} {sender}" for sender in senders)


@pytest.mark.parametrize("left_out", MAIL)
def test_half_of_the_settings_for_mail_is_refused(left_out: str) -> None:
    names = {"smtp_url": "SMTP_URL", "mail_from": "EMAIL_FROM", "mail_to": "EMAIL_TO"}
    with pytest.raises(ConfigurationError, match=f"OPENFAITH_ALERT_{names[left_out]}: it is not set"):
        parse_senders(**NOTHING | MAIL | {left_out: None})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("webhook_url", f"hooks.example.org/{SECRET}"),
        ("webhook_url", f"ftp://hooks.example.org/{SECRET}"),
        ("webhook_url", f"https:///{SECRET}"),
        ("webhook_url", f"http://[{SECRET}"),
        ("webhook_url", f"http://[]@/{SECRET}"),
        ("webhook_url", f"http://xn--a/{SECRET}"),
        ("webhook_url", f"http://hooks..example.org/{SECRET}"),
        ("smtp_url", f"https://ann:{SECRET}@mail"),
        ("smtp_url", f"smtp://ann:{SECRET}@mail:port"),
        ("smtp_url", "smtp://"),
        ("mail_from", SECRET),
        ("mail_from", f"{SECRET}@"),
        ("mail_to", f"ann@example.org,{SECRET}"),
        ("mail_to", f"ann@example.org\nBcc: {SECRET}@example.org"),
        ("mail_to", ","),
        ("mail_to", f"{SECRET}@["),
        ("mail_to", f"{'(' * 3000}{SECRET}"),
    ],
)
def test_what_cannot_be_used_is_refused_and_not_quoted(name: str, value: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_senders(**NOTHING | MAIL | {name: value})
    assert SECRET not in str(caught.value)


def _start_tls(url: str) -> bool | None:
    return MailSender(url, sender="a@b.example", recipients="c@d.example")._server.start_tls


def test_a_password_goes_over_no_network_unencrypted() -> None:
    assert _start_tls(f"smtp://ann:{SECRET}@mail.example.org") is True
    assert _start_tls(f"smtp://ann:{SECRET}@127.0.0.1:25") is None
    assert _start_tls("smtp://mail.example.org:25") is None
    assert _start_tls(f"smtps://ann:{SECRET}@mail.example.org") is False


def test_ports_are_the_usual_ones() -> None:
    def port(url: str) -> int:
        return MailSender(url, sender="a@b.example", recipients="c@d.example")._server.port

    assert [port(url) for url in ("smtps://m", "smtp://m", "smtp://m:25")] == [465, 587, 25]


def test_a_posted_document_has_a_key_for_every_alert() -> None:
    over = make_notice(8, occasion=Occasion.RESOLVED, resolved_at=NOON, state="resolved", entity=None)
    posted = document([make_notice(7), over])
    assert (posted["product"], posted["version"]) == ("openfaith", 1)
    members: Any = posted["alerts"]
    assert members[0] == {
        "key": "7-opened",
        "occasion": "opened",
        "id": "7",
        "rule": "stale",
        "severity": "error",
        "org": "grace",
        "adapter": "pco",
        "entity": "people.Person",
        "aspect": None,
        "message": "people.Person was last true long ago",
        "opened_at": "2026-03-01T12:00:00+00:00",
        "resolved_at": None,
        "attempt": 1,
    }
    assert (members[1]["key"], members[1]["entity"]) == ("8-resolved", None)
    assert members[1]["resolved_at"] == "2026-03-01T12:00:00+00:00"


def test_another_attempt_has_the_same_key() -> None:
    first, second = (Notice(alert=make_alert(), occasion=Occasion.OPENED, attempt=n) for n in (1, 2))
    assert first.key == second.key


def test_a_mail_says_in_its_subject_what_it_is_about() -> None:
    over = make_notice(8, occasion=Occasion.RESOLVED)
    assert subject([make_notice(7)]) == "openfaith: stale (grace)"
    assert subject([over]) == "openfaith: stale (grace), resolved"
    assert subject([make_notice(7), make_notice(9), over]) == "openfaith: alerts: 2 opened, 1 resolved"


def test_a_mail_says_each_alert_and_the_next_move() -> None:
    assert list(lines([make_notice(7)])) == [
        "7 opened: error, stale, grace",
        "  people.Person was last true long ago",
        "",
        "`openfaith alerts list` shows what holds, `openfaith alerts ack ID` says that you know.",
    ]
