"""Bad values and bad records: set aside once, with everything that is known, while the rest of the page is stored."""

from __future__ import annotations

import hashlib
import json
import random
import string
from datetime import date
from typing import Any

import pytest

from openfaith.records import OrgId, PageCounts
from openfaith.store import Database, PageWriter, PartCommitted, list_events
from openfaith.telemetry import Event, RecordsSetAside, Subject
from support.mirror import (
    CAMPUS,
    Reader,
    campus,
    execute,
    fetch,
    make_page,
    make_place,
    moment,
    record,
    stamp,
    to_one,
)

NUL = "a\x00b"
HALF = "\ud83d"


def renamed(body: bytes, name: str) -> bytes:
    return body.replace(b'"x"', json.dumps(name).encode())


NO_JSON = [
    b"",
    b"{",
    b"{]",
    b"{'a': 1}",
    b"NaN",
    b"\xff\xfe",
    b"{}}",
    b'{"a":1},{"b":2}',
    record("9")[:-1],
    record("9") + b"]\x00",
    record("9").replace(b'"9"', b'"\x00"'),
    record("9", name="N").replace(b'"N"', b'"\xc3\x28"'),
]
NO_OBJECT = [b"5", b"null", b"true", b'"9"', b"[]", b'[{"id": "9"}]']
NO_ID = [
    b'{"type": "Member", "attributes": {}}',
    *(
        record("9").replace(b'"9"', value)
        for value in (b"null", b'""', b"{}", b"[]", b'{"a": 1}', b"[9]", b"true", b"false")
    ),
]
OTHER_TYPE = [record("9", kind) for kind in ("", "member", "Campus")] + [
    record("9").replace(b'"Member"', value) for value in (b"null", b"5", b"{}", b'["Member"]')
]
NO_ATTRIBUTES = [b'{"type": "Member", "id": "9"}'] + [
    record("9").replace(b'"attributes": {}', b'"attributes": ' + value)
    for value in (b"null", b"[]", b'["name"]', b'"name"', b"5", b"true")
]
NO_RELATIONSHIPS = [record("9", relationships=value) for value in ([], ["campus"], [1], "campus", 5, True)]
UNSTORABLE = [
    record("9", name=NUL),
    record("9", age=NUL),
    record("9", settings={"a": [NUL]}),
    renamed(record("9", x=1), NUL),
    record(NUL),
    record("9", "Member" + NUL),
    record("9", relationships={"campus": to_one(NUL)}),
    record("9", name=HALF),
    record("9", born=HALF),
    renamed(record("9", x=1), HALF),
    record(HALF),
    record("9", age="N").replace(b'"N"', b"1e999999"),
    record("9", height="N").replace(b'"N"', b"-1e999999"),
    record("9", unknown="N").replace(b'"N"', b"1e999999"),
    record("9", settings="N").replace(b'"N"', b"[" * 20_000 + b"]" * 20_000),
    record("".join(random.Random(1).choices(string.printable[:94], k=9000))),
]  # fmt: skip


@pytest.mark.parametrize(
    ("poison", "reason"),
    [
        *((body, "it is not valid JSON") for body in NO_JSON),
        *((body, "it is not an object") for body in NO_OBJECT),
        *((body, "it has no id") for body in NO_ID),
        *((body, "its type is not Member") for body in OTHER_TYPE),
        *((body, "it has no attributes") for body in NO_ATTRIBUTES),
        *((body, "its relationships are not an object") for body in NO_RELATIONSHIPS),
        *((body, "") for body in UNSTORABLE),
    ],
)
async def test_a_bad_record_is_set_aside_whole_and_the_others_are_stored(
    reader: Reader, poison: bytes, reason: str
) -> None:
    committed = await reader.store(record("1", name="Ann"), poison, record("2"))
    assert committed.counts == PageCounts(inserted=2, dead_letters=1)
    [letter] = await reader.letters()
    assert letter["body"] == poison
    assert letter["reason"] == committed.parts[0].reasons[0]
    assert letter["reason"].startswith(reason)
    assert (letter["status"], letter["times_seen"], letter["requested_at"]) == ("open", 1, moment(0))
    assert sorted(await reader.rows()) == ["1", "2"]
    assert (await reader.entity_run())["dead_letters"] == (await reader.ledger())[0]["dead_letters"] == 1


