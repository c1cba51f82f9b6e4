"""A small church, an engine that follows it, and everything that happens to both: drawn from one number.

Nothing here is random but by the seed, so a failing one can be run again: `World(seed)` does the same every time, as
far as PostgreSQL lets it. The engine's code is the real one, from the steps of its workflows down to the database; in
place of the durable engine stands `process`, and in place of the network `wire`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from functools import cache
from random import Random
from typing import Any
from unittest.mock import patch

from openfaith.adapters import find_adapter
from openfaith.errors import ConfigurationError
from openfaith.manifest import Entity, Manifest, Reading
from openfaith.records import EntityName, EntityStatus, RunId, RunStatus, SyncKind
from openfaith.simulator.changes import Add, Change, Delete, Merge, Restore, Update
from openfaith.simulator.fault_plans import read_plan
from openfaith.simulator.options import SimulatorOptions
from openfaith.source import SourceClient
from openfaith.store import (
    DeletionPolicy,
    SuspectState,
    decide_suspects,
    get_run,
    list_entity_runs,
    list_suspects,
    list_sync_state,
    set_deletion_policy,
)
from openfaith.strategies import full, reconciliation
from openfaith.workflows import confirming, reconciling, segments, single_records
from simulation.church import SimulatedChurch
from simulation.database import Fuse, FusedDatabase
from simulation.process import Engine
from simulation.tables import NOT_THERE, Tables
from simulation.wire import Clock, Wire, make_client
from support.mirror import connect_org

PCO = find_adapter("pco").load_manifest()

GROUPS: dict[str, tuple[str, ...]] = {
    "people": ("Person", "Address", "Email", "PhoneNumber", "PersonMerger"),
    "campuses": ("Campus", "ServiceTime"),
    "households": ("Household", "HouseholdMembership"),
    "notes": ("NoteCategory", "NoteCategoryShare", "Note"),
    "workflows": ("Workflow", "WorkflowShare", "WorkflowStep", "WorkflowCard", "WorkflowCardNote"),
    "forms": ("Form", "FormField", "FormFieldOption", "FormSubmission", "FormSubmissionValue"),
    "fields": ("Tab", "FieldDefinition", "FieldOption", "FieldDatum"),
    "lists": ("List", "ListShare", "ListResult", "Rule", "Condition"),
    "social": ("SocialProfile",),
}
"""Entities that are read together, by hand-picked ways: keyset, newest first, none; riders, nested, riders on nested."""

REQUEST_FAULTS = (
    "error=500:0.1",
    "error=502:0.05",
    "error=503@3-9",
    "error=504:0.1",
    "error=500@7-",
    "error=403:0.03",
    "error=403@5-",
    "error=404:0.03",
    "drop:0.1",
    "slow=90s:0.1",
    "limited=5:0.1",
    "limited=silent:0.05",
    "limit=10@5",
    "truncate:0.1",
    "cut:0.1",
    "html:0.1",
    "empty:0.05",
    "empty:0.2",
    "blank:0.05",
    "blank:0.2",
    "no_next:0.2",
    "loop:0.1",
    "loop=back:0.1",
    "loop=first:0.1",
    "repeat:0.1",
    "short=1:0.3",
    "short=2:0.3",
    "gap=1:0.1",
    "gap=2:0.2",
    "tail=1:0.1",
    "tail=2:0.1",
    "total=+3:0.3",
    "total=-2:0.3",
    "total=0:0.2",
    "total=500:0.2",
    "total_cap=3",
    "no_total:0.3",
    "no_total",
    "ignored=where",
    "ignored=where:0.2",
    "ignored=order",
    "ignored=order:0.2",
    "ignored=fields",
    "ignored=include",
)

RECORD_FAULTS = ("poison", "nul", "wrong_type", "absurd_date", "absurd_stamp", "missing_id", "new_attribute")

VEILS = ("hidden", "filtered", "unlisted", "unreadable")

_MORE_RECONCILIATIONS = 3
"""After the first one, where what it holds waits for a person, and so does what is found below when that is approved:
of workflows, their cards, and the notes on these, each level waits for one.
"""

_NEEDLESS_RECONCILIATIONS = 0.25
"""The share of worlds that are reconciled once more when nothing differs: it must stay so."""


@cache
def small_manifest(page_size: int, windowed: tuple[str, ...] = ()) -> Manifest:
    """Planning Center's People, with small pages; of some entities the order by `updated_at` is not known of."""
    people = replace(PCO.products["people"], max_page_size=page_size)
    entities = {
        name: _without_order(entity) if entity.type in windowed else entity
        for name, entity in PCO.entities.items()
        if entity.product == "people"
    }
    return replace(PCO, products={"people": people}, entities=entities, overrules=())


