"""`python -m openfaith` is `openfaith`."""

from __future__ import annotations

from openfaith.cli import main

if __name__ == "__main__":
    main()
