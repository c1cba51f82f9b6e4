"""Whatever stands in a page: no good record is lost, no bad one is met twice, and nothing depends on the neighbours."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support.mirror import MEMBER, Examples, Reader, record

quick = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])

texts = st.one_of(
    st.text(alphabet=st.characters(), max_size=8),  # halves of surrogate pairs and U+0000 included
    st.sampled_from(
        [
            "today",
            "infinity",
            "-infinity",
            "2020-01-02",
            "2020-01-02T10:00:00Z",
            "0000-00-00",
            "12",
            "-1",
            "1e3",
            "0x1F",
            "1_0",
            "NaN",
            "-inf",
            "true",
            "false",
            "t",
            "of",
            "{}",
            "null",
            "[1]",
        ]
    ),
    st.sampled_from(["", " 7 ", "2020-01-02 03:04"]),
)
numbers = st.one_of(
    st.integers(-(2**70), 2**70).map(str),
    st.sampled_from(
        ["1e400", "-1e400", "1e-400", "1E2", "1.50", "-0", "0.10", "1e999999", "9" * 400, "1e5", "1.0"]
    ),
)
scalars = st.one_of(texts.map(json.dumps), numbers, st.sampled_from(["null", "true", "false"]))
values: st.SearchStrategy[str] = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda members: "[" + ",".join(members) + "]"),
        st.dictionaries(texts, inner, max_size=3).map(
            lambda members: "{" + ",".join(f"{json.dumps(k)}:{v}" for k, v in members.items()) + "}"
        ),
    ),
    max_leaves=6,
)
"""JSON texts. Texts, because a number like 1e400 survives no decoding."""


def write_object(members: dict[str, str]) -> str:
    return "{" + ",".join(f"{json.dumps(name)}:{value}" for name, value in members.items()) + "}"


attributes = st.dictionaries(
    st.one_of(st.sampled_from(list(MEMBER.attributes)), texts), values, max_size=5
).map(write_object)
references = st.one_of(values, st.fixed_dictionaries({"data": values}).map(write_object)) | st.builds(
    lambda key: f'{{"data":{{"type":"Campus","id":{key}}}}}', values
)
relationships = st.dictionaries(
    st.sampled_from(["campus", "owner", "teams", "mentor"]), references, max_size=3
).map(write_object)
plausible = st.builds(
    lambda own, related: f'{{"type":"Member","id":"x","attributes":{own},"relationships":{related}}}',
    attributes,
    relationships,
).map(lambda text: text.encode())
"""Records of the right type, with anything in them."""

broken = st.one_of(
    st.binary(max_size=20),
    values.map(lambda text: text.encode()),
    st.fixed_dictionaries(
        {}, optional=dict.fromkeys(("type", "id", "attributes", "relationships"), values)
    ).map(lambda members: write_object(members).encode()),
    st.builds(lambda body, at: body[: at % len(body)], plausible, st.integers(0, 1000)),
)
"""What is no record, but for a rare accident."""

CONTENT = (*MEMBER.attributes, "campus_id", "owner_id", "owner_type", "_extra", "_hash", "_source_updated_at")


async def outcome(
    reader: Reader, body: bytes, *beside: bytes
) -> tuple[Any, list[tuple[str, bytes]], dict[str, int]]:
    """What became of one record: its row, the letters, the misfits."""
    committed = await reader.store(body, *beside)
    rows = {key: row for key, row in (await reader.rows()).items() if key != "beside"}
    letters = [(letter["reason"], bytes(letter["body"])) for letter in await reader.letters()]
    content = [{name: row[name] for name in CONTENT} for row in rows.values()]
    return content, [found for found in letters if found[1] not in beside], committed.parts[0].misfits


async def check_neighbours(examples: Examples, body: bytes) -> None:
    """Alone, beside a good record, beside a bad one: the same."""
    readers = [await Reader.begin(examples.database, org=examples.new_org()) for _ in range(3)]
    good, bad = record("beside"), b"no record"
    alone = await outcome(readers[0], body)
    assert await outcome(readers[1], body, good) == alone
    assert await outcome(readers[2], body, good, bad) == alone
    assert len(alone[0]) + len(alone[1]) == 1
    before = await readers[0].rows()
    await readers[0].store(body, bad, good, at=1)
    after = await readers[0].rows()
    assert {key: row for key, row in after.items() if key != "beside"} == before


@quick
@given(body=plausible)
def test_a_record_ends_the_same_whatever_stands_beside_it(examples: Examples, body: bytes) -> None:
    examples.run(check_neighbours(examples, body))


async def check_nothing_is_lost(examples: Examples, body: bytes) -> None:
    """Every attribute of a stored record is in its column or in `_extra`, and in one of them only."""
    reader = await Reader.begin(examples.database, org=examples.new_org())
    await reader.store(body)
    for row in (await reader.rows()).values():
        sent: dict[str, object] = json.loads(body)["attributes"]
        extra = row["_extra"] or {}
        for name, value in sent.items():
            column = row.get(name) if name in MEMBER.attributes else None
            assert (column is not None) + (extra.get(name) is not None) == (value is not None), (name, value)


@quick
@given(body=plausible)
def test_no_value_of_a_stored_record_is_lost(examples: Examples, body: bytes) -> None:
    examples.run(check_nothing_is_lost(examples, body))


async def check_mixture(examples: Examples, parts: list[tuple[bool, bytes]]) -> None:
    reader = await Reader.begin(examples.database, org=examples.new_org())
    good = {f"good {n}": body for n, (is_good, body) in enumerate(parts) if is_good}
    page = [record(f"good {n}", name="Ann") if is_good else body for n, (is_good, body) in enumerate(parts)]
    committed = await reader.store(*page)
    counts = committed.counts
    rows = await reader.rows()
    letters = await reader.letters()
    assert good.keys() <= rows.keys()
    assert counts.inserted + counts.updated + counts.unchanged + counts.dead_letters == len(page)
    assert counts.inserted == len(rows)
    assert sum(letter["times_seen"] for letter in letters) == counts.dead_letters
    assert all(bytes(letter["body"]) in page for letter in letters)
    assert (await reader.entity_run())["records"] == len(page)
    before = await reader.rows()
    again = await reader.store(*page, at=1)
    assert again.counts.dead_letters == counts.dead_letters
    assert await reader.rows() == before
    assert len(await reader.letters()) == len(letters)


@quick
@given(parts=st.lists(st.tuples(st.booleans(), broken), max_size=6))
def test_good_records_are_stored_and_bad_ones_set_aside_once(
    examples: Examples, parts: list[tuple[bool, bytes]]
) -> None:
    examples.run(check_mixture(examples, parts))
