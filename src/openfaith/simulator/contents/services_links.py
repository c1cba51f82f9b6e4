"""How the records of Services refer to each other: who is planned where, and what is sung."""

from __future__ import annotations

from openfaith.simulator.relations import (
    Beside,
    Chain,
    Children,
    Edge,
    Outside,
    Pick,
    Rule,
    Through,
    Told,
    ToOne,
    Via,
    edges_for,
    links_for,
)

_PLANNER = Pick(to="Person", first=3)
"""Few people plan services."""

TAGGED = {
    "Song": "song",
    "Arrangement": "arrangement",
    "Media": "media",
    "Person": "person",
    "TeamPosition": "team_position",
}
"""What has tags, and the link of its tagging to it."""

_SCHEDULING: dict[str, dict[str, Rule]] = {
    "Folder": {"parent": Pick(to="Folder", percent=50, earlier=True), "ancestors": Via(link="parent")},
    "ServiceType": {"parent": Pick(to="Folder", percent=50)},
    "Team": {
        "service_type": Pick(to="ServiceType", owned=True),
        "service_types": Via(link="service_type"),
        "default_responds_to": _PLANNER,
    },
    "TeamPosition": {
        "team": Pick(to="Team", owned=True),
        "service_type": Via(link="team", onward="service_type"),
    },
    "PersonTeamPositionAssignment": {
        "team_position": Pick(to="TeamPosition", owned=True),
        "person": Pick(to="Person", owned=True),
        "team": Via(link="team_position", onward="team"),
        "service_type": Via(link="team_position", onward="service_type"),
    },
    "TeamLeader": {"team": Pick(to="Team", owned=True), "person": Pick(to="Person", owned=True)},
    "TimePreferenceOption": {"service_type": Pick(to="ServiceType", owned=True)},
    "Plan": {
        "service_type": Pick(to="ServiceType", owned=True),
        "series": Pick(to="Series", percent=80),
        "previous_plan": Beside(to="Plan", step=-1),
        "next_plan": Beside(to="Plan", step=1),
        "created_by": _PLANNER,
        "updated_by": _PLANNER,
        "linked_publishing_episode": Outside(to="LinkedPublishingEpisode", percent=20),
    },
    "PlanTime": {
        "plan": Pick(to="Plan", owned=True),
        "service_type": Via(link="plan", onward="service_type"),
    },
    "PlanPerson": {
        "plan": Pick(to="Plan", owned=True),
        "service_type": Via(link="plan", onward="service_type"),
        "assignment": Pick(
            to="PersonTeamPositionAssignment", matching=("service_type", "service_type"), owned=True
        ),
        "person": Via(link="assignment", onward="person"),
        "team": Via(link="assignment", onward="team"),
        "scheduled_by": _PLANNER,
        "responds_to": _PLANNER,
        "plan_template": Pick(to="PlanTemplate", percent=0),
    },
    "PlanPersonTime": {
        "plan_person": Pick(to="PlanPerson", owned=True),
        "plan": Via(link="plan_person", onward="plan"),
        "plan_time": Pick(to="PlanTime", matching=("plan", "plan"), owned=True),
    },
    "DeclinedTime": {
        "plan_person": Pick(to="PlanPerson", owned=True),
        "plan": Via(link="plan_person", onward="plan"),
        "plan_time": Pick(to="PlanTime", matching=("plan", "plan"), owned=True),
    },
    "Schedule": {
        "plan_person": Pick(to="PlanPerson", owned=True),
        "person": Via(link="plan_person", onward="person"),
        "plan": Via(link="plan_person", onward="plan"),
        "team": Via(link="plan_person", onward="team"),
        "service_type": Via(link="plan_person", onward="service_type"),
        "responds_to_person": Via(link="plan_person", onward="responds_to"),
        "organization": Pick(to="Organization"),
    },
    "Attendance": {
        "plan_person": Pick(to="PlanPerson", owned=True),
        "plan": Via(link="plan_person", onward="plan"),
        "plan_time": Pick(to="PlanTime", matching=("plan", "plan"), owned=True),
    },
    "NeededPosition": {
        "plan": Pick(to="Plan", owned=True),
        "service_type": Via(link="plan", onward="service_type"),
        "team": Pick(to="Team", matching=("service_type", "service_type")),
        "time": Pick(to="PlanTime", matching=("plan", "plan"), percent=60),
        "time_preference_option": Pick(
            to="TimePreferenceOption", matching=("service_type", "service_type"), percent=30
        ),
    },
    "Contributor": {"plan": Pick(to="Plan", owned=True), "person": Pick(to="Person", owned=True)},
    "Live": {
        "plan": Pick(to="Plan", owned=True),
        "service_type": Via(link="plan", onward="service_type"),
        "controller": Pick(to="Person", percent=30),
        "current_item_time": Pick(to="ItemTime", matching=("plan", "plan"), percent=40),
        "next_item_time": Pick(to="ItemTime", matching=("plan", "plan"), percent=40),
    },
    "SplitTeamRehearsalAssignment": {
        "plan_time": Pick(to="PlanTime", owned=True),
        "service_type": Via(link="plan_time", onward="service_type"),
        "team": Pick(to="Team", matching=("service_type", "service_type")),
    },
}

