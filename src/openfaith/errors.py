"""One tree of errors. It answers *what now?* before *where from?*

SyncError
├── TransientError                 try again
│   ├── RateLimitedError           the source says: not now (429)
│   ├── SourceUnavailableError     5xx, time-outs, dropped connections
│   ├── BrokenResponseError        200 with a body that is not the promised document
│   ├── BreakerOpenError           the source is left alone for a while
│   ├── DatabaseUnavailableError   PostgreSQL cannot be reached, or went away
│   └── DeliveryFailedError        those who shall know of an alert could not be told
├── PermanentError                 stop this entity or command, tell a person
│   ├── ConfigurationError         a setting or argument is wrong
│   ├── DatabaseRefusedError       PostgreSQL answers, but not as needed (version, rights, password)
│   ├── CredentialsRejectedError   the token is wrong, expired or revoked
│   ├── AccessDeniedError          the token is good, but not for this
│   │   └── ProductClosedError     not for anything of this product
│   ├── RequestRejectedError       the source understood, and refuses (400, 409, 422, ...)
│   ├── RecordNotFoundError        404: deleted, merged, hidden, or no such path
│   ├── ManifestError              an adapter's manifest is wrong
│   ├── DependencyCycleError       hard dependencies that form a circle
│   ├── UnknownNameError           an entity, organization or run that does not exist
│   ├── RunConflictError           the request contradicts a run's present state
│   ├── IncludeIgnoredError        the source no longer knows an include that entities ride on
│   ├── ParentsFailedError         below some parents nothing could be read
│   ├── TooManyDeadLettersError    more bad records than chance explains
│   └── InterruptedRunError        the work was stopped on purpose
│       ├── LeaseLostError         another process owns this work now
│       └── RunCancelledError      a person cancelled the run
└── RecordError                    set this one record aside, go on
    └── InvalidRecordError         it cannot be stored

Errors are stored by the durable engine and must survive it: every constructor argument goes, by position,
to ``super().__init__``, and the text is built in ``__str__``. A test pickles and reloads every class.
Texts name the thing, what was seen, what was expected and the next move. They never hold a secret or a
person's data.
"""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum


class SyncError(Exception):
    """Everything that openfaith raises on purpose."""

    requests: int = 0
    """How many requests were spent until it was raised, as far as it is about one. Known where it is raised; not stored."""
    wait: timedelta | None = None
    """How long the source asks to be left alone, where that is longer than one request waits. Not stored, either."""


class TransientError(SyncError):
    """Try this again: nothing is wrong that time does not mend."""


class PermanentError(SyncError):
    """Trying again would fail again: stop, and tell a person."""


class RecordError(SyncError):
    """One record is at fault: set it aside and go on."""


class RateLimitedError(TransientError):
    """The source answered 429."""

    def __init__(self, what: str, retry_after_seconds: float | None = None) -> None:
        """``what`` names the request; ``retry_after_seconds`` is the source's ``Retry-After``, if it sent one."""
        super().__init__(what, retry_after_seconds)
        self.what = what
        self.retry_after_seconds = retry_after_seconds

    def __str__(self) -> str:
        wait = "" if self.retry_after_seconds is None else f" for {self.retry_after_seconds:g} s"
        return f"{self.what}: the source's rate limit is used up{wait}; run the same command again when it allows more"


class SourceUnavailableError(TransientError):
    """The source did not answer, or answered with a failure of its own (5xx)."""

    def __init__(self, what: str, seen: str) -> None:
        """``what`` names the request, ``seen`` what came instead of an answer."""
        super().__init__(what, seen)
        self.what = what
        self.seen = seen

    def __str__(self) -> str:
        return f"{self.what}: the source is unavailable ({self.seen}); check its status page, then run the same command again"


class BrokenResponseError(TransientError):
    """A success status with a body that is not the promised document: cut off, HTML, or of another shape."""

    def __init__(self, what: str, seen: str, expected: str = "a JSON:API document") -> None:
        """``seen`` describes the body without quoting records: they may hold personal data."""
        super().__init__(what, seen, expected)
        self.what = what
        self.seen = seen
        self.expected = expected

    def __str__(self) -> str:
        return f"{self.what}: the source answered {self.seen}, expected {self.expected}; nothing of it was stored"


class BreakerOpenError(TransientError):
    """Nothing is asked of the source for now: it was in trouble, or it rejects the credentials."""

    def __init__(self, reason: str, what: str, seen: str) -> None:
        """``reason`` is a `BreakerReason`; ``what`` names the request that opened the breaker, ``seen`` what came of it."""
        super().__init__(reason, what, seen)
        self.reason = reason
        self.what = what
        self.seen = seen

    def __str__(self) -> str:
        if self.reason == "rejected":
            return f"the source rejects the credentials ({self.seen}), so it is not asked; connect again with `openfaith connect`"
        return (
            f"the source is in trouble ({self.seen}), so it is left alone and asked again from time to time; "
            "what waits for it goes on by itself, what has ended goes on with `openfaith runs retry`"
        )


