"""What is known of entities becomes text that Prometheus reads back as it was."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import REGISTRY
from prometheus_client.parser import text_string_to_metric_families

from openfaith.records import EntityName, OrgId
from openfaith.telemetry import MeasuredAlerts, MeasuredBreaker, MeasuredEntity, MeasuredKind, exposition
from openfaith.telemetry.metrics import ALERT_LABELS, ALERTS, BREAKER_LABELS, BREAKERS, METRICS

NOON = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
NEVER = MeasuredEntity(
    org_id=OrgId("grace"), adapter="pco", entity=EntityName("people.Person"), status="never"
)
SOUND = replace(
    NEVER,
    status="completed",
    rows=5000,
    source_records=5001,
    counted_at=NOON,
    proven=True,
    proven_at=NOON + timedelta(hours=1),
    watermark=NOON + timedelta(hours=2),
    sampled=5,
    sampled_different=0,
    sampled_at=NOON + timedelta(hours=3),
    swept_at=NOON + timedelta(hours=4),
    blind_change_rate=0.125,
    suspects=4,
    held=3,
    dead_letters=2,
    kinds=[
        MeasuredKind(kind="full", status="failed", completed_at=NOON),
        MeasuredKind(kind="delta", status="cancelled", completed_at=None),
    ],
)
PLACE = {"org": "grace", "adapter": "pco", "entity": "people.Person"}


def families(*entities: MeasuredEntity) -> dict[str, Any]:
    return {family.name: family for family in text_string_to_metric_families(exposition(entities))}


def samples(*entities: MeasuredEntity) -> dict[str, list[tuple[dict[str, str], float]]]:
    """Labels and values of every metric that has any."""
    return {
        name: [(sample.labels, sample.value) for sample in family.samples]
        for name, family in families(*entities).items()
    }


def test_everything_that_is_known_is_told() -> None:
    known = samples(SOUND)
    of_kinds = {name: known.pop(name) for name in [*known] if "_kind_" in name}
    assert known.pop("openfaith_entity_status") == [(PLACE | {"status": "completed"}, 1)]
    noon = NOON.timestamp()
    assert known == {
        f"openfaith_entity_{name}": [(PLACE, value)]
        for name, value in {
            "rows": 5000,
            "source_records": 5001,
            "source_counted_timestamp_seconds": noon,
            "proven": 1,
            "proven_timestamp_seconds": noon + 3600,
            "watermark_timestamp_seconds": noon + 2 * 3600,
            "sampled_records": 5,
            "sampled_different_records": 0,
            "sampled_timestamp_seconds": noon + 3 * 3600,
            "swept_timestamp_seconds": noon + 4 * 3600,
            "blind_change_ratio": 0.125,
            "suspects": 4,
            "held_suspects": 3,
            "dead_letters": 2,
        }.items()
    }
    assert of_kinds == {
        "openfaith_entity_kind_status": [
            (PLACE | {"kind": "full", "status": "failed"}, 1),
            (PLACE | {"kind": "delta", "status": "cancelled"}, 1),
        ],
        "openfaith_entity_kind_completed_timestamp_seconds": [(PLACE | {"kind": "full"}, noon)],
    }
    assert len(known) + len(of_kinds) + 1 == len(METRICS)


def test_what_is_not_known_has_no_sample() -> None:
    assert samples(NEVER) == {"openfaith_entity_status": [(PLACE | {"status": "never"}, 1)]}


@pytest.mark.parametrize(
    "name",
    [
        f.name
        for f in fields(MeasuredEntity)
        if f.name not in {"org_id", "adapter", "entity", "status", "kinds"}
    ],
)
def test_one_thing_that_is_not_known_takes_one_metric_away(name: str) -> None:
    unknown: dict[str, Any] = {name: None}
    assert len(samples(SOUND)) - len(samples(replace(SOUND, **unknown))) == 1


def test_zero_is_told() -> None:
    zeroes = replace(SOUND, rows=0, source_records=0, proven=False, suspects=0, blind_change_rate=0.0)
    assert all(
        samples(zeroes)[f"openfaith_entity_{name}"] == [(PLACE, 0)]
        for name in ("rows", "source_records", "proven", "suspects", "blind_change_ratio")
    )


def test_nothing_known_is_no_text() -> None:
    assert exposition([]) == ""


def test_entities_stand_side_by_side_in_their_order() -> None:
    other = replace(SOUND, org_id=OrgId("hope"), rows=7)
    assert samples(SOUND, NEVER, other)["openfaith_entity_rows"] == [
        (PLACE, 5000),
        (PLACE | {"org": "hope"}, 7),
    ]


def test_two_expositions_share_nothing() -> None:
    """Neither with each other nor with the registry of the process, which tells of the process itself."""
    before = {family.name for family in REGISTRY.collect()}
    assert exposition([SOUND]) == exposition([SOUND])
    assert {family.name for family in REGISTRY.collect()} == before
    assert set(families(SOUND)) == {metric.name for metric in METRICS}


def test_every_metric_is_a_gauge_that_says_what_it_is() -> None:
    for metric in METRICS:
        family = families(SOUND)[metric.name]
        assert (family.type, family.documentation) == ("gauge", metric.meaning)
        assert all(tuple(sorted(metric.labels)) == tuple(sorted(s.labels)) for s in family.samples)


def test_names_keep_prometheus_conventions() -> None:
    names = [metric.name for metric in METRICS]
    assert len(set(names)) == len(names)
    for metric in METRICS:
        assert re.fullmatch(r"openfaith_[a-z]+(_[a-z]+)*", metric.name)
        assert not metric.name.endswith(("_total", "_count", "_sum", "_bucket", "_created", "_info"))
        assert metric.meaning.isascii()
        assert metric.meaning.endswith(".")
        assert ("seconds since 1970" in metric.meaning) == metric.name.endswith("_timestamp_seconds")


@pytest.mark.parametrize("name", ['a"b\n', "\\", "\\n", 'x="y",', "{}", "# HELP", "église", ""])
def test_a_label_is_read_back_as_it_was(name: str) -> None:
    odd = replace(
        SOUND,
        org_id=OrgId(name),
        adapter=name,
        entity=EntityName(name),
        status=name,
        kinds=[MeasuredKind(kind=name, status=name, completed_at=NOON)],
    )
    found = samples(odd)
    assert found.keys() == samples(SOUND).keys()
    for labels, _ in (sample for each in found.values() for sample in each):
        assert set(labels.values()) == {name}


def test_a_line_is_one_sample_whatever_its_labels_hold() -> None:
    text = exposition([replace(SOUND, org_id=OrgId('a"b\n'))])
    assert 'openfaith_entity_rows{adapter="pco",entity="people.Person",org="a\\"b\\n"} 5000.0\n' in text
    assert text.endswith("\n")
    assert len(text.split("\n")) == 3 * len(METRICS) + 1 + 1


ENTITIES = st.builds(
    MeasuredEntity,
    org_id=st.sampled_from(["grace", 'a"b', "c\\"]).map(OrgId),
    adapter=st.just("pco"),
    entity=st.from_regex(r"[a-z]{1,5}\.[A-Z][a-z]{0,5}", fullmatch=True).map(EntityName),
    status=st.sampled_from(["completed", "failed", "never"]),
    rows=st.none() | st.integers(0, 2**53),
    watermark=st.none() | st.datetimes(datetime(1971, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001  # hypothesis adds the zone
    proven=st.none() | st.booleans(),
    blind_change_rate=st.none() | st.floats(0, 1),
)


READ_BACK: dict[str, Callable[[MeasuredEntity], float | None]] = {
    "rows": lambda m: m.rows,
    "watermark_timestamp_seconds": lambda m: m.watermark.timestamp() if m.watermark else None,
    "proven": lambda m: m.proven,
    "blind_change_ratio": lambda m: m.blind_change_rate,
}


@given(st.lists(ENTITIES, max_size=4, unique_by=lambda m: (m.org_id, m.entity)))
def test_every_number_is_read_back_to_the_last_digit(entities: list[MeasuredEntity]) -> None:
    found = samples(*entities)
    for name, read in READ_BACK.items():
        assert found.get(f"openfaith_entity_{name}", []) == [
            ({"org": m.org_id, "adapter": m.adapter, "entity": m.entity}, read(m))
            for m in entities
            if read(m) is not None
        ]


def test_alerts_are_told_by_rule_severity_and_state() -> None:
    known = MeasuredAlerts(
        org_id=OrgId("grace"), adapter="pco", rule="stale", severity="error", state="open", alerts=3
    )
    told = exposition([], [known, replace(known, state="acknowledged", alerts=1)])
    [family] = text_string_to_metric_families(told)
    labels = {"org": "grace", "adapter": "pco", "rule": "stale", "severity": "error"}
    assert family.name == ALERTS
    assert [(sample.labels, sample.value) for sample in family.samples] == [
        (labels | {"state": "open"}, 3),
        (labels | {"state": "acknowledged"}, 1),
    ]
    assert family.samples[0].labels.keys() == set(ALERT_LABELS)


def test_a_source_that_is_left_alone_is_told_with_since_when() -> None:
    own = MeasuredBreaker(
        org_id=OrgId("grace"), adapter="pco", base_url="https://pco", reason="rejected", opened_at=NOON
    )
    told = exposition([], [], [own, replace(own, org_id=None, reason="outage")])
    [family] = text_string_to_metric_families(told)
    assert family.name == BREAKERS
    assert [(sample.labels["org"], sample.labels["reason"], sample.value) for sample in family.samples] == [
        ("grace", "rejected", NOON.timestamp()),
        ("", "outage", NOON.timestamp()),
    ]
    assert family.samples[0].labels.keys() == set(BREAKER_LABELS)