async def test_a_page_of_nothing_but_bad_records_moves_the_checkpoint(reader: Reader) -> None:
    committed = await reader.store(*NO_OBJECT)
    assert committed.counts == PageCounts(dead_letters=len(NO_OBJECT))
    assert (await reader.entity_run())["checkpoint"] == {"page": 1}


async def test_what_is_told_of_a_page_is_stored_with_it_or_not_at_all(reader: Reader) -> None:
    """A page that is committed is never looked at again: a crash between the two would lose the event."""
    writer = PageWriter(reader.database, reader.manifest, reader.entity)
    about = Subject(org_id=reader.org_id, run_id=reader.run_id)

    def told(part: PartCommitted) -> list[Event]:
        return [RecordsSetAside(about=about, records=part.counts.dead_letters, reasons=part.reasons)]

    def cut_off(_part: PartCommitted) -> list[Event]:
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        await writer.commit(make_page(b"5"), make_place(reader.held, 1), findings=cut_off)
    assert await reader.letters() == await reader.ledger() == []
    committed = await writer.commit(make_page(b"5"), make_place(reader.held, 1), findings=told)
    await writer.commit(make_page(record("1")), make_place(reader.held, 2), findings=told)
    stored = await list_events(reader.database, reader.run_id)
    assert [event.name for event in committed.events] == ["RecordsSetAside"]
    assert [event.name for event in stored] == ["RecordsSetAside"]


@pytest.mark.parametrize("poison", [record("9", name=NUL), b"5", UNSTORABLE[-1]])
async def test_a_bad_record_that_comes_again_is_the_same_letter(reader: Reader, poison: bytes) -> None:
    for at in range(3):
        await reader.store(poison, record("1"), at=at)
    [letter] = await reader.letters()
    assert (letter["times_seen"], letter["requested_at"]) == (3, moment(2))
    assert letter["last_seen_at"] > letter["first_seen_at"]


async def test_a_letter_keeps_the_newest_body(reader: Reader) -> None:
    newer, older = (record("9", name=NUL, age=age) for age in (2, 1))
    await reader.store(newer, at=5)
    await reader.store(older, b"null", at=4)
    letter = (await reader.letters())[0]
    assert (letter["body"], letter["requested_at"], letter["times_seen"]) == (newer, moment(5), 2)


async def test_letters_are_known_by_id_or_by_digest(reader: Reader) -> None:
    long_id = "x" * 201
    bodies = [record("9", name=NUL), record("", name=NUL), b"[1]", record(long_id, name=NUL), record(HALF)]
    await reader.store(*bodies)
    digests = [f"sha256:{hashlib.sha256(body).hexdigest()}" for body in bodies]
    assert [letter["record_key"] for letter in await reader.letters()] == ["9", *digests[1:]]


async def test_a_letter_that_was_dealt_with_does_not_hide_a_new_one(reader: Reader) -> None:
    await reader.store(b"5")
    await execute(
        reader.database,
        "UPDATE openfaith.dead_letter SET status = 'discarded' WHERE org_id = %s",
        reader.org_id,
    )
    await reader.store(b"5")
    assert [letter["status"] for letter in await reader.letters()] == ["discarded", "open"]