class DatabaseUnavailableError(TransientError):
    """PostgreSQL cannot be reached, or closed the connection."""

    def __init__(self, where: str, seen: str) -> None:
        """``where`` is the server without its password."""
        super().__init__(where, seen)
        self.where = where
        self.seen = seen

    def __str__(self) -> str:
        return (
            f"PostgreSQL at {self.where} cannot be reached ({self.seen}); start it, or check OPENFAITH_DATABASE_URL: "
            "nothing that was committed is lost"
        )


class DeliveryFailedError(TransientError):
    """A message about alerts has not arrived, as far as anybody knows."""

    def __init__(self, channel: str, seen: str) -> None:
        """``seen`` never quotes an address: many carry a secret."""
        super().__init__(channel, seen)
        self.channel = channel
        self.seen = seen

    def __str__(self) -> str:
        return f"{self.channel}: {self.seen}; it is tried again, and `openfaith alerts list` shows what is not delivered"


class ConfigurationError(PermanentError):
    """A setting or an argument is wrong."""

    def __init__(self, name: str, seen: str, expected: str) -> None:
        """``seen`` is never a secret's value."""
        super().__init__(name, seen, expected)
        self.name = name
        self.seen = seen
        self.expected = expected

    def __str__(self) -> str:
        return f"{self.name}: {self.seen}; expected {self.expected}"


class DatabaseRefusedError(PermanentError):
    """PostgreSQL answers, but does not let openfaith work: too old, wrong password, missing rights."""

    def __init__(self, where: str, seen: str, remedy: str) -> None:
        super().__init__(where, seen, remedy)
        self.where = where
        self.seen = seen
        self.remedy = remedy

    def __str__(self) -> str:
        return f"PostgreSQL at {self.where}: {self.seen}; {self.remedy}"


class CredentialsRejectedError(PermanentError):
    """The source does not accept the token: wrong, expired or revoked."""

    def __init__(self, what: str, seen: str) -> None:
        super().__init__(what, seen)
        self.what = what
        self.seen = seen

    def __str__(self) -> str:
        return f"{self.what}: the source rejected the credentials ({self.seen}); connect again with `openfaith connect`"


class AccessDeniedError(PermanentError):
    """The token is good, but its user may not see this product or resource."""

    def __init__(self, what: str, seen: str) -> None:
        super().__init__(what, seen)
        self.what = what
        self.seen = seen

    def __str__(self) -> str:
        return f"{self.what}: the credentials' user has no access ({self.seen}); grant it at the source, or leave it out"


class ProductClosedError(AccessDeniedError):
    """The token is good, but its user may see nothing of this product, or the product is not paid for."""

    def __init__(self, what: str, seen: str, product: str | None = None) -> None:
        """``product`` is its name, once the whole product counts as closed and not one request."""
        super().__init__(what, seen)
        self.args = (what, seen, product)
        self.product = product

    def __str__(self) -> str:
        return super().__str__() if self.product is None else f"the product {self.product} is not accessible"


class RequestRejectedError(PermanentError):
    """The source understood the request and refuses it (400, 402, 405, 409, 422 and the like)."""

    def __init__(self, what: str, status: int, seen: str) -> None:
        super().__init__(what, status, seen)
        self.what = what
        self.status = status
        self.seen = seen

    def __str__(self) -> str:
        return f"{self.what}: the source refused it with {self.status} ({self.seen})"


class RecordNotFoundError(PermanentError):
    """404: deleted, merged into another, hidden from this user, or no such path."""

    def __init__(self, what: str, seen: str) -> None:
        super().__init__(what, seen)
        self.what = what
        self.seen = seen

    def __str__(self) -> str:
        return f"{self.what}: not found ({self.seen})"


class ManifestError(PermanentError):
    """An adapter's manifest is wrong."""

    def __init__(self, where: str, seen: str, expected: str, more: tuple[str, ...] = ()) -> None:
        """``where`` is the file and the path inside it, as in ``people.json: Person.attributes.name``.

        ``more`` has a line for every further fault that the same reading found.
        """
        super().__init__(where, seen, expected, more)
        self.where = where
        self.seen = seen
        self.expected = expected
        self.more = more

    def __str__(self) -> str:
        return "\n".join((f"{self.where}: {self.seen}; expected {self.expected}", *self.more))


class DependencyCycleError(PermanentError):
    """Hard dependencies form a circle, so nothing on it could ever start."""

    def __init__(self, path: tuple[str, ...]) -> None:
        """``path`` starts and ends with the same entity."""
        super().__init__(path)
        self.path = path

    def __str__(self) -> str:
        return (
            f"hard dependencies form a cycle: {' → '.join(self.path)}; "
            "make one of these edges soft, or overrule it in the adapter with a reason"
        )