_CONTENT: dict[str, dict[str, Rule]] = {
    "Arrangement": {
        "song": Pick(to="Song", owned=True),
        "created_by": _PLANNER,
        "updated_by": _PLANNER,
    },
    "Key": {
        "arrangement": Pick(to="Arrangement", owned=True),
        "song": Via(link="arrangement", onward="song"),
    },
    "ArrangementSections": {"arrangement": Pick(to="Arrangement", owned=True)},
    "Song": {"last_scheduled_item": Pick(to="Item", matching=("id", "song"))},
    "Item": {
        "plan": Pick(to="Plan", owned=True),
        "plan_template": Pick(to="PlanTemplate", percent=0),
        "service_type": Via(link="plan", onward="service_type"),
        "song": Pick(to="Song", percent=60),
        "arrangement": Pick(to="Arrangement", matching=("song", "song")),
        "key": Pick(to="Key", matching=("arrangement", "arrangement"), percent=90),
        "selected_layout": Pick(to="Layout", matching=("service_type", "service_type"), percent=20),
        "selected_attachment": Pick(to="Attachment", percent=10),
        "selected_background": Pick(to="Attachment", percent=10),
    },
    "ItemMedia": {"item": Pick(to="Item", owned=True), "media": Pick(to="Media", owned=True)},
    "ItemNoteCategory": {"service_type": Pick(to="ServiceType", owned=True)},
    "ItemNote": {
        "item": Pick(to="Item", owned=True),
        "service_type": Via(link="item", onward="service_type"),
        "item_note_category": Pick(to="ItemNoteCategory", matching=("service_type", "service_type")),
    },
    "ItemTime": {
        "item": Pick(to="Item", owned=True),
        "plan": Via(link="item", onward="plan"),
        "plan_time": Pick(to="PlanTime", matching=("plan", "plan"), owned=True),
    },
    "CustomSlide": {"item": Pick(to="Item", owned=True), "attachment": Pick(to="Attachment", percent=30)},
    "SongSchedule": {
        "item": Pick(to="Item", owned=True),
        "song": Pick(to="Song", owned=True),
        "plan": Via(link="item", onward="plan"),
        "service_type": Via(link="item", onward="service_type"),
        "arrangement": Via(link="item", onward="arrangement"),
        "key": Via(link="item", onward="key"),
    },
    "PlanNoteCategory": {
        "service_type": Pick(to="ServiceType", owned=True),
        "teams": Pick(to="Team", matching=("service_type", "service_type"), percent=40),
    },
    "PlanNote": {
        "plan": Pick(to="Plan", owned=True),
        "plan_template": Pick(to="PlanTemplate", percent=0),
        "service_type": Via(link="plan", onward="service_type"),
        "plan_note_category": Pick(to="PlanNoteCategory", matching=("service_type", "service_type")),
        "teams": Pick(to="Team", matching=("service_type", "service_type"), percent=40),
        "created_by": _PLANNER,
    },
    "PlanTemplate": {
        "service_type": Pick(to="ServiceType", owned=True),
        "created_by": _PLANNER,
        "updated_by": _PLANNER,
    },
    "AttachmentType": {"attachment_type_group": Pick(to="AttachmentTypeGroup", percent=80)},
    "Attachment": {
        "song": Pick(to="Song", owned=True, turn=(0, 4)),
        "arrangement": Pick(to="Arrangement", owned=True, turn=(1, 4)),
        "plan": Pick(to="Plan", owned=True, turn=(2, 4)),
        "media": Pick(to="Media", owned=True, turn=(3, 4)),
        "key": Pick(to="Key", percent=0),
        "item": Pick(to="Item", percent=0),
        "service_type": Pick(to="ServiceType", percent=0),
        "attachable": Told(),
        "created_by": _PLANNER,
        "updated_by": _PLANNER,
        "administrator": _PLANNER,
    },
    "Zoom": {
        "attachment": Pick(to="Attachment", owned=True),
        "attachable": Via(link="attachment"),
        "person": _PLANNER,
    },
    "MediaSchedule": {
        "media": Pick(to="Media", owned=True),
        "plan": Pick(to="Plan", owned=True),
        "service_type": Via(link="plan", onward="service_type"),
    },
    "TagGroup": {"folder": Pick(to="Folder", percent=50)},
    "Tag": {"tag_group": Pick(to="TagGroup", owned=True)},
    **{
        f"{tagged}Tag": {link: Pick(to=tagged, owned=True), "tag": Pick(to="Tag", owned=True)}
        for tagged, link in TAGGED.items()
    },
}

