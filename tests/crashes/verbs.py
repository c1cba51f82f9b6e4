"""What is swept: four commands, and what there is before each."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.request import Request, urlopen

import psycopg
from psycopg import sql

from crashes.lanes import Lane
from openfaith.adapters import find_adapter
from openfaith.manifest import table_name
from openfaith.planning import make_plan
from openfaith.records import EntityName
from openfaith.simulator import RunningSimulator
from support.truth import simulated_truth

ORG = "church"
PCO = find_adapter("pco").load_manifest()
PLANNED = make_plan(PCO, ("Campus", "Household", "Person", "Email", "HouseholdMembership"))
"""Lists of their own, what rides on people, and what is read below every household."""

_NAMED = tuple(word for name in PLANNED.order for word in ("--entity", name))


@dataclass(frozen=True, kw_only=True)
class Stage:
    """A church, and a database that follows it: what a verb is prepared on."""

    church: RunningSimulator
    url: str
    lane: Lane

    def run(self, *arguments: str) -> None:
        """A command that nothing disturbs."""
        life = self.lane.run(self.url, *arguments)
        assert life.code == 0, life.errors or life.output

    def change(self, action: str, entity: str | None = None, **members: Any) -> None:
        about = members if entity is None else {"entity": entity, **members}
        self.church.control("change", {"action": action, **about})

    def ids(self, entity: str) -> list[str]:
        """What the church has, the oldest first; of its people all but the one whose token it is."""
        there = simulated_truth(self.church, PCO.entities[_named(entity)])
        return [str(each["id"]) for each in there if str(each["id"]) != self._me]

    @property
    def _me(self) -> str:
        token = base64.b64encode(f"{self.lane.name}:secret".encode()).decode()
        address = f"{self.church.base_url}/people/v2/me"
        with urlopen(Request(address, headers={"Authorization": f"Basic {token}"}), timeout=30) as answer:
            return str(json.load(answer)["data"]["id"])

    def forget(self, entity: str, ids: Sequence[str]) -> None:
        """As if they had never been stored."""
        with psycopg.connect(self.url) as connection:
            connection.execute(
                sql.SQL("DELETE FROM {} WHERE id = ANY (%s)").format(_table(entity)), [list(ids)]
            )

    @contextmanager
    def refusing(self, entity: str, ids: Sequence[str]) -> Iterator[None]:
        """PostgreSQL takes records for unstorable, and afterwards no more."""
        condition = sql.SQL("NEW.id = ANY ({})").format(sql.Literal(list(ids)))
        with psycopg.connect(self.url) as connection:
            connection.execute(_REFUSE)
            connection.execute(_ON_EVERY_ROW.format(table=_table(entity), condition=condition))
        yield
        with psycopg.connect(self.url) as connection:
            connection.execute(sql.SQL("DROP TRIGGER refuse ON {}").format(_table(entity)))


_REFUSE = """
CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE data_exception USING MESSAGE = 'not yet'; END $$
"""
_ON_EVERY_ROW = sql.SQL(
    "CREATE TRIGGER refuse BEFORE INSERT OR UPDATE ON {table} FOR EACH ROW WHEN ({condition}) EXECUTE FUNCTION refuse()"
)


def _named(entity: str) -> EntityName:
    return EntityName(f"people.{entity}")


def _table(entity: str) -> sql.Identifier:
    return sql.Identifier(PCO.adapter, table_name(PCO.entities[_named(entity)]))


@dataclass(frozen=True, kw_only=True)
class Verb:
    """One command, and how to come to where it has something to do."""

    name: str
    arguments: tuple[str, ...]
    prepare: Callable[[Stage], None]
    is_sync: bool = True
    """A run, which is not done a second time once it is over."""
    committed_twice: int = 0
    """Pages that one crash may have stored and counted twice, the second time as unchanged."""


def _sync(kind: str) -> tuple[str, ...]:
    return ("sync", ORG, "--json", "--strategy", "sequential", "--type", kind, *_NAMED)


def _before_full(stage: Stage) -> None:
    """Nothing is known."""


def _before_delta(stage: Stage) -> None:
    """Of every list something is new or changed, and of people more than a page."""
    stage.run(*_sync("full"))
    stage.change("update", "Campus", count=1)
    stage.change("update", "Person", ids=stage.ids("Person")[:5])
    stage.change("add", "Person", count=2)
    stage.change("update", "Email", count=2)
    stage.change("add", "Email")
    stage.change("update", "Household", count=2)


def _before_reconciliation(stage: Stage) -> None:
    """Something is missing in the tables, and something is stale; something was deleted at the source, and merged away.

    What is below a household cannot be asked for by itself, and is deleted once two listings have missed it: one has.
    """
    stage.run(*_sync("full"))
    stage.change("delete", "HouseholdMembership", ids=stage.ids("HouseholdMembership")[:1])
    stage.run(*_sync("reconciliation"))
    people, campuses = stage.ids("Person"), stage.ids("Campus")
    stage.change("add", "Person", count=2)
    stage.change("update", "Person", ids=people[:3])
    stage.change("merge", loser=people[3], keeper=people[4])
    stage.change("delete", "Email", ids=stage.ids("Email")[-3:])
    stage.change("update", "Email", ids=stage.ids("Email")[:1])
    stage.change("update", "Campus", ids=campuses[:1])
    stage.change("delete", "Campus", ids=campuses[1:4])


def _before_retry(stage: Stage) -> None:
    """Records were set aside: of a list, of what rides on it, and below households."""
    stage.run(*_sync("full"))
    with ExitStack() as refusing:
        for entity in ("Person", "Email", "HouseholdMembership"):
            ids = stage.ids(entity)[:3]
            stage.forget(entity, ids)
            refusing.enter_context(stage.refusing(entity, ids))
        stage.run(*_sync("full"))


VERBS = (
    Verb(name="full", arguments=_sync("full"), prepare=_before_full),
    Verb(name="delta", arguments=_sync("delta"), prepare=_before_delta),
    Verb(
        name="reconciliation",
        arguments=_sync("reconciliation"),
        prepare=_before_reconciliation,
        # What a listing has found to be different is noted as settled once it is stored, and not with it.
        committed_twice=1,
    ),
    Verb(
        name="retry",
        arguments=("dead-letters", "retry", ORG, "--all", "--json"),
        prepare=_before_retry,
        is_sync=False,
    ),
)
