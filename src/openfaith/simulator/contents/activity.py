"""What people do in a church's software: notes, messages, forms, lists, workflows, checks, imports, custom field values."""

from __future__ import annotations

import json
from collections.abc import Mapping
from uuid import UUID

from openfaith.simulator import words
from openfaith.simulator.contents.settings import data_type_of
from openfaith.simulator.dice import Dice
from openfaith.simulator.kinds import Kind, Row, World
from openfaith.simulator.layouts import counted, owned

FILE_BYTES = 1_000_000


def _field_datum(row: Row, world: World) -> Mapping[str, object]:
    definition = row.refer("field_definition", world.pick("FieldDefinition", row.dice))
    data_type = data_type_of(world, definition.id) if definition else "string"
    if data_type == "file":
        name = f"scan {row.id}.pdf"
        return {
            "value": None,
            "file": f"https://files.church.example/{row.id}.pdf",
            "file_size": 1 + row.dice.below(FILE_BYTES),
            "file_content_type": "application/pdf",
            "file_name": name,
        }
    # Documented as a string, recorded as an object where there is no file.
    return {
        "value": _value(data_type, row.dice),
        "file": {"url": None},
        "file_size": None,
        "file_content_type": None,
        "file_name": None,
    }


def _value(data_type: str, dice: Dice) -> str:
    """A custom field's value, which the API always sends as text."""
    match data_type:
        case "date":
            return f"{1990 + dice.below(35)}-{1 + dice.below(12):02}-{1 + dice.below(28):02}"
        case "boolean":
            return "true" if dice.one_in(2) else "false"
        case "number":
            return str(dice.below(1_000_000) / 100)
        case "select" | "checkboxes":
            return dice.pick(words.CHOICES)
        case _:
            return words.LONG_TEXT if dice.one_in(50) else dice.pick(words.SENTENCES)


def _note(row: Row, world: World) -> Mapping[str, object]:
    dice = row.dice
    person = row.links["person"]
    category = row.refer("note_category", world.pick("NoteCategory", dice))
    author = row.refer("created_by", world.pick("Person", dice))
    row.refer("organization", world.organization)
    return {
        "note": words.LONG_TEXT if dice.one_in(30) else dice.pick(words.SENTENCES),
        "display_date": row.created_at,
        "note_category_id": category.id if category else None,
        "organization_id": world.organization.id,
        "person_id": person.id if person else None,
        "created_by_id": author.id if author else None,
    }


def _background_check(row: Row, _world: World) -> Mapping[str, object]:
    dice = row.dice
    status = dice.pick(
        (
            "awaiting_applicant",
            "report_processing",
            "needs_review",
            "complete_clear",
            "complete_clear",
            "canceled",
        )
    )
    is_complete = status == "complete_clear"
    return {
        "current": row.rank == 0,
        "note": dice.pick(words.SENTENCES) if dice.one_in(5) else None,
        "status_updated_at": row.updated_at,
        "report_url": f"https://checks.example/{row.id}" if is_complete else None,
        "expires_on": f"{2026 + dice.below(4)}-{1 + dice.below(12):02}-01" if is_complete else None,
        "status": status,
        "completed_at": row.updated_at if is_complete else None,
    }


def _message_group(row: Row, world: World) -> Mapping[str, object]:
    dice = row.dice
    row.refer("from", world.pick("Person", dice))
    row.refer("app", world.pick("App", dice))
    return {
        "uuid": str(UUID(int=dice.below(1 << 48) << 64 | dice.below(1 << 48))),
        "message_type": dice.pick(("email", "sms")),
        "from_address": f"sender{dice.below(9)}@church.example",
        "subject": dice.pick(words.SENTENCES),
        "message_count": 1 + dice.below(12),
        "system_message": dice.one_in(5),
        "transactional_message": dice.one_in(5),
        "contains_user_generated_content": dice.one_in(2),
        "reply_to_name": "Church office",
        "reply_to_address": "office@church.example",
    }


def _message(row: Row, world: World) -> Mapping[str, object]:
    dice = row.dice
    row.refer("from", world.pick("Person", dice))
    row.refer("to", world.pick("Person", dice))
    bounced = dice.percent(4)
    return {
        "kind": dice.pick(("email", "sms", "church_center_message")),
        "to_addresses": f"reader{dice.below(100_000)}@example.org",
        "subject": dice.pick(words.SENTENCES),
        "delivery_status": "bounced" if bounced else "delivered",
        "reject_reason": "mailbox full" if bounced else None,
        "sent_at": row.created_at,
        "bounced_at": row.updated_at if bounced else None,
        "rejection_notification_sent_at": None,
        "from_name": "Church office",
        "from_address": "office@church.example",
        "read_at": row.updated_at if dice.one_in(3) else None,
        "app_name": "People",
        "message_type": dice.pick(("email", "sms")),
        "file": None,
    }


def _form(row: Row, world: World) -> Mapping[str, object]:
    dice = row.dice
    row.refer("campus", world.pick("Campus", dice) if dice.one_in(2) else None)
    row.refer("form_category", world.pick("FormCategory", dice))
    archived = dice.one_in(6)
    return {
        "name": words.FORMS[row.index % len(words.FORMS)],
        "description": dice.pick(words.SENTENCES),
        "active": not archived,
        "archived": archived,
        "archived_at": row.updated_at if archived else None,
        "deleted_at": None,
        "submission_count": dice.below(500),
        "public_url": f"https://church.example/forms/{row.id}",
        "recently_viewed": dice.one_in(2),
        "send_submission_notification_to_submitter": dice.one_in(2),
        "login_required": dice.one_in(3),
        "can_manage": True,
    }


