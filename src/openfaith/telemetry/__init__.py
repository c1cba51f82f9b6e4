"""What happened. `events` is the contract; `logging` listens. Code makes an event and knows no backend."""

from openfaith.telemetry.events import (
    DependencyCut,
    DependencyNotRequested,
    EntityRunFinished,
    EntityRunStarted,
    EntitySkipped,
    Event,
    ListingShifted,
    RecordsSetAside,
    RunFinished,
    RunJoined,
    RunStarted,
    SourceNotice,
    Subject,
    ValuesSetAside,
    WorkTakenOver,
)
from openfaith.telemetry.logging import LogFormat, configure_logging, get_logger, log_event

__all__ = [
    "DependencyCut",
    "DependencyNotRequested",
    "EntityRunFinished",
    "EntityRunStarted",
    "EntitySkipped",
    "Event",
    "ListingShifted",
    "LogFormat",
    "RecordsSetAside",
    "RunFinished",
    "RunJoined",
    "RunStarted",
    "SourceNotice",
    "Subject",
    "ValuesSetAside",
    "WorkTakenOver",
    "configure_logging",
    "get_logger",
    "log_event",
]
