"""The answers to the ten questions, counted from the records that a source has: nothing here looks at a table.

Every answer is a list of rows, as the question selects them, in no particular order.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from support.truth import Record

ABSENCE = timedelta(weeks=8)
AGE_GROUPS = ((13, "0-12"), (18, "13-17"), (30, "18-29"), (50, "30-49"), (65, "50-64"), (111, "65 and over"))
"""The age at which the next group begins, and the name of the group."""

Answer = list[tuple[object, ...]]


def related(record: Record, relationship: str) -> str | None:
    """The id of the one record to which a relationship leads."""
    data = (record.get("relationships") or {}).get(relationship, {}).get("data")
    return str(data["id"]) if data else None


def time_of(record: Record, attribute: str) -> datetime:
    return datetime.fromisoformat(record["attributes"][attribute]).astimezone(UTC)


@dataclass(frozen=True)
class Church:
    """What a church's source has, and the day on which one asks."""

    read: Callable[[str], Sequence[Record]]
    """The records of an entity, by its name in the manifest."""
    today: date

    @property
    def new_year(self) -> datetime:
        return datetime(self.today.year, 1, 1, tzinfo=UTC)

    def by_id(self, entity: str) -> dict[str, Record]:
        return {record["id"]: record for record in self.read(entity)}

    def names(self, entity: str, attribute: str = "name") -> dict[str | None, str]:
        return {record["id"]: record["attributes"][attribute] for record in self.read(entity)}

    # What several questions count

    def active_people(self) -> Iterator[Record]:
        return (p for p in self.read("people.Person") if p["attributes"]["status"] == "active")

    def gifts(self) -> Iterator[Record]:
        """Donations that are money."""
        for gift in self.read("giving.Donation"):
            if gift["attributes"]["payment_status"] == "succeeded" and not gift["attributes"]["refunded"]:
                yield gift

    def check_ins(self) -> Iterator[tuple[Record, str | None, datetime]]:
        """Each with its session and the time at which that begins."""
        sessions = self.by_id("check-ins.EventPeriod")
        for check_in in self.read("check-ins.CheckIn"):
            session = related(check_in, "event_period")
            found = sessions.get(session or "")
            yield (
                check_in,
                session,
                time_of(found, "starts_at") if found else time_of(check_in, "created_at"),
            )

    def volunteers(self) -> dict[str, set[str | None]]:
        """Who is on each team that serves."""
        teams: dict[str, set[str | None]] = {
            team["id"]: set()
            for team in self.read("services.Team")
            if not (team["attributes"].get("archived_at") or team["attributes"].get("deleted_at"))
        }
        for member in self.read("services.PersonTeamPositionAssignment"):
            for place in member["parents"]:
                if place["team_id"] in teams:
                    teams[place["team_id"]].add(related(member, "person"))
        return teams


def people_by_week_and_campus(church: Church) -> Answer:
    campus_of = {p["id"]: related(p, "primary_campus") for p in church.read("people.Person")}
    campuses = church.names("people.Campus")
    came: defaultdict[tuple[date, str], set[str]] = defaultdict(set)
    for check_in, _, starts_at in church.check_ins():
        week = starts_at.date() - timedelta(days=starts_at.isoweekday() % 7)
        person = related(check_in, "person")
        campus = campuses.get(campus_of.get(person or ""), "(none)")
        came[week, campus].add(person or f"guest {check_in['id']}")
    return [(*key, len(people)) for key, people in came.items()]


def given_by_month_and_fund(church: Church) -> Answer:
    gifts = {gift["id"]: gift for gift in church.gifts()}
    funds = church.names("giving.Fund")
    cents: Counter[tuple[date, str, str]] = Counter()
    donations: defaultdict[tuple[date, str, str], set[str]] = defaultdict(set)
    for part in church.read("giving.Designation"):
        (gift_id,) = (place["donation_id"] for place in part["parents"])
        if gift_id in gifts:
            month = time_of(gifts[gift_id], "received_at").date().replace(day=1)
            key = (month, funds[related(part, "fund")], part["attributes"]["amount_currency"])
            cents[key] += part["attributes"]["amount_cents"]
            donations[key].add(gift_id)
    return [(*key, Decimal(cents[key]) / 100, len(ids)) for key, ids in donations.items()]


def without_household(church: Church) -> Answer:
    housed = {related(m, "person") for m in church.read("people.HouseholdMembership") if m["parents"]}
    return [(p["attributes"]["name"], p["id"]) for p in church.active_people() if p["id"] not in housed]


