"""A page of plain records is stored by a statement that looks at no value: it stores what the other one stores."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from openfaith.manifest import AttributeType
from openfaith.store.plain_records import PlainRecords
from support.mirror import MEMBER, Examples, Reader, record

quick = settings(deadline=None, max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])

times = st.builds(
    lambda day, between, time, fraction, zone: f"{day}{between}{time}{fraction}{zone}",
    st.dates(min_value=date(2, 1, 1), max_value=date(9998, 12, 31)).map(str)
    | st.sampled_from(["2020-02-30", "0000-01-01", "2020-1-1"]),
    st.sampled_from("TTTTt _"),
    st.times().map(lambda t: t.strftime("%H:%M:%S"))
    | st.sampled_from(["24:00:00", "23:59:60", "10:11", "1011"]),
    st.sampled_from(["", "", ".5", ".123456789", ".9999999999", ".", ",5"]),
    st.sampled_from(["Z", "Z", "z", "", "+02:00", "-00:00", "+15:59", "+23:59", "+0200", "+02", " Z"]),
)
values: dict[AttributeType, st.SearchStrategy[Any]] = {
    AttributeType.STRING: st.text(max_size=8) | st.integers(),
    AttributeType.INTEGER: st.integers(-(2**64), 2**64) | st.sampled_from(["12", "1e3", 1.5]),
    AttributeType.FLOAT: st.floats(allow_nan=False, allow_infinity=False) | st.sampled_from(["1.5", "NaN"]),
    AttributeType.BOOLEAN: st.booleans() | st.sampled_from(["true", "of", 1]),
    AttributeType.DATE: st.dates().map(str)
    | st.sampled_from(["today", "0000-01-01", "2020-01-01T10:00:00Z"]),
    AttributeType.DATE_TIME: times | st.sampled_from(["now", "2020-01-01"]),
    AttributeType.JSON: st.dictionaries(st.text(max_size=3), st.integers(), max_size=2) | st.text(max_size=3),
    AttributeType.ARRAY: st.lists(st.text(max_size=3), max_size=2),
}
"""Of each type what the source may send, and some of what it should not."""

attributes = st.fixed_dictionaries(
    {}, optional={name: st.none() | values[a.type] for name, a in MEMBER.attributes.items()}
)
ids = st.sampled_from(["7", "", "true", "[7", "{", "☃", "\x00"]) | st.integers(0, 9)
one = st.none() | st.fixed_dictionaries({"type": st.sampled_from(["Campus", "Person"]), "id": ids})
many = st.lists(st.fixed_dictionaries({"type": st.just("Team"), "id": ids}), max_size=2)
relationships = st.none() | st.fixed_dictionaries(
    {},
    optional={
        "campus": st.none() | st.fixed_dictionaries({}, optional={"data": one, "links": st.just({})}),
        "owner": st.fixed_dictionaries({"data": one | many}),
        "teams": st.fixed_dictionaries({"data": many | one}),
    },
)
members = st.builds(
    lambda own, related: json.dumps(
        {"type": "Member", "id": "1", "attributes": own, "relationships": related}
    ).encode(),
    attributes,
    relationships,
)

NOT_PLAIN = record("beside", shoe_size=41)
"""Nothing has to be set aside for it, and the manifest does not know all of it."""

PLAIN = PlainRecords(MEMBER)

CONTENT = (*MEMBER.attributes, "campus_id", "owner_id", "owner_type", "_extra", "_hash", "_source_updated_at")


async def stored(reader: Reader, *records: bytes) -> tuple[str, list[str]]:
    """The row of the record in question, if there is one, and why any was set aside."""
    await reader.store(*records)
    rows = [{name: row[name] for name in CONTENT} for key, row in (await reader.rows()).items() if key == "1"]
    return repr(rows), [letter["reason"] for letter in await reader.letters()]


async def check_both_ways(examples: Examples, body: bytes) -> None:
    plain, other = [await Reader.begin(examples.database, org=examples.new_org()) for _ in range(2)]
    assert await stored(plain, body) == await stored(other, body, NOT_PLAIN)


@quick
@given(body=members)
@example(body=record("1", joined_at="2020-01-01T10:00:00+23:59"))
@example(body=record("1", relationships={"campus": {"data": {"type": "Campus", "id": "true"}}}))
def test_a_plain_record_ends_like_one_beside_another_that_is_not(examples: Examples, body: bytes) -> None:
    assume(PLAIN.read([body]) is not None)
    examples.run(check_both_ways(examples, body))
