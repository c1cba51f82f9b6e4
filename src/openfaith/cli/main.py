"""The one way in: arguments to exit code."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from openfaith.cli.application import application
from openfaith.cli.failures import describe, silence_standard_output, tell, trace, wants_json
from openfaith.cli.output import OutputRefusedError, ReaderGoneError
from openfaith.cli.session import prepare
from openfaith.errors import SyncError
from openfaith.loops import collect_rarely, end_quickly

_BROKEN_PIPE = 141
"""As shells report a process that SIGPIPE ended."""

_FAILED = 1


def main() -> None:
    """Run the command line of this process, and end it."""
    collect_rarely()
    if sys.stdout is None:  # closed by whoever called
        sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115  # for the life of the process
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal whose encoding lacks an arrow shall show something else, not a traceback.
            stream.reconfigure(errors="replace")
    code = run(sys.argv[1:])
    end_quickly()
    sys.exit(code)


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code. Whatever goes wrong is told, never raised."""
    try:
        return _run(arguments)
    except (BrokenPipeError, ReaderGoneError):
        silence_standard_output()
        return _BROKEN_PIPE
    except OutputRefusedError as error:
        return _refused(error)
    except OSError as error:  # of what was left in the buffer
        return _refused(OutputRefusedError("standard output", error.strerror or "no reason was given"))


def _refused(error: OutputRefusedError) -> int:
    silence_standard_output()
    with suppress(OSError):  # it may be standard error that takes nothing
        sys.stderr.write(f"error: {error}\n")
        sys.stderr.flush()
    return _FAILED


def _run(arguments: Sequence[str]) -> int:
    try:
        code = application(list(arguments), prog_name="openfaith", standalone_mode=False)
    except (ReaderGoneError, OutputRefusedError):
        raise
    except Exception as error:  # noqa: BLE001  # the last place where an exception can become a sentence
        failure = describe(error)
        code = tell(failure, as_json=wants_json(arguments))
        if failure.kind == "UnexpectedError":
            _log(error)
    sys.stdout.flush()
    return int(code or 0)


def _log(error: BaseException) -> None:
    """What the line for people left out, for whoever has the log level for it."""
    from openfaith.telemetry import get_logger  # noqa: PLC0415  # only this rare path needs it

    with suppress(SyncError):
        prepare()
        get_logger("openfaith.cli").debug("unexpected error", trace=trace(error))
