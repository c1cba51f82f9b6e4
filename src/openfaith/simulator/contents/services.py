"""Services: plans of services, who serves in them, and what is sung."""

from __future__ import annotations

from collections.abc import Mapping

from openfaith.simulator import words
from openfaith.simulator.contents.services_links import TAGGED
from openfaith.simulator.contents.settings import listed
from openfaith.simulator.kinds import Kind, Row, World
from openfaith.simulator.layouts import counted, owned, paired, sampled
from openfaith.simulator.rows import bare
from openfaith.simulator.stamps import later

HOUR = 3600


def _service_type(row: Row, _world: World) -> Mapping[str, object]:
    return {
        "name": listed(words.SERVICE_TYPES, row),
        "sequence": row.index,
        "archived_at": None,
        "deleted_at": None,
        "permissions": "Administrator",
        "frequency": "Weekly",
        "standard_item_types": [{"name": "Header", "color": "#e8e8e8"}],
        "custom_item_types": [],
    }


def _team(row: Row, _world: World) -> Mapping[str, object]:
    return {
        "name": f"{words.TEAMS[row.rank % len(words.TEAMS)]} {row.rank // len(words.TEAMS) + 1}",
        "sequence": row.rank,
        "archived_at": None,
        "deleted_at": None,
        "schedule_to": row.dice.pick(("plan", "time")),
    }


def _position(row: Row, _world: World) -> Mapping[str, object]:
    return {
        "name": words.POSITIONS[(row.index + row.rank) % len(words.POSITIONS)],
        "sequence": row.rank,
        "tags": [],
        "negative_tag_groups": [],
        "tag_groups": [],
    }


def _assignment(row: Row, _world: World) -> Mapping[str, object]:
    return {
        "schedule_preference": row.dice.pick(("Every week", "Every 2nd week", "1st")),
        "preferred_weeks": [],
    }


def _plan(row: Row, world: World) -> Mapping[str, object]:
    """Three of its times are given in the organization's zone."""
    sort_date = later(row.created_at, 86_400 * 20)
    return {
        "title": row.dice.pick(words.TOPICS) if row.dice.percent(70) else None,
        "series_title": row.dice.pick(words.TOPICS) if row.links["series"] else None,
        "sort_date": sort_date,
        "last_time_at": later(sort_date, 2 * HOUR),
        "files_expire_at": later(sort_date, 86_400 * 15),
        "dates": f"{sort_date[:10]}",
        "short_dates": sort_date[5:10],
        "items_count": len(world.owned_ids("services.Item", row.id)),
        "plan_people_count": len(world.owned_ids("services.PlanPerson", row.id)),
        "service_time_count": len(world.owned_ids("services.PlanTime", row.id)),
        "planning_center_url": f"https://services.church.example/plans/{row.id}",
        "public": row.dice.percent(20),
        "multi_day": False,
    }


def _plan_time(row: Row, world: World) -> Mapping[str, object]:
    day = later(world.created_at(row.links["plan"]) or row.created_at, 86_400 * 20 + row.rank * 2 * HOUR)
    kind = "rehearsal" if row.rank == 2 else "service"
    return {
        "name": f"{kind} {row.rank + 1}",
        "time_type": kind,
        "starts_at": day,
        "ends_at": later(day, HOUR),
        "live_starts_at": None,
        "live_ends_at": None,
        "recorded": False,
        "team_reminders": [],
    }


def _plan_person(row: Row, world: World) -> Mapping[str, object]:
    dice = row.dice
    person = row.links["person"]
    status = dice.pick(("C", "C", "C", "U", "D"))
    return {
        "name": world.identity(person.id).name if person else "Unknown",
        "status": status,
        "decline_reason": dice.pick(words.SENTENCES) if status == "D" else None,
        "status_updated_at": row.updated_at,
        "team_position_name": dice.pick(words.POSITIONS),
        "notes": dice.pick(words.SENTENCES) if dice.percent(10) else None,
        "notification_sent_at": row.created_at,
        "notification_read_at": row.updated_at if dice.percent(50) else None,
        "prepare_notification": False,
        "scheduled_by_is_eligible_for_responds_to": "true",
    }


