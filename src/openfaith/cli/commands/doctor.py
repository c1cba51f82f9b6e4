"""`openfaith doctor`: what is wrong, and what to do about it."""

from __future__ import annotations

from dataclasses import asdict

from openfaith.cli.checks import Check, examine
from openfaith.cli.failures import RUN_FAILED
from openfaith.cli.options import AsJson
from openfaith.cli.output import Output


def doctor(as_json: AsJson = False) -> int:
    """Check everything, and say what to do.

    Exits with 1 where something is wrong.
    """
    output = Output(as_json=as_json)
    checks = []
    for check in examine():
        checks.append(check)
        output.say(line(check), style="" if check.ok else "red")
    problems = sum(not check.ok for check in checks)
    output.data({"ok": not problems, "checks": [asdict(check) for check in checks]})
    output.say(
        "Everything is well." if not problems else f"{problems} of {len(checks)} checks found a problem."
    )
    return RUN_FAILED if problems else 0


def line(check: Check) -> str:
    """`ok       disk: 80.0 GiB free`; a problem goes on with what to do."""
    text = f"{'ok' if check.ok else 'PROBLEM':8} {check.name}: {check.seen}"
    return text if check.ok or not check.remedy else f"{text}. Do this: {check.remedy}"
