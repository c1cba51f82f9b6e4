"""Calendar: events, when and where they happen, and what they need."""

from __future__ import annotations

from collections.abc import Mapping

from openfaith.simulator import words
from openfaith.simulator.contents.settings import listed
from openfaith.simulator.kinds import Kind, Row, World
from openfaith.simulator.layouts import counted, owned, paired, sampled
from openfaith.simulator.relations import Chain, Children, Pick, Through, Via, edges_for, links_for
from openfaith.simulator.stamps import later

HOUR = 3600

_PEOPLE = Pick(to="Person", first=20)

LINKS = links_for(
    "calendar",
    {
        "Person": {"organization": Pick(to="Organization")},
        "Event": {"owner": _PEOPLE, "feed": Pick(to="Feed", percent=30)},
        "EventInstance": {"event": Pick(to="Event", owned=True)},
        "EventTime": {
            "event_instance": Pick(to="EventInstance", owned=True),
            "event": Via(link="event_instance", onward="event"),
        },
        "EventTag": {"event": Pick(to="Event", owned=True), "tag": Pick(to="Tag", owned=True)},
        "Tag": {"tag_group": Pick(to="TagGroup", percent=90)},
        "Attachment": {"event": Pick(to="Event", owned=True)},
        "EventConnection": {"event": Pick(to="Event", owned=True)},
        "Resource": {"resource_folder": Pick(to="ResourceFolder", percent=70)},
        "ResourceQuestion": {"resource": Pick(to="Resource", owned=True)},
        "RoomSetup": {
            "containing_resource": Pick(to="Resource", percent=80),
            "room_setup": Pick(to="RoomSetup", percent=30, earlier=True),
        },
        "ResourceSuggestion": {
            "room_setup": Pick(to="RoomSetup", owned=True),
            "resource": Pick(to="Resource"),
        },
        "RequiredApproval": {
            "resource_approval_group": Pick(to="ResourceApprovalGroup", owned=True),
            "resource": Pick(to="Resource", owned=True),
        },
        "Approver": {
            "resource_approval_group": Pick(to="ResourceApprovalGroup", owned=True),
            "person": Pick(to="Person", owned=True),
        },
        "EventResourceRequest": {
            "event": Pick(to="Event", owned=True),
            "resource": Pick(to="Resource", owned=True),
            "event_resource_request": Pick(to="EventResourceRequest", percent=5, earlier=True),
            "room_setup": Pick(to="RoomSetup", percent=30),
            "created_by": _PEOPLE,
            "updated_by": _PEOPLE,
        },
        "EventResourceAnswer": {
            "event_resource_request": Pick(to="EventResourceRequest", owned=True),
            "resource": Via(link="event_resource_request", onward="resource"),
            "resource_question": Pick(to="ResourceQuestion", matching=("resource", "resource")),
            "created_by": _PEOPLE,
            "updated_by": _PEOPLE,
        },
        "ResourceBooking": {
            "event_instance": Pick(to="EventInstance", owned=True),
            "event": Via(link="event_instance", onward="event"),
            "event_resource_request": Pick(
                to="EventResourceRequest", matching=("event", "event"), owned=True
            ),
            "resource": Via(link="event_resource_request", onward="resource"),
        },
        "Conflict": {
            "resource": Pick(to="Resource", owned=True),
            "winner": Pick(to="Event", percent=80),
            "resolved_by": Pick(to="Person", percent=60),
        },
        "Feed": {"event_owner": _PEOPLE},
    },
)

EDGES = edges_for(
    "calendar",
    {
        "Event": {"tags": Through(type="EventTag", link="event", onward="tag")},
        "EventInstance": {"tags": Chain(edges=("event", "tags"))},
        "Tag": {
            "events": Through(type="EventTag", link="tag", onward="event"),
            "event_instances": Chain(edges=("events", "event_instances")),
        },
        "TagGroup": {"events": Chain(edges=("tags", "events"))},
        "Person": {"event_resource_requests": Children(type="EventResourceRequest", link="created_by")},
        "Resource": {
            "resource_approval_groups": Through(
                type="RequiredApproval", link="resource", onward="resource_approval_group"
            )
        },
        "ResourceApprovalGroup": {
            "people": Through(type="Approver", link="resource_approval_group", onward="person"),
            "resources": Through(type="RequiredApproval", link="resource_approval_group", onward="resource"),
            "event_resource_requests": Chain(edges=("resources", "event_resource_requests")),
        },
    },
)


def _event(row: Row, _world: World) -> Mapping[str, object]:
    return {
        "name": f"{row.dice.pick(words.TOPICS)} {row.index + 1}",
        "summary": row.dice.pick(words.SENTENCES),
        "description": f"<div>{row.dice.pick(words.SENTENCES)}</div>",
        "approval_status": row.dice.pick(("A", "A", "P", "R")),
        "percent_approved": 100,
        "percent_rejected": 0,
        "featured": row.dice.percent(10),
        "registration_url": None,
    }


