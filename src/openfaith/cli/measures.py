"""What `openfaith status` knows, as plain values for metrics."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from openfaith.telemetry import MeasuredAlerts, MeasuredBreaker, MeasuredEntity, MeasuredKind

if TYPE_CHECKING:
    from openfaith.cli.commands.status import OrgStatus
    from openfaith.store import EntityState, OpenBreaker, SyncOutcome


def measures(one: OrgStatus) -> Iterator[MeasuredEntity]:
    """Every entity of an organization, those included that no run ever met."""
    for state in one.states:
        yield _measured(state, one.outcomes.get(state.entity, ()))
    for name in one.never:
        yield MeasuredEntity(org_id=one.org_id, adapter=one.adapter, entity=name, status="never")


def alert_measures(one: OrgStatus) -> Iterator[MeasuredAlerts]:
    """Every kind of alert that holds of an organization."""
    for count in one.alerts:
        yield MeasuredAlerts(
            org_id=count.org_id,
            adapter=count.adapter,
            rule=count.rule,
            severity=count.severity,
            state=count.state,
            alerts=count.alerts,
        )


def breaker_measures(breakers: Iterable[OpenBreaker]) -> Iterator[MeasuredBreaker]:
    """Every source that is left alone."""
    for breaker in breakers:
        yield MeasuredBreaker(
            org_id=breaker.org_id,
            adapter=breaker.adapter,
            base_url=breaker.base_url,
            reason=breaker.reason,
            opened_at=breaker.opened_at,
        )


def _measured(state: EntityState, outcomes: Iterable[SyncOutcome]) -> MeasuredEntity:
    return MeasuredEntity(
        org_id=state.org_id,
        adapter=state.adapter,
        entity=state.entity,
        status=state.last_status,
        rows=None if state.last_completed_at is None else state.live_rows,
        source_records=state.source_count,
        counted_at=state.counted_at,
        proven=None if state.doubts is None else state.is_proven,
        proven_at=state.proven_at,
        watermark=state.watermark,
        sampled=state.sampled,
        sampled_different=state.sampled_different,
        sampled_at=state.sampled_at,
        swept_at=state.last_swept_at,
        blind_change_rate=state.blind_change_rate,
        suspects=state.suspects,
        held=state.held,
        dead_letters=state.dead_letters,
        kinds=[_kind(outcome) for outcome in outcomes],
    )


def _kind(outcome: SyncOutcome) -> MeasuredKind:
    return MeasuredKind(kind=outcome.kind, status=outcome.status, completed_at=outcome.completed_at)
