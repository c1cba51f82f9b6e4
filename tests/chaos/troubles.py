"""What happens to everybody, again and again, at moments that a seed draws."""

from __future__ import annotations

import asyncio
import signal
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random
from typing import Any

from chaos.house import House
from openfaith import SyncKind
from openfaith.errors import ConfigurationError, SyncError
from openfaith.records import RunId

FAULTS = (
    "error=503:0.01,error=500:0.01,drop:0.01,cut:0.01,truncate:0.005,html:0.005,slow=1s:0.01,"
    "limited=1:0.01,limited=silent:0.002,blank:0.002,no_next:0.002"
)
"""Of the source, at all times: about eight answers in a hundred."""

KINDS = (SyncKind.FULL, SyncKind.DELTA, SyncKind.DELTA, SyncKind.RECONCILIATION, SyncKind.SWEEP)


@dataclass(kw_only=True)
class Troubles:
    """All of them, over one house."""

    house: House
    random: Random
    pace: float = 1.0
    """Of the pauses between two of a kind, which are those of `make chaos` at 1."""
    toll: Counter[str] = field(default_factory=Counter)
    runs: dict[RunId, str] = field(default_factory=dict)
    """Every run that was acknowledged, and whose it is."""

    async def _pause(self, shortest: float, longest: float) -> None:
        await asyncio.sleep(self.pace * self.random.uniform(shortest, longest))

    async def kill_workers(self) -> None:
        workers = self.house.workers
        while True:
            await self._pause(3, 20)
            workers.kill(self.random.randrange(len(workers.processes)))
            self.toll["workers killed"] += 1

    async def trouble_database(self) -> None:
        while True:
            await self._pause(5, 40)
            what = self.random.choice(("restarted", "crashed", "killed", "cut off", "cut off"))
            self.toll[f"database {what}"] += 1
            match what:
                case "restarted":
                    await self.house.end_database(signal.SIGINT)
                case "crashed":
                    await self.house.end_database(signal.SIGQUIT)
                case "killed":
                    await self.house.end_database(signal.SIGKILL)
                case _:
                    await self.house.to_database.cut(self.random.uniform(0, 2))

    async def trouble_source(self) -> None:
        while True:
            await self._pause(3, 20)
            if self.random.random() < 0.7:
                self.toll["source cut off"] += 1
                await self.house.to_source.cut(self.random.uniform(0, 2))
            else:
                self.toll["source held up"] += 1
                await self.house.to_source.hold(self.random.uniform(0, 2))

    async def change_church(self) -> None:
        while True:
            await self._pause(0.5, 3)
            change: dict[str, Any] = {
                "action": self.random.choice(("update", "update", "update", "add", "delete", "merge")),
                "count": self.random.randint(1, 3),
                "entity": self.random.choice(("Person", "Person", "Email", "PhoneNumber")),
            }
            if change["action"] == "merge":
                change = {"action": "merge"}
            with suppress(ConfigurationError):  # there may be nothing left to merge
                await asyncio.to_thread(self.house.church.control, "change", change)
                self.toll["changes of the church"] += 1

    async def ask_for_runs(self, org: str, entities: tuple[str, ...]) -> None:
        """One after the other; some are cancelled, and those that failed are now and then retried."""
        while True:
            kind = self.random.choice(KINDS)
            run, _ = await self.house.ask(lambda e, k=kind: e.request(org, kind=k, entities=entities))  # type: ignore[misc]  # bound now
            self.runs[run.run_id] = org
            self.toll["runs"] += 1
            if self.random.random() < 0.1:
                await self._pause(0, 3)
                await self.house.ask(lambda e, r=run: e.cancel(r.run_id))  # type: ignore[misc]  # bound now
                self.toll["runs cancelled"] += 1
            run = await self.wait(run.run_id)
            if run.status == "failed" and self.random.random() < 0.5:
                with suppress(SyncError):  # everything in it may have completed
                    await self.house.ask(lambda e, r=run: e.retry(r.run_id))  # type: ignore[misc]  # bound now
                    self.toll["runs retried"] += 1
                    await self.wait(run.run_id)

    async def wait(self, run_id: RunId) -> Any:
        """The run, once it is over."""
        while True:
            run = (await self.house.ask(lambda e: e.run(run_id))).run
            if run.is_final:
                return run
            await asyncio.sleep(0.3)
