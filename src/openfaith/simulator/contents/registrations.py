"""Registrations: signups, who registered whom, and what was chosen."""

from __future__ import annotations

from collections.abc import Mapping

from openfaith.simulator import words
from openfaith.simulator.contents.settings import listed
from openfaith.simulator.kinds import Kind, Row, World
from openfaith.simulator.layouts import counted, owned, sampled, subset
from openfaith.simulator.relations import Pick, Through, ToOne, edges_for, links_for
from openfaith.simulator.stamps import later

DAY = 86_400

LINKS = links_for(
    "registrations",
    {
        "Signup": {"next_signup_time": Pick(to="SignupTime", matching=("id", "signup"), percent=80)},
        "SignupTime": {"signup": Pick(to="Signup", owned=True)},
        "SelectionType": {"signup": Pick(to="Signup", owned=True)},
        "Registration": {
            "signup": Pick(to="Signup", owned=True),
            "created_by": Pick(to="Person"),
            "registrant_contact": Pick(to="Person"),
        },
        "Attendee": {
            "signup": Pick(to="Signup", owned=True),
            "person": Pick(to="Person", owned=True),
            "registration": Pick(to="Registration", matching=("signup", "signup")),
            "selection_type": Pick(to="SelectionType", matching=("signup", "signup"), percent=90),
        },
        "EmergencyContact": {"attendee": Pick(to="Attendee", owned=True)},
        "SignupCampus": {"signup": Pick(to="Signup", owned=True), "campus": Pick(to="Campus", owned=True)},
        "SignupCategory": {
            "signup": Pick(to="Signup", owned=True),
            "category": Pick(to="Category", owned=True),
        },
    },
)

EDGES = edges_for(
    "registrations",
    {
        "Signup": {
            "next_signup_time": ToOne(link="next_signup_time"),
            "campuses": Through(type="SignupCampus", link="signup", onward="campus"),
            "categories": Through(type="SignupCategory", link="signup", onward="category"),
        }
    },
)


def _signup(row: Row, _world: World) -> Mapping[str, object]:
    open_at = later(row.created_at, DAY)
    return {
        "name": f"{row.dice.pick(words.TOPICS)} {row.index + 1}",
        "description": row.dice.pick(words.SENTENCES),
        "archived": row.dice.percent(10),
        "open_at": open_at,
        "close_at": later(open_at, 30 * DAY),
        "open": "true",
        "closed": "false",
        "new_registration_url": f"https://church.example/registrations/{row.id}",
    }


def _time(row: Row, _world: World) -> Mapping[str, object]:
    starts_at = later(row.created_at, 40 * DAY)
    return {"starts_at": starts_at, "ends_at": later(starts_at, 3600), "all_day": False}


def _attendee(row: Row, _world: World) -> Mapping[str, object]:
    waits = row.dice.percent(10)
    return {"waitlisted": waits, "waitlisted_at": row.created_at if waits else None, "canceled": False}


def _selection(row: Row, _world: World) -> Mapping[str, object]:
    return {"name": listed(("Adult", "Child", "Volunteer"), row), "price_cents": 500 * row.dice.below(40)}


def _campus(row: Row, _world: World) -> Mapping[str, object]:
    return {"name": listed(words.CAMPUSES, row)}


KINDS = (
    Kind(type="registrations.Campus", plan=subset("Campus", 100), fill=_campus),
    Kind(type="registrations.Category", plan=counted(lambda _people: 3)),
    Kind(type="registrations.Signup", plan=counted(lambda people: 3 + people // 400), fill=_signup),
    Kind(
        type="registrations.SignupTime",
        plan=owned("signup", "registrations.Signup", (0, 2, 1)),
        fill=_time,
        together=(("starts_at", "ends_at"),),
    ),
    Kind(
        type="registrations.SelectionType", plan=owned("signup", "registrations.Signup", (0, 1, 1)), fill=_selection
    ),
    Kind(type="registrations.SignupLocation", plan=owned("signup", "registrations.Signup", (20, 80))),
    Kind(type="registrations.Registration", plan=owned("signup", "registrations.Signup", (0, 0, 1, 1, 1, 1))),
    Kind(
        type="registrations.Attendee",
        plan=sampled(("signup", "registrations.Signup"), ("person", "registrations.Person"), range(3, 12)),
        fill=_attendee,
        together=(("waitlisted", "waitlisted_at"),),
    ),
    Kind(type="registrations.EmergencyContact", plan=owned("attendee", "registrations.Attendee", (30, 70))),
    Kind(
        type="registrations.SignupCampus",
        plan=sampled(("signup", "registrations.Signup"), ("campus", "registrations.Campus"), (0, 1, 2)),
        is_joint=True,
    ),
    Kind(
        type="registrations.SignupCategory",
        plan=sampled(("signup", "registrations.Signup"), ("category", "registrations.Category"), (0, 1)),
        is_joint=True,
    ),
)  # fmt: skip
"""In the order in which they build on each other."""
