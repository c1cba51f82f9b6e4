"""What a run is asked for with, as people give it: checked, and resolved to the names of the manifest."""

from __future__ import annotations

import re
from collections.abc import Collection

from typing_extensions import TypedDict

from openfaith.errors import ConfigurationError
from openfaith.manifest import Manifest, resolve_product
from openfaith.planning import make_plan
from openfaith.records import EntityName, OrgId, Strategy, SyncKind

_ORG_ID = re.compile(r"[a-z0-9][a-z0-9_.-]{0,62}")


class RunOptions(TypedDict, total=False):
    """What may be said of a run beside its organization. `Engine.request` tells what each means where it is left out."""

    adapter: str
    kind: SyncKind
    entities: Collection[str] | None
    """These only, beside those of `products`; everything that can be read where both are None."""
    products: Collection[str] | None
    """All that can be read of these."""
    strategy: Strategy | str
    """How the entities wait for each other. A run that is joined keeps its own: the tables come out alike."""
    dry_run: bool
    """Change nothing, and count what would be inserted, updated and deleted. The run works on a copy of the
    organization's rows, which is gone when it is over."""
    requested_by: str


def resolve_entities(
    manifest: Manifest, entities: Collection[str] | None, products: Collection[str] | None
) -> list[EntityName] | None:
    """The entities that are meant, in the order of their plan; None where nothing is named: all that can be read.

    Raises:
        UnknownNameError: there is no such entity or product; names near ones.
        ConfigurationError: an entity cannot be read; or a list is empty, or no list.
    """
    if entities is None and products is None:
        return None
    for name, given in (("entities", entities), ("products", products)):
        if isinstance(given, str):
            raise ConfigurationError(name, f"it is the text {given!r}", f"a list, as in [{given!r}]")
    if not entities and not products:
        raise ConfigurationError(
            "entities", "none is named", "at least one, or no list at all for everything"
        )
    wanted = {resolve_product(manifest, product) for product in products or ()}
    known = make_plan(manifest).order if wanted else ()
    whole = [name for name in known if manifest.entities[name].product in wanted]
    return list(make_plan(manifest, [*whole, *(entities or ())]).order)


def known_strategy(name: Strategy | str) -> Strategy:
    """Check the name of a strategy.

    Raises:
        ConfigurationError: there is none of that name.
    """
    if name not in set(Strategy):
        raise ConfigurationError("strategy", repr(name), f"one of {', '.join(Strategy)}")
    return Strategy(name)


def check_org_id(org: str) -> OrgId:
    """Check an organization's name before it becomes part of every row.

    Raises:
        ConfigurationError: it has other characters than these.
    """
    if not _ORG_ID.fullmatch(org):
        raise ConfigurationError(
            "organization",
            f"{org!r} cannot be used",
            "1 to 63 of a-z 0-9 . _ - , starting with a letter or digit",
        )
    return OrgId(org)
