"""What People has below others only: fields of forms, cards of workflows, rules and results of lists, …"""

from __future__ import annotations

from collections.abc import Mapping

from openfaith.simulator import words
from openfaith.simulator.contents.settings import listed
from openfaith.simulator.kinds import Kind, Row, World
from openfaith.simulator.layouts import owned, paired, sampled
from openfaith.simulator.relations import Chain, Children, Pick, Through, Told, Via, edges_for, links_for

LINKS = links_for(
    "people",
    {
        "FieldOption": {"field_definition": Pick(to="FieldDefinition", owned=True)},
        "FormField": {"form": Pick(to="Form", owned=True), "fieldable": Told(), "options": Told()},
        "FormFieldOption": {"form_field": Pick(to="FormField", owned=True), "optionable": Told()},
        "FormSubmission": {"form": Pick(to="Form", owned=True), "person": Pick(to="Person", owned=True)},
        "FormSubmissionValue": {
            "form_submission": Pick(to="FormSubmission", owned=True),
            "form": Via(link="form_submission", onward="form"),
            "form_field": Pick(to="FormField", matching=("form", "form"), owned=True),
            "form_field_option": Pick(
                to="FormFieldOption", matching=("form_field", "form_field"), percent=60
            ),
        },
        "Rule": {"list": Pick(to="List", owned=True)},
        "Condition": {"rule": Pick(to="Rule", owned=True), "created_by": Pick(to="Person", first=5)},
        "ListResult": {"list": Pick(to="List", owned=True), "person": Pick(to="Person", owned=True)},
        "ListShare": {"list": Pick(to="List", owned=True), "person": Pick(to="Person", owned=True)},
        "ListStar": {"list": Pick(to="List", owned=True)},
        "MailchimpSyncStatus": {"list": Pick(to="List", owned=True)},
        "NoteCategoryShare": {
            "note_category": Pick(to="NoteCategory", owned=True),
            "person": Pick(to="Person", owned=True),
        },
        "PersonApp": {"person": Pick(to="Person", owned=True), "app": Pick(to="App", owned=True)},
        "ConnectedPerson": {"person": Pick(to="Person", owned=True), "organization": Pick(to="Organization")},
        "PlatformNotification": {"person": Pick(to="Person", owned=True)},
        "PeopleImportConflict": {"people_import": Pick(to="PeopleImport", owned=True)},
        "PeopleImportHistory": {
            "people_import": Pick(to="PeopleImport", owned=True),
            "person": Pick(to="Person", percent=90),
            "household": Pick(to="Household", percent=60),
        },
        "ServiceTime": {"campus": Pick(to="Campus", owned=True), "organization": Pick(to="Organization")},
        "WorkflowStep": {
            "workflow": Pick(to="Workflow", owned=True),
            "default_assignee": Pick(to="Person", first=8, percent=70),
        },
        "WorkflowCard": {
            "workflow": Pick(to="Workflow", owned=True),
            "person": Pick(to="Person", owned=True),
            "assignee": Pick(to="Person", first=8, percent=70),
            "current_step": Pick(to="WorkflowStep", matching=("workflow", "workflow"), percent=80),
        },
        "WorkflowCardActivity": {
            "workflow_card": Pick(to="WorkflowCard", owned=True),
            "workflow_step": Via(link="workflow_card", onward="current_step"),
        },
        "WorkflowCardNote": {
            "workflow_card": Pick(to="WorkflowCard", owned=True),
            "note_category": Pick(to="NoteCategory", percent=80),
        },
        "WorkflowShare": {
            "workflow": Pick(to="Workflow", owned=True),
            "person": Pick(to="Person", owned=True),
        },
        "WorkflowStepAssigneeSummary": {
            "step": Pick(to="WorkflowStep", owned=True),
            "person": Pick(to="Person", owned=True),
        },
    },
)

EDGES = edges_for(
    "people",
    {
        "FieldDatum": {
            "tab": Chain(edges=("field_definition", "tab")),
            "field_option": Chain(edges=("field_definition", "field_options")),
        },
        "FormSubmission": {"form_fields": Chain(edges=("form", "fields"))},
        "List": {"people": Through(type="ListResult", link="list", onward="person")},
        "Person": {
            "apps": Chain(edges=("person_apps", "app")),
            "workflow_cards": Children(type="WorkflowCard", link="person"),
        },
        "Tab": {"field_options": Chain(edges=("field_definitions", "field_options"))},
        "Workflow": {"shared_people": Through(type="WorkflowShare", link="workflow", onward="person")},
        "WorkflowStep": {"assignee_summaries": Children(type="WorkflowStepAssigneeSummary", link="step")},
    },
)
"""A custom field's value is not told from the first option of its field: the church does not keep which was chosen."""


def _nothing_told(row: Row, *names: str) -> None:
    for name in names:
        row.refer(name, None)


def _option(row: Row, _world: World) -> Mapping[str, object]:
    return {"value": words.CHOICES[row.rank % len(words.CHOICES)], "sequence": row.rank}