class UnknownNameError(PermanentError):
    """Something was asked for by a name that does not exist."""

    def __init__(self, kind: str, name: str, near: tuple[str, ...] = (), hint: str = "") -> None:
        """``kind`` is the noun ("entity", "organization", "run"); ``near`` are names that look alike."""
        super().__init__(kind, name, near, hint)
        self.kind = kind
        self.name = name
        self.near = near
        self.hint = hint

    def __str__(self) -> str:
        text = f"there is no {self.kind} {self.name!r}"
        if self.near:
            text += f"; did you mean {' or '.join(self.near)}?"
        return f"{text} {self.hint}".rstrip() if self.near else f"{text}; {self.hint}".rstrip("; ")


class RunConflictError(PermanentError):
    """A request that contradicts the present state of a run."""

    def __init__(self, run: str, seen: str, remedy: str) -> None:
        super().__init__(run, seen, remedy)
        self.run = run
        self.seen = seen
        self.remedy = remedy

    def __str__(self) -> str:
        return f"run {self.run} {self.seen}; {self.remedy}"


class IncludeIgnoredError(PermanentError):
    """A collection says that it does not know an include. It would ignore it, and what rides would seem to be gone."""

    def __init__(self, entity: str, include: str, rider: str) -> None:
        super().__init__(entity, include, rider)
        self.entity = entity
        self.include = include
        self.rider = rider

    def __str__(self) -> str:
        return (
            f"{self.entity}: the source no longer offers include={self.include}, on which {self.rider} rides; "
            f"sync {self.entity} by itself, and tell us: the manifest has to follow"
        )


class ParentsFailedError(PermanentError):
    """A nested walk is through, but below some parents nothing could be read, not even the second time."""

    def __init__(self, entity: str, parents: int, example: str) -> None:
        super().__init__(entity, parents, example)
        self.entity = entity
        self.parents = parents
        self.example = example

    def __str__(self) -> str:
        counted = "1 parent" if self.parents == 1 else f"{self.parents:,} parents"
        which = "" if self.parents == 1 else "one of them: "
        return (
            f"{self.entity}: below {counted} nothing could be read ({which}{self.example}); retry the run, which "
            f"asks for {'this' if self.parents == 1 else 'these'} only"
        )


class TooManyDeadLettersError(PermanentError):
    """So many records of one entity run cannot be stored that going on would hide a larger fault."""

    def __init__(self, entity: str, dead: int, seen: int) -> None:
        super().__init__(entity, dead, seen)
        self.entity = entity
        self.dead = dead
        self.seen = seen

    def __str__(self) -> str:
        return f"{self.entity}: {self.dead} of {self.seen} records cannot be stored; look at them with `openfaith dead-letters list ORG` before going on"


class InterruptedRunError(PermanentError):
    """The work was stopped on purpose; what was committed stays and can be continued."""


class LeaseLostError(InterruptedRunError):
    """The fencing token is no longer the newest: another process owns this entity run."""

    def __init__(self, entity_run: int, fence: int) -> None:
        super().__init__(entity_run, fence)
        self.entity_run = entity_run
        self.fence = fence

    def __str__(self) -> str:
        return f"entity run {self.entity_run}: token {self.fence} was superseded; another process continues it and nothing was written"


class RunCancelledError(InterruptedRunError):
    """A person cancelled the run; the pages that were committed stay."""

    def __init__(self, run: int) -> None:
        super().__init__(run)
        self.run = run

    def __str__(self) -> str:
        return f"run {self.run} was cancelled; `openfaith runs retry {self.run}` continues it"


class InvalidRecordError(RecordError):
    """One record of a page cannot be stored."""

    def __init__(self, entity: str, reason: str) -> None:
        """``reason`` names the member and its fault, not the value."""
        super().__init__(entity, reason)
        self.entity = entity
        self.reason = reason

    def __str__(self) -> str:
        return f"a record of {self.entity} cannot be stored: {self.reason}"


class Treatment(StrEnum):
    """What becomes of the work that met an error."""

    RETRIED = "tried again"
    PAUSED = "waited for"
    """The entity sleeps, durably, and goes on where it was."""
    STOPPED = "stops the entity"
    NOT_ACCESSIBLE = "not accessible"
    """Reported, and no failure."""
    SET_ASIDE = "set aside"
    """Of one record; the others go on."""
    INTERRUPTED = "interrupted"
    """Stopped on purpose: somebody else, or a later attempt, goes on."""


def treatment_of(error: BaseException) -> Treatment:
    """The treatment of an error by its place in the tree. What is not of the tree is a fault of a program: it stops."""
    if isinstance(error, BreakerOpenError):
        return Treatment.PAUSED
    if isinstance(error, TransientError):
        return Treatment.RETRIED
    if isinstance(error, AccessDeniedError):
        return Treatment.NOT_ACCESSIBLE
    if isinstance(error, RecordError):
        return Treatment.SET_ASIDE
    if isinstance(error, InterruptedRunError):
        return Treatment.INTERRUPTED
    return Treatment.STOPPED