def _schedule(row: Row, world: World) -> Mapping[str, object]:
    person = row.links["person"]
    return {
        "person_name": world.identity(person.id).name if person else "Unknown",
        "organization_name": "Simulated Church of Bethel Heights",
        "organization_time_zone": "America/Chicago",
        "sort_date": later(row.created_at, 86_400 * 20),
        "status": row.dice.pick(("C", "C", "U", "D")),
        "team_position_name": row.dice.pick(words.POSITIONS),
    }


def _song(row: Row, _world: World) -> Mapping[str, object]:
    return {
        "title": listed(words.SONGS, row),
        "author": row.dice.pick(words.SURNAMES),
        "admin": None,
        "copyright": "Public Domain",
        "ccli_number": 20_000 + row.index if row.dice.percent(80) else None,
        "hidden": row.dice.percent(5),
        "themes": ", Grace, Praise",
        "notes": row.dice.pick(words.SENTENCES) if row.dice.percent(20) else None,
        "last_scheduled_at": row.updated_at if row.links["last_scheduled_item"] else None,
    }


def _arrangement(row: Row, _world: World) -> Mapping[str, object]:
    chart = "[C]Amazing [F]grace\nhow [C]sweet the [G]sound"
    return {
        "name": listed(("Default", "Acoustic", "Choir"), row) if row.rank else "Default Arrangement",
        "bpm": 60 + row.dice.below(200) / 2,
        "length": 180 + row.dice.below(240),
        "meter": row.dice.pick(("4/4", "3/4", "6/8")),
        "chord_chart": chart,
        "lyrics": "Amazing grace\nhow sweet the sound",
        "sequence": ["Verse 1", "Chorus", "Verse 2"],
        "sequence_short": ["V1", "C", "V2"],
        "sequence_full": [{"label": "Verse", "number": "1"}],
        "has_chords": True,
        "has_chord_chart": True,
        "archived_at": None,
    }


def _key(row: Row, _world: World) -> Mapping[str, object]:
    key = row.dice.pick(words.KEYS)
    return {"name": f"In {key}", "starting_key": key, "ending_key": key, "alternate_keys": None}


def _item(row: Row, _world: World) -> Mapping[str, object]:
    has_song = row.links["song"] is not None
    return {
        "title": row.dice.pick(words.SONGS) if has_song else row.dice.pick(("Welcome", "Sermon", "Offering")),
        "item_type": "song" if has_song else row.dice.pick(("item", "header", "media")),
        "sequence": row.rank + 1,
        "length": 60 * row.dice.below(30),
        "service_position": row.dice.pick(("pre", "during", "during", "post")),
        "key_name": row.dice.pick(words.KEYS) if row.links["key"] else None,
        "custom_arrangement_sequence": [],
        "custom_arrangement_sequence_short": [],
        "custom_arrangement_sequence_full": [],
    }


def _attachment(row: Row, _world: World) -> Mapping[str, object]:
    attached = next(
        (to for name in ("song", "arrangement", "plan", "media") if (to := row.links[name])), None
    )
    row.refer("attachable", attached)
    return {
        "filename": f"chart {row.id}.pdf",
        "display_name": f"chart {row.id}.pdf",
        "content_type": "application/pdf",
        "file_size": 1000 + row.dice.below(10**6),
        "attachable_type": bare(attached.type) if attached else None,
        "deleted_at": None,
    }


def _blockout(row: Row, _world: World) -> Mapping[str, object]:
    starts_at = later(row.created_at, 86_400 * row.dice.below(90))
    return {
        "description": "Away",
        "reason": row.dice.pick(words.SENTENCES),
        "repeat_frequency": row.dice.pick(("no_repeat", "every_1", "every_2")),
        "repeat_until": None,
        "starts_at": starts_at,
        "ends_at": later(starts_at, 86_400 * 2),
        "time_zone": "America/Chicago",
        "share": True,
    }


