"""Groups: who belongs to them, when they meet, and who came."""

from __future__ import annotations

from collections.abc import Mapping

from openfaith.simulator import words
from openfaith.simulator.contents.settings import listed
from openfaith.simulator.kinds import Kind, Row, World
from openfaith.simulator.layouts import counted, owned, paired, sampled, subset
from openfaith.simulator.relations import (
    Chain,
    Children,
    Outside,
    Pick,
    Through,
    Via,
    edges_for,
    links_for,
)
from openfaith.simulator.stamps import later

MEETING_SECONDS = 5400

LINKS = links_for(
    "groups",
    {
        "Group": {
            "group_type": Pick(to="GroupType"),
            "location": Pick(to="Location", matching=("id", "group"), percent=90),
        },
        "Location": {"group": Pick(to="Group", owned=True)},
        "Membership": {"group": Pick(to="Group", owned=True), "person": Pick(to="Person", owned=True)},
        "Event": {
            "group": Pick(to="Group", owned=True),
            "group_type": Via(link="group", onward="group_type"),
            "location": Pick(to="Location", matching=("group", "group"), percent=80),
            "attendance_submitter": Pick(to="Person", percent=70),
            "repeating_event": Outside(to="RepeatingEvent"),
        },
        "Attendance": {
            "event": Pick(to="Event", owned=True),
            "group": Via(link="event", onward="group"),
            "membership": Pick(to="Membership", matching=("group", "group"), owned=True),
            "person": Via(link="membership", onward="person"),
        },
        "EventNote": {
            "event": Pick(to="Event", owned=True),
            "annotatable": Via(link="event"),
            "owner": Pick(to="Owner"),
        },
        "Enrollment": {"group": Pick(to="Group", owned=True)},
        "GroupApplication": {"group": Pick(to="Group", owned=True), "person": Pick(to="Person", owned=True)},
        "Resource": {
            "group_type": Pick(to="GroupType", owned=True),
            "group": Pick(to="Group", matching=("group_type", "group_type"), percent=70),
            "created_by": Pick(to="Person", first=5),
        },
        "Tag": {"tag_group": Pick(to="TagGroup", owned=True)},
        "GroupTag": {"group": Pick(to="Group", owned=True), "tag": Pick(to="Tag", owned=True)},
        "GroupCampus": {"group": Pick(to="Group", owned=True), "campus": Pick(to="Campus", owned=True)},
    },
)

EDGES = edges_for(
    "groups",
    {
        "Group": {
            "people": Chain(edges=("memberships", "person")),
            "tags": Through(type="GroupTag", link="group", onward="tag"),
            "campuses": Through(type="GroupCampus", link="group", onward="campus"),
        },
        "Person": {
            "attendances": Children(type="Attendance", link="person"),
            "events": Chain(edges=("attendances", "event")),
            "groups": Chain(edges=("memberships", "group")),
        },
        "Tag": {"groups": Through(type="GroupTag", link="tag", onward="group")},
        "Campus": {"groups": Through(type="GroupCampus", link="campus", onward="group")},
    },
)


def _group(row: Row, world: World) -> Mapping[str, object]:
    dice = row.dice
    name = f"{dice.pick(words.TOPICS)} {row.index + 1}"
    archived = dice.percent(8)
    return {
        "name": name,
        "description": f"<p>{dice.pick(words.SENTENCES)}</p>",
        "description_as_plain_text": dice.pick(words.SENTENCES),
        "archived_at": row.updated_at if archived else None,
        "contact_email": f"group{row.id}@example.org" if dice.percent(60) else None,
        "memberships_count": len(world.owned_ids("groups.Membership", row.id)),
        "location_type_preference": dice.pick(("physical", "virtual")),
        "schedule": dice.pick(("Sundays at 9am", "Every other Tuesday", "Weekly on Wednesday 7pm")),
        "events_visibility": dice.pick(("members", "public")),
        "public_church_center_web_url": f"https://church.example/groups/{row.id}",
        "virtual_location_url": None,
        "header_image": {"thumbnail": f"https://files.church.example/{row.id}/thumb.jpg"},
        "tag_ids": None,
    }


def _membership(row: Row, _world: World) -> Mapping[str, object]:
    return {"joined_at": row.created_at, "role": "leader" if row.rank == 0 else "member"}


