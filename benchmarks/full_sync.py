"""What a full sync costs, beside the bare floor, in one run on this machine.

    make bench                                             10,000 and 100,000 people, three rounds
    python benchmarks/full_sync.py --people 2000 20000     quicker, coarser

For each size, floor and engine take turns: each round, each in a fresh database of one embedded PostgreSQL, against one
simulated church. What one leaves behind goes before the next begins: nobody pays for the vacuum or the checkpoint of
another's tables. There are two floors: one lists every entity by itself; the other, like the engine, has what can ride
come along as includes, and so needs fewer requests. Reported are medians: CPU seconds per 1,000,000 records, of the client process and of all
PostgreSQL processes; wall seconds; peak memory; requests counted at the source. The result is the ratio, since
absolute figures are this machine's.

The engine is the command line as a user starts it: its figures include starting Python and the durable engine,
which is why a small church looks worse. A third line repeats the engine's sync of the unchanged church. With two
sizes, the end shows what every further record costs (the difference of the two, so without the start), and how peak
memory compares.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from openfaith.adapters import find_adapter
from openfaith.manifest import columns, table_name
from openfaith.planning import make_plan
from openfaith.records import EntityName
from openfaith.simulator import RunningSimulator, SimulatorOptions
from openfaith.store.embedded import EmbeddedServer
from openfaith.store.mirror import column_type

TOKEN = "simulator:secret"
MANIFEST = find_adapter("pco").load_manifest()
ENTITIES = [e.name for e in MANIFEST.entities.values() if e.product == "people" and e.listing is not None]
"""What is read: all of People that has a list of its own."""

CACHE_BYTES = 2**30
"""Of the simulator: enough for all records as each of the variants lists them. What it had to render would be waited for."""

HERE = Path(__file__).parent
OPENFAITH = Path(sys.executable).with_name("openfaith")


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """One run of one variant."""

    client_seconds: float
    """CPU of the client's process tree."""
    server_seconds: float
    """CPU of every PostgreSQL process."""
    wall_seconds: float
    peak_mib: float
    """Largest resident set of a process of the client."""
    requests: int
    records: int
    """Sent by the source."""

    @property
    def cpu_seconds(self) -> float:
        return self.client_seconds + self.server_seconds


Found = dict[str, list[Measurement]]
"""The measurements of every variant, one per round."""


def server_cpu_seconds(data_directory_pid: int) -> float:
    """CPU of the postmaster, its living children, and those that have ended."""
    ticks = _ticks(data_directory_pid, ended_children=True)
    for stat in Path("/proc").glob("[0-9]*/stat"):
        fields = _fields(stat)
        if fields is not None and int(fields[1]) == data_directory_pid:
            ticks += sum(int(fields[index]) for index in (11, 12))
    return ticks / os.sysconf("SC_CLK_TCK")


def _ticks(pid: int, *, ended_children: bool) -> int:
    fields = _fields(Path(f"/proc/{pid}/stat"))
    assert fields is not None, "the server is gone"
    return sum(int(fields[index]) for index in ((11, 12, 13, 14) if ended_children else (11, 12)))


def _fields(stat: Path) -> list[str] | None:
    """Fields of /proc/PID/stat after the name, from the state on."""
    try:
        return stat.read_text().rpartition(")")[2].split()
    except OSError:
        return None