def _without_order(entity: Entity) -> Entity:
    endpoints = tuple(
        replace(e, order_by=tuple(name for name in e.order_by if name != "updated_at"))
        for e in entity.endpoints
    )
    return replace(entity, endpoints=endpoints)


def named(manifest: Manifest, names: Sequence[str]) -> list[Entity]:
    """People entities by their bare names."""
    return [manifest.entities[EntityName(f"people.{name}")] for name in names]


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """Bounds of the engine's, made small enough to be met by a small church."""

    segment_pages: int = segments.MOST_PAGES
    window: int = full.WINDOW
    tolerated: int = reconciliation.TOLERATED
    at_once: int = single_records.RECORDS_AT_ONCE

    @contextmanager
    def applied(self) -> Iterator[None]:
        with ExitStack() as stack:
            for module, name, value in (
                (segments, "MOST_PAGES", self.segment_pages),
                (full, "WINDOW", self.window),
                (full, "_SLACK", 0 if self.window < full.WINDOW else full._SLACK),
                (reconciliation, "TOLERATED", self.tolerated),
                (single_records, "RECORDS_AT_ONCE", self.at_once),
                (reconciling, "RECORDS_AT_ONCE", self.at_once),
                (reconciling, "SUSPECTS_AT_ONCE", min(self.at_once, confirming.SUSPECTS_AT_ONCE)),
            ):
                stack.enter_context(patch.object(module, name, value))
            yield


class ViolationError(AssertionError):
    """An invariant does not hold."""


