"""Fetching ahead: while a page is being written the next ones are under way, as many as the pace of the source wants."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from itertools import islice
from types import MappingProxyType

from openfaith.errors import SyncError
from openfaith.records import Page
from openfaith.retries import RetryPolicy
from openfaith.source import SourceClient
from openfaith.strategies import pages_in_flight
from openfaith.workflows.walks import Ask, Walk, refuse_ignored

_Fetch = tuple[Ask, asyncio.Task[Page]]
_NOTHING: Mapping[str, str] = MappingProxyType({})


class PagesInFlight:
    """The pages that were asked for and that nobody has taken yet.

    What was fetched ahead is a guess, and stays for as long as the walk will still ask for it, now or later: nothing is
    fetched twice because a parent turned out to have several pages and those below the next ones have to wait for them.
    A guess that the walk will not come to any more is dropped.

    No more requests are under way at once than the pace of the source wants. Answers that came early wait beside them,
    at most as many again, since they were under way together; after a crash all of these are fetched once more.
    """

    def __init__(
        self,
        client: SourceClient,
        version: str,
        *,
        includes: Mapping[str, str] = _NOTHING,
        retry: RetryPolicy | None = None,
    ) -> None:
        """``includes`` is what comes along with each page: the type of its records, by what is asked for."""
        self._client = client
        self._version = version
        self._includes = includes
        self._retry = retry
        self._fetches: list[_Fetch] = []
        self._latency_seconds = 0.0
        self._wasted = 0

    async def take(self, walk: Walk) -> tuple[Ask, Page]:
        """The page that `walk` asks for next."""
        self._drop_unwanted(walk)
        ask = next(walk.asks())
        fetch = self._find(ask) or self._start(ask, walk)
        self._fetches.remove(fetch)
        page = await fetch[1]
        self._latency_seconds = page.latency_seconds
        return ask, page

    def has_next(self, walk: Walk) -> bool:
        """Whether what `walk` asks for next was asked for already."""
        return self._find(next(walk.asks())) is not None

    def look_ahead(self, walk: Walk) -> None:
        """Start what `walk` will ask for, while the page before it is being written."""
        self._drop_unwanted(walk)
        most = self._pace() - 1
        missing = [ask for ask in islice(walk.asks(), most) if self._find(ask) is None]
        for ask in missing[: max(0, most - self._under_way)]:
            self._start(ask, walk)

    def settle_wasted(self) -> int:
        """How many requests wrong guesses have cost since this was asked last, as far as that is known."""
        wasted, self._wasted = self._wasted, 0
        return wasted

    @property
    def _under_way(self) -> int:
        """Requests that are not answered yet."""
        return sum(not task.done() for _, task in self._fetches)

    def _find(self, ask: Ask) -> _Fetch | None:
        return next((fetch for fetch in self._fetches if fetch[0] == ask), None)

    def _start(self, ask: Ask, walk: Walk) -> _Fetch:
        fetch = ask, asyncio.create_task(self._fetch(ask, walk))
        self._fetches.append(fetch)
        return fetch

    async def _fetch(self, ask: Ask, walk: Walk) -> Page:
        return await self._client.get_page(
            ask.path,
            ask.parameters,
            version=self._version,
            check=partial(self._check, walk, ask),
            retry=self._retry,
        )

    def _check(self, walk: Walk, ask: Ask, page: Page) -> None:
        walk.check(ask, page)
        refuse_ignored(ask, page, self._includes)

    def _pace(self) -> int:
        limit = self._client.rate_limit
        rate = limit.requests / limit.period.total_seconds()
        return pages_in_flight(requests_per_second=rate, latency_seconds=self._latency_seconds)

    def _drop_unwanted(self, walk: Walk) -> None:
        kept = [fetch for fetch in self._fetches if walk.wants(fetch[0])]
        for fetch in self._fetches:
            if fetch not in kept:
                self._drop(fetch[1])
        self._fetches = kept

    def _drop(self, task: asyncio.Task[Page]) -> None:
        """A guess that was wrong: nobody will ask how it ended."""
        self._wasted += _cost(task)
        task.cancel()
        task.add_done_callback(lambda ended: ended.cancelled() or ended.exception())

    async def cancel(self) -> None:
        """Drop everything that is left, and wait until it is gone."""
        tasks = [task for _, task in self._fetches]
        self._fetches = []
        for task in tasks:
            self._drop(task)
        await asyncio.gather(*tasks, return_exceptions=True)


def _cost(task: asyncio.Task[Page]) -> int:
    """Requests that a fetch took. Of one that is not over nobody knows whether it was sent, and of one that failed
    only that it was.
    """
    if not task.done():
        return 0
    return 1 if task.cancelled() or task.exception() else task.result().requests


@asynccontextmanager
async def fetching(
    client: SourceClient,
    version: str,
    *,
    includes: Mapping[str, str] = _NOTHING,
    retry: RetryPolicy | None = None,
) -> AsyncIterator[PagesInFlight]:
    """For as long as the block lasts. An error that ends it has cost what is dropped then, beside its own requests.

    Its arguments are those of `PagesInFlight`.
    """
    pages = PagesInFlight(client, version, includes=includes, retry=retry)
    try:
        yield pages
    except SyncError as error:
        await pages.cancel()
        error.requests += pages.settle_wasted()
        raise
    finally:
        await pages.cancel()
