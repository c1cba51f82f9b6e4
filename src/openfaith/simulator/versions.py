"""Which version of the API answers: `X-PCO-API-Version` asks for one by its date."""

from __future__ import annotations

from openfaith.simulator.rows import DEFAULT_PRODUCT
from openfaith.simulator.stamps import read_day

KNOWN = (
    "2018-08-01", "2019-01-14", "2019-10-10", "2020-04-06", "2020-07-22", "2021-08-17", "2022-01-05", "2022-01-28", "2022-07-14",
    "2023-02-15", "2023-03-21", "2024-09-12", "2025-03-20", "2025-07-02", "2025-07-17", "2025-11-10", "2026-06-04",
)  # fmt: skip
"""Of People, from its documentation; the last one was seen in responses."""

LATEST = "LATEST"


def processed_version(asked: str, product: str, described: str) -> str | None:
    """The newest version not after the date asked for; None where there is none, or the date cannot be read.

    Args:
        asked: the header, empty where there was none.
        product: whose versions count. Of others than People the first one and the described one are taken to exist.
        described: the version that the manifest describes, which also answers those who ask for none.
    """
    known = KNOWN if product == DEFAULT_PRODUCT else (KNOWN[0], described)
    if not asked:
        return described
    if asked == LATEST:
        return known[-1]
    if read_day(asked) is None:
        return None
    return max((version for version in known if version <= asked), default=None)
