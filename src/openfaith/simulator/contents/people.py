"""People, how to reach them, and who lives with whom."""

from __future__ import annotations

from collections.abc import Mapping

from openfaith.simulator import words
from openfaith.simulator.dice import Dice
from openfaith.simulator.kinds import Identity, Kind, Row, World
from openfaith.simulator.layouts import counted, household_memberships, households, owned
from openfaith.simulator.rows import place_of
from openfaith.simulator.stamps import YEAR_OF_THE_DATA

FIRST_GRADE_AGE = 6
LAST_GRADE = 12
PRESCHOOL_GRADE = -1


def _person(row: Row, world: World) -> Mapping[str, object]:
    dice = row.dice
    who = world.identity_by(dice, row.id)
    _person_links(row, world)
    return {
        **_names(who, dice),
        **_age(who, dice),
        **_standing(row, world),
        **_permissions(dice, row),
        "avatar": f"https://avatars.church.example/{row.id}.png",
        "demographic_avatar_url": f"https://avatars.church.example/static/{who.gender or 'unknown'}.png",
        "anniversary": None if who.is_child or dice.percent(60) else _day(dice, 1965, YEAR_OF_THE_DATA - 1),
        "medical_notes": _medical_notes(dice),
        "remote_id": _remote_id(dice),
        "directory_shared_info": {"email": dice.one_in(2), "phone": dice.one_in(2)},
        "stripe_customer_identifier": f"cus_{row.id:08}" if dice.one_in(20) else None,
    }


def _person_links(row: Row, world: World) -> None:
    dice = row.dice
    row.refer("organization", world.organization)
    row.refer("primary_campus", None if dice.percent(15) else world.pick("Campus", dice))
    row.refer("marital_status", None if dice.percent(50) else world.pick("MaritalStatus", dice))
    row.refer("name_prefix", world.pick("NamePrefix", dice) if dice.percent(20) else None)
    row.refer("name_suffix", world.pick("NameSuffix", dice) if dice.percent(5) else None)
    row.refer("school", world.pick("SchoolOption", dice) if dice.percent(20) else None)


def _names(who: Identity, dice: Dice) -> Mapping[str, object]:
    return {
        "first_name": who.first_name,
        "last_name": who.last_name,
        "name": who.name,
        "gender": who.gender,
        "given_name": who.first_name if dice.percent(10) else None,
        "middle_name": dice.pick(words.FEMALE_NAMES) if dice.percent(15) else None,
        "nickname": dice.pick(words.NICKNAMES) if dice.percent(8) else None,
    }


def _age(who: Identity, dice: Dice) -> Mapping[str, object]:
    """Birthdate, and what follows from it: a grade belongs to a child of school age."""
    if not who.is_child:
        birthdate = None if dice.percent(20) else _day(dice, 1931, YEAR_OF_THE_DATA - 19)
        return {
            "child": False,
            "birthdate": birthdate,
            "grade": None,
            "graduation_year": None,
            "school_type": None,
        }
    year = YEAR_OF_THE_DATA - dice.below(18)
    grade = YEAR_OF_THE_DATA - year - FIRST_GRADE_AGE + 1
    if grade < PRESCHOOL_GRADE or grade > LAST_GRADE:
        return {
            "child": True,
            "birthdate": _day(dice, year, year),
            "grade": None,
            "graduation_year": None,
            "school_type": None,
        }
    return {
        "child": True,
        "birthdate": _day(dice, year, year),
        "grade": grade,
        "graduation_year": YEAR_OF_THE_DATA + LAST_GRADE - grade,
        "school_type": "elementary" if grade < 6 else "middle" if grade < 9 else "high",
    }


def _standing(row: Row, world: World) -> Mapping[str, object]:
    dice = row.dice
    membership = dice.pick(words.MEMBERSHIPS) if dice.percent(70) else None
    if not dice.percent(12):
        row.refer("inactive_reason", None)
        return {"status": "active", "inactivated_at": None, "membership": membership}
    row.refer("inactive_reason", world.pick("InactiveReason", dice) if dice.percent(70) else None)
    return {"status": "inactive", "inactivated_at": row.updated_at, "membership": membership}


def _permissions(dice: Dice, row: Row) -> Mapping[str, object]:
    """The first person is the one administrator that every church has."""
    is_user = dice.one_in(40) or row.index == 0
    return {
        "site_administrator": row.index == 0 or (is_user and dice.one_in(4)),
        "accounting_administrator": row.index == 0 or (is_user and dice.one_in(6)),
        "people_permissions": dice.pick(("Viewer", "Editor", "Manager")) if is_user else None,
        "can_create_forms": is_user,
        "can_email_lists": is_user,
        "passed_background_check": dice.percent(7),
        "directory_status": dice.pick(("no_access", "no_access", "shared", "hidden")),
        "resource_permission_flags": {"can_access_workflows": is_user, "can_view_giving": False}
        if is_user
        else {},
        "login_identifier": f"user{row.id}@example.org" if is_user else None,
        "mfa_configured": is_user and dice.one_in(2),
    }


def _medical_notes(dice: Dice) -> str | None:
    if dice.percent(94):
        return None
    return words.LONG_TEXT if dice.one_in(10) else dice.pick(words.SENTENCES)


def _remote_id(dice: Dice) -> int | None:
    """The id in some older system: a few need more than 32 bits."""
    if dice.percent(90):
        return None
    return 9_007_199_254_740_991 - dice.below(1000) if dice.one_in(25) else 1 + dice.below(99_999)


def _day(dice: Dice, first_year: int, last_year: int) -> str:
    """Rarely the 29th of February; a year without one gives the 28th."""
    year = first_year + dice.below(last_year - first_year + 1)
    if dice.one_in(300):
        return f"{year}-02-{29 if year % 4 == 0 and year != 1900 else 28}"
    return f"{year}-{1 + dice.below(12):02}-{1 + dice.below(28):02}"


