"""The durable engine's log, as a part of ours.

While its database is away it complains at every poll, each time with its stack and its statement: that is one line here,
because it goes on by itself. Whatever else it meets keeps its stack, and who debugs gets all there is.
"""

from __future__ import annotations

import logging
import re

from sqlalchemy.exc import SQLAlchemyError

from openfaith.errors import DatabaseUnavailableError

_LOG = logging.getLogger("dbos")

_TRACEBACK = "Traceback (most recent call last):"

_OF_DATABASE = (ConnectionError, DatabaseUnavailableError, SQLAlchemyError, TimeoutError)

_OF_SQLALCHEMY = "(Background on this error at: https://sqlalche.me/"
"""With that it ends the text of an error, below the statement."""

_NAMES_AN_ERROR = re.compile(r"[\w.]+(Error|Exception)\b")


def quieten() -> None:
    """Let the engine's log join ours, from warnings on, instead of writing to the terminal by itself."""
    if not _LOG.handlers:
        _LOG.addHandler(logging.NullHandler())
    _LOG.propagate = True
    _LOG.setLevel(logging.WARNING)
    _LOG.addFilter(_shorten)


def silence() -> None:
    """Nothing more of it: what is cut off when the engine ends complains, and is taken over."""
    _LOG.setLevel(logging.CRITICAL)


def _shorten(record: logging.LogRecord) -> bool:
    met = record.exc_info[1] if record.exc_info else None
    text = record.getMessage()
    is_of_database = isinstance(met, _OF_DATABASE) if met else _OF_SQLALCHEMY in text
    if not is_of_database or logging.getLogger("openfaith").isEnabledFor(logging.DEBUG):
        return True
    first, *others = text.splitlines()
    said = f"{type(met).__name__}: {met}" if met else next(filter(_NAMES_AN_ERROR.match, others), "")
    parts = (first.removesuffix(_TRACEBACK).rstrip(" :"), said.partition("\n")[0])
    record.msg, record.args = ": ".join(filter(None, parts)), ()
    record.exc_info = record.exc_text = None
    return True