async def test_a_good_copy_beside_a_bad_one_is_stored(reader: Reader) -> None:
    committed = await reader.store(record("1", name=NUL), record("1", name="Ann"))
    assert committed.counts == PageCounts(inserted=1, dead_letters=1)
    assert (await reader.row("1"))["name"] == "Ann"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("age", "forty"), ("age", 1.5), ("age", 10**400), ("age", 2**63), ("age", True), ("age", [1]), ("age", {}),
        ("age", ""), ("height", "tall"), ("height", True), ("height", []), ("active", "yes"), ("active", "of"),
        ("active", "t"), ("active", 1), ("active", 0), ("active", 2), ("active", []), ("active", ""),
        ("born", "today"), ("born", "infinity"), ("born", "-infinity"), ("born", "epoch"), ("born", " tomorrow"),
        ("born", "0000-01-01"), ("born", "300000-01-01"), ("born", "2020-02-30"), ("born", "1/2/2020"),
        ("born", "2020-01-02T10:00:00Z"), ("born", "20200102"), ("born", 20200102), ("born", ""), ("born", {}),
        ("born", "#020-01-02"), ("born", "2020-11-1z"), ("born", "2020-5--02"), ("born", " 020-01-02"),
        ("born", "2020-11-1-"), ("born", "2020--1-10"), ("born", "2-26----10"), ("born", "202--11-12"),
        ("joined_at", "now"), ("joined_at", "infinity"), ("joined_at", "00:00 today"), ("joined_at", "allballs"),
        ("joined_at", "2020-01-02T25:00:00Z"), ("joined_at", "300000-01-01T00:00:00Z"), ("joined_at", "2020-01-01 now"),
        ("joined_at", "2020-11-12T10:11x12Z"), ("joined_at", "2020-11-12T10:11:A2Z"), ("joined_at", "2020-11-1zT10:11:12Z"),
        ("joined_at", ":020-11-12T10:11:12Z"), ("joined_at", "2020-11-1TT10:11:12Z"), ("joined_at", "2020----12T10:11:12Z"),
        ("joined_at", "2020-11-12T-0:11:12Z"), ("joined_at", "2020-11-12T10:11:Z2Z"), ("joined_at", "202--11-1:T10:11:12Z"),
        ("joined_at", "2020-11-12T10:11.12Z"), ("joined_at", "2020-11-12T10:11:12.12345nZ"),
        ("joined_at", "#020-11-12T10:11:12Z"), ("joined_at", "2020-11-12 America/New_York"),
        ("joined_at", "0000-01-01T00:00:00Z"), ("joined_at", 1577836800), ("joined_at", ""), ("joined_at", []),
        ("updated_at", "infinity"), ("updated_at", "today"), ("updated_at", 5),
    ],
)  # fmt: skip
@pytest.mark.parametrize("unknown", [{}, {"shoes": 41}])
async def test_a_value_that_does_not_fit_is_kept_in_extra(
    reader: Reader, name: str, value: object, unknown: dict[str, object]
) -> None:
    sent: dict[str, Any] = {"name": "Ann", name: value, **unknown}
    committed = await reader.store(record("1", **sent), record("2"))
    assert committed.counts == PageCounts(inserted=2)
    assert committed.parts[0].misfits == {name: 1}
    assert committed.parts[0].reasons == ()
    row = await reader.row("1")
    assert (row[name], row["name"], row["_source_updated_at"]) == (None, "Ann", None)
    assert row["_extra"] == {name: value, **unknown}
    assert await reader.letters() == []


@pytest.mark.parametrize(
    ("number", "value"),
    [("1e400", "1" + "0" * 400), ("1e-400", "0." + "0" * 399 + "1"), ("9" * 400, "9" * 400)],
)
async def test_no_digit_of_an_absurd_number_is_lost(reader: Reader, number: str, value: str) -> None:
    await reader.store(
        record("1", height="N", age="none", name="M").replace(b'"N"', number.encode()).replace(b'"M"', b"1e2")
    )
    found = await fetch(
        reader.database,
        "SELECT name, _extra ->> 'height' AS height FROM sample.church_member WHERE org_id = %s",
        reader.org_id,
    )
    assert found == [{"name": "100", "height": value}]


@pytest.mark.parametrize(
    ("name", "shape", "kept"),
    [
        ("campus", {"data": [{"type": "Campus", "id": "7"}]}, [{"type": "Campus", "id": "7"}]),
        ("campus", {"data": []}, []),
        ("campus", {"data": {"type": "Campus"}}, {"type": "Campus"}),
        ("campus", {"data": {"type": "Campus", "id": None}}, {"type": "Campus", "id": None}),
        ("campus", {"data": {"type": "Campus", "id": ""}}, {"type": "Campus", "id": ""}),
        ("campus", {"data": {"type": "Campus", "id": {"a": 1}}}, {"type": "Campus", "id": {"a": 1}}),
        ("campus", {"data": {"type": "Campus", "id": [7]}}, {"type": "Campus", "id": [7]}),
        ("campus", {"data": "7"}, "7"),
        ("campus", "7", "7"),
        ("campus", ["7"], ["7"]),
        ("owner", {"data": 7}, 7),
    ],
)
async def test_a_relationship_of_another_shape_is_kept_in_extra(
    reader: Reader, name: str, shape: object, kept: object
) -> None:
    relationships = {"campus": to_one("1"), "owner": to_one("2"), "mentor": to_one("3"), name: shape}
    committed = await reader.store(record("1", relationships=relationships), record("2"))
    row = await reader.row("1")
    assert committed.parts[0].misfits == {name: 1}
    assert row["_extra"] == {"relationships": {"mentor": {"type": "Campus", "id": "3"}, name: kept}}
    assert row[f"{name}_id"] is None
    assert {row["campus_id"], row["owner_id"]} - {None} == {"1", "2"} - {"1" if name == "campus" else "2"}


