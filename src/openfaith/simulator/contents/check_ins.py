"""Check-ins: events and their times, rooms and stations, and who was checked in where."""

from __future__ import annotations

from collections.abc import Mapping

from openfaith.simulator import words
from openfaith.simulator.contents.settings import listed
from openfaith.simulator.kinds import Kind, Row, World
from openfaith.simulator.layouts import counted, owned, paired, sampled
from openfaith.simulator.relations import Chain, Children, Pick, Through, ToOne, Via, edges_for, links_for
from openfaith.simulator.stamps import later

HOUR = 3600

_EVENT_OF_PERIOD = Via(link="event_period", onward="event")

LINKS = links_for(
    "check-ins",
    {
        "Person": {"organization": Pick(to="Organization")},
        "AttendanceType": {"event": Pick(to="Event", owned=True)},
        "EventPeriod": {"event": Pick(to="Event", owned=True)},
        "EventTime": {"event_period": Pick(to="EventPeriod", owned=True), "event": _EVENT_OF_PERIOD},
        "Location": {
            "event": Pick(to="Event", owned=True),
            "parent": Pick(to="Location", matching=("event", "event"), percent=50, earlier=True),
        },
        "Headcount": {
            "event_time": Pick(to="EventTime", owned=True),
            "event": Via(link="event_time", onward="event"),
            "attendance_type": Pick(to="AttendanceType", matching=("event", "event"), owned=True),
        },
        "Label": {},
        "EventLabel": {"event": Pick(to="Event", owned=True), "label": Pick(to="Label", owned=True)},
        "LocationLabel": {"location": Pick(to="Location", owned=True), "label": Pick(to="Label", owned=True)},
        "Option": {"location": Pick(to="Location", owned=True), "label": Pick(to="Label", percent=70)},
        "Theme": {},
        "Station": {
            "event": Pick(to="Event", percent=80),
            "location": Pick(to="Location", matching=("event", "event"), percent=50),
            "theme": Pick(to="Theme", percent=60),
            "print_station": Pick(to="Station", percent=50, earlier=True),
        },
        "LocationEventPeriod": {
            "location": Pick(to="Location", owned=True),
            "event": Via(link="location", onward="event"),
            "event_period": Pick(to="EventPeriod", matching=("event", "event"), owned=True),
        },
        "LocationEventTime": {
            "location": Pick(to="Location", owned=True),
            "event": Via(link="location", onward="event"),
            "event_time": Pick(to="EventTime", matching=("event", "event"), owned=True),
        },
        "CheckInGroup": {
            "event_period": Pick(to="EventPeriod", owned=True),
            "print_station": Pick(to="Station", percent=80),
        },
        "CheckIn": {
            "event_period": Pick(to="EventPeriod", owned=True),
            "event": _EVENT_OF_PERIOD,
            "person": Pick(to="Person", owned=True),
            "check_in_group": Pick(to="CheckInGroup", matching=("event_period", "event_period"), percent=60),
            "checked_in_at": Pick(to="Station", percent=70),
            "checked_in_by": Pick(to="Person", percent=60),
            "checked_out_by": Pick(to="Person", percent=20),
        },
        "CheckInTime": {
            "check_in": Pick(to="CheckIn", owned=True),
            "event_period": Via(link="check_in", onward="event_period"),
            "event": Via(link="check_in", onward="event"),
            "event_time": Pick(to="EventTime", matching=("event_period", "event_period")),
            "location": Pick(to="Location", matching=("event", "event"), percent=90),
        },
        "CheckInOption": {
            "check_in": Pick(to="CheckIn", owned=True),
            "option": Pick(to="Option", owned=True),
        },
        "PersonEvent": {
            "event": Pick(to="Event", owned=True),
            "person": Pick(to="Person", owned=True),
            "first_check_in": Pick(to="CheckIn", matching=("person", "person")),
            "last_check_in": Pick(to="CheckIn", matching=("person", "person")),
        },
        "Pass": {"person": Pick(to="Person", owned=True)},
        "IntegrationLink": {
            "event": Pick(to="Event", owned=True),
            "location": Pick(to="Location", matching=("event", "event"), percent=40),
            "local": Via(link="event"),
        },
    },
)

