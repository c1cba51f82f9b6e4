"""The terminal's face of the engine: parse, call one verb, render.

One file per command below `commands`; each returns its exit code. What they share: `session` opens the engine and
runs the event loop until it is done or a signal comes, `following` sees a run through, `progress` and `summaries`
show it, `output` keeps people's text and machines' JSON apart, and `failures` turns whatever was raised into one
line and one exit code. The engine takes seconds to import, so modules here import it inside functions.

Exit codes: 0 done; 1 a run failed, is partial or was cancelled; 2 usage or settings; 130 and 143 stopped by Ctrl-C
or SIGTERM.
"""

from __future__ import annotations

from openfaith.cli.main import main

__all__ = ["main"]
