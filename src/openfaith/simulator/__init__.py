"""A Planning Center that behaves as the real one was seen to, and misbehaves on request.

It is driven by the same manifest as the engine and shares no code with what reads and stores, so that it can
contradict them. Inside, a request takes one way: `server` (HTTP) → `answering` (who asks, limits, faults, log) →
`reading` (path → records) → `query` and `selection` (which of them), `documents` (how they look).

The church itself is `data`. What paths mean comes from the manifest (`paths`); how records hang together from the
manifest and, where that is not enough, from `contents` (`wiring`, `relations`). A church is made from a seed: first
numbers only, for each entity when it is first looked at (`layouts`: how many, whose; `drawing`: who refers to whom),
then record by record (`kinds`, `plain`). What happens to it afterwards (`changes`) is kept beside it.
"""

from __future__ import annotations

from openfaith.simulator.data import Church
from openfaith.simulator.options import SimulatorOptions
from openfaith.simulator.running import RunningSimulator, serve
from openfaith.simulator.server import create_app

__all__ = ["Church", "RunningSimulator", "SimulatorOptions", "create_app", "serve"]
