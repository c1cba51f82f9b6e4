"""`openfaith entities`: what can be synced."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Annotated, Any

from rich.table import Table
from typer import Argument

from openfaith.cli.options import AsJson, Products
from openfaith.cli.output import Output, add_rows, make_table
from openfaith.cli.words import counted
from openfaith.errors import UnknownNameError

if TYPE_CHECKING:
    from openfaith.manifest import Manifest
    from openfaith.records import EntityName

Name = Annotated[str | None, Argument(metavar="NAME", help="One entity, as in `Person` or `people.Person`.")]
_READ = {"top": "own list", "include": "owner's list", "nested": "below parents", "none": "not read"}
_DELTA = {"keyset": "keyset", "window": "window", "newest_first": "newest first", "none": "no delta"}


def entities(name: Name = None, product: Products = None, as_json: AsJson = False) -> None:
    """List what can be synced, or one entity's facts.

    Says for each its table, how it is read, how a delta can find what changed, and what it waits for.
    """
    from openfaith.adapters import find_adapter  # noqa: PLC0415  # reading the manifest is not for `--help`
    from openfaith.manifest import resolve_entity, resolve_product  # noqa: PLC0415  # the same

    manifest = find_adapter("pco").load_manifest()
    document = described(manifest)
    products = {resolve_product(manifest, each) for each in product or manifest.products}
    if product:
        document = of_products(document, products)
    if name is not None:
        document = only(document, {checked(resolve_entity(manifest, name), products)})
    output = Output(as_json=as_json)
    output.data(document)
    if name is None:
        _show_all(document, output)
    elif not as_json:
        _show_one(document["entities"][0], output)


def checked(name: EntityName, products: Collection[str]) -> EntityName:
    """The entity, if it is of one of these products.

    Raises:
        UnknownNameError: it is not.
    """
    if name.partition(".")[0] in products:
        return name
    raise UnknownNameError("entity", name, (), f"in {' and '.join(sorted(products))}")


def described(manifest: Manifest) -> dict[str, Any]:
    """The manifest's own description, with each entity's dependencies beside it."""
    from openfaith.manifest import describe_manifest  # noqa: PLC0415  # as above
    from openfaith.planning import derive_graph, describe_dependencies  # noqa: PLC0415  # the same

    document = describe_manifest(manifest)
    dependencies = describe_dependencies(derive_graph(manifest))
    rows: Any = document["entities"]
    return {
        **document,
        "entities": [entity | {"dependencies": dependencies[entity["name"]]} for entity in rows],
    }


def only(document: dict[str, Any], names: Collection[str]) -> dict[str, Any]:
    """The same document with these entities in it; the totals stay those of all."""
    return {
        **document,
        "entities": [entity for entity in document["entities"] if entity["name"] in names],
        "remarks": [remark for remark in document["remarks"] if remark["entity"] in names],
    }


def of_products(document: dict[str, Any], products: Collection[str]) -> dict[str, Any]:
    """The same document with the entities of these products; the totals of each product, too, are theirs only."""
    totals = document["totals"]
    kept = {product: part for product, part in totals["products"].items() if product in products}
    part = only(document, {e["name"] for e in document["entities"] if e["product"] in products})
    return part | {"totals": {**totals, "products": kept}}


def _show_all(document: Mapping[str, Any], output: Output) -> None:
    rows = [
        (e["name"], e["table"], _READ[e["reading"]], _delta(e), str(len(e["attributes"])))
        for e in document["entities"]
    ]
    headings = ("entity", "table", "read", "delta", "attributes")
    output.show(add_rows(make_table(*headings, right=["attributes"]), rows))
    output.show(_totals_table(document["totals"]))
    if not output.as_json:
        read = sum(e["reading"] != "none" for e in document["entities"])
        output.say(
            f"{counted(len(rows), 'entity')}, {read:,} of which can be read. `openfaith entities NAME` says more."
        )


def _totals_table(totals: Mapping[str, Any]) -> Table:
    """How many entities of each product are read and kept fresh in which way."""
    headings = ("product", "entities", *_READ.values(), *_DELTA.values())
    rows = [(product, *_counts(part)) for product, part in totals["products"].items()]
    if len(rows) > 1:
        rows.append(("all", *_counts(totals)))
    return add_rows(make_table(*headings, right=headings[1:]), rows)


def _counts(totals: Mapping[str, Any]) -> tuple[str, ...]:
    ways = (*(totals["reading"][way] for way in _READ), *(totals["delta"][way] for way in _DELTA))
    return tuple(str(count) for count in (totals["entities"], *ways))


def _delta(entity: Mapping[str, Any]) -> str:
    field = entity["delta_field"]
    return f"{_DELTA[entity['delta']]} by {field}" if field else "none: read in full"


def _show_one(entity: Mapping[str, Any], output: Output) -> None:
    output.say(entity["name"], style="bold")
    for label, text in _facts(entity).items():
        if text:
            output.say(f"{label + ':':15} {text}")
    output.show(add_rows(make_table("attribute", "type"), entity["attributes"].items()))
    relationships = [(r["name"], _target(r), "many" if r["many"] else "one") for r in entity["relationships"]]
    if relationships:
        output.show(add_rows(make_table("relationship", "to", "how many"), relationships))
    dependencies = [(d["on"], d["kind"], d["why"]) for d in entity["dependencies"]]
    if dependencies:
        output.show(add_rows(make_table("depends on", "kind", "why"), dependencies))


def _facts(entity: Mapping[str, Any]) -> dict[str, str]:
    capabilities = entity["capabilities"]
    can = [verb for verb in ("list", "get", "create", "update", "delete") if capabilities[verb]]
    return {
        "table": entity["table"],
        "read by": _READ[entity["reading"]],
        "delta": _delta(entity),
        "order by": ", ".join(entity["orderable"]) or "nothing",
        "the API can": ", ".join(can) or "nothing by itself",
        "included by": ", ".join(capabilities["included_by"]) or "nothing",
        "includes": ", ".join(capabilities["includes"]) or "nothing",
        "referenced by": ", ".join(entity["referenced_by"]) or "nothing",
        "same records as": entity["same_as"] or "",
        "note": entity["note"],
    }


def _target(relationship: Mapping[str, Any]) -> str:
    return str(relationship["to"] or ("several entities" if relationship["polymorphic"] else "unknown"))
