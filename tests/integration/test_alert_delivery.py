"""Alerts reach those who shall know: a real web server, a real mail server, and processes that die on the way."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from datetime import timedelta
from email import message_from_bytes
from email.message import Message
from pathlib import Path
from typing import Any

import pytest

import openfaith
from openfaith.alerting import MOST_ATTEMPTS, Channel, Finding, Notice, Targets
from openfaith.delivery import MailSender, WebhookSender
from openfaith.errors import DeliveryFailedError
from openfaith.records import EntityName, OrgId
from openfaith.store import (
    Database,
    acknowledge_alerts,
    claim_deliveries,
    enlist_deliveries,
    list_alerts,
    list_deliveries,
    update_alerts,
)
from openfaith.workflows.alerts import keep_alerting, tell_of_alerts
from support.alerts import Mailbox, Receiver, mailing, make_notice, receiving
from support.mirror import connect_org, execute, fetch_one, open_sample

MINUTES = timedelta(minutes=2)
SECRET = "s3cret"


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    async with open_sample(database_url) as opened:
        yield opened


@pytest.fixture
async def org(database: Database) -> OrgId:
    return await connect_org(database, "grace")


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as found:
        yield found


@pytest.fixture
async def mailbox() -> AsyncIterator[Mailbox]:
    async with mailing() as found:
        yield found


async def find(database: Database, org: OrgId, *entities: str) -> None:
    """These are wrong, and nothing else."""
    findings = [
        Finding(
            rule="stale",
            org_id=org,
            adapter="pco",
            entity=EntityName(entity),
            severity="error",
            message=f"{entity} is old",
        )
        for entity in entities
    ]
    await update_alerts(database, [org], lambda _: findings)


async def make_due(database: Database) -> None:
    """As it is when the waits are over."""
    await execute(
        database, "UPDATE openfaith.alert_delivery SET next_attempt_at = now() WHERE delivered_at IS NULL"
    )


async def undelivered(database: Database) -> dict[str, Any]:
    """The one delivery there is."""
    return await fetch_one(
        database,
        """SELECT attempts, error, delivered_at, given_up_at, next_attempt_at > now() AS waits
        FROM openfaith.alert_delivery""",
    )


def webhook(receiver: Receiver, *, timeout_seconds: float = 30) -> WebhookSender:
    return WebhookSender(receiver.url, timeout_seconds=timeout_seconds)


def mail(mailbox: Mailbox, *, url: str | None = None, timeout_seconds: float = 30) -> MailSender:
    return MailSender(
        url or mailbox.url,
        sender="openfaith@example.org",
        recipients="ann@example.org, bob@example.org",
        timeout_seconds=timeout_seconds,
    )


# The outbox


async def test_an_alert_is_told_once(database: Database, org: OrgId, receiver: Receiver) -> None:
    await find(database, org, "people.Person", "people.Email")
    ids = [alert.alert_id for alert in await list_alerts(database)]
    for _ in range(3):
        await tell_of_alerts(database, [webhook(receiver)])
        await find(database, org, "people.Person", "people.Email")
    [body] = receiver.bodies
    assert receiver.keys == [f"{alert_id}-opened" for alert_id in ids]
    assert [alert["message"] for alert in body["alerts"]] == ["people.Person is old", "people.Email is old"]


async def test_the_end_of_what_was_told_is_told(database: Database, org: OrgId, receiver: Receiver) -> None:
    await find(database, org, "people.Person")
    await tell_of_alerts(database, [webhook(receiver)])
    await find(database, org)
    for _ in range(2):
        await tell_of_alerts(database, [webhook(receiver)])
    assert [key.partition("-")[2] for key in receiver.keys] == ["opened", "resolved"]
    assert receiver.bodies[1]["alerts"][0]["resolved_at"] is not None


async def test_what_was_over_before_it_could_be_told_is_not_told(
    database: Database, org: OrgId, receiver: Receiver
) -> None:
    await find(database, org, "people.Person")
    receiver.status = 500
    await tell_of_alerts(database, [webhook(receiver)])
    await find(database, org)
    receiver.status = 200
    await make_due(database)
    await tell_of_alerts(database, [webhook(receiver)])
    assert len(receiver.bodies) == 1


async def test_what_a_person_knows_is_not_told(database: Database, org: OrgId, receiver: Receiver) -> None:
    """Neither before it was sent, nor after it was acknowledged and holds on; its end is, where it was told."""
    await find(database, org, "people.Person", "people.Email")
    person, email = await list_alerts(database)
    await acknowledge_alerts(database, [person.alert_id], by="ann")
    await tell_of_alerts(database, [webhook(receiver)])
    await acknowledge_alerts(database, [email.alert_id], by="ann")
    await find(database, org, "people.Person", "people.Email")
    await tell_of_alerts(database, [webhook(receiver)])
    assert receiver.keys == [f"{email.alert_id}-opened"]
    await find(database, org)
    await tell_of_alerts(database, [webhook(receiver)])
    assert receiver.keys[1:] == [f"{email.alert_id}-resolved"]


async def test_who_sets_a_channel_up_later_is_told_of_what_still_holds(
    database: Database, org: OrgId, receiver: Receiver
) -> None:
    """It was opened by a process that knew of no channel."""
    await find(database, org, "people.Person")
    await tell_of_alerts(database, [])
    await tell_of_alerts(database, [webhook(receiver)])
    assert len(receiver.keys) == 1


async def test_processes_that_tell_at_once_tell_each_alert_once(
    database: Database, org: OrgId, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("openfaith.workflows.alerts._ALERTS_IN_A_MESSAGE", 3)
    await find(database, org, *(f"people.E{n}" for n in range(20)))
    async with open_sample(database.url) as another:
        await asyncio.gather(*(tell_of_alerts(d, [webhook(receiver)]) for d in (database, another) * 2))
    assert len(receiver.keys) == len(set(receiver.keys)) == 20
    assert max(len(body["alerts"]) for body in receiver.bodies) == 3


async def test_a_failure_is_noted_and_tried_again_later(
    database: Database, org: OrgId, receiver: Receiver
) -> None:
    await find(database, org, "people.Person")
    receiver.status = 500
    for _ in range(2):  # the second is too early
        await tell_of_alerts(database, [webhook(receiver)])
    failed = await undelivered(database)
    assert len(receiver.bodies) == 1
    assert (failed["attempts"], failed["error"], failed["waits"]) == (1, "the receiver answered 500", True)
    receiver.status = 204
    await make_due(database)
    await tell_of_alerts(database, [webhook(receiver)])
    delivered = await undelivered(database)
    assert (delivered["attempts"], delivered["error"]) == (2, None)
    assert delivered["delivered_at"] is not None
    assert receiver.keys[0] == receiver.keys[1]


async def test_attempts_have_an_end(database: Database, org: OrgId, receiver: Receiver) -> None:
    await find(database, org, "people.Person")
    receiver.status = 410
    for _ in range(MOST_ATTEMPTS + 2):
        await tell_of_alerts(database, [webhook(receiver)])
        await make_due(database)
    assert len(receiver.bodies) == MOST_ATTEMPTS
    assert (await undelivered(database))["given_up_at"] is not None


async def test_a_channel_that_fails_keeps_no_other_waiting(
    database: Database, org: OrgId, receiver: Receiver, mailbox: Mailbox
) -> None:
    receiver.hangs = True
    await find(database, org, "people.Person")
    await tell_of_alerts(database, [webhook(receiver, timeout_seconds=0.2), mail(mailbox)])
    assert len(mailbox.envelopes) == 1
    ids = [alert.alert_id for alert in await list_alerts(database)]
    by_mail, by_webhook = await list_deliveries(database, ids)
    assert (by_mail.channel, by_mail.delivered_at is None) == (Channel.EMAIL, False)
    assert (by_webhook.channel, by_webhook.error) == (Channel.WEBHOOK, "no answer within 0.2 s")


async def test_an_attempt_that_was_lost_is_made_again_after_a_while(
    database: Database, org: OrgId, receiver: Receiver
) -> None:
    """Somebody took it, and was never heard of again."""
    await find(database, org, "people.Person")
    await enlist_deliveries(database, [Channel.WEBHOOK])
    taken = await claim_deliveries(database, Channel.WEBHOOK, limit=9, patience=MINUTES)
    assert [notice.attempt for notice in taken] == [1]
    await tell_of_alerts(database, [webhook(receiver)])
    assert receiver.bodies == []
    await make_due(database)
    await tell_of_alerts(database, [webhook(receiver)])
    assert receiver.bodies[0]["alerts"][0]["attempt"] == 2


TELLING = """
import asyncio, sys
from openfaith.delivery import WebhookSender
from openfaith.store import open_database
from openfaith.workflows.alerts import tell_of_alerts
async def main():
    async with open_database(sys.argv[1]) as database:
        await tell_of_alerts(database, [WebhookSender(sys.argv[2])])
