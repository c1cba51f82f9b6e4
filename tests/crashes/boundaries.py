"""The places where a process leaves a trace outside of itself: before and after each, it can be killed.

A request is sent, and its answer has come; a transaction is committed, and PostgreSQL has said so. Ours and the durable
engine's, since both speak to PostgreSQL by psycopg. A transaction that wrote nothing has nothing to commit: killed before
or after it, a process leaves the same behind.

Which of them comes when is for the threads of the process to say, and how often its looks for work find nothing. So a
place is not known by its number but by what is done there, and by how often that was done before.
"""

from __future__ import annotations

import hashlib
import os
import re
import signal
import threading
from collections import Counter
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import urlencode
from weakref import WeakKeyDictionary

from psycopg import sql
from psycopg._connection_base import BaseConnection
from psycopg._cursor_base import BaseCursor
from psycopg.pq import TransactionStatus

from openfaith.source.exchanges import Exchange, Request
from openfaith.source.transport import Transport

Steps = Generator[Any, Any, Any]
"""What psycopg's generators are: they say what they wait for."""

_WROTE = b"SELECT pg_current_xact_id_if_assigned() IS NOT NULL"
_COMMENT = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)
_WRITES = re.compile(
    r"\b(insert|update|delete|merge|truncate|create|alter|drop|comment|grant|refresh|call)\b", re.IGNORECASE
)
_ID = re.compile(r"/\d+(?=/|$)")
_BEGINS_TO_WRITE = re.compile(r"insert|update|delete|with", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Point:
    """One place of a run where its process can be killed."""

    what: str
    """As in `before GET /people/v2/people?offset=0`."""
    occurrence: int = 1
    """Of what is the same, from 1."""

    def __str__(self) -> str:
        return self.what if self.occurrence == 1 else f"{self.what}, time {self.occurrence}"


def points_of(passed: Sequence[str]) -> list[Point]:
    """The points of a run that passed these places, in its order."""
    counts: Counter[str] = Counter()
    points = []
    for what in passed:
        counts[what] += 1
        points.append(Point(what=what, occurrence=counts[what]))
    return points


class Boundaries:
    """The places that this process has passed. At one of them it kills itself, if it is told to."""

    def __init__(self, *, end: Point | int | None = None) -> None:
        """Where it ends: at this point, or at the place of this number, whatever is done there."""
        self._end = end
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()
        self.passed: list[str] = []

    def cross(self, what: str) -> None:
        with self._lock:
            self.passed.append(what)
            self._counts[what] += 1
            here = Point(what=what, occurrence=self._counts[what])
            if self._end == here or self._end == len(self.passed):
                os.kill(os.getpid(), signal.SIGKILL)

    def watch(self) -> None:
        """From now on every request and every commit of this process is a boundary."""
        _watch_requests(self)
        _Statements.watch(self)


def _watch_requests(boundaries: Boundaries) -> None:
    send = Transport.send

    async def watched(self: Transport, request: Request) -> Exchange:
        what = _asked(request)
        boundaries.cross(f"before {what}")
        exchange = await send(self, request)
        boundaries.cross(f"after {what}")
        return exchange

    Transport.send = watched  # type: ignore[method-assign]  # on purpose


def _asked(request: Request) -> str:
    """Without ids: which records are drawn for a sample is chance."""
    params = [(name, "" if name == "where[id]" else value) for name, value in request.params]
    query = urlencode(params, safe="[],:")
    return f"{request.method} {_ID.sub('/{id}', request.path)}{'?' if query else ''}{query}"


class _Statements:
    """The statements of every connection's transaction under way: what a commit is called by."""

    _texts: ClassVar[WeakKeyDictionary[Any, list[str]]] = WeakKeyDictionary()

    @classmethod
    def watch(cls, boundaries: Boundaries) -> None:
        command, execute = BaseConnection._exec_command, BaseCursor._execute_gen

        def commanded(self: Any, text: Any, *arguments: Any, **options: Any) -> Steps:
            ends = text in (b"COMMIT", b"ROLLBACK")
            statements = cls._texts.pop(self, []) if ends else []
            if text != b"COMMIT":
                return (yield from command(self, text, *arguments, **options))
            # Asked of the server itself, in the transaction that is about to be committed.
            intact = self.pgconn.transaction_status == TransactionStatus.INTRANS
            answer = (yield from command(self, _WROTE)) if intact else None
            wrote = answer is not None and answer.get_value(0, 0) == b"t"
            if wrote:
                boundaries.cross(f"before COMMIT {_name(statements)}")
            result = yield from command(self, text, *arguments, **options)
            if wrote:
                boundaries.cross(f"after COMMIT {_name(statements)}")
            return result

        def executed(self: Any, query: Any, *arguments: Any, **options: Any) -> Steps:
            text = _plain(query, self._conn)
            alone = self._conn.autocommit and self._conn.pgconn.transaction_status == TransactionStatus.IDLE
            commits = alone and _WRITES.search(text) is not None
            if not alone:
                cls._texts.setdefault(self._conn, []).append(text)
            if commits:
                boundaries.cross(f"before {_name([text])}")
            yield from execute(self, query, *arguments, **options)
            if commits:
                boundaries.cross(f"after {_name([text])}")

        BaseConnection._exec_command = commanded  # type: ignore[method-assign, assignment]  # on purpose
        BaseCursor._execute_gen = executed  # type: ignore[method-assign]  # likewise


def _plain(query: Any, connection: Any) -> str:
    """A statement without its comments, on one line."""
    if isinstance(query, sql.Composable):
        query = query.as_string(connection)
    text = query.decode() if isinstance(query, bytes) else str(query)
    return " ".join(_COMMENT.sub(" ", text).split())


def _name(statements: Sequence[str]) -> str:
    """How it begins, for people; and a digest, since much begins in the same way."""
    digest = hashlib.sha256("\n".join(statements).encode()).hexdigest()[:8]
    writing = next(filter(_BEGINS_TO_WRITE.match, statements), "".join(statements[:1]))
    return f"{digest} {writing[:60]}"
