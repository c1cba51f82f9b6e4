"""How things stand, as Prometheus reads it: parity, proof and freshness of every entity, and the alerts that hold.

Nothing is counted here while it happens. Whoever asks hands over what is known, and gets the text of it: a command
that ends at once and a server that is asked every minute say the same. What is not known has no sample; 0 is a fact.

Every metric is a gauge. Times are seconds since 1970 and not ages, so that they are right however late they are read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from openfaith.records import EntityName, OrgId

if TYPE_CHECKING:
    from prometheus_client.core import GaugeMetricFamily

_OF_EVERY_METRIC = ("org", "adapter", "entity")


@dataclass(frozen=True, kw_only=True, slots=True)
class MeasuredKind:
    """How the last run of one kind ended for an entity."""

    kind: str
    """A `SyncKind`, or one that another release knows."""
    status: str
    completed_at: datetime | None
    """When one of that kind last completed, by the database's clock; None where none ever did."""


@dataclass(frozen=True, kw_only=True, slots=True)
class MeasuredEntity:
    """What is known of one entity of one organization. None is what nobody knows."""

    org_id: OrgId
    adapter: str
    entity: EntityName
    status: str
    """How the last run ended; `never` where no run ever met the entity."""
    rows: int | None = None
    """That live; None until a run has completed."""
    source_records: int | None = None
    """How many the source had at `counted_at`."""
    counted_at: datetime | None = None
    """By the source's clock, as all times here."""
    proven: bool | None = None
    """Whether the last reading of everything was proven complete; None where there was none."""
    proven_at: datetime | None = None
    """When a reading began that was."""
    watermark: datetime | None = None
    """Up to when the rows are true."""
    sampled: int | None = None
    """Records that the last sample compared by content."""
    sampled_different: int | None = None
    """Those of them that were not as stored."""
    sampled_at: datetime | None = None
    swept_at: datetime | None = None
    """When the last completed sweep began."""
    blind_change_rate: float | None = None
    """From 0 to 1."""
    suspects: int | None = None
    held: int | None = None
    """Suspects that wait for a person."""
    dead_letters: int | None = None
    """Open ones."""
    kinds: Sequence[MeasuredKind] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class MeasuredAlerts:
    """How many alerts of one kind hold."""

    org_id: OrgId
    adapter: str
    rule: str
    severity: str
    state: str
    """`open` or `acknowledged`."""
    alerts: int


@dataclass(frozen=True, kw_only=True, slots=True)
class MeasuredBreaker:
    """A source that is left alone."""

    org_id: OrgId | None
    """None where all who read it wait."""
    adapter: str
    base_url: str
    reason: str
    """`outage` or `rejected`."""
    opened_at: datetime