def _list(row: Row, world: World) -> Mapping[str, object]:
    dice = row.dice
    row.refer("campus", world.pick("Campus", dice) if dice.one_in(3) else None)
    row.refer("category", world.pick("ListCategory", dice) if dice.one_in(2) else None)
    row.refer("created_by", world.pick("Person", dice))
    row.refer("updated_by", world.pick("Person", dice))
    name = words.LISTS[row.index % len(words.LISTS)]
    return {
        "name": name if dice.percent(90) else None,
        "description": f"{name}, refreshed nightly",
        "name_or_description": name,
        "auto_refresh": dice.one_in(2),
        "auto_refresh_frequency": dice.pick(("never", "daily", "weekly", "monthly")),
        "status": "ready",
        "has_inactive_results": dice.one_in(4),
        "include_inactive": dice.one_in(4),
        "returns": dice.pick(("original", "child", "adult", "everyone")),
        "return_original_if_none": dice.one_in(2),
        "subset": "any",
        "automations_active": False,
        "automations_count": 0,
        "paused_automations_count": 0,
        "active_automations_count": 0,
        "invalid": False,
        "recently_viewed": dice.one_in(2),
        "refreshed_at": row.updated_at,
        "starred": dice.one_in(5),
        "total_people": dice.below(1000),
        "batch_completed_at": row.updated_at if dice.one_in(2) else None,
    }


def _people_import(row: Row, world: World) -> Mapping[str, object]:
    dice = row.dice
    row.refer("created_by", world.pick("Person", dice))
    undone = dice.one_in(4)
    row.refer("undone_by", world.pick("Person", dice) if undone else None)
    return {
        "attribs": json.dumps([{"name": "first_name", "column": 1}]),
        "status": "undone" if undone else "complete",
        "processed_at": row.updated_at,
        "undone_at": row.updated_at if undone else None,
    }


def _report(row: Row, world: World) -> Mapping[str, object]:
    row.refer("created_by", world.pick("Person", row.dice))
    row.refer("updated_by", world.pick("Person", row.dice))
    name = words.REPORTS[row.index % len(words.REPORTS)]
    return {
        "name": name,
        "body": f"<html>\r\n  <h1>{name}</h1>\r\n  {{{{ people | size }}}}\r\n</html>"
        * (1 + row.dice.below(40)),
    }


def _workflow(row: Row, world: World) -> Mapping[str, object]:
    dice = row.dice
    campus = row.refer("campus", world.pick("Campus", dice) if dice.one_in(2) else None)
    category = row.refer(
        "workflow_category", world.pick("WorkflowCategory", dice) if dice.one_in(2) else None
    )
    cards, completed = dice.below(200), dice.below(500)
    return {
        "name": words.WORKFLOWS[row.index % len(words.WORKFLOWS)],
        "my_ready_card_count": dice.below(5),
        "my_overdue_card_count": dice.below(5),
        "my_due_soon_card_count": dice.below(5),
        "total_ready_card_count": cards,
        "total_ready_and_snoozed_card_count": cards + dice.below(10),
        "completed_card_count": completed,
        "total_cards_count": cards + completed,
        "total_steps_count": 1 + dice.below(9),
        "total_unassigned_steps_count": dice.below(2),
        "total_unassigned_card_count": dice.below(20),
        "total_overdue_card_count": dice.below(20),
        "deleted_at": None,
        "archived_at": row.updated_at if dice.one_in(8) else None,
        "campus_id": campus.id if campus else None,
        "workflow_category_id": category.id if category else None,
        "recently_viewed": dice.one_in(2),
    }


KINDS = (
    Kind(
        type="FieldDatum",
        plan=owned("customizable", "Person", (80, 12, 6, 2)),
        fill=_field_datum,
        together=(("value", "file", "file_size", "file_content_type", "file_name"),),
    ),
    Kind(type="Note", plan=owned("person", "Person", (93, 5, 1, 1)), fill=_note),
    Kind(
        type="BackgroundCheck",
        plan=owned("person", "Person", (96, 4)),
        fill=_background_check,
        together=(("status", "report_url", "expires_on", "completed_at", "status_updated_at"),),
        fixed=("current",),
    ),
    Kind(type="MessageGroup", plan=counted(lambda people: 2 + people // 80), fill=_message_group),
    Kind(type="Message", plan=owned("message_group", "MessageGroup", (0, 4, 2, 2, 1, 1, 1, 0, 0, 0, 0, 0, 1)), fill=_message),
    Kind(type="Form", plan=counted(lambda _people: len(words.FORMS)), fill=_form, together=(("active", "archived", "archived_at"),)),
    Kind(type="List", plan=counted(lambda people: len(words.LISTS) + people // 2000), fill=_list, together=(("name", "description", "name_or_description"),)),
    Kind(type="PeopleImport", plan=counted(lambda _people: 4), fill=_people_import, together=(("status", "undone_at"),)),
    Kind(type="Report", plan=counted(lambda _people: len(words.REPORTS)), fill=_report, together=(("name", "body"),)),
    Kind(type="Workflow", plan=counted(lambda _people: len(words.WORKFLOWS)), fill=_workflow),
)  # fmt: skip
"""In an order in which every plan finds what it builds on."""
