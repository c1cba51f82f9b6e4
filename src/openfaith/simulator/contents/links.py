"""How the records of People refer to each other, where what fills a record says so."""

from __future__ import annotations

from openfaith.simulator.relations import Children, Edge, Link, Through, ToOne

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
"""Every reference that a record of the described entities may hold; a test compares."""

EDGES: dict[tuple[str, str], Edge] = {
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
