"""Facts and alerts, made up; and receivers that are really told of them, on this machine."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import web
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from openfaith.alerting import (
    Alert,
    AlertId,
    AlertState,
    BreakerFacts,
    EntityFacts,
    Facts,
    Notice,
    Occasion,
    RunFacts,
)
from openfaith.records import EntityName, OrgId, RunId

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
PERSON = EntityName("people.Person")
PASSWORD = "s3cret/word"  # as it may be in the wild: it must be quoted in a URL


def make_facts(**changed: Any) -> EntityFacts:
    """An entity with which nothing is wrong at `NOON`, unless told otherwise."""
    defaults: dict[str, Any] = {
        "org_id": OrgId("grace"),
        "adapter": "pco",
        "entity": PERSON,
        "watermark": NOON - timedelta(hours=1),
        "is_synced": True,
        "is_accessible": True,
        "connected_at": NOON - timedelta(days=100),
        "proven_at": NOON - timedelta(days=1),
        "is_doubted": False,
        "sampled": 100,
        "sampled_different": 0,
        "held": 0,
        "dead_letters": 0,
    }
    return EntityFacts(**(defaults | changed))


def make_run_facts(*entities: str, **changed: Any) -> RunFacts:
    """The last full run, in which these have failed and others completed."""
    defaults: dict[str, Any] = {
        "org_id": OrgId("grace"),
        "adapter": "pco",
        "kind": "full",
        "run_id": RunId(7),
        "is_partial": True,
        "entities": tuple(EntityName(name) for name in entities),
    }
    return RunFacts(**(defaults | changed))


def make_breaker_facts(*, minutes: float = 0, is_rejected: bool = True) -> BreakerFacts:
    """A source that was left alone so many minutes before `NOON`."""
    return BreakerFacts(
        org_id=OrgId("grace"),
        adapter="pco",
        is_rejected=is_rejected,
        opened_at=NOON - timedelta(minutes=minutes),
        seen="status 503",
    )


def at_noon(*known: EntityFacts | RunFacts | BreakerFacts) -> Facts:
    return Facts(
        at=NOON,
        entities=[each for each in known if isinstance(each, EntityFacts)],
        runs=[each for each in known if isinstance(each, RunFacts)],
        breakers=[each for each in known if isinstance(each, BreakerFacts)],
    )


def make_alert(number: int = 7, **changed: Any) -> Alert:
    """One that was opened at `NOON`."""
    defaults: dict[str, Any] = {
        "alert_id": AlertId(number),
        "rule": "stale",
        "org_id": OrgId("grace"),
        "adapter": "pco",
        "entity": PERSON,
        "aspect": None,
        "severity": "error",
        "message": "people.Person was last true long ago",
        "state": AlertState.OPEN,
        "opened_at": NOON,
        "last_seen_at": NOON,
        "times_seen": 1,
        "acknowledged_at": None,
        "acknowledged_by": None,
        "resolved_at": None,
    }
    return Alert(**(defaults | changed))


def make_notice(number: int = 7, *, occasion: Occasion = Occasion.OPENED, **changed: Any) -> Notice:
    return Notice(alert=make_alert(number, **changed), occasion=occasion, attempt=1)


@dataclass
class Receiver:
    """Whoever a webhook is posted to. Answers as it is told."""

    url: str = ""
    status: int = 200
    hangs: bool = False
    bodies: list[Any] = field(default_factory=list)
    """What it was sent, whatever it answered."""
    over: asyncio.Event = field(default_factory=asyncio.Event)
    """Set at the end: nobody hangs any longer."""

    @property
    def keys(self) -> list[str]:
        """Of everything that it was sent, in order."""
        return [alert["key"] for body in self.bodies for alert in body["alerts"]]

    async def _answer(self, request: web.Request) -> web.Response:
        self.bodies.append(await request.json())
        if self.hangs:
            await self.over.wait()
        return web.Response(status=self.status, headers={"Location": "/elsewhere"})


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    application = web.Application()
    application.router.add_post("/{path:.*}", receiver._answer)
    runner = web.AppRunner(application, shutdown_timeout=0)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        receiver.url = f"http://127.0.0.1:{port}/hooks/s3cret"
        yield receiver
    finally:
        receiver.over.set()
        await runner.cleanup()


@dataclass
class Mailbox:
    """A mail server that keeps what it takes. Answers as it is told."""

    port: int = 0
    refuses: frozenset[str] = frozenset()
    """Recipients."""
    answer: str = "250 OK"
    hangs: bool = False
    envelopes: list[Envelope] = field(default_factory=list)
    over: asyncio.Event = field(default_factory=asyncio.Event)
    """Set at the end: nobody hangs any longer."""

    @property
    def url(self) -> str:
        return f"smtp://ann:{PASSWORD.replace('/', '%2F')}@127.0.0.1:{self.port}"

    async def handle_RCPT(  # noqa: N802  # the library's word
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if address in self.refuses:
            return "550 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802  # likewise
        if self.hangs:
            await self.over.wait()
        if self.answer.startswith("250"):
            self.envelopes.append(envelope)
        return self.answer


def _check(_server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, data: Any) -> AuthResult:
    assert isinstance(data, LoginPassword)
    known = (data.login, data.password) == (b"ann", PASSWORD.encode())
    return AuthResult(success=known, handled=False)


@asynccontextmanager
async def mailing() -> AsyncIterator[Mailbox]:
    mailbox, sessions = Mailbox(), list[SMTP]()
    loop = asyncio.get_running_loop()

    def answer() -> SMTP:
        session = SMTP(mailbox, authenticator=_check, auth_require_tls=False, loop=loop, hostname="mail")
        sessions.append(session)
        return session

    server = await loop.create_server(answer, "127.0.0.1", 0)
    mailbox.port = server.sockets[0].getsockname()[1]
    try:
        yield mailbox
    finally:
        mailbox.over.set()
        server.close()
        for session in sessions:
            if session.transport is not None:
                session.transport.close()
        await asyncio.sleep(0)
