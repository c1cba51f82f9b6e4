"""What went wrong in a run, kind by kind: how often, when, an example, and what helps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from openfaith.cli.words import counted

if TYPE_CHECKING:
    from openfaith.store import RunRecord, Trouble

_STYLES = {"error": "red", "warning": "yellow"}
_MOST_NAMED = 3

NEXT_MOVES = {
    "RateLimitedError": "nothing; `openfaith runs retry {run}` later, and look who else uses the same token",
    "SourceUnavailableError": "look at the source's status page, then `openfaith runs retry {run}`",
    "BrokenResponseError": "`openfaith runs retry {run}`; if it stays, look whether the base URL is the API's",
    "BreakerOpenError": "`openfaith status` says why the source is left alone; when it is well again, `openfaith runs retry {run}`",
    "BreakerOpened": "nothing in an outage: it goes on by itself; with rejected credentials `openfaith connect {adapter} --org {org}` with others",
    "DatabaseUnavailableError": "start PostgreSQL, or look at its log; then `openfaith runs retry {run}`",
    "DatabaseRefusedError": "grant what the text names, then `openfaith runs retry {run}`",
    "CredentialsRejectedError": "`openfaith connect {adapter} --org {org}` with a new token, then `openfaith runs retry {run}`",
    "AccessDeniedError": "grant it at the source, or sync without it",
    "ProductClosedError": "grant it at the source, or sync without it",
    "RequestRejectedError": "`openfaith manifest check`, and report what it finds",
    "RecordNotFoundError": "`openfaith manifest check`, and report what it finds",
    "ConfigurationError": "correct what the text names, then `openfaith runs retry {run}`",
    "RunConflictError": "what the text says",
    "IncludeIgnoredError": "sync that entity alone, and report it",
    "ParentsFailedError": "`openfaith runs retry {run}`: it asks for these only",
    "TooManyDeadLettersError": "`openfaith dead-letters list {org}`, and report what they have in common",
    "RunCancelledError": "`openfaith runs retry {run}` goes on with it",
    "LeaseLostError": "nothing: another process goes on",
    "PermissionsUnknown": "nothing, unless it is often: a reconciliation cannot tell then whether the token sees less",
    "RequestRetried": "nothing, unless it is often: look at the source's status page",
    "RetryRefused": "look at the source's status page, then `openfaith runs retry {run}`",
    "RateLimitPaused": "nothing, unless it is often: look who else uses the same token",
    "RecordsSetAside": "`openfaith dead-letters list {org}`: the reasons say what cannot be stored",
    "ValuesSetAside": "nothing is lost: the values are in `_extra`; report it, so that the manifest follows",
    "ListingUnproven": "nothing: the next reconciliation lists it again",
    "DeletionsStopped": "`openfaith suspects list {org}`, and decide",
    "SuspectsRefuted": "nothing: they are kept, and the next reconciliation goes on without them",
    "ManifestDrift": "`openfaith manifest check`, and report what it finds",
}
"""What helps, by kind, with places for what the run is. Of an error that is not here, a fault of the program, the log has more."""

OTHERWISE = "look at the log of the process that ran it, and report it"


def trouble_lines(run: RunRecord, troubles: Sequence[Trouble]) -> Iterator[tuple[str, str]]:
    """Two or three lines for each kind that a run has met, with their style."""
    if troubles:
        yield "What went wrong, and what helps:", "bold"
    for each in troubles:
        style = _STYLES.get(each.severity, "")
        yield f"  {each.kind}, {counted(each.times, 'time')}{_of(each)}, {_when(each)}", style
        yield f"    {each.example}", ""
        yield f"    Next: {next_move(run, each)}.", ""


def next_move(run: RunRecord, trouble: Trouble) -> str:
    otherwise = OTHERWISE if trouble.severity == "error" else "nothing, unless it is often"
    move = NEXT_MOVES.get(trouble.kind, otherwise)
    return move.format(run=run.run_id, org=run.org_id, adapter=run.adapter)


def _of(trouble: Trouble) -> str:
    names = ", ".join(trouble.entities[:_MOST_NAMED])
    more = len(trouble.entities) - _MOST_NAMED
    return f" ({names}{f' and {more} more' if more > 0 else ''})" if names else ""


def _when(trouble: Trouble) -> str:
    first, last = (f"{at:%H:%M:%S}" for at in (trouble.first_at, trouble.last_at))
    return f"at {first}" if first == last else f"from {first} to {last}"


def trouble_document(run: RunRecord, each: Trouble) -> dict[str, object]:
    """The trouble's member of `runs show --json`."""
    return {
        "kind": each.kind,
        "severity": each.severity,
        "times": each.times,
        "first_at": each.first_at,
        "last_at": each.last_at,
        "entities": each.entities,
        "example": each.example,
        "next": next_move(run, each),
    }
