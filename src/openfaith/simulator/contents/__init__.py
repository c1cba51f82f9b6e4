"""What a church's records say.

Adding an entity is a `Kind` in one of these files: how many records there are (a plan), and a function that fills
one row from its dice. A row may read what never changes (the `World`), never the church as it is now: a record has
to come out the same whenever it is made. Beside the kinds stand the links of a product's entities, each with the
rule by which its target is found, and the edges that do not follow from them. What nobody says here comes from the
manifest: an entity that has no kind, a relationship that has no link (`wiring`), an attribute that no function names
(`plain`).
"""

from __future__ import annotations

from openfaith.simulator.contents import (
    activity,
    below_people,
    calendar,
    check_ins,
    giving,
    groups,
    integrations,
    links,
    people,
    product_people,
    publishing,
    registrations,
    services,
    services_links,
    settings,
)
from openfaith.simulator.kinds import Kind
from openfaith.simulator.relations import Edge, Link

_TOP_OF_PEOPLE = (*settings.KINDS, *people.KINDS, *activity.KINDS)

KINDS: dict[str, Kind] = {
    kind.type: kind
    for kind in (
        *_TOP_OF_PEOPLE,
        *below_people.KINDS,
        *product_people.KINDS,
        *groups.KINDS,
        *giving.KINDS,
        *check_ins.KINDS,
        *services.KINDS,
        *calendar.KINDS,
        *registrations.KINDS,
        *publishing.KINDS,
        *integrations.KINDS,
    )
}

LINKS: tuple[Link, ...] = (
    *links.LINKS,
    *below_people.LINKS,
    *product_people.LINKS,
    *groups.LINKS,
    *giving.LINKS,
    *check_ins.LINKS,
    *services_links.LINKS,
    *calendar.LINKS,
    *registrations.LINKS,
    *publishing.LINKS,
    *integrations.LINKS,
)

EDGES: dict[tuple[str, str], Edge] = {
    **links.EDGES,
    **below_people.EDGES,
    **groups.EDGES,
    **giving.EDGES,
    **check_ins.EDGES,
    **services_links.EDGES,
    **calendar.EDGES,
    **registrations.EDGES,
}

SETTLED = frozenset(kind.type for kind in _TOP_OF_PEOPLE)
"""Types that refer to nothing but what is declared, so that they look as they were recorded."""

PRODUCT_PEOPLE = frozenset(product_people.SHARES)
"""Types whose records are people as one product knows them, under the same ids."""

__all__ = ["EDGES", "KINDS", "LINKS", "PRODUCT_PEOPLE", "SETTLED"]
