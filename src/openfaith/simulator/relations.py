"""How the records of a church hang together: which references there are, and what a path or an include reaches."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from openfaith.simulator.rows import Reference


@dataclass(frozen=True, kw_only=True, slots=True)
class Link:
    """One kind of reference from record to record."""

    type: str
    """Whose records refer."""
    name: str
    to: str
    """To records of which type."""
    owned: bool = False
    """True: the record goes when its target goes. False: it stays, and refers to nothing."""
    kept: bool = False
    """True for a reference that stays as it is even when its target is gone: history."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ToOne:
    """What the record itself refers to."""

    link: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Children:
    """The records of another type that refer to this one."""

    type: str
    link: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Through:
    """The targets of the records that refer to this one: people of a household, through its memberships."""

    type: str
    link: str
    onward: str


Edge = ToOne | Children | Through

_OWNED_BY_PERSON = (
    "Address",
    "BackgroundCheck",
    "Email",
    "HouseholdMembership",
    "Note",
    "NoteCategorySubscription",
    "PhoneNumber",
    "SocialProfile",
)

LINKS: tuple[Link, ...] = (
    *(Link(type=owned, name="person", to="Person", owned=True) for owned in _OWNED_BY_PERSON),
    Link(type="FieldDatum", name="customizable", to="Person", owned=True),
    Link(type="FieldDatum", name="field_definition", to="FieldDefinition", owned=True),
    Link(type="FieldDefinition", name="tab", to="Tab", owned=True),
    Link(type="HouseholdMembership", name="household", to="Household", owned=True),
    Link(type="Household", name="primary_contact", to="Person"),
    Link(type="Message", name="message_group", to="MessageGroup", owned=True),
    Link(type="Message", name="from", to="Person"),
    Link(type="Message", name="to", to="Person"),
    Link(type="MessageGroup", name="from", to="Person"),
    Link(type="MessageGroup", name="app", to="App"),
    Link(type="Note", name="note_category", to="NoteCategory"),
    Link(type="Note", name="created_by", to="Person"),
    Link(type="NoteCategorySubscription", name="note_category", to="NoteCategory", owned=True),
    Link(type="Form", name="campus", to="Campus"),
    Link(type="Form", name="form_category", to="FormCategory"),
    Link(type="List", name="campus", to="Campus"),
    Link(type="List", name="category", to="ListCategory"),
    Link(type="List", name="created_by", to="Person"),
    Link(type="List", name="updated_by", to="Person"),
    Link(type="PeopleImport", name="created_by", to="Person"),
    Link(type="PeopleImport", name="undone_by", to="Person"),
    Link(type="Report", name="created_by", to="Person"),
    Link(type="Report", name="updated_by", to="Person"),
    Link(type="Workflow", name="campus", to="Campus"),
    Link(type="Workflow", name="workflow_category", to="WorkflowCategory"),
    Link(type="Person", name="primary_campus", to="Campus"),
    Link(type="Person", name="marital_status", to="MaritalStatus"),
    Link(type="Person", name="inactive_reason", to="InactiveReason"),
    Link(type="Person", name="name_prefix", to="NamePrefix"),
    Link(type="Person", name="name_suffix", to="NameSuffix"),
    Link(type="Person", name="school", to="SchoolOption"),
    Link(type="PersonMerger", name="person_to_keep", to="Person", kept=True),
    Link(type="PersonMerger", name="person_to_remove", to="Person", kept=True),
    *(
        Link(type=of_all, name="organization", to="Organization", kept=True)
        for of_all in ("Person", "Campus", "ListCategory", "Note", "NoteCategory")
    ),
)
"""Every reference that a generated record may hold; a test compares."""

_EDGES: dict[tuple[str, str], Edge] = {
    ("Person", "addresses"): Children(type="Address", link="person"),
    ("Person", "background_checks"): Children(type="BackgroundCheck", link="person"),
    ("Person", "emails"): Children(type="Email", link="person"),
    ("Person", "field_data"): Children(type="FieldDatum", link="customizable"),
    ("Person", "household_memberships"): Children(type="HouseholdMembership", link="person"),
    ("Person", "households"): Through(type="HouseholdMembership", link="person", onward="household"),
    ("Person", "message_groups"): Children(type="MessageGroup", link="from"),
    ("Person", "messages"): Children(type="Message", link="to"),
    ("Person", "notes"): Children(type="Note", link="person"),
    ("Person", "phone_numbers"): Children(type="PhoneNumber", link="person"),
    ("Person", "social_profiles"): Children(type="SocialProfile", link="person"),
    ("Household", "household_memberships"): Children(type="HouseholdMembership", link="household"),
    ("Household", "people"): Through(type="HouseholdMembership", link="household", onward="person"),
    ("Campus", "lists"): Children(type="List", link="campus"),
    ("ListCategory", "lists"): Children(type="List", link="category"),
    ("Tab", "field_definitions"): Children(type="FieldDefinition", link="tab"),
    ("MessageGroup", "messages"): Children(type="Message", link="message_group"),
    ("NoteCategory", "subscriptions"): Children(type="NoteCategorySubscription", link="note_category"),
    ("NoteCategory", "subscribers"): Through(
        type="NoteCategorySubscription", link="note_category", onward="person"
    ),
    ("FieldDatum", "person"): ToOne(link="customizable"),
    # Here the path and the relationship are named differently.
    ("Form", "category"): ToOne(link="form_category"),
    ("Note", "category"): ToOne(link="note_category"),
    ("Workflow", "category"): ToOne(link="workflow_category"),
}

_LINKS_BY_NAME = {(link.type, link.name): link for link in LINKS}


def edge(entity_type: str, name: str) -> Edge | None:
    """What an include or the last part of a path reaches from a record; None where the church has nothing of it."""
    if (entity_type, name) in _LINKS_BY_NAME:
        return ToOne(link=name)
    return _EDGES.get((entity_type, name))


def links_to(entity_type: str) -> Iterator[Link]:
    """The references that may point at records of this type."""
    return (link for link in LINKS if link.to == entity_type)


def links_of(entity_type: str) -> Iterator[Link]:
    """The references that records of this type may hold."""
    return (link for link in LINKS if link.type == entity_type)


def link_named(entity_type: str, name: str) -> Link | None:
    return _LINKS_BY_NAME.get((entity_type, name))


def target_type(entity_type: str, link: str) -> str:
    """What a reference points at."""
    return _LINKS_BY_NAME[entity_type, link].to


def pointed_at(links: dict[str, Reference | None]) -> Iterator[Reference]:
    """The targets of a record's references."""
    return (target for target in links.values() if target is not None)
