"""`openfaith simulate`: a Planning Center that misbehaves on request."""

from __future__ import annotations

from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, Annotated

from typer import Option

from openfaith.cli.options import AsJson, People, Seed
from openfaith.cli.output import Output
from openfaith.cli.words import counted

if TYPE_CHECKING:
    from openfaith.simulator import SimulatorOptions


class Window(StrEnum):
    """How requests are counted against the rate limit."""

    FIXED = "fixed"
    SLIDING = "sliding"


Products = Annotated[
    str,
    Option("--products", metavar="NAMES", help="The products it has, as in `people,giving`; all by default."),
]
Host = Annotated[str, Option("--host", metavar="HOST", help="The address to listen at.")]
Port = Annotated[
    int, Option("--port", metavar="P", min=0, max=65535, help="The port to listen at; 0 takes a free one.")
]
Faults = Annotated[
    str, Option("--faults", metavar="PLAN", help="What goes wrong, as in `error=500:0.02,drop:0.01`.")
]
Changes = Annotated[
    str,
    Option("--changes", metavar="PLAN", help="What happens meanwhile, as in `update=Person:0.2,merge:0.05`."),
]
RateLimit = Annotated[int, Option("--rate-limit", metavar="N", help="Requests that are allowed per period.")]
RatePeriod = Annotated[int, Option("--rate-period-seconds", metavar="N", help="The length of the period.")]
RateWindow = Annotated[
    Window, Option("--rate-window", help="Count anew with each period, or look back over the last one.")
]
Latency = Annotated[
    float, Option("--latency-seconds", metavar="S", help="How long every answer takes, beside the work.")
]
ClockOffset = Annotated[
    float, Option("--clock-offset-seconds", metavar="S", help="How far its clock is ahead of this machine's.")
]


def simulate(
    *,
    people: People = 5000,
    seed: Seed = 1,
    products: Products = "",
    host: Host = "127.0.0.1",
    port: Port = 8100,
    faults: Faults = "",
    changes: Changes = "",
    rate_limit: RateLimit = 100,
    rate_period_seconds: RatePeriod = 20,
    rate_window: RateWindow = Window.SLIDING,
    latency_seconds: Latency = 0.0,
    clock_offset_seconds: ClockOffset = 0.0,
    as_json: AsJson = False,
) -> None:
    """Run a simulated Planning Center until Ctrl-C.

    The same numbers make the same church. Its personal access token is `simulator` with the secret `secret`.
    """
    from openfaith.simulator import SimulatorOptions, serve  # noqa: PLC0415  # starlette is not for `--help`

    options = SimulatorOptions(
        people=people,
        seed=seed,
        products=tuple(name.strip() for name in products.split(",") if name.strip()),
        faults=faults,
        changes=changes,
        rate_limit=rate_limit,
        rate_period_seconds=rate_period_seconds,
        rate_window=rate_window.value,
        latency_seconds=latency_seconds,
        clock_offset_seconds=clock_offset_seconds,
    )
    try:
        serve(options, host, port, on_ready=partial(_tell, options, Output(as_json=as_json)))
    except KeyboardInterrupt:
        return  # asked for, and nothing is wrong


def _tell(options: SimulatorOptions, output: Output, base_url: str) -> None:
    output.data(
        {
            "base_url": base_url,
            "people": options.people,
            "seed": options.seed,
            "products": list(options.products),
        }
    )
    output.say(
        f"A simulated church of {counted(options.people, 'person')} answers at {base_url}. Ctrl-C ends it."
    )
    app_id, _, secret = options.tokens[0].partition(":")
    output.say(
        f"Connect it: printf {secret} | "
        f"openfaith connect pco --org simulated --app-id {app_id} --secret-stdin --base-url {base_url}"
    )
