"""What operators and developers give: addresses, tokens, keys, settings, names, command lines."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from base64 import b64decode
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from email.policy import SMTPUTF8
from functools import cache
from random import Random
from typing import Any
from unittest import mock

import psycopg
import typer

from fuzzing.mutating import some_text, varied_text
from fuzzing.target import MARK, Target, clear
from openfaith.adapters import find_adapter
from openfaith.adapters.planning_center import load_planning_center
from openfaith.alerting import Targets
from openfaith.cli.application import application
from openfaith.cli.commands.connect import read_token
from openfaith.cli.failures import describe, wants_json
from openfaith.delivery import MailSender, parse_senders
from openfaith.engine.alerts import alert_senders, alert_targets
from openfaith.engine.requests import check_org_id, known_strategy, resolve_entities
from openfaith.errors import ConfigurationError, SyncError, UnknownNameError
from openfaith.manifest import resolve_entity, resolve_product
from openfaith.records import OrgId
from openfaith.settings import load_settings
from openfaith.simulator.arguments import from_arguments
from openfaith.simulator.query import parse_parameters, read_query
from openfaith.source.addresses import parse_base_url
from openfaith.source.auth import PersonalAccessToken, parse_token
from openfaith.source.exchanges import Request
from openfaith.source.transport import Transport
from openfaith.store.connection import check_url, options
from openfaith.store.credentials import parse_keys, seal, unseal
from openfaith.store.faults import server_name, translate

PCO = load_planning_center()


PERSON = PCO.entities[resolve_entity(PCO, "Person")]
ORG = OrgId("grace")
NAMED = Request.read("/people/v2/people", {"offset": "0"}, "2025-11-10")


def texts(*seeds: str) -> Callable[[Random, Sequence[str]], str]:
    """Makes texts that look like these."""

    def make(chance: Random, kept: Sequence[str]) -> str:
        lot = chance.random()
        if lot < 0.02:
            return some_text(chance)
        seed = chance.choice(kept) if kept and lot < 0.3 else seeds[int(chance.random() * len(seeds))]
        return seed if lot > 0.97 else varied_text(chance, seed)

    return make


# Addresses


def check_base_url(text: str) -> Hashable:
    """What is accepted is an address that requests can be sent to, in secret or not over a network at all."""
    try:
        url = parse_base_url(text)
    except ConfigurationError as error:
        return clear(error, size=len(text)), error.seen[:20]
    assert (
        url.scheme == "https"
        or url.host in {"localhost", "127.0.0.1", "::1"}
        or (url.host or "").startswith("127.")
    ), url
    assert not any((url.user, url.password, url.query_string, url.fragment))
    transport = Transport(
        base_url=url, authorization="", user_agent="", request_timeout=timedelta(), monotonic=lambda: 0.0
    )
    asked = transport._address(NAMED)
    assert asked.host == url.host
    assert asked.path.endswith(NAMED.path)
    assert str(asked).isascii()
    assert str(asked).isprintable()
    assert str(parse_base_url(str(url))) == str(url)
    assert all(0 < len(part) < 64 for part in (url.raw_host or "").rstrip(".").split("."))
    return url.scheme, url.port, bool(url.path)


def check_database_url(text: str) -> Hashable:
    """A password is told nowhere, also that of a URL that nobody can read."""
    try:
        check_url(text)
    except ConfigurationError as error:
        return clear(error), error.seen[:20]
    name = server_name(text)
    if text.count(MARK) == 1 and "@" in text.partition(MARK)[2]:
        assert MARK not in name, name
    assert options(text, {"TimeZone": "UTC"}).endswith("-c TimeZone=UTC")
    unreachable = translate(text, psycopg.OperationalError("connection is bad: no answer\nmore"))
    return type(unreachable).__name__, len(name) > 20


# Secrets


def check_token(text: str) -> Hashable:
    """A token becomes one header that HTTP can carry, or is refused without being quoted."""
    try:
        token = parse_token(text)
    except ConfigurationError as error:
        return clear(error), error.seen[:20]
    header = token.authorization
    assert header.isascii()
    assert header.isprintable()
    assert token.__class__.__name__ in repr(token)
    assert MARK not in repr(token).partition("app_id=")[0]
    assert "secret" not in repr(token)
    if isinstance(token, PersonalAccessToken):
        assert b64decode(header.removeprefix("Basic ")).decode() == text.strip()
    return type(token).__name__


def check_token_from_input(text: str) -> Hashable:
    """The same, read from standard input: the surrogates are what Python makes of bytes that are no text."""
    with mock.patch.object(sys, "stdin", io.StringIO(text)):
        try:
            return check_token(read_token(None, secret_stdin=False, token_stdin=True))
        except ConfigurationError as error:
            return clear(error), error.seen[:20]


def check_keys(text: str) -> Hashable:
    """Keys that were accepted open what they sealed; nothing that was changed opens."""
    try:
        keys = parse_keys(text)
    except ConfigurationError as error:
        return clear(error), error.seen[:30]
    key_id, sealed = seal(keys, ORG, "pco", MARK)
    assert unseal(keys, key_id, ORG, "pco", sealed) == MARK
    for other in (sealed[:-1], sealed[1:], sealed + b"\0", b"", sealed[:11]):
        try:
            unseal(keys, key_id, ORG, "pco", other)
        except ConfigurationError as error:
            clear(error)
        else:
            raise AssertionError("what was changed opens")
    return len(keys)


# Settings


@dataclass(frozen=True, slots=True)
class Environment:
    """Variables, as a process can be given them."""

    variables: Mapping[str, str]

    def __len__(self) -> int:
        return sum(map(len, self.variables.values()))


_VARIABLES: Mapping[str, Sequence[str]] = {
    "OPENFAITH_DATABASE_URL": (f"postgresql://u:{MARK}@h:5432/d",),
    "OPENFAITH_HOME": ("~/.openfaith", "/tmp/home", "~nobody-of-that-name/x", "relative"),
    "OPENFAITH_SECRET_KEYS": (f"k1:{MARK}",),
    "OPENFAITH_LOG_LEVEL": ("debug", "warning", "WARNING"),
    "OPENFAITH_LOG_FORMAT": ("json", "console"),
    "OPENFAITH_ENTITIES_IN_FLIGHT": ("8", "33", "1e1"),
    "OPENFAITH_WORKER_CONCURRENCY": ("16",),
    "OPENFAITH_LEASE_SECONDS": ("30", "2.5", "nan", "inf"),
    "OPENFAITH_ALERT_WEBHOOK_URL": (f"https://hooks.example.org/{MARK}",),
    "OPENFAITH_ALERT_SMTP_URL": (f"smtps://user:{MARK}@mail.example.org:465", "smtp://localhost:25"),
    "OPENFAITH_ALERT_EMAIL_FROM": ("openfaith@example.org",),
    "OPENFAITH_ALERT_EMAIL_TO": ("ann@example.org, bob@example.org",),
    "OPENFAITH_ALERT_FRESH_HOURS": ("26", "1e400", "-0", "0.1"),
    "OPENFAITH_ALERT_PROVEN_HOURS": ("192",),
    "OPENFAITH_ALERT_DEAD_LETTERS": ("10", "1_0", "0"),
}


def environment(chance: Random, kept: Sequence[Environment]) -> Environment:
    found = dict(chance.choice(kept).variables) if kept and chance.random() < 0.2 else {}
    for name in chance.sample([*_VARIABLES], k=1 + int(chance.random() * 4)):
        value = chance.choice(_VARIABLES[name])
        found[name] = varied_text(chance, value, 1) if chance.random() < 0.6 else value
    # The system passes bytes on, without NUL; those that are no UTF-8 Python shows as halves of surrogate pairs.
    return Environment(
        {
            name: os.fsdecode(value.encode("utf-8", "surrogatepass").replace(b"\0", b""))
            for name, value in found.items()
        }
    )


def check_environment(made: Environment) -> Hashable:
    """Settings are read, or the first one that cannot be used is named, without its value."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("OPENFAITH_")}
    with mock.patch.dict(os.environ, {**kept, **made.variables}, clear=True):
        try:
            settings = load_settings()
            targets = alert_targets(settings)
            senders = alert_senders(settings)
            if settings.database_url is not None:
                check_url(settings.database_url.get_secret_value())
            if settings.secret_keys is not None:
                parse_keys(settings.secret_keys.get_secret_value())
        except ConfigurationError as error:
            return clear(error), _VARIABLES[error.name][:1], error.expected[:20]
    assert settings.home.is_absolute()
    assert MARK not in repr(settings)
    assert isinstance(targets, Targets)
    return len(senders), timedelta() < targets.fresh_within


