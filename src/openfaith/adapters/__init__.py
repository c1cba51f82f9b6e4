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
class Identity:
    """Where the source says whose token it is, and what that user may see."""

    path: str
    """Of one record."""
    entity: EntityName
    """Whose record it is; its product says the API version."""
    permissions: tuple[str, ...]
    """Attributes of the record that change when the user may see more, or less."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Adapter:
    """One API: its manifest, and where it is reached unless somebody says otherwise."""

    name: str
    title: str
    base_url: str
    probe: EntityName
    """Asked for once to see whether a token is accepted; it has a list of its own."""
    identity: Identity | None
    """None where the source does not tell."""
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
            identity=Identity(
                path="/people/v2/me",
                entity=EntityName("people.Person"),
                permissions=(
                    "site_administrator",
                    "accounting_administrator",
                    "people_permissions",
                    "can_create_forms",
                    "can_email_lists",
                    "resource_permission_flags",
                ),
            ),
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


__all__ = ["ADAPTERS", "Adapter", "Identity", "find_adapter"]
