"""`openfaith graph`: in what order entities are synced, and why."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

from typer import Argument, Option

from openfaith.cli.options import AsJson, Products
from openfaith.cli.output import print_text

if TYPE_CHECKING:
    from openfaith.manifest import Manifest
    from openfaith.planning import Graph
    from openfaith.records import EntityName


class Form(StrEnum):
    """How the graph is written."""

    TEXT = "text"
    MERMAID = "mermaid"
    DOT = "dot"
    JSON = "json"


Names = Annotated[
    list[str] | None,
    Argument(
        metavar="[NAME]...", help="Entities: these and all that they depend on. All where none is named."
    ),
]


def graph(
    names: Names = None,
    product: Products = None,
    form: Annotated[Form, Option("--format", help="How to write it.")] = Form.TEXT,
    as_json: AsJson = False,
) -> None:
    """Show who waits for whom, and the order of a sync."""
    from openfaith.adapters import find_adapter  # noqa: PLC0415  # reading the manifest is not for `--help`
    from openfaith.planning import derive_graph, render  # noqa: PLC0415  # the same

    manifest = find_adapter("pco").load_manifest()
    derived = derive_graph(manifest)
    only = part(manifest, derived, names or [], product or [])
    print_text(render(derived, Form.JSON if as_json else form, only=only))


def part(
    manifest: Manifest, graph: Graph, names: list[str], products: list[str]
) -> frozenset[EntityName] | None:
    """The entities of these products, and the named ones with all that they depend on; None for all there are.

    Raises:
        UnknownNameError: there is no such entity or product.
    """
    from openfaith.manifest import resolve_entity, resolve_product  # noqa: PLC0415  # as above
    from openfaith.planning import with_dependencies  # noqa: PLC0415  # the same

    if not names and not products:
        return None
    wanted = {resolve_product(manifest, product) for product in products}
    named = with_dependencies(graph, [resolve_entity(manifest, name) for name in names])
    return named | {entity.name for entity in manifest.entities.values() if entity.product in wanted}
