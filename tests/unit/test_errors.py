"""Every error says in one sentence what, what was seen, what was expected and the next move, and survives storage."""

from __future__ import annotations

import copy
import pickle

import pytest

from openfaith import errors
from openfaith.errors import (
    AccessDeniedError,
    BreakerOpenError,
    BrokenResponseError,
    ConfigurationError,
    CredentialsRejectedError,
    DatabaseRefusedError,
    DatabaseUnavailableError,
    DeliveryFailedError,
    DependencyCycleError,
    IncludeIgnoredError,
    InterruptedRunError,
    InvalidRecordError,
    LeaseLostError,
    ManifestError,
    ParentsFailedError,
    PermanentError,
    ProductClosedError,
    RateLimitedError,
    RecordError,
    RecordNotFoundError,
    RequestRejectedError,
    RunCancelledError,
    RunConflictError,
    SourceUnavailableError,
    SyncError,
    TooManyDeadLettersError,
    TransientError,
    UnknownNameError,
)
from openfaith.workflows.serialization import ForeignError, JsonSerializer

EXAMPLES: list[tuple[SyncError, str]] = [
    (
        RateLimitedError("GET /people", 7.5),
        "GET /people: the source's rate limit is used up for 7.5 s; run the same command again when it allows more",
    ),
    (
        RateLimitedError("GET /people"),
        "GET /people: the source's rate limit is used up; run the same command again when it allows more",
    ),
    (
        SourceUnavailableError("GET /people", "503"),
        "GET /people: the source is unavailable (503); check its status page, then run the same command again",
    ),
    (
        BrokenResponseError("GET /people", "HTML"),
        "GET /people: the source answered HTML, expected a JSON:API document; nothing of it was stored",
    ),
    (
        DatabaseUnavailableError("db:5432/church", "connection refused"),
        "PostgreSQL at db:5432/church cannot be reached (connection refused); start it, or check OPENFAITH_DATABASE_URL: nothing that was committed is lost",
    ),
    (
        BreakerOpenError("outage", "GET /people", "status 503"),
        "the source is in trouble (status 503), so it is left alone and asked again from time to time; what waits for it goes on by itself, what has ended goes on with `openfaith runs retry`",
    ),
    (
        BreakerOpenError("rejected", "GET /people", "401"),
        "the source rejects the credentials (401), so it is not asked; connect again with `openfaith connect`",
    ),
    (
        DeliveryFailedError("webhook", "the receiver answered 500"),
        "webhook: the receiver answered 500; it is tried again, and `openfaith alerts list` shows what is not delivered",
    ),
    (
        ConfigurationError("OPENFAITH_HOME", "it is a file", "a directory"),
        "OPENFAITH_HOME: it is a file; expected a directory",
    ),
    (
        DatabaseRefusedError("db:5432/church", "it is version 12", "upgrade it"),
        "PostgreSQL at db:5432/church: it is version 12; upgrade it",
    ),
    (
        CredentialsRejectedError("GET /people", "401"),
        "GET /people: the source rejected the credentials (401); connect again with `openfaith connect`",
    ),
    (
        AccessDeniedError("GET /giving", "403"),
        "GET /giving: the credentials' user has no access (403); grant it at the source, or leave it out",
    ),
    (
        ProductClosedError("GET /giving", "402"),
        "GET /giving: the credentials' user has no access (402); grant it at the source, or leave it out",
    ),
    (ProductClosedError("GET /giving", "402", "giving"), "the product giving is not accessible"),
    (
        RequestRejectedError("GET /people", 422, "bad order"),
        "GET /people: the source refused it with 422 (bad order)",
    ),
    (RecordNotFoundError("GET /people/1", "404"), "GET /people/1: not found (404)"),
    (
        ManifestError("people.json: Person", "no path", "one", ("people.json: Email: no type; expected one",)),
        "people.json: Person: no path; expected one\npeople.json: Email: no type; expected one",
    ),
    (
        DependencyCycleError(("A", "B", "A")),
        "hard dependencies form a cycle: A → B → A; make one of these edges soft, or overrule it in the adapter with a reason",
    ),
    (
        UnknownNameError("entity", "Persn", ("people.Person",), "`openfaith entities` lists them"),
        "there is no entity 'Persn'; did you mean people.Person? `openfaith entities` lists them",
    ),
    (UnknownNameError("run", "7", (), "see `openfaith runs list`"), "there is no run '7'; see `openfaith runs list`"),
    (UnknownNameError("entity", "x", ("A", "B")), "there is no entity 'x'; did you mean A or B?"),
    (UnknownNameError("entity", "x"), "there is no entity 'x'"),
    (RunConflictError("7", "is over", "start a new one"), "run 7 is over; start a new one"),
    (
        IncludeIgnoredError("people.Person", "emails", "people.Email"),
        "people.Person: the source no longer offers include=emails, on which people.Email rides; sync people.Person by itself, and tell us: the manifest has to follow",
    ),
    (
        ParentsFailedError("groups.Enrollment", 1, "503"),
        "groups.Enrollment: below 1 parent nothing could be read (503); retry the run, which asks for this only",
    ),
    (
        ParentsFailedError("groups.Enrollment", 2, "503"),
        "groups.Enrollment: below 2 parents nothing could be read (one of them: 503); retry the run, which asks for these only",
    ),
    (
        TooManyDeadLettersError("people.Person", 40, 200),
        "people.Person: 40 of 200 records cannot be stored; look at them with `openfaith dead-letters list ORG` before going on",
    ),
    (
        LeaseLostError(5, 3),
        "entity run 5: token 3 was superseded; another process continues it and nothing was written",
    ),
    (RunCancelledError(7), "run 7 was cancelled; `openfaith runs retry 7` continues it"),
    (InvalidRecordError("people.Person", "it has no id"), "a record of people.Person cannot be stored: it has no id"),
]  # fmt: skip