asyncio.run(main())
"""


async def test_a_process_that_is_killed_while_it_sends_loses_nothing(
    database: Database, org: OrgId, receiver: Receiver
) -> None:
    """The receiver has it already, and gets it once more under the same key: at least once."""
    await find(database, org, "people.Person")
    receiver.hangs = True
    sources = str(Path(openfaith.__file__).parents[1])
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", TELLING, database.url, receiver.url, env={"PYTHONPATH": sources}
    )
    async with asyncio.timeout(60):
        while not receiver.bodies:  # noqa: ASYNC110  # the other process says nothing but this
            await asyncio.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    assert await process.wait() == -signal.SIGKILL
    receiver.hangs = False
    lost = await undelivered(database)
    assert (lost["attempts"], lost["error"], lost["delivered_at"]) == (1, None, None)
    await make_due(database)
    await tell_of_alerts(database, [webhook(receiver)])
    assert len(receiver.keys) == 2
    assert len(set(receiver.keys)) == 1
    assert (await undelivered(database))["delivered_at"] is not None


# Who looks after it


class Broken:
    """A channel with a fault of its own."""

    channel = Channel.WEBHOOK

    def __init__(self) -> None:
        self.asked = asyncio.Event()

    async def send(self, notices: Sequence[Notice]) -> None:
        self.asked.set()
        raise RuntimeError(SECRET)


async def test_no_fault_ends_the_watch(
    database: Database, org: OrgId, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("openfaith.workflows.alerts.LOOK_AGAIN", timedelta(milliseconds=10))
    looks = asyncio.Event()

    async def look(*_: object) -> bool:
        if broken.asked.is_set():
            looks.set()
        raise ValueError(SECRET)

    monkeypatch.setattr("openfaith.workflows.alerts.look_for_alerts", look)
    await find(database, org, "people.Person")
    broken = Broken()
    watching = asyncio.ensure_future(keep_alerting(database, Targets(), [broken]))
    async with asyncio.timeout(30):
        await looks.wait()
    assert not watching.done()
    watching.cancel()
    with suppress(asyncio.CancelledError):
        await watching
    assert SECRET not in caplog.text


# The channels


@pytest.mark.parametrize("status", [301, 400, 404, 500, 503])
async def test_anything_but_success_is_a_failure(receiver: Receiver, status: int) -> None:
    receiver.status = status
    with pytest.raises(DeliveryFailedError, match=f"the receiver answered {status}"):
        await webhook(receiver).send([make_notice()])
    assert len(receiver.bodies) == 1


async def test_a_receiver_that_is_not_there_is_said_without_its_address() -> None:
    async with receiving() as gone:
        url = gone.url
    with pytest.raises(DeliveryFailedError) as caught:
        await WebhookSender(url).send([make_notice()])
    assert caught.value.seen == "the receiver cannot be reached"
    assert caught.value.__suppress_context__


async def test_a_connection_that_breaks_is_a_failure() -> None:
    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(
            DeliveryFailedError, match=r"webhook: the connection failed \(\w+\); it is tried again"
        ):
            await WebhookSender(f"http://127.0.0.1:{port}/{SECRET}").send([make_notice()])


def parsed(mailbox: Mailbox) -> list[Message]:
    return [message_from_bytes(envelope.original_content or b"") for envelope in mailbox.envelopes]


async def test_a_mail_arrives_at_all_recipients(mailbox: Mailbox) -> None:
    await mail(mailbox).send([make_notice(7), make_notice(8)])
    [envelope], [message] = mailbox.envelopes, parsed(mailbox)
    assert (envelope.mail_from, envelope.rcpt_tos) == (
        "openfaith@example.org",
        ["ann@example.org", "bob@example.org"],
    )
    assert message["Subject"] == "openfaith: alerts: 2 opened"
    assert "people.Person was last true long ago" in message.get_payload()


async def test_the_same_mail_has_the_same_id(mailbox: Mailbox) -> None:
    for number in (7, 7, 8):
        await mail(mailbox).send([make_notice(number)])
    first, again, other = (message["Message-ID"] for message in parsed(mailbox))
    assert first == again != other


async def test_a_recipient_that_is_refused_takes_nothing_from_the_others(mailbox: Mailbox) -> None:
    mailbox.refuses = frozenset({"bob@example.org"})
    await mail(mailbox).send([make_notice()])
    assert mailbox.envelopes[0].rcpt_tos == ["ann@example.org"]


async def test_a_server_that_refuses_is_said_by_its_code(mailbox: Mailbox) -> None:
    mailbox.answer = f"451 not now, {SECRET}"
    with pytest.raises(DeliveryFailedError) as caught:
        await mail(mailbox).send([make_notice()])
    assert caught.value.seen == "the mail server answered 451"
    mailbox.refuses = frozenset({"ann@example.org", "bob@example.org"})
    with pytest.raises(DeliveryFailedError, match=r"refuses all recipients \(550\)"):
        await mail(mailbox).send([make_notice()])


async def test_a_wrong_password_is_said_and_not_shown(mailbox: Mailbox) -> None:
    wrong = mail(mailbox, url=f"smtp://ann:{SECRET}@127.0.0.1:{mailbox.port}")
    with pytest.raises(DeliveryFailedError) as caught:
        await wrong.send([make_notice()])
    assert caught.value.seen == "the mail server rejects the user or password (535)"
    assert SECRET not in str(caught.value)


async def test_a_password_is_not_given_to_a_server_that_cannot_encrypt(
    mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("openfaith.delivery.mail._is_loopback", lambda _: False)
    with pytest.raises(DeliveryFailedError, match="the mail server cannot be used"):
        await mail(mailbox).send([make_notice()])
    assert mailbox.envelopes == []


async def test_a_server_that_hangs_is_left(mailbox: Mailbox) -> None:
    mailbox.hangs = True
    with pytest.raises(DeliveryFailedError, match=r"email: no answer within 0\.5 s"):
        await mail(mailbox, timeout_seconds=0.5).send([make_notice()])


async def test_a_server_that_is_not_there_is_said() -> None:
    async with mailing() as gone:
        sender = mail(gone)
    with pytest.raises(DeliveryFailedError, match="the mail server cannot be used"):
        await sender.send([make_notice()])