Samples = Iterable[tuple[tuple[str, ...], float]]
"""Values, each with those labels that only its metric has."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Metric:
    """One gauge, and how it is read off an entity."""

    name: str
    meaning: str
    """Its HELP: the unit, and what is right."""
    samples: Callable[[MeasuredEntity], Samples]
    own_labels: tuple[str, ...] = ()
    """Beside organization, adapter and entity."""

    @property
    def labels(self) -> tuple[str, ...]:
        return (*_OF_EVERY_METRIC, *self.own_labels)


def _number(read: Callable[[MeasuredEntity], float | None]) -> Callable[[MeasuredEntity], Samples]:
    def samples(measured: MeasuredEntity) -> Samples:
        value = read(measured)
        return () if value is None else (((), value),)

    return samples


def _time(read: Callable[[MeasuredEntity], datetime | None]) -> Callable[[MeasuredEntity], Samples]:
    def seconds(measured: MeasuredEntity) -> float | None:
        moment = read(measured)
        return None if moment is None else moment.timestamp()

    return _number(seconds)


def _status(measured: MeasuredEntity) -> Samples:
    yield (measured.status,), 1


def _status_of_kinds(measured: MeasuredEntity) -> Samples:
    return (((kind.kind, kind.status), 1) for kind in measured.kinds)


def _completion_of_kinds(measured: MeasuredEntity) -> Samples:
    for kind in measured.kinds:
        if kind.completed_at is not None:
            yield (kind.kind,), kind.completed_at.timestamp()


METRICS = (
    Metric(
        name="openfaith_entity_rows",
        meaning="Rows that live. Right: as many as openfaith_entity_source_records, or the watermark is later than that count.",
        samples=_number(lambda m: m.rows),
    ),
    Metric(
        name="openfaith_entity_source_records",
        meaning="Records that the source had when all were last read or listed. Absent where it did not tell.",
        samples=_number(lambda m: m.source_records),
    ),
    Metric(
        name="openfaith_entity_source_counted_timestamp_seconds",
        meaning="When openfaith_entity_source_records was counted, in seconds since 1970 by the source's clock.",
        samples=_time(lambda m: m.counted_at),
    ),
    Metric(
        name="openfaith_entity_proven",
        meaning="Whether the last reading of everything was proven complete, 1 or 0. Right: 1. Absent where nothing was read whole.",
        samples=_number(lambda m: m.proven),
    ),
    Metric(
        name="openfaith_entity_proven_timestamp_seconds",
        meaning="When the last reading began that was proven complete, in seconds since 1970 by the source's clock. Right: no older than reconciliations are apart.",
        samples=_time(lambda m: m.proven_at),
    ),
    Metric(
        name="openfaith_entity_watermark_timestamp_seconds",
        meaning="Up to when the rows are true, in seconds since 1970 by the source's clock. Right: no older than syncs are apart.",
        samples=_time(lambda m: m.watermark),
    ),
    Metric(
        name="openfaith_entity_sampled_records",
        meaning="Stored records that the last reconciliation with a sample asked for once more, to compare their content. Absent where none had one.",
        samples=_number(lambda m: m.sampled),
    ),
    Metric(
        name="openfaith_entity_sampled_different_records",
        meaning="Records of that sample that had another content under the same updated_at. Right: 0; they are put right, a sweep finds what else differs.",
        samples=_number(lambda m: m.sampled_different),
    ),
    Metric(
        name="openfaith_entity_sampled_timestamp_seconds",
        meaning="When the reconciliation with that sample began, in seconds since 1970 by the source's clock.",
        samples=_time(lambda m: m.sampled_at),
    ),
    Metric(
        name="openfaith_entity_swept_timestamp_seconds",
        meaning="When the last completed sweep began, in seconds since 1970 by the source's clock. Right: no older than sweeps are apart.",
        samples=_time(lambda m: m.swept_at),
    ),
    Metric(
        name="openfaith_entity_blind_change_ratio",
        meaning="Share of the records that sweeps have read, in the last cycle and this one, that had changed without a new updated_at, from 0 to 1. Right: 0, or sweep more often.",
        samples=_number(lambda m: m.blind_change_rate),
    ),
    Metric(
        name="openfaith_entity_suspects",
        meaning="Stored records that may be gone at the source. Those that wait for nobody are asked for by the next reconciliation.",
        samples=_number(lambda m: m.suspects),
    ),
    Metric(
        name="openfaith_entity_held_suspects",
        meaning="Those of openfaith_entity_suspects that wait for a person. Right: 0.",
        samples=_number(lambda m: m.held),
    ),
    Metric(
        name="openfaith_entity_dead_letters",
        meaning="Records that could not be stored and were set aside. Right: 0.",
        samples=_number(lambda m: m.dead_letters),
    ),
    Metric(
        name="openfaith_entity_status",
        meaning="1, under how the last run ended. Right: completed, or not_accessible where the token's user shall not see it.",
        samples=_status,
        own_labels=("status",),
    ),
    Metric(
        name="openfaith_entity_kind_status",
        meaning="1, under how the last run of that kind ended. Right: as openfaith_entity_status.",
        samples=_status_of_kinds,
        own_labels=("kind", "status"),
    ),
    Metric(
        name="openfaith_entity_kind_completed_timestamp_seconds",
        meaning="When a run of that kind last completed, in seconds since 1970 by the database's clock. Right: no older than such runs are apart.",
        samples=_completion_of_kinds,
        own_labels=("kind",),
    ),
)
"""Every metric of an entity, in the order in which they are told."""


ALERTS = "openfaith_alerts"
"""Of no entity."""

ALERT_LABELS = ("org", "adapter", "rule", "severity", "state")

_ALERTS_MEANING = (
    "Alerts that hold, open or acknowledged. Right: none; a kind of which none holds has no sample."
)


BREAKERS = "openfaith_breaker_opened_timestamp_seconds"
"""Of no entity."""

BREAKER_LABELS = ("org", "adapter", "base_url", "reason")

_BREAKERS_MEANING = (
    "Since when a source is left alone, as an outage or because it rejects the credentials; without an "
    "organization where all who read it wait. Right: none; one that is asked as usual has no sample."
)


def exposition(
    entities: Iterable[MeasuredEntity],
    alerts: Iterable[MeasuredAlerts] = (),
    breakers: Iterable[MeasuredBreaker] = (),
) -> str:
    """What is known, in Prometheus' text format; nothing where nothing is known. A metric without a sample is left out.

    No entity, no kind of alert and no breaker may be there twice.
    """
    from prometheus_client import CollectorRegistry, generate_latest  # noqa: PLC0415  # of use here only

    registry = CollectorRegistry()
    registry.register(_Known(tuple(entities), tuple(alerts), tuple(breakers)))
    return generate_latest(registry).decode()


@dataclass(frozen=True, slots=True, eq=False)
class _Known:
    """A collector, as the library wants it: it is known by its identity."""

    entities: Sequence[MeasuredEntity]
    alerts: Sequence[MeasuredAlerts]
    breakers: Sequence[MeasuredBreaker]

    def collect(self) -> Iterator[GaugeMetricFamily]:
        families = [_family(metric, self.entities) for metric in METRICS]
        families += [_alerts(self.alerts), _breakers(self.breakers)]
        return (family for family in families if family.samples)


def _alerts(counts: Iterable[MeasuredAlerts]) -> GaugeMetricFamily:
    from prometheus_client.core import GaugeMetricFamily  # noqa: PLC0415  # as above

    family = GaugeMetricFamily(ALERTS, _ALERTS_MEANING, labels=ALERT_LABELS)
    for count in counts:
        family.add_metric(
            (count.org_id, count.adapter, count.rule, count.severity, count.state), count.alerts
        )
    return family


def _breakers(breakers: Iterable[MeasuredBreaker]) -> GaugeMetricFamily:
    from prometheus_client.core import GaugeMetricFamily  # noqa: PLC0415  # as above

    family = GaugeMetricFamily(BREAKERS, _BREAKERS_MEANING, labels=BREAKER_LABELS)
    for breaker in breakers:
        labels = (breaker.org_id or "", breaker.adapter, breaker.base_url, breaker.reason)
        family.add_metric(labels, breaker.opened_at.timestamp())
    return family


def _family(metric: Metric, entities: Iterable[MeasuredEntity]) -> GaugeMetricFamily:
    from prometheus_client.core import GaugeMetricFamily  # noqa: PLC0415  # as above

    family = GaugeMetricFamily(metric.name, metric.meaning, labels=metric.labels)
    for measured in entities:
        for own, value in metric.samples(measured):
            family.add_metric((measured.org_id, measured.adapter, measured.entity, *own), value)
    return family
