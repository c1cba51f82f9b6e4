"""Tries a million inputs, or as many as it is told, on all that parses what comes from outside.

make fuzz                                   all targets, each with its share
make fuzz INPUTS=10000000                   for a night
make fuzz ONLY=page FIRST=17 INPUTS=500     batch 17 of one target, again
"""

from __future__ import annotations

import argparse
import os
import sys

from fuzzing.running import fuzz
from fuzzing.targets import TARGETS
from support.postgres import TestRun


def main() -> int:
    """Read the command line, and fuzz."""
    parser = argparse.ArgumentParser(prog="python -m fuzzing", description="Inputs that nobody should send.")
    parser.add_argument("--inputs", type=int, default=1_000_000)
    parser.add_argument("--only", action="append", default=[], choices=[target.name for target in TARGETS])
    parser.add_argument("--first", type=int, default=0, help="the number of the first batch of each target")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    given = parser.parse_args()
    run = TestRun()
    try:
        return 1 if fuzz(given.inputs, given.only, given.first, given.jobs) else 0
    finally:
        run.end()


if __name__ == "__main__":
    sys.exit(main())
