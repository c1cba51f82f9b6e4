"""`openfaith connect`: keep an organization and the token by which its source is read."""

from __future__ import annotations

import sys
from functools import partial
from getpass import getpass
from typing import TYPE_CHECKING, Annotated

import typer
from typer import Argument, Option

from openfaith.cli.failures import UsageError
from openfaith.cli.options import AsJson
from openfaith.cli.output import Output
from openfaith.cli.session import with_engine
from openfaith.cli.words import counted
from openfaith.errors import ConfigurationError

if TYPE_CHECKING:
    from openfaith.engine import Engine, SourceReport

_LONGEST_SECRET = 10_000

Adapter = Annotated[str, Argument(metavar="ADAPTER", help="Which API: `pco` is Planning Center.")]
OrgName = Annotated[
    str, Option("--org", metavar="ORG", help="A name of your choice for the organization: a-z 0-9 . _ -")
]
AppId = Annotated[
    str | None, Option("--app-id", metavar="ID", help="The application id of a personal access token.")
]
SecretFromStdin = Annotated[
    bool, Option("--secret-stdin", help="Read the token's secret from standard input; needs --app-id.")
]
TokenFromStdin = Annotated[
    bool,
    Option("--token-stdin", help="Read `app_id:secret`, or an OAuth access token, from standard input."),
]
BaseUrl = Annotated[
    str | None,
    Option("--base-url", metavar="URL", help="Where the API is, if not at Planning Center itself."),
]
Verify = Annotated[
    bool, Option("--verify/--no-verify", help="Ask the source once whether it accepts the token.")
]


def connect(
    adapter: Adapter,
    *,
    org: OrgName,
    app_id: AppId = None,
    secret_stdin: SecretFromStdin = False,
    token_stdin: TokenFromStdin = False,
    base_url: BaseUrl = None,
    verify: Verify = True,
    as_json: AsJson = False,
) -> None:
    """Connect an organization to its source. A second time replaces its token.

    The secret is asked for without showing it, or read from standard input; it never stands on the command line.
    It is kept encrypted. A token that the source rejects is not kept.
    """
    from openfaith.adapters import find_adapter  # noqa: PLC0415  # reading the manifest is not for `--help`

    title = find_adapter(adapter).title
    token = read_token(app_id, secret_stdin=secret_stdin, token_stdin=token_stdin)
    output = Output(as_json=as_json)
    report = with_engine(
        partial(_connect, org=org, token=token, adapter=adapter, base_url=base_url, verify=verify)
    )
    output.data(_document(org, adapter, report))
    output.say(f"Connected {org} to {title}{_seen(report)}.")
    output.say(f"Next: openfaith sync {org}")


async def _connect(
    engine: Engine, *, org: str, token: str, adapter: str, base_url: str | None, verify: bool
) -> SourceReport | None:
    return await engine.connect(org, token, adapter=adapter, base_url=base_url, verify=verify)


def read_token(app_id: str | None, *, secret_stdin: bool, token_stdin: bool) -> str:
    """`app_id:secret`, or a bearer token, from where the options say.

    Raises:
        UsageError: the options contradict each other, or nobody is there to be asked.
        ConfigurationError: what was read cannot be a secret.
    """
    if token_stdin and (secret_stdin or app_id is not None):
        raise UsageError("--token-stdin stands alone: the application id is part of what it reads")
    if secret_stdin and app_id is None:
        raise UsageError("--secret-stdin needs --app-id")
    if token_stdin:
        return _read_secret("Token (app_id:secret, or an access token)")
    if not (secret_stdin or sys.stdin.isatty()):
        raise UsageError(
            "nobody is there to be asked for the secret: pipe it in with --secret-stdin or --token-stdin"
        )
    if app_id is None:
        app_id = str(typer.prompt("Application id", err=True))
    return f"{app_id}:{_read_secret('Secret')}"


def _read_secret(prompt: str) -> str:
    if sys.stdin.isatty():
        # Shows the prompt after it has turned the echo off, so that nothing pasted early is seen.
        return getpass(f"{prompt}: ").strip()
    secret = sys.stdin.read(_LONGEST_SECRET + 1).strip()
    if not secret or len(secret) > _LONGEST_SECRET:
        seen = "nothing was on it" if not secret else f"it has more than {_LONGEST_SECRET} characters"
        raise ConfigurationError(
            "standard input", seen, 'the secret, as in `printf %s "$SECRET" | openfaith ...`'
        )
    return secret


def _seen(report: SourceReport | None) -> str:
    if report is None:
        return "; the token was not tried"
    records = (
        "" if report.records is None else f" and shows {counted(report.records, 'record')} of {report.entity}"
    )
    limit = f"{counted(report.limit.requests, 'request')} per {report.limit.period.total_seconds():g} s"
    return f" at {report.base_url}: it accepts the token{records}; it allows {limit}"


def _document(org: str, adapter: str, report: SourceReport | None) -> dict[str, object]:
    return {
        "org": org,
        "adapter": adapter,
        "verified": report is not None,
        "base_url": report.base_url if report else None,
        "entity": report.entity if report else None,
        "records": report.records if report else None,
        "rate_limit": report.limit.requests if report else None,
        "rate_period_seconds": report.limit.period.total_seconds() if report else None,
    }