def _instance(row: Row, _world: World) -> Mapping[str, object]:
    starts_at = later(row.created_at, 86_400 * (7 + row.dice.below(60)))
    repeats = row.dice.percent(50)
    ends_at = later(starts_at, HOUR * (1 + row.dice.below(4)))
    return {
        "name": row.dice.pick(words.TOPICS),
        "starts_at": starts_at,
        "ends_at": ends_at,
        "published_starts_at": starts_at,
        "published_ends_at": ends_at,
        "all_day_event": row.dice.percent(5),
        "recurrence": "RRULE:FREQ=WEEKLY" if repeats else "None",
        "recurrence_description": "Every week" if repeats else "Does not repeat",
        "compact_recurrence_description": "Weekly" if repeats else "Does not repeat",
        "location": row.dice.pick(words.ROOMS) if row.dice.percent(60) else None,
        "kind": "event_instance",
    }


def _span(row: Row, _world: World) -> Mapping[str, object]:
    starts_at = later(row.created_at, 86_400 * 30)
    return {"starts_at": starts_at, "ends_at": later(starts_at, 2 * HOUR), "quantity": 1}


def _event_time(row: Row, world: World) -> Mapping[str, object]:
    """Its name is documented as a time."""
    starts_at = later(row.created_at, 86_400 * 30)
    return {**_span(row, world), "name": starts_at}


def _resource(row: Row, _world: World) -> Mapping[str, object]:
    is_room = row.index % 2 == 0
    return {
        "name": listed(words.ROOMS, row) if is_room else f"Projector {row.index}",
        "kind": "Room" if is_room else "Resource",
        "quantity": 1 + row.dice.below(5),
        "path_name": "Building A / Floor 1",
    }


def _request(row: Row, _world: World) -> Mapping[str, object]:
    return {
        "approval_status": row.dice.pick(("A", "P", "R")),
        "quantity": 1 + row.dice.below(3),
        "notes": row.dice.pick(words.SENTENCES) if row.dice.percent(30) else None,
    }


def _template(row: Row, _world: World) -> Mapping[str, object]:
    """Its stamps are documented as texts."""
    return {"title": f"Report {row.index + 1}", "body": "{{ events }}"}


KINDS = (
    Kind(type="calendar.Feed", plan=counted(lambda _people: 2)),
    Kind(type="calendar.Event", plan=counted(lambda people: 4 + people // 60), fill=_event),
    Kind(
        type="calendar.EventInstance",
        plan=owned("event", "calendar.Event", (0, 2, 2, 1, 1), spread=True),
        fill=_instance,
        together=(("starts_at", "ends_at", "published_starts_at", "published_ends_at"),),
    ),
    Kind(
        type="calendar.EventTime",
        plan=owned("event_instance", "calendar.EventInstance", (0, 3, 1)),
        fill=_event_time,
        together=(("starts_at", "ends_at"),),
    ),
    Kind(type="calendar.TagGroup", plan=counted(lambda _people: 3)),
    Kind(type="calendar.Tag", plan=counted(lambda _people: 8)),
    Kind(
        type="calendar.EventTag",
        plan=sampled(("event", "calendar.Event"), ("tag", "calendar.Tag"), (0, 1, 2)),
        is_joint=True,
    ),
    Kind(type="calendar.Attachment", plan=owned("event", "calendar.Event", (85, 15))),
    Kind(type="calendar.EventConnection", plan=owned("event", "calendar.Event", (85, 15))),
    Kind(type="calendar.ResourceFolder", plan=counted(lambda _people: 3)),
    Kind(type="calendar.Resource", plan=counted(lambda people: 6 + people // 400), fill=_resource),
    Kind(type="calendar.ResourceQuestion", plan=owned("resource", "calendar.Resource", (40, 40, 20))),
    Kind(type="calendar.ResourceApprovalGroup", plan=counted(lambda _people: 2)),
    Kind(
        type="calendar.RequiredApproval",
        plan=sampled(
            ("resource_approval_group", "calendar.ResourceApprovalGroup"),
            ("resource", "calendar.Resource"),
            (2, 3),
        ),
    ),
    Kind(
        type="calendar.Approver",
        plan=sampled(
            ("resource_approval_group", "calendar.ResourceApprovalGroup"), ("person", "calendar.Person"), (1, 2, 3)
        ),
        is_joint=True,
    ),
    Kind(type="calendar.RoomSetup", plan=counted(lambda _people: 4)),
    Kind(type="calendar.ResourceSuggestion", plan=owned("room_setup", "calendar.RoomSetup", (0, 1, 1))),
    Kind(
        type="calendar.EventResourceRequest",
        plan=sampled(("event", "calendar.Event"), ("resource", "calendar.Resource"), (0, 1, 1, 2)),
        fill=_request,
    ),
    Kind(
        type="calendar.EventResourceAnswer",
        plan=owned("event_resource_request", "calendar.EventResourceRequest", (60, 30, 10)),
    ),
    Kind(
        type="calendar.ResourceBooking",
        plan=paired(
            ("event_instance", "calendar.EventInstance", "event"),
            ("event_resource_request", "calendar.EventResourceRequest", "event"),
        ),
        fill=_span,
        together=(("starts_at", "ends_at"),),
    ),
    Kind(type="calendar.Conflict", plan=counted(lambda people: 2 + people // 500)),
    Kind(type="calendar.JobStatus", plan=counted(lambda _people: 2)),
    Kind(type="calendar.ReportTemplate", plan=counted(lambda _people: 3), fill=_template),
)  # fmt: skip
"""In the order in which they build on each other."""