def _email(row: Row, world: World) -> Mapping[str, object]:
    dice = row.dice
    owner = row.links["person"]
    local = _plain(world.identity(owner.id).name) if owner else "info"
    tag = "+church" if dice.one_in(12) else ""
    return {
        "address": f"{local}{dice.below(10_000)}{tag}@{dice.pick(words.MAIL_DOMAINS)}",
        "location": dice.pick(words.LOCATIONS),
        "primary": row.rank == 0,
        "blocked": dice.percent(2),
    }


def _plain(name: str) -> str:
    """A name as it may stand in an address; names in other scripts leave nothing and become `member`."""
    letters = "".join(
        letter
        for letter in name.lower().replace(" ", ".")
        if letter.isascii() and (letter.isalnum() or letter == ".")
    )
    return letters.strip(".") or "member"


def _phone_number(row: Row, _world: World) -> Mapping[str, object]:
    dice = row.dice
    area, line = 200 + dice.below(800), 100 + dice.below(100)
    national = f"({area}) 555-0{line}"
    return {
        "number": national if dice.percent(85) else f"{area}.555.0{line} ext 7",
        "carrier": dice.pick(words.CARRIERS) if dice.percent(10) else None,
        "location": dice.pick(words.LOCATIONS),
        "primary": row.rank == 0,
        "e164": f"+1{area}5550{line}",
        "international": f"+1 {area}-555-0{line}",
        "national": national,
        "country_code": "US",
        "formatted_number": national,
    }


def _address(row: Row, _world: World) -> Mapping[str, object]:
    dice = row.dice
    city, state, code, country_code, country = dice.pick(words.PLACES)
    return {
        "city": city,
        "state": state,
        "zip": code,
        "country_code": country_code,
        "country_name": country,
        "location": dice.pick(words.LOCATIONS),
        "primary": row.rank == 0,
        "street_line_1": f"{1 + dice.below(9999)} {dice.pick(words.STREETS)}",
        "street_line_2": f"Apt {1 + dice.below(40)}" if dice.percent(15) else None,
    }


def _social_profile(row: Row, _world: World) -> Mapping[str, object]:
    site = row.dice.pick(words.SITES)
    return {
        "site": site,
        "url": f"https://{site.lower()}.example/u/{row.id}?ref=a&b=%20",
        "verified": row.dice.one_in(3),
    }


def _household(row: Row, world: World) -> Mapping[str, object]:
    contact = row.refer("primary_contact", None)
    is_first = contact is not None and world.household_place(contact.id)[0] == row.id
    return {
        "name": f"{world.family_name(row.id)} Household",
        "member_count": world.household_size(row.id) if is_first else 0,
        "primary_contact_name": world.identity(contact.id).name if contact else None,
        "primary_contact_id": contact.id if contact else None,
        "avatar": f"https://avatars.church.example/households/{row.id}.png",
    }


def _household_membership(row: Row, world: World) -> Mapping[str, object]:
    person = row.links["person"]
    who = world.identity(person.id) if person else None
    return {
        "person_name": who.name if who else None,
        "pending": row.dice.percent(2),
        "household_role": None if who is None else "child" if who.is_child else "adult",
    }


def _person_merger(row: Row, world: World) -> Mapping[str, object]:
    """Of before the simulator started: the loser's id belongs to no one."""
    kept = row.refer("person_to_keep", world.pick("Person", row.dice))
    removed = row.refer(
        "person_to_remove", None if kept is None else kept._replace(id=_free_id(world, kept.id))
    )
    return {
        "person_to_keep_id": kept.id if kept else None,
        "person_to_remove_id": removed.id if removed else None,
    }


def _free_id(world: World, person_id: int) -> int:
    """The nearest smaller id that nobody has: ids begin at 80, so there is one."""
    ids = world.layouts["Person"].ids
    return next(number for number in range(person_id - 1, 0, -1) if place_of(ids, number) is None)


KINDS = (
    Kind(
        type="Person",
        plan=counted(lambda people: people),
        fill=_person,
        together=(
            ("first_name", "last_name", "name", "gender", "given_name"),
            ("child", "birthdate", "grade", "graduation_year", "school_type", "anniversary"),
            ("status", "inactivated_at"),
            ("site_administrator", "accounting_administrator", "people_permissions", "can_create_forms", "can_email_lists",
             "resource_permission_flags", "login_identifier", "mfa_configured"),
        ),
        fixed=("avatar", "demographic_avatar_url"),
    ),
    Kind(type="Household", plan=households, fill=_household, fixed=("member_count", "primary_contact_name", "primary_contact_id")),
    Kind(type="HouseholdMembership", plan=household_memberships, fill=_household_membership, fixed=("person_name",)),
    Kind(type="Email", plan=owned("person", "Person", (15, 55, 25, 5)), fill=_email, fixed=("primary",)),
    Kind(
        type="PhoneNumber",
        plan=owned("person", "Person", (20, 60, 20)),
        fill=_phone_number,
        together=(("number", "e164", "international", "national", "country_code", "formatted_number"),),
        fixed=("primary",),
    ),
    Kind(
        type="Address",
        plan=owned("person", "Person", (35, 60, 5)),
        fill=_address,
        together=(("city", "state", "zip", "country_code", "country_name"),),
        fixed=("primary",),
    ),
    Kind(type="SocialProfile", plan=owned("person", "Person", (96, 3, 1)), fill=_social_profile, together=(("site", "url"),)),
    Kind(type="PersonMerger", plan=counted(lambda people: (people > 0) * (2 + people // 300)), fill=_person_merger),
)  # fmt: skip
"""In an order in which every plan finds what it builds on."""
