"""`openfaith entities`: what can be synced."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from typer import Argument

from openfaith.cli.options import AsJson
from openfaith.cli.output import Output, add_rows, make_table

Name = Annotated[str | None, Argument(metavar="NAME", help="One entity, as in `Person` or `people.Person`.")]
_READ = {"top": "yes", "include": "not yet (as an include)", "nested": "not yet (nested)", "none": "no"}


def entities(name: Name = None, as_json: AsJson = False) -> None:
    """List what can be synced, or one entity's facts.

    Says for each its table, how it is read, and how a delta can find what changed.
    """
    from openfaith.adapters import find_adapter  # noqa: PLC0415  # reading the manifest is not for `--help`
    from openfaith.manifest import describe_manifest, resolve_entity  # noqa: PLC0415  # the same

    manifest = find_adapter("pco").load_manifest()
    document: dict[str, Any] = describe_manifest(manifest)
    if name is not None:
        document = only(document, resolve_entity(manifest, name))
    output = Output(as_json=as_json)
    output.data(document)
    if name is None:
        _show_all(document, output)
    elif not as_json:
        _show_one(document["entities"][0], output)


def only(document: dict[str, Any], name: str) -> dict[str, Any]:
    """The same document with one entity in it; the totals stay those of all."""
    return {
        **document,
        "entities": [entity for entity in document["entities"] if entity["name"] == name],
        "remarks": [remark for remark in document["remarks"] if remark["entity"] == name],
    }


def _show_all(document: Mapping[str, Any], output: Output) -> None:
    rows = [
        (e["name"], e["table"], _READ[e["reading"]], _delta(e), str(len(e["attributes"])))
        for e in document["entities"]
    ]
    headings = ("entity", "table", "synced", "delta", "attributes")
    output.show(add_rows(make_table(*headings, right=["attributes"]), rows))
    if not output.as_json:
        synced = sum(e["reading"] == "top" for e in document["entities"])
        output.say(
            f"{len(rows)} entities, {synced} of which `openfaith sync` reads. `openfaith entities NAME` says more."
        )


def _delta(entity: Mapping[str, Any]) -> str:
    way, field = str(entity["delta"]).replace("_", " "), entity["delta_field"]
    return f"{way} by {field}" if field else "none: read in full"


def _show_one(entity: Mapping[str, Any], output: Output) -> None:
    capabilities = entity["capabilities"]
    can = [verb for verb in ("list", "get", "create", "update", "delete") if capabilities[verb]]
    facts = {
        "table": entity["table"],
        "synced": _READ[entity["reading"]],
        "delta": _delta(entity),
        "the API can": ", ".join(can) or "nothing by itself",
        "included by": ", ".join(capabilities["included_by"]) or "nothing",
        "includes": ", ".join(capabilities["includes"]) or "nothing",
        "referenced by": ", ".join(entity["referenced_by"]) or "nothing",
        "note": entity["note"],
    }
    output.say(entity["name"], style="bold")
    for label, text in facts.items():
        if text:
            output.say(f"{label + ':':15} {text}")
    output.show(add_rows(make_table("attribute", "type"), entity["attributes"].items()))
    rows = [(r["name"], _target(r), "many" if r["many"] else "one") for r in entity["relationships"]]
    if rows:
        output.show(add_rows(make_table("relationship", "to", "how many"), rows))


def _target(relationship: Mapping[str, Any]) -> str:
    return str(relationship["to"] or ("several entities" if relationship["polymorphic"] else "unknown"))
