"""What a church sets up once: campuses, the choices of its forms, custom fields, categories, apps."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence

from openfaith.simulator import words
from openfaith.simulator.kinds import Fill, Kind, Row, World
from openfaith.simulator.layouts import counted, only_organization, owned


def _organization(row: Row, _world: World) -> Mapping[str, object]:
    return {
        "name": "Simulated Church of Bethel Heights",
        "country_code": "US",
        "date_format": "%m/%d/%Y",  # documented as an integer, recorded as this
        "time_zone": "America/Chicago",
        "contact_website": "https://church.example",
        "avatar_url": f"https://avatars.church.example/organizations/{row.id}.png",
        "church_center_subdomain": "simulated",
        "grades": None,
    }


def _campus(row: Row, world: World) -> Mapping[str, object]:
    dice = row.dice
    row.refer("organization", world.organization)
    city, state, code, _, country = dice.pick(words.PLACES)
    return {
        "name": listed(words.CAMPUSES, row),
        "description": dice.pick(words.SENTENCES),
        "latitude": dice.below(180_000_000) / 1_000_000 - 90,
        "longitude": dice.below(360_000_000) / 1_000_000 - 180,
        "street": f"{1 + dice.below(999)} {dice.pick(words.STREETS)}",
        "city": city,
        "state": state,
        "zip": code,
        "country": country,
        "phone_number": f"(555) 555-0{100 + dice.below(100)}",
        "website": "https://church.example",
        "twenty_four_hour_time": dice.one_in(2),
        "date_format": 1,
        "church_center_enabled": True,
        "contact_email_address": f"campus{row.id}@example.org",
        "time_zone": "America/Chicago",
        "time_zone_raw": "Central Time (US & Canada)",
        "geolocation_set_manually": False,
        "avatar_url": f"https://avatars.church.example/campuses/{row.id}.png",
    }


def _school(row: Row, _world: World) -> Mapping[str, object]:
    name, first, last, types = words.SCHOOLS[row.index % len(words.SCHOOLS)]
    return {
        "value": name,
        "sequence": row.index,
        "beginning_grade": first,
        "ending_grade": last,
        "school_types": types,
    }


def _app(row: Row, _world: World) -> Mapping[str, object]:
    name, path = words.APPS[row.index % len(words.APPS)]
    return {"name": name, "url": f"https://{path}.church.example"}


def _carrier(row: Row, _world: World) -> Mapping[str, object]:
    name = listed(words.CARRIERS, row)
    return {"name": name, "value": name.lower().replace(" ", "_"), "international": row.index >= 5}


def _custom_sender(row: Row, _world: World) -> Mapping[str, object]:
    verified = row.index % 2 == 0
    return {
        "name": listed(("Office", "Pastor's desk", "Kids ministry"), row),
        "email_address": f"sender{row.id}@church.example",
        "verified": verified,
        "verified_at": row.updated_at if verified else None,
        "verification_requested_at": row.created_at,
        "verification_status": "verified" if verified else "pending",
        "expired": False,
    }


def _tab(row: Row, _world: World) -> Mapping[str, object]:
    name = listed(words.TABS, row)
    return {"name": name, "sequence": row.index, "slug": name.lower().replace(" ", "-")}


def data_type_of(world: World, field_definition_id: int) -> str:
    """What a custom field holds. Depends on the id alone, so that its data need not look it up."""
    return world.dice("FieldDefinition", field_definition_id, "data_type").pick(words.DATA_TYPES)


def _field_definition(row: Row, world: World) -> Mapping[str, object]:
    data_type = data_type_of(world, row.id)
    tab = row.links["tab"]
    has_choices = data_type in {"select", "checkboxes"}
    return {
        "data_type": data_type,
        "name": listed(words.FIELD_NAMES, row),
        "sequence": row.rank,
        "slug": f"field_{row.id}",
        "config": json.dumps({"options": words.CHOICES}, ensure_ascii=False) if has_choices else None,
        "deleted_at": None,
        "tab_id": tab.id if tab else None,
    }


def _spam_email_address(row: Row, _world: World) -> Mapping[str, object]:
    return {"address": f"spam{row.id}@example.net"}


def _note_category(row: Row, world: World) -> Mapping[str, object]:
    row.refer("organization", world.organization)
    return {
        "name": listed(words.NOTE_CATEGORIES, row),
        "locked": row.index == 0,
        "organization_id": world.organization.id,
    }


def _note_category_subscription(row: Row, world: World) -> Mapping[str, object]:
    row.refer("person", world.pick("Person", row.dice))
    return {}


def _list_category(row: Row, world: World) -> Mapping[str, object]:
    row.refer("organization", world.organization)
    return {"name": listed(words.LIST_CATEGORIES, row), "organization_id": world.organization.id}


def listed(values: Sequence[str], row: Row) -> str:
    """The row's value; rows beyond the list get a number, so that values stay different."""
    rounds, place = divmod(row.index, len(values))
    return f"{values[place]} {rounds + 1}" if rounds else values[place]


def _one(attribute: str, values: Sequence[str]) -> Fill:
    """Records of one attribute that is chosen from a list."""
    return lambda row, _world: {attribute: listed(values, row)}


def _choice(entity_type: str, values: Sequence[str], attribute: str = "value") -> Kind:
    return Kind(type=entity_type, plan=counted(_always(len(values))), fill=_one(attribute, values))


def _always(count: int) -> Callable[[int], int]:
    return lambda _people: count


KINDS = (
    Kind(type="Organization", plan=only_organization, fill=_organization),
    Kind(type="Campus", plan=counted(_always(5)), fill=_campus),
    _choice("MaritalStatus", words.MARITAL_STATUSES),
    _choice("InactiveReason", words.INACTIVE_REASONS),
    _choice("NamePrefix", words.NAME_PREFIXES),
    _choice("NameSuffix", words.NAME_SUFFIXES),
    _choice("FormCategory", words.FORM_CATEGORIES, "name"),
    _choice("WorkflowCategory", words.WORKFLOW_CATEGORIES, "name"),
    Kind(type="SchoolOption", plan=counted(_always(len(words.SCHOOLS))), fill=_school),
    Kind(type="App", plan=counted(_always(len(words.APPS))), fill=_app),
    Kind(type="Carrier", plan=counted(_always(len(words.CARRIERS))), fill=_carrier),
    Kind(
        type="CustomSender",
        plan=counted(_always(3)),
        fill=_custom_sender,
        together=(("verified", "verified_at", "verification_status"),),
    ),
    Kind(type="Tab", plan=counted(_always(len(words.TABS))), fill=_tab, together=(("name", "slug"),)),
    Kind(
        type="FieldDefinition",
        plan=owned("tab", "Tab", (0, 0, 0, 1, 1, 1, 1)),
        fill=_field_definition,
        fixed=("data_type", "config", "slug"),
    ),
    Kind(type="SpamEmailAddress", plan=counted(_always(8)), fill=_spam_email_address),
    Kind(type="NoteCategory", plan=counted(_always(len(words.NOTE_CATEGORIES))), fill=_note_category),
    Kind(
        type="NoteCategorySubscription",
        plan=owned("note_category", "NoteCategory", (0, 1, 2, 1)),
        fill=_note_category_subscription,
    ),
    Kind(type="ListCategory", plan=counted(_always(len(words.LIST_CATEGORIES))), fill=_list_category),
)
"""In an order in which every plan finds what it builds on."""