def measure(
    command: Sequence[str], environment: dict[str, str], simulator: RunningSimulator, postmaster: int
) -> Measurement:
    """Run a command to its end; a command that fails ends the benchmark with its output."""
    simulator.control("requests", method="DELETE")
    before_client = resource.getrusage(resource.RUSAGE_CHILDREN)
    before_server = server_cpu_seconds(postmaster)
    started = time.perf_counter()
    process = subprocess.Popen(
        command,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    peak = follow_memory(process)
    output = process.stdout.read() if process.stdout else ""
    wall = time.perf_counter() - started
    if process.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{output}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    asked = simulator.control("requests?limit=0")
    return Measurement(
        client_seconds=after.ru_utime + after.ru_stime - before_client.ru_utime - before_client.ru_stime,
        server_seconds=server_cpu_seconds(postmaster) - before_server,
        wall_seconds=wall,
        peak_mib=peak,
        requests=asked["total"],
        records=asked["rows"],
    )


def follow_memory(process: subprocess.Popen[str]) -> float:
    """Peak resident memory in MiB, by the kernel's own high-water mark; waits for the end."""
    peak = 0.0
    while process.poll() is None:
        try:
            status = Path(f"/proc/{process.pid}/status").read_text()
        except OSError:
            break
        lines = [line for line in status.splitlines() if line.startswith("VmHWM")]
        if lines:
            peak = max(peak, int(lines[0].split()[1]) / 1024)
        time.sleep(0.05)
    process.wait()
    return peak


def specification(base_url: str, url: str, *, riding: bool) -> dict[str, object]:
    """What the floor needs to know: paths, tables, columns, and who rides on whom."""
    plan = make_plan(MANIFEST, ENTITIES)
    carriers = {e.name: e.way.carrier for e in plan.entities if e.way.carrier is not None} if riding else {}
    includes = {e.name: e.way.include for e in plan.entities}
    entities = [
        {
            **described(name),
            "path": listing_path(name),
            "riders": [
                {**described(rider), "include": includes[rider]}
                for rider, carrier in carriers.items()
                if carrier == name
            ],
        }
        for name in plan.order
        if name not in carriers
    ]
    return {"base_url": base_url, "token": TOKEN, "url": url, "entities": entities}


def carried() -> dict[str, str]:
    """The includes of each entity that carries others."""
    found: dict[str, list[str]] = {}
    for entity in make_plan(MANIFEST, ENTITIES).entities:
        if entity.way.carrier is not None and entity.way.include is not None:
            found.setdefault(entity.way.carrier, []).append(entity.way.include)
    return {carrier.removeprefix("people."): ",".join(sorted(names)) for carrier, names in found.items()}


def described(name: EntityName) -> dict[str, object]:
    entity = MANIFEST.entities[name]
    return {
        "type": entity.type,
        "table": f"floor.{table_name(entity)}",
        "columns": {c.name: column_type(c) for c in columns(entity) if c.kind == "attribute"},
        "relationships": [r.name for r in entity.to_one if f"{r.name}_id" not in entity.attributes],
    }


def listing_path(name: EntityName) -> str:
    listing = MANIFEST.entities[name].listing
    assert listing is not None, "the benchmark reads what has a list of its own"
    return listing.path


def rounds(
    arguments: argparse.Namespace, simulator: RunningSimulator, server: EmbeddedServer, home: Path
) -> Found:
    found: Found = {"floor": [], "floor, riding": [], "engine": [], "engine, unchanged": []}
    postmaster = int((data_directory(server.url) / "postmaster.pid").read_text().split()[0])
    plan = home / "floor.json"
    sync = [str(OPENFAITH), "sync", "bench", "--json", *(w for e in ENTITIES for w in ("--entity", e))]
    for number in range(arguments.rounds):
        for variant in ("floor", "floor, riding"):
            with fresh_database(server) as url:
                riding = variant == "floor, riding"
                plan.write_text(json.dumps(specification(simulator.base_url, url, riding=riding)))
                command = [sys.executable, str(HERE / "floor.py"), str(plan)]
                found[variant].append(measure(command, {}, simulator, postmaster))
        with fresh_database(server) as url:
            environment = {"OPENFAITH_HOME": str(home), "OPENFAITH_DATABASE_URL": url}
            prepare(simulator.base_url, environment)
            for variant in ("engine", "engine, unchanged"):
                checkpoint(server)
                found[variant].append(measure(sync, environment, simulator, postmaster))
        print(f"round {number + 1} of {arguments.rounds} done", file=sys.stderr)
    return found


@contextmanager
def fresh_database(server: EmbeddedServer) -> Iterator[str]:
    """The URL of a database that is gone after the block."""
    with psycopg.connect(server.url, autocommit=True) as admin:
        admin.execute("CREATE DATABASE bench")
    checkpoint(server)
    try:
        yield server.url.replace("/openfaith?", "/bench?")
    finally:
        with psycopg.connect(server.url, autocommit=True) as admin:
            admin.execute("DROP DATABASE bench WITH (FORCE)")


def checkpoint(server: EmbeddedServer) -> None:
    with psycopg.connect(server.url, autocommit=True) as admin:
        admin.execute("CHECKPOINT")


def prepare(base_url: str, environment: dict[str, str]) -> None:
    """Make the tables and connect, so that what is measured is a sync."""
    subprocess.run(
        [str(OPENFAITH), "migrate"], check=True, capture_output=True, env={**os.environ, **environment}
    )
    subprocess.run(
        [str(OPENFAITH), "connect", "pco", "--org", "bench", "--token-stdin", "--base-url", base_url],
        input=TOKEN,
        text=True,
        check=True,
        capture_output=True,
        env={**os.environ, **environment},
    )


def data_directory(url: str) -> Path:
    with psycopg.connect(url) as connection:
        row = connection.execute("SHOW data_directory").fetchone()
    assert row is not None
    return Path(row[0])


def report(found: Found) -> None:
    records = found["floor"][0].records
    per_million = 1_000_000 / records
    print(f"{records:,} records; medians; CPU seconds per 1,000,000 records")
    print(
        f"{'':<20}{'client':>9}{'PostgreSQL':>12}{'total':>9}{'x floor':>9}{'x riding':>10}"
        f"{'wall s':>9}{'records/s':>11}{'peak MiB':>10}{'requests':>10}"
    )
    floor, riding = (_median(found[name], "cpu_seconds") for name in ("floor", "floor, riding"))
    for name, measurements in found.items():
        client, server, total, wall, peak = (
            _median(measurements, field)
            for field in ("client_seconds", "server_seconds", "cpu_seconds", "wall_seconds", "peak_mib")
        )
        print(
            f"{name:<20}{client * per_million:>9.1f}{server * per_million:>12.1f}{total * per_million:>9.1f}"
            f"{total / floor:>9.2f}{total / riding:>10.2f}{wall:>9.1f}{records / wall:>11,.0f}{peak:>10.0f}{measurements[0].requests:>10,}"
        )


def compare(small: Found, large: Found) -> None:
    """What lies between two sizes: the cost of every further record, and the growth of memory."""
    further = large["floor"][0].records - small["floor"][0].records
    cost = {
        name: (_median(large[name], "cpu_seconds") - _median(small[name], "cpu_seconds"))
        / further
        * 1_000_000
        for name in large
    }
    print(f"\nevery further record (the {further:,} between the two sizes), CPU seconds per 1,000,000")
    for name, seconds in cost.items():
        print(
            f"{name:<20}{seconds:>9.1f}{seconds / cost['floor']:>9.2f} x floor"
            f"{seconds / cost['floor, riding']:>9.2f} x riding"
        )
    peaks = [_median(found["engine"], "peak_mib") for found in (small, large)]
    print(
        f"\npeak memory of the engine: {peaks[0]:.0f} MiB, then {peaks[1]:.0f} MiB ({peaks[1] / peaks[0] - 1:+.0%})"
    )


def _median(measurements: Sequence[Measurement], field: str) -> float:
    return float(statistics.median(getattr(m, field) for m in measurements))


def main() -> None:
    parser = argparse.ArgumentParser(description="Full sync beside the bare floor.")
    parser.add_argument("--people", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    found: list[Found] = []
    with tempfile.TemporaryDirectory(prefix="openfaith-bench-") as directory:
        home = Path(directory)
        home.chmod(0o711)
        with EmbeddedServer.start(home) as server:
            for people in arguments.people:
                options = SimulatorOptions(
                    people=people, products=("people",), rate_limit=10_000_000, cache_bytes=CACHE_BYTES
                )
                with RunningSimulator(options) as simulator:
                    for includes in ({}, carried()):
                        simulator.control("warm", {"includes": includes})
                    found.append(rounds(arguments, simulator, server, home))
                print(f"\n{people:,} people: ", end="")
                report(found[-1])
    if len(found) > 1:
        compare(found[0], found[-1])


if __name__ == "__main__":
    main()
