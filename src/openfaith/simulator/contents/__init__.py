"""What a church's records say.

Adding an entity is a `Kind` in one of these files: how many records there are (a plan), and a function that fills
one row from its dice. A row may read what never changes (the `World`), never the church as it is now: a record has
to come out the same whenever it is made. What no function names comes from the manifest: `kinds.plain_value`.
"""

from __future__ import annotations

from openfaith.simulator.contents import activity, people, settings
from openfaith.simulator.kinds import Kind

KINDS: dict[str, Kind] = {kind.type: kind for kind in (*settings.KINDS, *people.KINDS, *activity.KINDS)}

__all__ = ["KINDS"]