def check_mail(text: str) -> Hashable:
    """What is accepted as whom a message is from, and goes to, can stand in a message."""
    try:
        [sender] = parse_senders(webhook_url=None, smtp_url="smtp://localhost", mail_from=text, mail_to=text)
    except ConfigurationError as error:
        return clear(error)
    assert isinstance(sender, MailSender)
    whole = sender._message(()).as_bytes(policy=SMTPUTF8)  # as it goes to a server that takes any address
    assert whole.startswith(b"From:")
    return len(whole) > 300


def check_channels(text: str) -> Hashable:
    """The addresses of a webhook and of a mail server."""
    came: list[Hashable] = []
    for given in ({"webhook_url": text, "smtp_url": None}, {"webhook_url": None, "smtp_url": text}):
        mail = None if given["smtp_url"] is None else "a@example.org"
        try:
            [sender] = parse_senders(**given, mail_from=mail, mail_to=mail)
        except ConfigurationError as error:
            came.append((clear(error), error.seen[:20]))
        else:
            came.append(sender.channel)
            assert MARK not in repr(sender)
    return tuple(came)


# Names


def check_name(text: str) -> Hashable:
    """The name of an entity, a product, an organization, a strategy, an adapter: known, or one clear error."""
    came: list[Hashable] = []
    questions: tuple[Callable[[], bool], ...] = (
        lambda: resolve_entity(PCO, text) in PCO.entities,
        lambda: resolve_product(PCO, text) in PCO.products,
        lambda: len(text) % 40 != 0 or len(resolve_entities(PCO, [text], None) or ()) == 1,  # makes a plan
        lambda: check_org_id(text) == text,
        lambda: known_strategy(text) == text,
        lambda: find_adapter(text).name == text,
    )
    for holds in questions:
        try:
            assert holds()
            came.append(True)
        except (UnknownNameError, ConfigurationError) as error:
            clear_of_name(error, len(text))
            came.append(
                error.near if isinstance(error, UnknownNameError) else error.seen[:10] if MARK in text else ""
            )
    return tuple(came)