class World:
    """One seed."""

    def __init__(self, seed: int, database: FusedDatabase) -> None:
        self.seed = seed
        self.history: list[str] = []
        self.random = random = Random(seed)
        groups = ["people", *random.sample(sorted(GROUPS.keys() - {"people"}), random.choice((0, 1, 1, 2)))]
        names = [name for group in groups for name in GROUPS[group]]
        self.groups = groups
        self.manifest = small_manifest(
            random.randint(2, 9),
            windowed=tuple(name for name in ("Household", "Person", "List") if random.random() < 0.3),
        )
        self.entities = named(self.manifest, names)
        self.sizes = Sizes(
            segment_pages=random.choice((2, 5, 100)),
            window=random.choice((15, 25, full.WINDOW, full.WINDOW)),
            tolerated=random.choice((3, 50)),
            at_once=random.choice((2, 7, 100)),
        )
        self.clock = Clock()
        self.latency = random.choice((0.0, 0.05, 0.4))
        self.church = SimulatedChurch(
            SimulatorOptions(
                people=random.choice((random.randint(5, 15), random.randint(5, 15), random.randint(15, 40))),
                seed=seed,
                products=("people",),
                rate_limit=random.choice((10, 100, 100)),
                clock_offset_seconds=random.choice((0, 0, -600, 600)),
                logged_requests=0,
            ),
            self.clock,
        )
        self.database = database
        self.org = f"seed-{seed}-{id(self)}"
        self.engine = Engine(
            database=database,
            manifest=self.manifest,
            org_id=None,  # type: ignore[arg-type]  # `live` connects it
            connect=self._connect,
            entities_in_flight=random.choice((1, 1, 3)),
        )
        self.tables = Tables(database, self.manifest, self.entities, self.org)
        self.blind = False
        """Whether something changed, or was read, that no stamp tells of."""
        self.veiled = False
        """Whether the source once showed less than it has. It shows it again, and no stamp tells of that."""
        self._runs: list[RunId] = []
        self._failed: RunId | None = None
        self.note(
            f"groups {groups}, pages of {self.manifest.products['people'].max_page_size}, {self.sizes},"
            f" {self.church.simulator.options.people} people, latency {self.latency},"
            f" offset {self.church.simulator.options.clock_offset_seconds},"
            f" {self.engine.entities_in_flight} at once"
        )

    def note(self, text: str) -> None:
        self.history.append(f"{self.clock.now:9.0f}s {text}")

    def _connect(self, on_request: Callable[[], None]) -> SourceClient:
        wire = Wire(self.church.simulator, self.clock, self.latency, on_request)
        return make_client(wire, self.clock, Random(self.seed))

    async def live(self) -> None:
        """Everything that happens, from beginning to end.

        Raises:
            ViolationError: an invariant does not hold.
        """
        self.database.turns.seed(self.seed)
        self.engine.org_id = await connect_org(self.database, self.org)
        with self.sizes.applied():
            await self._set_policies()
            self.church.look(self.entities)
            await self.act(self.sync)
            for _ in range(self.random.randint(3, 8)):
                await self.act(self._next_action())
            await self.end()

    async def act(self, action: Callable[[], Any]) -> None:
        """Do something, then look whether everything is still true."""
        await action()
        await self.check()
        self.clock.now += self.random.choice((1, 40, 300, 3 * 3600, 40 * 86400))

    def _next_action(self) -> Callable[[], Any]:
        return self.random.choice((self.sync,) * 5 + (self.change,) * 4 + (self.approve, self.retry))

    async def _set_policies(self) -> None:
        for entity in self.entities:
            if self.random.random() < 0.1:
                policy = self.random.choice((DeletionPolicy.HARD, DeletionPolicy.ARCHIVE))
                self.note(f"{entity.name} is deleted {policy}")
                await set_deletion_policy(
                    self.database, self.engine.org_id, self.manifest.adapter, entity.name, policy
                )

    # What happens at the source

    @property
    def _changing(self) -> list[Entity]:
        """All but the log of merges, which is only ever written by them."""
        return [entity for entity in self.entities if entity.type != "PersonMerger"]

    async def change(self) -> None:
        for _ in range(self.random.randint(1, 6)):
            change = self._draw_change()
            self.note(f"{change}: {self.church.change(change)}"[:400])

    def _draw_change(self) -> Change:
        random = self.random
        entity = random.choice(self._changing)
        kind = self.church.entity_type(entity)
        ids = sorted(self.church.ids(entity), key=int)
        few = tuple(random.sample(ids, min(len(ids), random.choice((1, 1, 2, 5)))))
        many = tuple(random.sample(ids, len(ids) * random.randint(1, 10) // 10))
        offset = random.choice((0, 0, 0, -30, -100))
        blind = random.random() < 0.05
        action = random.choice(
            ("update",) * 4 + ("burst", "add", "add", "delete", "delete", "many", "merge", "restore")
        )
        if action in {"update", "burst"}:
            self.blind |= blind
            wanted = few if action == "update" else many
            return Update(entity=kind, ids=wanted, count=0, stamp_offset_seconds=offset, blind=blind)
        if action == "add":
            return Add(entity=kind, count=random.choice((1, 1, 3, 12)), stamp_offset_seconds=offset)
        if action in {"delete", "many"}:
            return Delete(entity=kind, ids=few if action == "delete" else many, stamp_offset_seconds=offset)
        if action == "merge":
            return Merge(count=random.choice((1, 1, 3)), stamp_offset_seconds=offset)
        return Restore(entity=kind, count=random.choice((1, 3)))

    # What the engine does

    async def sync(self) -> None:
        kind = self.random.choice((SyncKind.FULL, *(SyncKind.DELTA,) * 3, *(SyncKind.RECONCILIATION,) * 3))
        groups = self.groups if self.random.random() < 0.8 else self.random.sample(self.groups, 1)
        names = [entity.name for entity in named(self.manifest, [n for g in groups for n in GROUPS[g]])]
        faults, changes, fuses = self._draw_faults(), self._draw_plan(), self._draw_fuses()
        self.note(
            f"{kind} of {groups}, faults {faults!r}, changes {changes!r}, dies at {[f.at for f in fuses]}"
        )
        self.church.set_faults(faults)
        self.church.set_changes(changes)
        run_id = await self.engine.sync(kind, names, fuses=fuses)
        self.church.set_faults("")
        self.church.set_changes("")
        await self._note_outcome(run_id)

    async def retry(self) -> None:
        if self._failed is not None:
            self.note(f"retry of {self._named(self._failed)}")
            await self.engine.retry(self._failed, fuses=self._draw_fuses())
            await self._note_outcome(self._failed)

    async def _note_outcome(self, run_id: RunId) -> RunStatus:
        run = await get_run(self.database, run_id)
        failures = [
            f"{e.entity}: {e.status}: {e.reason}"
            for e in await list_entity_runs(self.database, run_id)
            if e.status is not EntityStatus.COMPLETED
        ]
        self.note(f"    {self._named(run_id)} {run.status} {failures or ''}")
        self._failed = run_id if run.status in {RunStatus.PARTIAL, RunStatus.FAILED} else None
        return run.status

    def _named(self, run_id: RunId) -> str:
        """By its place in this world: the database numbers the runs of all worlds."""
        if run_id not in self._runs:
            self._runs.append(run_id)
        return f"run {self._runs.index(run_id) + 1}"

    def _draw_faults(self) -> str:
        random = self.random
        if random.random() < 0.5:
            return ""
        faults = random.sample(REQUEST_FAULTS, random.choice((1, 1, 2, 3)))
        if random.random() < 0.2:
            entity = random.choice(self.entities)
            fault = f"{random.choice(RECORD_FAULTS)}={entity.type}:{random.choice((1, 3))}"
            with suppress(ConfigurationError):  # not every entity has what each of them harms
                read_plan(fault, self.church.simulator.church)
                faults.append(fault)
                self.blind = True
        if random.random() < 0.15:
            entity = random.choice(self.entities)
            when = random.choice(("", "@10-", "@20-"))
            veil = random.choice(VEILS)
            faults.append(f"{veil}={entity.type}:{random.choice((0.1, 0.5, 1.0))}{when}")
            if veil == "unlisted":
                # Left out of its list, and then denied when it is asked for: who says so twice is believed.
                faults = [fault for fault in faults if not fault.startswith("error=404")]
            self.veiled = True
        return ",".join(faults)

    def _draw_plan(self) -> str:
        random = self.random
        if random.random() < 0.6:
            return ""
        entity = random.choice(self._changing)
        plans = (
            f"mix:{random.choice((0.1, 0.5))}",
            f"mix={entity.type}:0.5",
            f"update={entity.type}*3:0.5",
            f"delete={entity.type}:0.2",
            f"add={entity.type}:0.5",
            f"add={entity.type}*7@{random.randint(1, 9)}",
            f"delete={entity.type}*50%@{random.randint(1, 9)}",
            "merge:0.1",
            f"chain*3@{random.randint(1, 9)}",
        )
        return ",".join(random.sample(plans, random.choice((1, 1, 2))))

    def _draw_fuses(self) -> list[Fuse]:
        if self.random.random() < 0.7:
            return []
        return [Fuse(at=self.random.randint(1, 300)) for _ in range(self.random.choice((1, 1, 2)))]

    async def approve(self) -> None:
        """Approve what is held and truly gone, and reject what is there."""
        held = await list_suspects(self.database, self.engine.org_id, states=[SuspectState.HELD])
        for entity in self.entities:
            there = self.church.ids(entity)
            gone = [s.id for s in held if s.entity == entity.name and s.id not in there]
            if gone:
                self.note(f"approve {entity.name} {gone}")
                await decide_suspects(
                    self.database,
                    self.engine.org_id,
                    self.manifest.adapter,
                    entity.name,
                    gone,
                    approve=True,
                    by="simulation",
                )

    # What must be true

    async def check(self) -> None:
        """At any time: nothing was deleted that was there all the time, and nothing went back."""
        self.church.hear()
        for problem in await self.tables.problems(self.church):
            raise self._violation(problem)
        self.church.look(self.entities)

    async def end(self) -> None:
        """After the last change, a delta and reconciliations make the tables equal to the church."""
        run_id = await self._undisturbed(SyncKind.DELTA)
        if not (self.blind or self.veiled):
            different = await self.tables.differences(self.church, await self._moving(run_id))
            left = [text for text in different if not text.endswith(NOT_THERE)]
            if left:
                raise self._violation(f"after the delta: {left}")
        if self.blind:
            await self._undisturbed(SyncKind.FULL)
        left = await self._reconcile()
        for _ in range(_MORE_RECONCILIATIONS):
            if left:
                await self.approve()
                left = await self._reconcile()
        if not left and self.random.random() < _NEEDLESS_RECONCILIATIONS:
            left = await self._reconcile()
        if left:
            raise self._violation(f"at the end: {left}")
        for problem in await self.tables.wrong_merges(self.church):
            raise self._violation(problem)

    async def _reconcile(self) -> list[str]:
        """One undisturbed reconciliation. Returns what differs after it."""
        await self._undisturbed(SyncKind.RECONCILIATION)
        return await self.tables.differences(self.church)

    async def _moving(self, run_id: RunId) -> list[Entity]:
        """What a delta can be held to: all but what rides on records whose stamps do not move with it, and what was never
        known to be complete, so that there was nothing whole for it to go on from.
        """
        runs = await list_entity_runs(self.database, run_id)
        riding = {each.entity for each in runs if each.reading == Reading.INCLUDE}
        still = riding - {entity.name for entity in named(self.manifest, ("Address", "Email", "PhoneNumber"))}
        states = await list_sync_state(self.database, self.engine.org_id)
        unproven = {state.entity for state in states if state.proven_at is None and state.doubts}
        return [entity for entity in self.entities if entity.name not in still | unproven]

    async def _undisturbed(self, kind: SyncKind) -> RunId:
        self.note(f"{kind}, undisturbed")
        run_id = await self.engine.sync(kind, [entity.name for entity in self.entities])
        if await self._note_outcome(run_id) is not RunStatus.COMPLETED:
            raise self._violation("an undisturbed run did not complete")
        await self.check()
        self.clock.now += 60
        return run_id

    def _violation(self, problem: str) -> ViolationError:
        return ViolationError(problem)

    def story(self) -> str:
        """What happened so far, for people."""
        return "\n".join([f"seed {self.seed}", *self.history])
