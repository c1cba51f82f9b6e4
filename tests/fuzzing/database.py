"""What PostgreSQL parses: the records of a page, and texts that become values of another type."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Hashable, Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from psycopg import sql
from pydantic import SecretStr

from fuzzing.answers import Number, is_deep, readable
from fuzzing.mutating import SPELLINGS, one_of, some_text, varied_bytes, varied_members, varied_text, written
from fuzzing.target import Target
from openfaith import Engine, Settings
from openfaith.store import Database, DeadLetterChoice, retry_dead_letters
from openfaith.store.canonical_conversions import shown
from openfaith.store.conversions import comes_back, converted, spelled
from openfaith.store.examination import record_key
from support.mirror import MANIFEST, MEMBER, Reader, execute, open_sample

_KINDS = ("text", "bigint", "double precision", "boolean", "date", "timestamptz", "jsonb")
_SHOWN = {"timestamptz": "timestamp with time zone"}
"""As PostgreSQL's catalog spells them."""

_OF_TIMES = set("0123456789-+:. TtZz")
_USUAL_TIME = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}T(?!24)[0-9]{2}:[0-9]{2}:[0-5][0-9]Z")

_ENDED = 25
"""Of so many pages one is the last of its run."""


@dataclass
class _Stage:
    """The database of this process, and who stores pages there."""

    runner: asyncio.Runner
    database: Database
    reader: Reader | None = None
    pages: int = 0
    numbers: Iterator[int] = field(default_factory=lambda: iter(range(10**9)))


_stage: _Stage | None = None


def stage() -> _Stage:
    assert _stage is not None, "no database was opened"
    return _stage


@contextmanager
def on_stage(url: str) -> Iterator[None]:
    """Fuzz this database, which an engine has opened before."""
    global _stage  # noqa: PLW0603  # a target is a function of its input, for all else there is one place
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        database = runner.run(stack.enter_async_context(open_sample(url)))
        _stage = _Stage(runner, database)
        try:
            yield
        finally:
            _stage = None
            runner.run(stack.aclose())


async def prepare(url: str, home: Path) -> None:
    """Have an engine open a database that is only migrated."""
    async with Engine.open(Settings(database_url=SecretStr(url), home=home)):
        pass


def begin() -> None:
    stage().runner.run(_begin(stage()))


async def _begin(now: _Stage) -> None:
    if now.reader is not None:
        await now.reader.complete()
    now.reader = await Reader.begin(now.database, org=f"fuzzed-{next(now.numbers)}")
    now.pages = 0


# Pages


@dataclass(frozen=True, slots=True)
class Records:
    """The records of a page."""

    bodies: tuple[bytes, ...]


_ATTRIBUTES = {
    "name": '"Ann"',
    "age": "41",
    "height": "1.75",
    "active": "true",
    "born": '"1980-02-29"',
    "joined_at": '"2020-01-02T03:04:05Z"',
    "settings": '{"a":[1]}',
    "tags": '["x"]',
    "updated_at": '"2024-05-06T07:08:09Z"',
}


def records(chance: Random, kept: Sequence[Records]) -> Records:
    if kept and chance.random() < 0.15:
        return Records(tuple(varied_bytes(chance, each, 1) for each in chance.choice(kept).bodies))
    return Records(tuple(_member(chance, number) for number in range(1 + int(chance.random() * 4))))


def _member(chance: Random, number: int) -> bytes:
    if chance.random() < 0.02:
        return one_of(chance, SPELLINGS).encode()
    members = {
        "type": '"Member"',
        "id": f'"{number}"',
        "attributes": written(varied_members(chance, _ATTRIBUTES)),
        "relationships": written(
            varied_members(
                chance,
                {
                    "campus": '{"data":{"type":"Campus","id":"1"}}',
                    "owner": '{"data":{"type":"Team","id":"2"}}',
                    "teams": '{"data":[{"type":"Team","id":"2"}]}',
                },
            )
        ),
    }
    whole = written(varied_members(chance, members, share=0.08)).encode()
    return varied_bytes(chance, whole, 1) if chance.random() < 0.08 else whole


def check_records(made: Records) -> Hashable:
    """Every record is a row or a dead letter with its body as it came; a stored value is in its column or in `_extra`."""
    return stage().runner.run(_check_records(stage(), made.bodies))


async def _check_records(now: _Stage, bodies: Sequence[bytes]) -> Hashable:
    reader = now.reader
    assert reader is not None
    await execute(now.database, "DELETE FROM sample.church_member WHERE org_id = %s", reader.org_id)
    await execute(now.database, "DELETE FROM openfaith.dead_letter WHERE org_id = %s", reader.org_id)
    committed = await reader.store(*bodies)
    counts, rows, letters = committed.counts, await _rows(now, reader), await reader.letters()
    set_aside = [bytes(letter["body"]) for letter in letters]
    assert counts.inserted == len(rows)
    assert counts.inserted + counts.updated + counts.unchanged + counts.dead_letters == len(bodies)
    assert sum(letter["times_seen"] for letter in letters) == counts.dead_letters
    assert set(set_aside) <= set(bodies)
    # Of one record that comes twice and can never be stored, the letter has what came last, and counts both.
    keys = {letter["record_key"] for letter in letters}
    stored = [each for each in bodies if each not in set_aside and record_key(each) not in keys]
    for each in stored:
        _check_row(each, rows, alone=len(stored) == len(rows) == 1)
    if letters:
        await _replay(now, reader, len(letters))
        assert await _rows(now, reader) == rows
    now.pages += 1
    if now.pages % _ENDED == 0:
        now.reader = await reader.begin_again()
    return (
        len(rows),
        sorted({letter["reason"] for letter in letters}).__str__(),
        tuple(sorted(committed.parts[0].misfits))[:3],
    )


