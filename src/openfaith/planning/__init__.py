"""In what order entities are synced. Pure functions from a manifest to a plan.

`rules` derives who depends on whom and why. A *hard* dependency must have completed first: without it the entity
cannot be reached or cannot exist. A *soft* one only gives the better order: references then resolve at once.
`ordering` turns the graph into one order, the same for the same manifest however it was written down: it cuts
cycles at soft edges, says so, and refuses cycles of hard ones. `plan` restricts that order to what was asked for.
While a run goes on, `scheduling` answers what starts next and what can no longer run, by one of three strategies.
`rendering` shows it all to a person.
"""

from __future__ import annotations

from openfaith.planning.costs import can_be_windowed
from openfaith.planning.graph import (
    Dependency,
    DependencyKind,
    Graph,
    Omission,
    Rule,
    restrict,
    with_dependencies,
)
from openfaith.planning.ordering import Cut, Ordering, order
from openfaith.planning.plan import Plan, PlannedEntity, make_plan
from openfaith.planning.rendering import GraphFormat, describe_dependencies, render
from openfaith.planning.rules import derive_graph
from openfaith.planning.scheduling import Scheduled, to_skip, to_start
from openfaith.planning.ways import Way, choose_ways, find_rides

__all__ = [
    "Cut",
    "Dependency",
    "DependencyKind",
    "Graph",
    "GraphFormat",
    "Omission",
    "Ordering",
    "Plan",
    "PlannedEntity",
    "Rule",
    "Scheduled",
    "Way",
    "can_be_windowed",
    "choose_ways",
    "derive_graph",
    "describe_dependencies",
    "find_rides",
    "make_plan",
    "order",
    "render",
    "restrict",
    "to_skip",
    "to_start",
    "with_dependencies",
]
