"""In what order entities are synced. Pure functions from a manifest to a plan.

`rules` derives who depends on whom and why. A *hard* dependency must have completed first: without it the entity
cannot be reached or cannot exist. A *soft* one only gives the better order: references then resolve at once.
`ordering` turns the graph into one order, the same for the same manifest however it was written down: it cuts
cycles at soft edges, says so, and refuses cycles of hard ones. `plan` restricts that order to what was asked for
and answers, while a run goes on, what may start and what can no longer run. `rendering` shows it all to a person.
"""

from __future__ import annotations

from openfaith.planning.graph import Dependency, DependencyKind, Graph, Omission, Rule, restrict
from openfaith.planning.ordering import Cut, Ordering, order
from openfaith.planning.plan import Plan, PlannedEntity, make_plan, ready, skipped
from openfaith.planning.rendering import GraphFormat, render
from openfaith.planning.rules import derive_graph

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
    "derive_graph",
    "make_plan",
    "order",
    "ready",
    "render",
    "restrict",
    "skipped",
]