def _event(row: Row, world: World) -> Mapping[str, object]:
    dice = row.dice
    starts_at = later(row.created_at, 86_400 * 3 + 3600 * dice.below(200))
    canceled = dice.percent(5)
    attended = len(world.owned_ids("groups.Attendance", row.id))
    return {
        "name": dice.pick(words.TOPICS),
        "description": dice.pick(words.SENTENCES),
        "starts_at": starts_at,
        "ends_at": later(starts_at, MEETING_SECONDS),
        "canceled": canceled,
        "canceled_at": row.updated_at if canceled else None,
        "multi_day": False,
        "repeating": row.links["repeating_event"] is not None,
        "location_type_preference": dice.pick(("physical", "virtual")),
        "visitors_count": dice.below(4) if attended else 0,
        "virtual_location_url": None,
        "reminders_sent_at": None,
        "reminders_sent": False,
    }


def _attendance(row: Row, world: World) -> Mapping[str, object]:
    membership = row.links["membership"]
    members = world.owned_ids("groups.Membership", group.id) if (group := row.links["group"]) else ()
    is_leader = membership is not None and membership.id in members[:1]
    return {"attended": row.dice.percent(75), "role": "leader" if is_leader else "member"}


def _application(row: Row, _world: World) -> Mapping[str, object]:
    return {
        "applied_at": row.created_at,
        "message": row.dice.pick(words.SENTENCES),
        "status": row.dice.pick(("pending", "approved", "rejected")),
    }


def _enrollment(row: Row, _world: World) -> Mapping[str, object]:
    return {
        "strategy": row.dice.pick(("request_to_join", "open_signup", "closed")),
        "status": row.dice.pick(("open", "closed", "full", "private")),
        "member_limit": 10 + row.dice.below(20) if row.dice.percent(40) else None,
        "member_limit_reached": False,
        "date_limit": None,
        "date_limit_reached": False,
        "auto_closed": False,
        "auto_closed_reason": None,
    }


def _group_type(row: Row, _world: World) -> Mapping[str, object]:
    return {"name": listed(words.GROUP_TYPES, row), "position": row.index, "default_group_settings": "{}"}


def _location(row: Row, _world: World) -> Mapping[str, object]:
    city, state, code, _, _ = row.dice.pick(words.PLACES)
    street = row.dice.pick(words.STREETS)
    return {
        "name": row.dice.pick(words.ROOMS),
        "full_formatted_address": f"{row.dice.below(999)} {street}\n{city}, {state} {code}",
        "display_preference": row.dice.pick(("exact", "approximate", "hidden")),
        "strategy": row.dice.pick(("exact", "approximate", "hidden")),
    }


def _campus(row: Row, _world: World) -> Mapping[str, object]:
    return {"name": listed(words.CAMPUSES, row)}


KINDS = (
    Kind(type="groups.GroupType", plan=counted(lambda _people: 4), fill=_group_type),
    Kind(type="groups.Campus", plan=subset("Campus", 100), fill=_campus),
    Kind(
        type="groups.Group",
        plan=counted(lambda people: 4 + people // 40),
        fill=_group,
        fixed=("memberships_count",),
    ),
    Kind(type="groups.Location", plan=owned("group", "groups.Group", (40, 50, 10)), fill=_location),
    Kind(
        type="groups.Membership",
        plan=sampled(("group", "groups.Group"), ("person", "groups.Person"), range(3, 19)),
        fill=_membership,
    ),
    Kind(
        type="groups.Event",
        plan=owned("group", "groups.Group", (5, 0, 0, 0, 1, 1, 1, 2, 2, 3, 3, 3, 2), spread=True),
        fill=_event,
        together=(("starts_at", "ends_at"), ("canceled", "canceled_at")),
    ),
    Kind(
        type="groups.Attendance",
        plan=paired(
            ("event", "groups.Event", "group"), ("membership", "groups.Membership", "group"), percent=95
        ),
        fill=_attendance,
    ),
    Kind(type="groups.EventNote", plan=owned("event", "groups.Event", (90, 10))),
    Kind(type="groups.Enrollment", plan=owned("group", "groups.Group", (0, 1)), fill=_enrollment),
    Kind(
        type="groups.GroupApplication", plan=owned("group", "groups.Group", (60, 30, 10)), fill=_application
    ),
    Kind(type="groups.Resource", plan=owned("group_type", "groups.GroupType", (0, 1, 1))),
    Kind(type="groups.TagGroup", plan=counted(lambda _people: 3)),
    Kind(type="groups.Tag", plan=owned("tag_group", "groups.TagGroup", (0, 0, 1, 1, 1))),
    Kind(
        type="groups.GroupTag",
        plan=sampled(("group", "groups.Group"), ("tag", "groups.Tag"), (0, 1, 1, 2)),
        is_joint=True,
    ),
    Kind(
        type="groups.GroupCampus",
        plan=sampled(("group", "groups.Group"), ("campus", "groups.Campus"), (0, 1, 1, 1)),
        is_joint=True,
    ),
)
