"""Planning Center, the adapter `pco`: its entities as data in `entities/`, one file a product, and what they mean in
`canonical/`, one file a domain.
"""

from __future__ import annotations

from openfaith.adapters.planning_center.manifest import load_planning_center
from openfaith.adapters.planning_center.mapping import load_planning_center_mapping

__all__ = ["load_planning_center", "load_planning_center_mapping"]
