"""What we know of single APIs, one folder each. Mostly data: the engine reads it and has no branches by API."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from openfaith.adapters.planning_center import load_planning_center, load_planning_center_mapping
from openfaith.errors import UnknownNameError
from openfaith.manifest import CanonicalMapping, Manifest
from openfaith.records import EntityName


@dataclass(frozen=True, kw_only=True, slots=True)
class Adapter:
    """One API: its manifest, and where it is reached unless somebody says otherwise."""

    name: str
    title: str
    base_url: str
    probe: EntityName
    """Asked for once to see whether a token is accepted; it has a list of its own."""
    load_manifest: Callable[[], Manifest]
    load_mapping: Callable[[], CanonicalMapping]
    """What its entities mean in the canonical model."""


ADAPTERS: Mapping[str, Adapter] = MappingProxyType(
    {
        "pco": Adapter(
            name="pco",
            title="Planning Center",
            base_url="https://api.planningcenteronline.com",
            probe=EntityName("people.Person"),
            load_manifest=load_planning_center,
            load_mapping=load_planning_center_mapping,
        )
    }
)
"""Every adapter, by name."""


def find_adapter(name: str) -> Adapter:
    """The adapter of that name.

    Raises:
        UnknownNameError: there is none; names those there are.
    """
    try:
        return ADAPTERS[name]
    except KeyError:
        raise UnknownNameError("adapter", name, (), f"there are: {', '.join(ADAPTERS)}") from None


__all__ = ["ADAPTERS", "Adapter", "find_adapter"]
