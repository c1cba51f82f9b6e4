"""Planning Center, the adapter `pco`: its entities as data in `entities/`, one file a product."""

from __future__ import annotations

from openfaith.adapters.planning_center.manifest import load_planning_center

__all__ = ["load_planning_center"]
