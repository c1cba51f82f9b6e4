"""`python -m openfaith.simulator`: prints its base URL when it is ready, then answers until it is stopped."""

from __future__ import annotations

import sys

from openfaith.errors import SyncError
from openfaith.simulator.arguments import from_arguments
from openfaith.simulator.running import serve


def main() -> int:
    try:
        options, rest = from_arguments(sys.argv[1:])
        serve(options, rest.host, rest.port, on_ready=_tell, stop_with_input=rest.stop_with_input)
    except SyncError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


def _tell(base_url: str) -> None:
    """The parent waits for this line."""
    sys.stdout.write(f"{base_url}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