async def test_a_relationship_that_is_null_points_nowhere(reader: Reader) -> None:
    await reader.store(record("1", relationships={"campus": None, "owner": {"data": None}}))
    row = await reader.row("1")
    assert (row["campus_id"], row["owner_id"], row["_extra"]) == (None, None, None)


async def test_misfits_are_counted_by_name_over_the_page(reader: Reader) -> None:
    committed = await reader.store(
        record("1", age="a", born="b"), record("2", age="c"), record("3", relationships={"campus": 5})
    )
    assert committed.parts[0].misfits == {"age": 2, "born": 1, "campus": 1}


async def test_misfits_of_a_copy_that_is_not_stored_do_not_count(reader: Reader) -> None:
    committed = await reader.store(record("1", age="a"), record("1", age=1))
    assert committed.parts[0].misfits == {}
    assert (await reader.row("1"))["age"] == 1


async def test_a_value_that_fits_again_leaves_extra(reader: Reader) -> None:
    await reader.store(record("1", born="someday"), at=0)
    await reader.store(record("1", born="1984-02-29"), at=1)
    row = await reader.row("1")
    assert (row["born"], row["_extra"]) == (date(1984, 2, 29), None)


async def test_a_stamp_that_cannot_be_read_does_not_shut_a_row_for_ever(reader: Reader) -> None:
    await reader.store(record("1", name="odd", updated_at="infinity"), at=0)
    await reader.store(record("1", name="even", updated_at=stamp(1)), at=1)
    assert (await reader.row("1"))["name"] == "even"


async def test_the_same_misfits_again_rewrite_no_row(reader: Reader) -> None:
    records = [record("1", age="forty", shoes=41), record("2", relationships={"campus": [1]}), b"5"]
    await reader.store(*records, at=0)
    before = await reader.rows()
    again = await reader.store(*records, at=1)
    assert again.counts == PageCounts(unchanged=2, dead_letters=1)
    assert await reader.rows() == before


async def test_a_record_ends_the_same_whatever_stands_beside_it(
    database: Database, org: OrgId, other_org: OrgId
) -> None:
    """Alone it goes the fast way, beside a bad one the slow way."""
    odd = json.dumps(
        {
            "type": "Member", "id": 7,
            "attributes": {"name": "N", "age": "100", "height": "H", "settings": {"n": "N"}, "x": "N", "born": "2020-01-02"},
            "relationships": {"campus": to_one(5), "mentor": to_one(6)},
        }
    ).replace('"N"', "1.50e2").replace('"H"', "0.1000000000000000055511151231257827").encode()  # fmt: skip
    rows = []
    for each, beside in ((org, []), (other_org, [b"5", record("8", age="none")])):
        reader = await Reader.begin(database, org=each)
        await reader.store(odd, *beside)
        row = await reader.row("7")
        other_way = await reader.store(odd, *([] if beside else [b"5"]), at=1)
        assert (other_way.counts.unchanged, (await reader.row("7"))["xmin"]) == (1, row["xmin"])
        rows.append(
            {name: row[name] for name in row if name not in {"org_id", "xmin", "_synced_at", "_run_id"}}
        )
    assert rows[0] == rows[1]
    assert rows[0]["_extra"] == {"x": 150, "relationships": {"mentor": {"type": "Campus", "id": 6}}}


async def test_bad_records_of_an_entity_without_stamps_are_set_aside(database: Database, org: OrgId) -> None:
    reader = await Reader.begin(database, CAMPUS, org=org)
    committed = await reader.store(
        campus("1", seats="many"), campus("2", seats=5), campus("2", seats=6), record("3")
    )
    assert committed.counts == PageCounts(inserted=2, unchanged=1, dead_letters=1)
    assert committed.parts[0].misfits == {"seats": 1}
    assert (await reader.row("2"))["seats"] == 6