KINDS = (
    Kind(type="services.Folder", plan=counted(lambda _people: 3)),
    Kind(type="services.ServiceType", plan=counted(lambda people: 2 + people // 2500), fill=_service_type),
    Kind(type="services.Series", plan=counted(lambda _people: 4)),
    Kind(type="services.Team", plan=owned("service_type", "services.ServiceType", (0, 0, 0, 1, 1)), fill=_team),
    Kind(type="services.TeamPosition", plan=owned("team", "services.Team", (0, 0, 1, 1, 1)), fill=_position),
    Kind(
        type="services.PersonTeamPositionAssignment",
        plan=sampled(("team_position", "services.TeamPosition"), ("person", "services.Person"), (1, 2, 3, 4)),
        fill=_assignment,
    ),
    Kind(
        type="services.TeamLeader",
        plan=sampled(("team", "services.Team"), ("person", "services.Person"), (0, 1, 2)),
    ),
    Kind(type="services.TimePreferenceOption", plan=owned("service_type", "services.ServiceType", (0, 1, 1))),
    Kind(
        type="services.Plan",
        plan=owned("service_type", "services.ServiceType", (0,) * 8 + (1, 1, 1), spread=True),
        fill=_plan,
        fixed=("items_count", "plan_people_count", "service_time_count"),
    ),
    Kind(
        type="services.PlanTime",
        plan=owned("plan", "services.Plan", (0, 2, 2, 1)),
        fill=_plan_time,
        together=(("starts_at", "ends_at"),),
    ),
    Kind(
        type="services.PlanPerson",
        plan=paired(
            ("plan", "services.Plan", "service_type"),
            ("assignment", "services.PersonTeamPositionAssignment", "service_type"),
            percent=40,
        ),
        fill=_plan_person,
        together=(("status", "decline_reason"),),
        fixed=("name",),
    ),
    Kind(
        type="services.PlanPersonTime",
        plan=paired(
            ("plan_person", "services.PlanPerson", "plan"), ("plan_time", "services.PlanTime", "plan"), percent=70
        ),
    ),
    Kind(
        type="services.DeclinedTime",
        plan=paired(
            ("plan_person", "services.PlanPerson", "plan"), ("plan_time", "services.PlanTime", "plan"), percent=4
        ),
        is_joint=True,
    ),
    Kind(
        type="services.Attendance",
        plan=paired(
            ("plan_person", "services.PlanPerson", "plan"), ("plan_time", "services.PlanTime", "plan"), percent=30
        ),
    ),
    Kind(type="services.Schedule", plan=owned("plan_person", "services.PlanPerson", (0, 1)), fill=_schedule),
    Kind(type="services.NeededPosition", plan=owned("plan", "services.Plan", (60, 30, 10))),
    Kind(
        type="services.Contributor",
        plan=sampled(("plan", "services.Plan"), ("person", "services.Person"), (0, 1, 2)),
    ),
    Kind(type="services.Live", plan=owned("plan", "services.Plan", (0, 1))),
    Kind(type="services.SplitTeamRehearsalAssignment", plan=owned("plan_time", "services.PlanTime", (92, 8))),
    Kind(type="services.PlanTemplate", plan=owned("service_type", "services.ServiceType", (0, 1, 1))),
    Kind(type="services.Song", plan=counted(lambda people: 12 + people // 200), fill=_song),
    Kind(type="services.Arrangement", plan=owned("song", "services.Song", (0, 3, 1)), fill=_arrangement),
    Kind(type="services.ArrangementSections", plan=owned("arrangement", "services.Arrangement", (0, 1))),
    Kind(type="services.Key", plan=owned("arrangement", "services.Arrangement", (0, 2, 1)), fill=_key),
    Kind(type="services.Item", plan=owned("plan", "services.Plan", (0, 0, 0, 1, 1, 1, 1)), fill=_item),
    Kind(type="services.ItemNoteCategory", plan=owned("service_type", "services.ServiceType", (0, 0, 1))),
    Kind(type="services.ItemNote", plan=owned("item", "services.Item", (70, 25, 5))),
    Kind(
        type="services.ItemTime",
        plan=paired(("item", "services.Item", "plan"), ("plan_time", "services.PlanTime", "plan")),
    ),
    Kind(
        type="services.ItemMedia",
        plan=sampled(("item", "services.Item"), ("media", "services.Media"), (0, 0, 0, 1)),
        is_joint=True,
    ),
    Kind(type="services.CustomSlide", plan=owned("item", "services.Item", (85, 10, 5))),
    Kind(
        type="services.SongSchedule",
        plan=paired(("song", "services.Song", "id"), ("item", "services.Item", "song")),
    ),
    Kind(type="services.PlanNoteCategory", plan=owned("service_type", "services.ServiceType", (0, 0, 1, 1))),
    Kind(type="services.PlanNote", plan=owned("plan", "services.Plan", (50, 40, 10))),
    Kind(type="services.AttachmentTypeGroup", plan=counted(lambda _people: 2)),
    Kind(type="services.AttachmentType", plan=counted(lambda _people: 5)),
    Kind(type="services.Media", plan=counted(lambda _people: 3)),
    Kind(type="services.Attachment", plan=counted(lambda people: 12 + people // 100), fill=_attachment),
    Kind(type="services.Zoom", plan=owned("attachment", "services.Attachment", (90, 10))),
    Kind(
        type="services.MediaSchedule",
        plan=sampled(("media", "services.Media"), ("plan", "services.Plan"), (1, 2)),
    ),
    Kind(type="services.TagGroup", plan=counted(lambda _people: 3)),
    Kind(type="services.Tag", plan=owned("tag_group", "services.TagGroup", (0, 0, 1, 1))),
    *(
        Kind(
            type=f"services.{tagged}Tag",
            plan=sampled((link, f"services.{tagged}"), ("tag", "services.Tag"), (0, 0, 1)),
            is_joint=True,
        )
        for tagged, link in TAGGED.items()
    ),
    Kind(type="services.Blockout", plan=owned("person", "services.Person", (80, 15, 5)), fill=_blockout),
    Kind(type="services.BlockoutDate", plan=owned("blockout", "services.Blockout", (0, 2, 1))),
    Kind(type="services.BlockoutException", plan=owned("blockout", "services.Blockout", (85, 15))),
    Kind(type="services.AvailableSignup", plan=owned("person", "services.Person", (94, 6))),
    Kind(type="services.SignupSheet", plan=owned("available_signup", "services.AvailableSignup", (0, 2, 1))),
    Kind(
        type="services.ScheduledPerson",
        plan=sampled(("signup_sheet", "services.SignupSheet"), ("person", "services.Person"), (0, 1, 2)),
    ),
    Kind(type="services.SignupSheetMetadata", plan=owned("signup_sheet", "services.SignupSheet", (0, 1))),
    Kind(type="services.Email", plan=owned("person", "services.Person", (10, 80, 10))),
    Kind(type="services.TextSetting", plan=owned("person", "services.Person", (60, 40))),
    Kind(
        type="services.SchedulingPreference", plan=owned("household_member", "services.Person", (92, 8))
    ),
    Kind(
        type="services.LiveController",
        plan=sampled(("service_type", "services.ServiceType"), ("person", "services.Person"), (0, 1)),
    ),
    Kind(type="services.Layout", plan=owned("service_type", "services.ServiceType", (0, 1))),
    Kind(type="services.PublicView", plan=owned("service_type", "services.ServiceType", (0, 1))),
    Kind(type="services.EmailTemplate", plan=counted(lambda _people: 3)),
    Kind(type="services.ReportTemplate", plan=counted(lambda _people: 3)),
    Kind(type="services.Chat", plan=counted(lambda _people: 1)),
)  # fmt: skip
"""In the order in which they build on each other."""
