"""Whatever the order in which versions of records arrive, and however pages are cut: the newest stays."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from openfaith.manifest import Entity
from support.mirror import CAMPUS, MEMBER, Examples, Reader, campus, moment, record, stamp


@dataclass(frozen=True)
class Version:
    """One version of one record: its content follows from its stamp and from when it was requested."""

    key: str
    stamp: int | None
    at: int

    @property
    def name(self) -> str:
        return f"{self.stamp} at {self.at}"

    @property
    def rank(self) -> tuple[float, int]:
        return (float("-inf") if self.stamp is None else self.stamp, self.at)

    def body(self, entity: Entity) -> bytes:
        if entity is CAMPUS:
            return campus(self.key, name=self.name)
        return record(self.key, name=self.name, updated_at=None if self.stamp is None else stamp(self.stamp))


Pages = list[tuple[int, list[tuple[str, int | None]]]]

pages_of_members = st.lists(
    st.tuples(
        st.integers(0, 5),
        st.lists(st.tuples(st.sampled_from("abc"), st.none() | st.integers(0, 3)), max_size=6),
    ),
    max_size=6,
)
pages_of_campuses = st.lists(
    st.tuples(st.integers(0, 5), st.lists(st.tuples(st.sampled_from("abc"), st.none()), max_size=6)),
    max_size=6,
)


async def check(examples: Examples, entity: Entity, pages: Pages) -> None:
    reader = await Reader.begin(examples.database, entity, org=examples.new_org())
    newest: dict[str, Version] = {}
    for at, records in pages:
        versions = [Version(key, updated, at) for key, updated in records]
        committed = await reader.store(*(version.body(entity) for version in versions), at=at)
        counts = committed.counts
        assert counts.inserted + counts.updated + counts.unchanged == len(versions)
        assert counts.dead_letters == 0
        for version in versions:
            kept = newest.setdefault(version.key, version)
            newest[version.key] = max(version, kept, key=lambda v: v.rank)
    stored = {
        key: (row["name"], row["_source_updated_at"], row["_requested_at"])
        for key, row in (await reader.rows()).items()
    }
    assert stored == {
        key: (v.name, None if v.stamp is None else moment(v.stamp), moment(v.at)) for key, v in newest.items()
    }


@settings(deadline=None, max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pages=pages_of_members)
def test_any_interleaving_of_versions_ends_in_the_newest(examples: Examples, pages: Pages) -> None:
    examples.run(check(examples, MEMBER, pages))


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pages=pages_of_campuses)
def test_without_stamps_any_interleaving_ends_in_what_was_requested_last(
    examples: Examples, pages: Pages
) -> None:
    examples.run(check(examples, CAMPUS, pages))
