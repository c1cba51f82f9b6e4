"""People as the other products know them: fewer of them, under the same ids, with fewer facts."""

from __future__ import annotations

from collections.abc import Mapping

from openfaith.simulator.kinds import Kind, Row, World
from openfaith.simulator.layouts import subset
from openfaith.simulator.relations import Link, Pick

SHARES = {
    "groups.Person": 60,
    "groups.Owner": 10,
    "giving.Person": 60,
    "check-ins.Person": 60,
    "services.Person": 25,
    "calendar.Person": 8,
    "registrations.Person": 20,
}
"""How many of a hundred people a product knows."""


def person_attributes(row: Row, world: World) -> Mapping[str, object]:
    """What follows from who somebody is, under the names that the products use."""
    who = world.identity(row.id)
    address = {
        "street": "1 Main St",
        "city": "Springfield",
        "state": "IL",
        "zip": "62704",
        "location": "Home",
    }
    return {
        "first_name": who.first_name,
        "last_name": who.last_name,
        "name": who.name,
        "full_name": who.name,
        "profile_name": who.name,
        "gender": who.gender,
        "child": who.is_child,
        "status": "active",
        "addresses": [address] if row.dice.percent(60) else [],
        "email_addresses": [{"address": f"person{row.id}@example.org", "location": "Home", "primary": True}],
        "phone_numbers": [{"number": f"(555) 555-0{row.id % 100:02}", "location": "Mobile"}],
        "avatar_url": f"https://avatars.church.example/{row.id}.png",
        "donor_number": row.index + 1 if row.dice.percent(40) else None,
        "archived": False,
        "archived_at": None,
    }


KINDS = tuple(
    Kind(
        type=entity_type,
        plan=subset("Person", share),
        fill=person_attributes,
        together=(("first_name", "last_name", "name", "full_name", "profile_name"),),
        fixed=("first_name", "last_name", "name", "full_name", "profile_name", "avatar_url"),
    )
    for entity_type, share in SHARES.items()
)

LINKS = tuple(
    Link(type=entity_type, name="person", to="Person", owned=True, rule=Pick(to="Person", owned=True))
    for entity_type in SHARES
)
"""A product's person goes with the person."""