@dataclass(frozen=True, slots=True)
class _Row:
    """What is looked at in a row. Not its JSON, which may be deeper than Python can read."""

    id: str
    name: str | None
    columns: frozenset[str]
    """Those that hold something."""
    extra: frozenset[str]
    """What stands in `_extra` and is not null."""
    written_by: str


_ROWS = sql.SQL(
    "SELECT id, name, array_remove(ARRAY[{columns}], NULL),"
    " ARRAY(SELECT key FROM jsonb_each(_extra) WHERE value <> 'null'), xmin::text"
    " FROM sample.church_member WHERE org_id = %(org)s"
).format(
    columns=sql.SQL(", ").join(
        sql.SQL("CASE WHEN {} IS NOT NULL THEN {} END").format(sql.Identifier(name), sql.Literal(name))
        for name in MEMBER.attributes
    )
)


async def _rows(now: _Stage, reader: Reader) -> dict[str, _Row]:
    async with now.database.connection() as connection:
        found = await (await connection.execute(_ROWS, {"org": reader.org_id})).fetchall()
    return {
        key: _Row(key, name, frozenset(columns), frozenset(extra), by)
        for key, name, columns, extra, by in found
    }


def _check_row(body: bytes, rows: dict[str, _Row], *, alone: bool) -> None:
    document = readable(body)
    if document is None and is_deep(body):
        return  # PostgreSQL can read it, Python cannot
    assert isinstance(document, dict), "no record, and no dead letter"
    key, sent = document["id"], document["attributes"]
    if not alone and key not in rows:
        assert isinstance(key, Number), "a record that is neither a row nor a dead letter"
        return
    if not alone:
        return  # of two with one id the newer is the row
    [row] = rows.values()
    for name, value in sent.items():
        held = (name in row.columns) + (name in row.extra)
        assert held == (value is not None), (name, value)
    if isinstance(name := sent.get("name"), str) and not isinstance(name, Number):
        assert row.name in {name, None}


async def _replay(now: _Stage, reader: Reader, letters: int) -> None:
    """What could not be stored cannot be stored now, and says so."""
    choice = DeadLetterChoice(org_id=reader.org_id, adapter=MANIFEST.adapter)
    retried = await retry_dead_letters(now.database, MANIFEST, choice)
    assert len(retried) == letters
    assert {each.outcome for each in retried} == {"unstorable"}


# Texts


def text(chance: Random, kept: Sequence[str]) -> str:
    """What may stand in a column of text, or between the quotes of a JSON value: no NUL, and UTF-8."""
    lot = chance.random()
    if kept and lot < 0.2:
        found = varied_text(chance, chance.choice(kept), 1)
    elif lot < 0.6:
        found = one_of(chance, SPELLINGS).strip('"')
        found = varied_text(chance, found, 1) if chance.random() < 0.5 else found
    else:
        found = some_text(chance, 30)
    return found.replace("\0", "").encode("utf-8", "ignore").decode()


def _question() -> sql.Composed:
    """Everything that is asked of a text: by the page statement, when a column takes another type, and by the views."""
    value = sql.SQL("t")
    asked: list[sql.Composable] = [
        sql.SQL("openfaith.is_id(t)"),
        sql.SQL("(openfaith.parse(convert_to(t, 'UTF8'))).refusal"),
        sql.SQL("canonical.e164(t)"),
        sql.SQL("canonical.e164(t, t, 'US')"),
        *(sql.SQL("openfaith.fits(t, {})").format(sql.Literal(kind)) for kind in _KINDS),
        *(shown(value, "text", _SHOWN.get(kind, kind)) for kind in _KINDS),
    ]
    for kind in _KINDS:
        whole = converted(value, "text", kind)
        asked += [comes_back(value, kind), spelled(whole, kind)]
        for wanted in _KINDS:
            if wanted != kind != "text":
                asked.append(converted(whole, kind, wanted))
                asked.append(shown(whole, _SHOWN.get(kind, kind), _SHOWN.get(wanted, wanted)))
    columns = sql.SQL(", ").join(sql.SQL("({})::text").format(each) for each in asked)
    return sql.SQL("SELECT {} FROM (SELECT %(text)s::text AS t) AS given").format(columns)


_QUESTION = _question()
_FIRST = 4 + 2 * len(_KINDS)
"""Where the answers about conversions begin."""


def check_text(made: str) -> Hashable:
    """No text breaks a statement; one that a column is said to hold comes back from it."""
    return stage().runner.run(_check_text(stage().database, made))


async def _check_text(database: Database, made: str) -> Hashable:
    async with database.connection() as connection:
        row = await (await connection.execute(_QUESTION, {"text": made}, prepare=True)).fetchone()
    assert row is not None
    at = _FIRST
    for kind in _KINDS:
        holds, back = row[at], row[at + 1]
        at += 2 if kind == "text" else 2 + 2 * (len(_KINDS) - 1)
        assert holds in {"true", "false"}, (kind, holds)
        if kind in {"text", "bigint", "boolean", "date"} and holds == "true":
            assert back == made, (kind, back)
        if kind == "timestamptz" and holds == "true":
            assert set(made) <= _OF_TIMES, (kind, back)
            assert back == made or not _USUAL_TIME.fullmatch(made), (kind, back)
    return tuple(value is None or (value in {"true", "false"} and value) for value in row[:_FIRST])


TARGETS: tuple[Target[Any], ...] = (
    Target(name="stored-page", weight=1, make=records, check=check_records, begin=begin, size=None),
    Target(name="sql-text", weight=1, make=text, check=check_text, size=None),
)