EDGES = edges_for(
    "check-ins",
    {
        "CheckIn": {
            "event_period": ToOne(link="event_period"),
            "event_times": Through(type="CheckInTime", link="check_in", onward="event_time"),
            "locations": Through(type="CheckInTime", link="check_in", onward="location"),
            "options": Through(type="CheckInOption", link="check_in", onward="option"),
        },
        "EventTime": {
            "check_ins": Through(type="CheckInTime", link="event_time", onward="check_in"),
            "available_locations": Through(type="LocationEventTime", link="event_time", onward="location"),
        },
        "Location": {
            "check_ins": Through(type="CheckInTime", link="location", onward="check_in"),
        },
        "LocationEventPeriod": {"check_ins": Chain(edges=("event_period", "check_ins"))},
        "LocationEventTime": {"check_ins": Chain(edges=("event_time", "check_ins"))},
        "Option": {"check_ins": Through(type="CheckInOption", link="option", onward="check_in")},
        "Station": {
            "check_in_groups": Children(type="CheckInGroup", link="print_station"),
            "checked_in_at_check_ins": Children(type="CheckIn", link="checked_in_at"),
        },
    },
)


def _event(row: Row, _world: World) -> Mapping[str, object]:
    archived = row.dice.percent(10)
    return {
        "name": listed(("Sunday Kids", "Youth Night", "VBS", "Volunteers", "Miércoles"), row),
        "frequency": row.dice.pick(("Weekly", "Daily", "None")),
        "archived_at": row.updated_at if archived else None,
        "integration_key": f"key{row.id}",
    }


def _period(row: Row, world: World) -> Mapping[str, object]:
    guests, volunteers = row.dice.below(9), row.dice.below(12)
    regular = len(world.owned_ids("check-ins.CheckIn", row.id))
    return {
        "starts_at": row.created_at,
        "ends_at": later(row.created_at, 20 * HOUR),
        "regular_count": regular,
        "guest_count": guests,
        "volunteer_count": volunteers,
        "note": row.dice.pick(words.SENTENCES) if row.dice.percent(10) else None,
    }


def _time(row: Row, world: World) -> Mapping[str, object]:
    hour = (9, 11, 17)[row.rank % 3]
    starts_at = world.created_at(row.links["event_period"]) or row.created_at
    return {
        "name": f"{hour}:00",
        "hour": hour,
        "minute": 0,
        "day_of_week": row.dice.below(7),
        "starts_at": later(starts_at, row.rank * 2 * HOUR),
        "shows_at": later(starts_at, row.rank * 2 * HOUR - HOUR),
        "hides_at": later(starts_at, row.rank * 2 * HOUR + HOUR),
        "total_count": 5 + row.dice.below(90),
        "regular_count": row.dice.below(60),
        "guest_count": row.dice.below(9),
        "volunteer_count": row.dice.below(12),
    }


def _check_in(row: Row, world: World) -> Mapping[str, object]:
    dice = row.dice
    person = row.links["person"]
    who = world.identity(person.id) if person else None
    left = dice.percent(40)
    return {
        "first_name": who.first_name if who else "Guest",
        "last_name": who.last_name if who else "Guest",
        "number": row.index + 1,
        "security_code": "".join(dice.pick("BCDFGHJKLMNPQRSTVWXYZ23456789") for _ in range(4)),
        "medical_notes": dice.pick(words.SENTENCES) if dice.percent(4) else None,
        "checked_out_at": later(row.created_at, HOUR + dice.below(HOUR)) if left else None,
        "confirmed_at": row.created_at if dice.percent(60) else None,
        "emergency_contact_name": dice.pick(words.FEMALE_NAMES) if dice.percent(30) else None,
        "emergency_contact_phone_number": "(555) 555-0199" if dice.percent(30) else None,
        "one_time_guest": False,
        "kind": dice.pick(("Regular", "Regular", "Guest", "Volunteer")),
    }


def _check_in_time(row: Row, _world: World) -> Mapping[str, object]:
    return {"kind": row.dice.pick(("regular", "guest", "volunteer")), "has_validated": True, "alerts": []}