def volunteers_by_team(church: Church) -> Answer:
    teams = church.by_id("services.Team")
    service_types = church.names("services.ServiceType")
    return [
        (
            service_types.get(related(teams[team], "service_type")),
            teams[team]["attributes"]["name"],
            len(people),
        )
        for team, people in church.volunteers().items()
    ]


def first_time_givers(church: Church) -> Answer:
    names = church.names("people.Person")
    first: dict[str, Record] = {}
    for gift in sorted(church.gifts(), key=lambda gift: time_of(gift, "received_at")):
        if person := related(gift, "person"):
            first.setdefault(person, gift)
    return [
        (
            names[person],
            time_of(gift, "received_at").date(),
            Decimal(gift["attributes"]["amount_cents"]) / 100,
            gift["attributes"]["amount_currency"],
        )
        for person, gift in first.items()
        if time_of(gift, "received_at").year == church.today.year
    ]


def who_stopped_coming(church: Church) -> Answer:
    names = church.names("people.Person")
    sessions: defaultdict[str | None, set[str | None]] = defaultdict(set)
    last: dict[str | None, datetime] = {}
    for check_in, session, starts_at in church.check_ins():
        person = related(check_in, "person")
        sessions[person].add(session)
        last[person] = max(starts_at, last.get(person, starts_at))
    end = max(last.values()) - ABSENCE
    return [
        (names[person], len(sessions[person]), last[person].date())
        for person in last
        if person in names and len(sessions[person]) >= 3 and last[person] < end
    ]


def groups_and_leaders(church: Church) -> Answer:
    names = church.names("people.Person")
    members: defaultdict[str | None, set[str | None]] = defaultdict(set)
    leaders: defaultdict[str | None, list[str]] = defaultdict(list)
    for membership in church.read("groups.Membership"):
        group, person = related(membership, "group"), related(membership, "person")
        members[group].add(person)
        if membership["attributes"]["role"] == "leader":
            leaders[group].append(names[person])
    return [
        (group["attributes"]["name"], len(members[group["id"]]), ", ".join(sorted(leaders[group["id"]])) or None)
        for group in church.read("groups.Group")
        if not group["attributes"]["archived_at"]
    ]  # fmt: skip


def people_by_age(church: Church) -> Answer:
    return [*Counter(_age_group(p["attributes"]["birthdate"], church.today) for p in church.active_people()).items()]  # fmt: skip


def _age_group(birthdate: str | None, today: date) -> str:
    if birthdate is None:
        return "unknown"
    born = date.fromisoformat(birthdate)
    age = today.year - born.year - ((today.month, today.day) < (born.month, born.day))
    return next((name for end, name in AGE_GROUPS if age < end), "unknown")


def most_planned_songs(church: Church) -> Answer:
    """All of them, for the order of songs that are planned as often is the title's."""
    plans = {
        plan["id"]: time_of(plan, "sort_date")
        for plan in church.read("services.Plan")
        if time_of(plan, "sort_date") >= church.new_year
    }
    planned: defaultdict[str, set[str]] = defaultdict(set)
    for item in church.read("services.Item"):
        song, plan = related(item, "song"), related(item, "plan")
        if song is not None and plan is not None and plan in plans:
            planned[song].add(plan)
    titles = church.names("services.Song", "title")
    return [(titles[s], len(found), max(plans[p] for p in found).date()) for s, found in planned.items()]


def serving_and_giving(church: Church) -> Answer:
    serving = {person for people in church.volunteers().values() for person in people}
    giving = {related(g, "person") for g in church.gifts() if time_of(g, "received_at") >= church.new_year}
    counted = Counter(
        (p["id"] in serving, p["id"] in giving) for p in church.active_people() if not p["attributes"]["child"]
    )  # fmt: skip
    return [(*key, people) for key, people in counted.items()]


ANSWERS: dict[str, Callable[[Church], Answer]] = {
    "1. How many people came each week, by campus?": people_by_week_and_campus,
    "2. How much was given to each fund, by month?": given_by_month_and_fund,
    "3. Who belongs to no household?": without_household,
    "4. How many volunteers does each team have?": volunteers_by_team,
    "5. Who gave for the first time this year?": first_time_givers,
    "6. Who used to come and stopped?": who_stopped_coming,
    "7. How large are the groups, and who leads them?": groups_and_leaders,
    "8. How old are we?": people_by_age,
    "9. Which songs do we sing most?": most_planned_songs,
    "10. How many of those who serve also give?": serving_and_giving,
}