ABSTRACT = {SyncError, TransientError, PermanentError, RecordError, InterruptedRunError}
ALL = {
    member for member in vars(errors).values() if isinstance(member, type) and issubclass(member, SyncError)
}


def test_every_error_has_an_example_here() -> None:
    assert {type(error) for error, _ in EXAMPLES} == ALL - ABSTRACT


@pytest.mark.parametrize(("error", "text"), EXAMPLES)
def test_an_error_says_what_and_what_next(error: SyncError, text: str) -> None:
    assert str(error) == text


@pytest.mark.parametrize("error", [error for error, _ in EXAMPLES])
def test_an_error_is_one_sentence(error: SyncError) -> None:
    for line in str(error).splitlines():
        assert line == line.strip()
        assert not line.endswith((".", ";", ","))
        assert not any(doubled in line for doubled in ("  ", ". ", ";;", "; ;", "None", "()"))


@pytest.mark.parametrize("error", [error for error, _ in EXAMPLES])
def test_an_error_survives_storage(error: SyncError) -> None:
    serializer = JsonSerializer()
    for stored in (
        pickle.loads(pickle.dumps(error)),
        copy.copy(error),
        serializer.deserialize(serializer.serialize(error)),
    ):
        assert type(stored) is type(error)
        assert stored.args == error.args
        assert vars(stored) == vars(error)
        assert str(stored) == str(error)


def test_every_error_answers_what_now() -> None:
    """Try again, stop, or set the record aside: one of the three, and never two."""
    for kind in ALL - {SyncError}:
        assert sum(issubclass(kind, answer) for answer in (TransientError, PermanentError, RecordError)) == 1


def test_the_tree_at_the_top_of_the_file_is_the_tree() -> None:
    drawn = [
        line for line in (errors.__doc__ or "").splitlines() if line.startswith(("├", "│", "└", "  ", "S"))
    ]
    order = [word for line in drawn for word in line.split() if word.endswith("Error")]
    assert set(order) == {kind.__name__ for kind in ALL}
    assert len(order) == len(set(order))
    depth = {kind.__name__: len(kind.__mro__) for kind in ALL}
    for line in drawn:
        name = next((word for word in line.split() if word.endswith("Error")), None)
        if name is not None:
            assert line.index(name) == (depth[name] - depth["SyncError"]) * 4


def test_a_foreign_error_survives_storage_too() -> None:
    serializer = JsonSerializer()
    error = ForeignError("KeyError", "'name'")
    stored = serializer.deserialize(serializer.serialize(error))
    assert (type(stored), stored.args, str(stored)) == (
        ForeignError,
        ("KeyError", "'name'"),
        "KeyError: 'name'",
    )
