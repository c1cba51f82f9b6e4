"""Events and messages as log lines on standard error: for people on a terminal, JSON for machines.

Lines go through the standard library's logging. A program of our own sets that up here, once; a program that only
imports this package keeps its own way of logging, and nothing of ours reaches its standard output.
"""

from __future__ import annotations

import logging
import sys
from typing import Literal, TextIO

import structlog

from openfaith.telemetry.events import Event

LogFormat = Literal["console", "json"]

_LEVELS = {"info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


def configure_logging(*, level: str = "warning", log_format: LogFormat = "console") -> None:
    """Set up logging for this process, once. Foreign libraries log through the same lines, from warnings on.

    What has a level of its own shows no more than the level that is asked for.
    """
    numeric = logging.getLevelNamesMapping()[level.upper()]
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if log_format == "json"
        else structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(),
            # The other formatter prints local variables, and with them secrets and records.
            exception_formatter=structlog.dev.plain_traceback,
        )
    )
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(numeric),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    absent = [_without_absent] if log_format == "console" else []
    handler = _StandardErrorHandler(numeric)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.ExtraAdder(), *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *absent, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(max(numeric, logging.WARNING))
    logging.getLogger("openfaith").setLevel(numeric)


def _without_absent(
    _logger: structlog.typing.WrappedLogger, _method: str, fields: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    """A person need not read what an event is not about; machines get every field, always."""
    return {name: value for name, value in fields.items() if value is not None}


class _StandardErrorHandler(logging.StreamHandler[TextIO]):
    """Writes to whatever standard error is at the time: a progress display puts itself in between."""

    def __init__(self, level: int) -> None:
        super().__init__()
        self.setLevel(level)

    def emit(self, record: logging.LogRecord) -> None:
        # Not `setStream`: that flushes the stream before, which may be closed by now.
        self.stream = sys.stderr
        super().emit(record)


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """A logger that takes keywords, and hands them to the standard library's logger of this name as `extra`."""
    logger: structlog.stdlib.BoundLogger = structlog.wrap_logger(
        logging.getLogger(name),
        processors=[structlog.stdlib.filter_by_level, structlog.stdlib.render_to_log_kwargs],
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    return logger


_events = get_logger("openfaith")


def log_event(event: Event) -> None:
    """One line for one event."""
    _events.log(
        _LEVELS[event.severity],
        event.message(),
        event_name=event.name,
        org_id=event.about.org_id,
        run_id=event.about.run_id,
        entity=event.about.entity,
    )