def clear_of_name(error: SyncError, size: int) -> None:
    text = str(error)
    assert text.isprintable(), ascii(text)
    assert len(text) < 500 + 12 * size


# Command lines


_COMMAND_LINES = (
    ("sync", "grace", "--entity", "Person", "--product", "giving", "--type", "delta", "--strategy", "parallel", "--dry-run", "--json"),
    ("connect", "pco", "--org", "grace", "--app-id", "abc", "--secret-stdin", "--base-url", "http://127.0.0.1:1", "--no-verify"),
    ("dead-letters", "retry", "grace", "1", "2", "--entity", "Person", "--reason", "value", "--json"),
    ("dead-letters", "show", "grace", "7"),
    ("dead-letters", "list", "grace", "--all"),
    ("suspects", "approve", "grace", "1", "--entity", "Person"),
    ("suspects", "policy", "grace", "soft", "--entity", "Person"),
    ("runs", "list", "grace", "--limit", "5"),
    ("runs", "watch", "12"),
    ("alerts", "ack", "3"),
    ("simulate", "--people", "50", "--seed", "3", "--port", "0", "--faults", "error=500:0.02"),
    ("demo", "--people", "10"),
    ("plan", "grace", "--product", "people", "--json"),
    ("entities", "Person", "--json"),
    ("graph", "--format", "json"),
    ("status", "grace", "--watch"),
    ("database", "url"),
    ("--version",),
    ("--help",),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Words:
    """A command line, without the program."""

    words: tuple[str, ...]

    def __len__(self) -> int:
        return sum(map(len, self.words))


def command_line(chance: Random, kept: Sequence[Words]) -> Words:
    words = [
        *(chance.choice(kept).words if kept and chance.random() < 0.2 else chance.choice(_COMMAND_LINES))
    ]
    for _ in range(1 + int(chance.random() * 3)):
        at = int(chance.random() * len(words))
        lot = int(chance.random() * 5)
        if lot == 0:
            words[at : at + 1] = []
        elif lot == 1:
            words.insert(at, chance.choice((*chance.choice(_COMMAND_LINES), "--", "-", "-1", "--=", "-x")))
        elif lot == 2:
            words.append(words[at])
        elif len(words) > at:
            words[at] = varied_text(chance, words[at], 1)
        words = words or [""]
    return Words(tuple(words))


@cache
def _command() -> Any:
    return typer.main.get_command(application)


def check_command_line(made: Words) -> Hashable:
    """Every command line is understood or is wrong usage, and says so in words that can be printed. Nothing is done."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        try:
            return _understood(_command(), "openfaith", [*made.words])
        except typer.Exit as end:
            return "shown", end.exit_code
        except Exception as error:
            failure = describe(error)
            if failure.kind != "UsageError":
                raise
            assert failure.exit_code == 2
            assert wants_json(made.words) in {True, False}
            failure.message.encode("utf-8", "replace")
            return failure.message[:25]


def _understood(command: Any, name: str, words: list[str], parent: Any = None) -> str:
    context = command.make_context(name, words, parent=parent)
    rest = [*getattr(context, "_protected_args", ()), *context.args]
    if not rest or not hasattr(command, "resolve_command"):
        return name
    name, inner, rest = command.resolve_command(context, rest)
    return _understood(inner, name, rest, context)


# The simulator, which answers developers' programs


def check_query(text: str) -> Hashable:
    """A query string of any kind means something, or nothing: the API ignores what it does not know."""
    assert PERSON.collection is not None
    query = read_query(parse_parameters(text), PERSON, PERSON.collection)
    assert 0 <= query.page_size <= 100
    assert query.offset >= 0
    return len(query.where), len(query.order), len(query.includes), query.page_size == 25, query.offset == 0


def check_simulator_arguments(made: Words) -> Hashable:
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        try:
            simulated, _ = from_arguments(made.words)
        except ConfigurationError as error:
            return error.name
        except SystemExit as end:
            return end.code
    return simulated.people, len(simulated.tokens)


_SIMULATOR = (
    ("--people=50", "--seed=3", "--rate-limit=20", "--rate-window=fixed", "--products=people,giving"),
    ("--token=a:b", f"--refused-token=CAPUCHIN={MARK}", "--deep-offset-share=0.5", "--included-when-empty=false"),
    ("--host", "127.0.0.1", "--port", "0", "--latency-seconds=0.1", "--faults=error=500:0.02"),
)  # fmt: skip


def simulator_arguments(chance: Random, kept: Sequence[Words]) -> Words:
    del kept
    words = [varied_text(chance, w, 1) if chance.random() < 0.4 else w for w in chance.choice(_SIMULATOR)]
    return Words(tuple(words))


TARGETS: tuple[Target[Any], ...] = (
    Target(
        name="base-url",
        weight=4,
        make=texts(
            "https://api.planningcenteronline.com",
            "https://example.org:8443/planning/",
            "http://127.0.0.1:8080",
            "http://[::1]:80/a/b",
            f"https://user:{MARK}@example.org",
            f"https://example.org/?token={MARK}",
        ),
        check=check_base_url,
    ),
    Target(
        name="database-url",
        weight=4,
        make=texts(
            f"postgresql://user:{MARK}@db.example.org:5432/church",
            f"postgresql://user:{MARK}@/church?host=/var/run&port=5432",
            f"postgres://user:{MARK}@one:5432,two:5433/church?sslmode=require&options=-c%20x%3D1",
        ),
        check=check_database_url,
    ),
    Target(name="token", weight=4, make=texts(f"app:{MARK}", MARK, f" app:{MARK}\n"), check=check_token),
    Target(
        name="token-input", weight=2, make=texts(f"app:{MARK}\n", f"{MARK}\n"), check=check_token_from_input
    ),
    Target(
        name="keys",
        weight=3,
        make=texts(f"k1:{'A' * 43}=", f"k2:{'B' * 43}=,k1:{'A' * 43}=", f"k1:{MARK}", f"{MARK}{'/' * 33}A="),
        check=check_keys,
    ),
    Target(name="environment", weight=1, make=environment, steps=60_000, check=check_environment),
    Target(
        name="mail",
        weight=2,
        make=texts(
            "ann@example.org", "ann@example.org,bob@example.org", '"Ann B"@example.org', "a@[127.0.0.1]"
        ),
        check=check_mail,
    ),
    Target(
        name="channels",
        weight=2,
        make=texts(
            f"https://hooks.example.org/{MARK}",
            f"smtps://user:{MARK}@mail.example.org:465",
            "smtp://localhost",
            "http://[::1]:8000/",
        ),
        check=check_channels,
    ),
    Target(
        name="name",
        weight=1,
        make=texts(
            "people.Person", "phone_number", "pco.people_email", "check-ins", "grace", "hybrid", "pco"
        ),
        steps=800_000,
        check=check_name,
    ),
    Target(name="command-line", weight=1, make=command_line, steps=300_000, check=check_command_line),
    Target(
        name="query",
        weight=3,
        make=texts(
            "where[updated_at][gte]=2020-01-01T00:00:00Z&order=-updated_at&per_page=100&offset=25",
            "where[id]=1,2,3&include=emails,phone_numbers&fields[Person]=name",
            "where[name]=%25ann%25&where[child]=true&order=last_name,first_name",
            "where[created_at]=2020-01-01&where[birthdate][lt]=2000-02-30&where[search_name]=ann",
        ),
        steps=60_000,
        check=check_query,
    ),
    Target(
        name="simulator-arguments",
        weight=1,
        make=simulator_arguments,
        steps=300_000,
        check=check_simulator_arguments,
    ),
)