def _form_field(row: Row, _world: World) -> Mapping[str, object]:
    _nothing_told(row, "fieldable", "options")
    return {
        "label": row.dice.pick(words.FIELD_NAMES),
        "sequence": row.rank,
        "field_type": row.dice.pick(("string", "text", "dropdown", "checkboxes", "phone_number")),
        "settings": "{}",
    }


def _form_field_option(row: Row, _world: World) -> Mapping[str, object]:
    _nothing_told(row, "optionable")
    return {"label": words.CHOICES[row.rank % len(words.CHOICES)], "sequence": row.rank}


def _value(row: Row, _world: World) -> Mapping[str, object]:
    return {"display_value": row.dice.pick(words.SENTENCES), "attachments": []}


def _step(row: Row, _world: World) -> Mapping[str, object]:
    return {
        "name": listed(("Call", "Visit", "Write", "Invite", "Close"), row),
        "sequence": row.rank,
        "expected_response_time_in_days": row.dice.below(14),
        "auto_snooze_interval": "day",
    }


def _card(row: Row, _world: World) -> Mapping[str, object]:
    stage = row.dice.pick(("ready", "ready", "snoozed", "completed", "removed"))
    return {
        "stage": stage,
        "overdue": row.dice.percent(10),
        "snooze_until": row.updated_at if stage == "snoozed" else None,
        "completed_at": row.updated_at if stage == "completed" else None,
        "removed_at": row.updated_at if stage == "removed" else None,
        "moved_to_step_at": row.created_at,
        "flagged_for_notification_at": None,
    }


def _activity(row: Row, _world: World) -> Mapping[str, object]:
    return {
        "type": row.dice.pick(("created", "step_completed", "note")),
        "comment": row.dice.pick(words.SENTENCES),
        "attachments_meta": {},
        "attachments_urls": {},
    }


def _connected(row: Row, _world: World) -> Mapping[str, object]:
    return {"gender": row.dice.pick(("Male", "Female")), "organization_name": "Sister Church"}


KINDS = (
    Kind(type="FieldOption", plan=owned("field_definition", "FieldDefinition", (50, 0, 20, 20, 10)), fill=_option),
    Kind(type="FormField", plan=owned("form", "Form", (0, 0, 1, 1, 1)), fill=_form_field),
    Kind(type="FormFieldOption", plan=owned("form_field", "FormField", (60, 0, 20, 20)), fill=_form_field_option),
    Kind(type="FormSubmission", plan=sampled(("form", "Form"), ("person", "Person"), (1, 2, 3), percent=0.5)),
    Kind(
        type="FormSubmissionValue",
        plan=paired(("form_submission", "FormSubmission", "form"), ("form_field", "FormField", "form")),
        fill=_value,
    ),
    Kind(type="Rule", plan=owned("list", "List", (30, 60, 10))),
    Kind(type="Condition", plan=owned("rule", "Rule", (0, 2, 1))),
    Kind(type="ListResult", plan=sampled(("list", "List"), ("person", "Person"), (0, 4, 8, 12), percent=0.5)),
    Kind(type="ListShare", plan=sampled(("list", "List"), ("person", "Person"), (0, 0, 1))),
    Kind(type="ListStar", plan=owned("list", "List", (80, 20))),
    Kind(type="MailchimpSyncStatus", plan=owned("list", "List", (80, 20))),
    Kind(type="NoteCategoryShare", plan=sampled(("note_category", "NoteCategory"), ("person", "Person"), (0, 1, 1))),
    Kind(type="PersonApp", plan=owned("person", "Person", (96, 3, 1))),
    Kind(type="ConnectedPerson", plan=owned("person", "Person", (98, 2)), fill=_connected),
    Kind(type="PlatformNotification", plan=owned("person", "Person", (98, 2))),
    Kind(type="PeopleImportConflict", plan=owned("people_import", "PeopleImport", (0, 1, 1))),
    Kind(type="PeopleImportHistory", plan=owned("people_import", "PeopleImport", (0, 0, 0, 1, 1, 1))),
    Kind(type="ServiceTime", plan=owned("campus", "Campus", (0, 1, 1, 1))),
    Kind(type="WorkflowStep", plan=owned("workflow", "Workflow", (0, 0, 1, 1, 1)), fill=_step),
    Kind(type="WorkflowCard", plan=sampled(("workflow", "Workflow"), ("person", "Person"), (2, 4, 6)), fill=_card),
    Kind(
        type="WorkflowCardActivity", plan=owned("workflow_card", "WorkflowCard", (20, 40, 30, 10)), fill=_activity
    ),
    Kind(type="WorkflowCardNote", plan=owned("workflow_card", "WorkflowCard", (80, 20))),
    Kind(type="WorkflowShare", plan=sampled(("workflow", "Workflow"), ("person", "Person"), (0, 1, 1))),
    Kind(
        type="WorkflowStepAssigneeSummary",
        plan=sampled(("step", "WorkflowStep"), ("person", "Person"), (0, 1)),
    ),
)  # fmt: skip
"""In the order in which they build on each other."""
