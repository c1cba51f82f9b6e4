"""`openfaith manifest`: the manifest beside what the live source says of itself."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from typer import Typer

from openfaith.cli.failures import RUN_FAILED
from openfaith.cli.options import AsJson, Org, help_without_command
from openfaith.cli.output import Output
from openfaith.cli.session import with_engine
from openfaith.cli.words import counted, listed

if TYPE_CHECKING:
    from openfaith.engine import Engine
    from openfaith.manifest import Drift
    from openfaith.workflows import EntityCheck, ManifestCheck

manifest = Typer(
    help="Compare the manifest with the live source.",
    callback=help_without_command,
    invoke_without_command=True,
)

_SAID = {
    "added": "{kind} {names}: new at the source",
    "gone": "{kind} {names}: gone at the source",
}


@manifest.command()
def check(org: Org, as_json: AsJson = False) -> int:
    """Ask every collection once, and show where the source differs from the manifest.

    Exits with 0 whatever differs, with 1 where something could not be asked.
    """
    return with_engine(partial(_check, output=Output(as_json=as_json), org=org))


async def _check(engine: Engine, *, output: Output, org: str) -> int:
    found = await engine.check_manifest(org)
    output.data(_document(org, found))
    for one in found.drifted:
        output.say(one.entity, style="bold")
        for line in _lines(one.drift):
            output.say(f"  {line}")
    for product, reason in found.closed.items():
        output.say(f"{product} is not accessible: {reason}", style="yellow")
    for one in found.entities:
        if one.reason:
            output.say(f"{one.entity} was not checked: {one.reason}", style="yellow")
    output.say(_summary(found))
    return RUN_FAILED if found.failed else 0


def _lines(drift: tuple[Drift, ...]) -> list[str]:
    """One line for the names of one kind that came or went with the same consequence."""
    grouped: dict[tuple[str, str, str], list[str]] = {}
    for one in drift:
        grouped.setdefault((one.change, one.kind, one.consequence), []).append(one.name)
    return [
        _SAID[change].format(kind=kind, names=listed(names, most=12))
        + (f"; {consequence}" if consequence else "")
        for (change, kind, consequence), names in grouped.items()
    ]


def _summary(found: ManifestCheck) -> str:
    checked = sum(one.outcome == "checked" for one in found.entities)
    asked = f"Checked {counted(checked, 'entity')} with {counted(found.requests, 'request')}"
    differing = len(found.drifted)
    return f"{asked}; {differing or 'none'} of them {'differs' if differing == 1 else 'differ'} from the manifest."


def _document(org: str, found: ManifestCheck) -> dict[str, object]:
    return {
        "org": org,
        "requests": found.requests,
        "not_accessible": [{"product": p, "reason": reason} for p, reason in found.closed.items()],
        "entities": [_entity_document(one) for one in found.entities],
    }


def _entity_document(one: EntityCheck) -> dict[str, object]:
    return {
        "name": one.entity,
        "outcome": one.outcome,
        "reason": one.reason or None,
        "drift": [
            {"kind": d.kind, "name": d.name, "change": d.change, "consequence": d.consequence or None}
            for d in one.drift
        ],
    }