def _location(row: Row, _world: World) -> Mapping[str, object]:
    occupancy = 10 + row.dice.below(40)
    return {
        "name": f"{words.ROOMS[row.index % len(words.ROOMS)]} {row.rank + 1}",
        "kind": "Location" if row.rank else "Folder",
        "position": row.rank,
        "max_occupancy": occupancy if row.dice.percent(70) else None,
        "min_volunteers": row.dice.below(4),
        "attendees_per_volunteer": 5,
        "opened": row.dice.percent(80),
        "age_on": None,
        "effective_date": None,
        "child_or_adult": row.dice.pick(("child", "adult", None)),
    }


def _headcount(row: Row, _world: World) -> Mapping[str, object]:
    return {"total": row.dice.below(120)}


KINDS = (
    Kind(type="check-ins.Event", plan=counted(lambda people: 2 + min(people // 1500, 6)), fill=_event),
    Kind(type="check-ins.Label", plan=counted(lambda _people: 4)),
    Kind(type="check-ins.Theme", plan=counted(lambda _people: 2)),
    Kind(type="check-ins.AttendanceType", plan=owned("event", "check-ins.Event", (0, 1, 1))),
    Kind(type="check-ins.Location", plan=owned("event", "check-ins.Event", (0, 0, 0, 1, 1, 1)), fill=_location),
    Kind(type="check-ins.Station", plan=counted(lambda people: 2 + people // 1000)),
    Kind(
        type="check-ins.EventPeriod",
        plan=owned("event", "check-ins.Event", (0,) * 10 + (1, 1, 1), spread=True),
        fill=_period,
        fixed=("regular_count",),
    ),
    Kind(type="check-ins.EventTime", plan=owned("event_period", "check-ins.EventPeriod", (0, 70, 30)), fill=_time),
    Kind(
        type="check-ins.Headcount",
        plan=paired(
            ("event_time", "check-ins.EventTime", "event"),
            ("attendance_type", "check-ins.AttendanceType", "event"),
            percent=60,
        ),
        fill=_headcount,
    ),
    Kind(type="check-ins.EventLabel", plan=sampled(("event", "check-ins.Event"), ("label", "check-ins.Label"), (1, 2))),
    Kind(
        type="check-ins.LocationLabel",
        plan=sampled(("location", "check-ins.Location"), ("label", "check-ins.Label"), (0, 1)),
    ),
    Kind(type="check-ins.Option", plan=owned("location", "check-ins.Location", (60, 30, 10))),
    Kind(
        type="check-ins.LocationEventPeriod",
        plan=paired(
            ("location", "check-ins.Location", "event"), ("event_period", "check-ins.EventPeriod", "event")
        ),
    ),
    Kind(
        type="check-ins.LocationEventTime",
        plan=paired(("location", "check-ins.Location", "event"), ("event_time", "check-ins.EventTime", "event")),
    ),
    Kind(type="check-ins.CheckInGroup", plan=owned("event_period", "check-ins.EventPeriod", (0, 1, 1, 1))),
    Kind(
        type="check-ins.CheckIn",
        plan=sampled(("event_period", "check-ins.EventPeriod"), ("person", "check-ins.Person"), (1, 5, 9), percent=8),
        fill=_check_in,
        fixed=("first_name", "last_name", "number", "security_code"),
    ),
    Kind(
        type="check-ins.CheckInTime",
        plan=owned("check_in", "check-ins.CheckIn", (0, 90, 10)),
        fill=_check_in_time,
    ),
    Kind(
        type="check-ins.CheckInOption",
        plan=sampled(("check_in", "check-ins.CheckIn"), ("option", "check-ins.Option"), (0, 0, 0, 0, 0, 1)),
        is_joint=True,
    ),
    Kind(
        type="check-ins.PersonEvent",
        plan=sampled(("event", "check-ins.Event"), ("person", "check-ins.Person"), (2, 4), percent=20),
    ),
    Kind(type="check-ins.Pass", plan=owned("person", "check-ins.Person", (92, 8))),
    Kind(type="check-ins.IntegrationLink", plan=owned("event", "check-ins.Event", (50, 50))),
)  # fmt: skip
"""In the order in which they build on each other."""