_PEOPLE: dict[str, dict[str, Rule]] = {
    "Blockout": {"person": Pick(to="Person", owned=True), "organization": Pick(to="Organization")},
    "BlockoutDate": {
        "blockout": Pick(to="Blockout", owned=True),
        "person": Via(link="blockout", onward="person"),
    },
    "BlockoutException": {"blockout": Pick(to="Blockout", owned=True)},
    "AvailableSignup": {
        "person": Pick(to="Person", owned=True),
        "organization": Pick(to="Organization"),
        "service_type": Pick(to="ServiceType"),
    },
    "SignupSheet": {
        "available_signup": Pick(to="AvailableSignup", owned=True),
        "service_type": Via(link="available_signup", onward="service_type"),
        "plan": Pick(to="Plan", matching=("service_type", "service_type")),
        "team_position": Pick(to="TeamPosition", matching=("service_type", "service_type")),
        "team": Via(link="team_position", onward="team"),
    },
    "ScheduledPerson": {
        "signup_sheet": Pick(to="SignupSheet", owned=True),
        "person": Pick(to="Person", owned=True),
    },
    "SignupSheetMetadata": {
        "signup_sheet": Pick(to="SignupSheet", owned=True),
        "plan": Via(link="signup_sheet", onward="plan"),
        "plan_time": Pick(to="PlanTime", matching=("plan", "plan")),
    },
    "Email": {"person": Pick(to="Person", owned=True)},
    "TextSetting": {"person": Pick(to="Person", owned=True)},
    "SchedulingPreference": {"household_member": Pick(to="Person", owned=True)},
    "LiveController": {
        "service_type": Pick(to="ServiceType", owned=True),
        "person": Pick(to="Person", owned=True),
    },
    "Person": {
        "created_by": _PLANNER,
        "updated_by": _PLANNER,
        "current_folder": Pick(to="Folder", percent=20),
    },
}

LINKS = links_for("services", {**_SCHEDULING, **_CONTENT, **_PEOPLE})

_TAGS: dict[str, dict[str, Edge]] = {
    tagged: {"tags": Through(type=f"{tagged}Tag", link=link, onward="tag")} for tagged, link in TAGGED.items()
}

EDGES = edges_for(
    "services",
    {
        **_TAGS,
        "Folder": {"folders": Children(type="Folder", link="parent")},
        "Item": {"media": Through(type="ItemMedia", link="item", onward="media")},
        "Live": {
            "items": Chain(edges=("plan", "items")),
            "watchable_plans": Chain(edges=("service_type", "plans")),
        },
        "Person": {
            **_TAGS["Person"],
            "plan_people": Children(type="PlanPerson", link="person"),
            "schedules": Children(type="Schedule", link="person"),
        },
        "Plan": {"signup_teams": Chain(edges=("service_type", "teams"))},
        "PlanPerson": {
            "plan_times": Through(type="PlanPersonTime", link="plan_person", onward="plan_time"),
            "declined_plan_times": Through(type="DeclinedTime", link="plan_person", onward="plan_time"),
        },
        "Schedule": {
            "plan_times": Chain(edges=("plan_person", "plan_times")),
            "declined_plan_times": Chain(edges=("plan_person", "declined_plan_times")),
            "respond_to": ToOne(link="responds_to_person"),
        },
        "ServiceType": {"teams": Children(type="Team", link="service_type")},
        "Team": {
            "people": Chain(edges=("person_team_position_assignments", "person")),
            "service_types": ToOne(link="service_types"),
        },
        "TeamLeader": {"people": ToOne(link="person")},
    },
)
