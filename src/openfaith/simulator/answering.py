"""From a request to its answer: everything that the simulator decides, and no I/O.

A request is answered in one go, so changes and other requests fall before it or after it, never into it.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from openfaith.errors import SyncError, UnknownNameError
from openfaith.manifest import near_names
from openfaith.simulator import answers
from openfaith.simulator.answers import DOCUMENT_TYPE, HTML_TYPE, Answer
from openfaith.simulator.change_plans import read_changes
from openfaith.simulator.changes import Account, Change
from openfaith.simulator.credentials import Caller, identify
from openfaith.simulator.data import Church
from openfaith.simulator.documents import Parameters
from openfaith.simulator.editing import apply
from openfaith.simulator.fault_plans import Strikes, read_plan
from openfaith.simulator.journal import Entry, Journal
from openfaith.simulator.limits import RateLimiter, Verdict
from openfaith.simulator.options import SimulatorOptions
from openfaith.simulator.query import parse_parameters
from openfaith.simulator.reading import Address, Reader
from openfaith.simulator.rendering import Renderer
from openfaith.simulator.routes import Match, Routes
from openfaith.simulator.rows import DEFAULT_PRODUCT
from openfaith.simulator.sight import WHOLE_SIGHT, Sight
from openfaith.simulator.stamps import http_date
from openfaith.simulator.tombstones import Tombstones
from openfaith.simulator.versions import processed_version

NO_ACCESS = "TRASH_PANDA"
"""The hint of a 401 to somebody who has no access to the product."""

REMEMBERED_CHANGES = 10_000
"""How many changes the log of changes keeps."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """What of a request matters here."""

    method: str
    path: str
    """Decoded."""
    query: str = ""
    """As sent."""
    origin: str = "http://simulator"
    """Scheme and host as the client named them; links begin with it."""
    authorization: str = ""
    version: str = ""
    """`X-PCO-API-Version`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Situation:
    """One request, and what is known of it before it is decided."""

    request: Request
    parameters: Parameters
    caller: Caller
    match: Match | None
    """None: there is no such path."""
    strikes: Strikes
    verdict: Verdict
    version: str | None
    """Which version of the API answers; None: the one asked for does not exist."""
    now: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Scheduled:
    """A change that waits for requests to pass."""

    due: int
    """It happens before the answer to the first request with a higher number."""
    change: Change


class Simulator:
    """One church, its API, and what goes wrong with it."""

    def __init__(
        self, options: SimulatorOptions, church: Church | None = None, clock: Callable[[], float] = time.time
    ) -> None:
        """``clock`` is this machine's; the simulator's own is ahead of it by the options' offset.

        Raises:
            ConfigurationError: the options' faults mean nothing.
            UnknownNameError: the options name a product or an entity that there is not.
        """
        self.church = church or Church(
            people=options.people, seed=options.seed, products=options.products or None
        )
        self.set_options(options)
        self.journal = Journal(options.logged_requests)
        self.changes: deque[dict[str, Any]] = deque(maxlen=REMEMBERED_CHANGES)
        """What happened, newest last: the account of each change, or the error of one that waited or was planned."""
        self.tombstones = Tombstones()
        self._routes = Routes(self.church)
        self.renderer = Renderer(self.church, self._routes, options.cache_bytes)
        self._reader = Reader(self.church, self._routes, self.renderer)
        self._clock = clock
        self._limiter = RateLimiter(options.rate_window, options.rate_period_seconds)
        self._sequence = 0
        self._ordinal = 0
        self._scheduled: list[Scheduled] = []
        self._sight = WHOLE_SIGHT
        self.set_faults(options.faults)
        self.set_changes(options.changes)

    @property
    def now(self) -> float:
        """The simulator's clock, a Unix time."""
        return self._clock() + self.options.clock_offset_seconds

    @property
    def waiting(self) -> int:
        """How many scheduled changes have not happened yet."""
        return len(self._scheduled)

    def set_options(self, options: SimulatorOptions) -> None:
        """Replace the options; those of the church itself stay without effect.

        Raises:
            UnknownNameError: they name a product that there is not, or an entity that the church has not.
        """
        products = self.church.manifest.products
        for product in options.inaccessible_products:
            if product not in products:
                raise UnknownNameError("product", product, near_names(product, products))
        self._forbidden = frozenset(self.church.table(name).type for name in options.forbidden_entities)
        self.options = options

    def set_faults(self, text: str) -> None:
        """Replace all faults.

        Raises:
            ConfigurationError: the text means nothing; the faults stay as they were.
        """
        self.plan = read_plan(text, self.church)
        self.renderer.alter = self.plan.spoil if self.plan.records else None
        self.renderer.forget_all()

    def set_changes(self, text: str) -> None:
        """Replace all planned changes.

        Raises:
            ConfigurationError: the text means nothing; the plan stays as it was.
            UnknownNameError: it names an entity that the church has not; likewise.
        """
        self.change_plan = read_changes(text, self.church)

    def change(self, change: Change, *, plan: str | None = None) -> Account:
        """Change the church now; ``plan`` is the part of the plan that wanted it, for the log of changes.

        Raises:
            UnknownNameError: something that does not exist; nothing was changed.
            ConfigurationError: a contradiction; nothing was changed.
        """
        self._ordinal += 1
        account = apply(self.church, change, at=int(self.now), ordinal=self._ordinal)
        self.tombstones.note(account, after_request=self._sequence)
        self._note(plan, account=account)
        return account

    def _note(self, plan: str | None, **what: object) -> None:
        self.changes.append(
            {"after_request": self._sequence, **({} if plan is None else {"plan": plan}), **what}
        )

    def schedule(self, change: Change, after_requests: int) -> None:
        """Change the church when so many more requests were answered."""
        self._scheduled.append(Scheduled(due=self._sequence + after_requests, change=change))

    def answer(self, request: Request) -> Answer:
        """Answer one request, and log it."""
        if self._scheduled:
            self._run_due_changes()
        if self.change_plan.changes:
            self._run_planned_changes(request.path)
        self._sequence += 1
        situation = self._situation(request)
        answer = self._finish(self._decide(situation), situation)
        self._log(answer, situation)
        return answer

    def _run_due_changes(self) -> None:
        due = [one for one in self._scheduled if one.due <= self._sequence]
        self._scheduled = [one for one in self._scheduled if one.due > self._sequence]
        for scheduled in due:
            self._try(scheduled.change)

    def _run_planned_changes(self, path: str) -> None:
        match = self._reader.match(path)
        for planned in self.change_plan.due(match.route.type if match else None, path):
            for change in planned.draw(self.church):
                self._try(change, plan=planned.text)

    def _try(self, change: Change, *, plan: str | None = None) -> None:
        """Change the church; that it cannot be done is told in the log of changes."""
        try:
            self.change(change, plan=plan)
        except SyncError as error:
            self._note(plan, error=str(error))

    def _situation(self, request: Request) -> Situation:
        caller = identify(request.authorization, self.options.tokens, self.options.refused_tokens)
        parameters = parse_parameters(request.query)
        match = self._reader.match(request.path)
        strikes = self.plan.strike(match.route.type if match else None, request.path)
        if strikes.sight is not self._sight:
            self._look_with(strikes.sight)
            match = self._reader.match(request.path)  # whoever is not to be seen is nobody's `me`
        return Situation(
            request=request,
            parameters=parameters,
            caller=caller,
            match=match,
            strikes=strikes,
            verdict=self._limiter.admit(caller.label, self._clock(), self._limit(parameters, strikes)),
            version=self._version(request),
            now=self.now,
        )

    def _look_with(self, sight: Sight) -> None:
        """See more of the church from now on, or less."""
        self._sight = self._reader.sight = self.renderer.sight = sight
        self.renderer.forget_all()

    def _version(self, request: Request) -> str | None:
        product = self._routes.product_of(request.path) or DEFAULT_PRODUCT
        return processed_version(request.version, product, self.church.manifest.products[product].version)

    def _limit(self, parameters: Parameters, strikes: Strikes) -> int:
        """The requests that are allowed; fewer where the offset is deep."""
        limit = self.options.rate_limit if strikes.limit is None else strikes.limit
        offset = dict(parameters).get("offset", "")
        is_deep = offset.isdecimal() and int(offset[:18]) > self.options.deep_offset
        return max(1, int(limit * self.options.deep_offset_share)) if is_deep else limit

    def _is_closed(self, product: str | None) -> bool:
        """To those who may not see it, and to a church that does not use it."""
        unused = product is not None and product not in self.church.products
        return unused or product in self.options.inaccessible_products

    def _decide(self, situation: Situation) -> Answer:
        """The first of these that applies."""
        request, match = situation.request, situation.match
        if situation.verdict.retry_after_seconds is not None:
            return answers.too_many_requests(situation.verdict, self.options.rate_period_seconds)
        if situation.strikes.answer is not None:
            return situation.strikes.answer
        if situation.caller.hint is not None:
            return answers.unauthorized(situation.caller.hint)
        product = self._routes.product_of(request.path)
        if self._is_closed(product):
            return answers.unauthorized(NO_ACCESS)
        if situation.version is None:
            return answers.unsupported_version(request.version)
        if request.method != "GET":
            return (
                answers.forbidden()
                if self._routes.allows(request.method, request.path)
                else answers.no_such_method()
            )
        if match is None:
            return answers.no_such_path()
        return answers.forbidden() if match.route.type in self._forbidden else self._read(match, situation)

    def _read(self, match: Match, situation: Situation) -> Answer:
        request = situation.request
        address = Address(
            origin=request.origin,
            path=request.path,
            parameters=[
                one for one in situation.parameters if one[0].split("[")[0] not in situation.strikes.ignored
            ],
            pages=situation.strikes.pages,
        )
        document = self._reader.read(match, address)
        if document is None:
            return answers.not_found()
        for spoil in situation.strikes.documents:
            document = spoil(document)
        body = document.write(included_when_empty=self.options.included_when_empty)
        return Answer(status=200, body=body, content_type=DOCUMENT_TYPE, rows=document.rows)

    def _finish(self, answer: Answer, situation: Situation) -> Answer:
        """What every answer has, and what spoils it after all."""
        headers = {"Date": http_date(situation.now), "Content-Type": answer.content_type, **answer.headers}
        if not (answer.is_unrouted and answer.content_type == HTML_TYPE):  # recorded: that page comes without
            headers |= self._api_headers(answer, situation)
        delay = self.options.latency_seconds + situation.strikes.delay_seconds
        answer = replace(answer, headers=headers, delay_seconds=delay)
        for spoil in situation.strikes.bodies:
            answer = spoil(answer)
        return answer

    def _api_headers(self, answer: Answer, situation: Situation) -> dict[str, str]:
        text = self.options.rate_period_text
        in_words = text == "words" or (text == "mixed" and (answer.is_unrouted or answer.status == 429))
        optional = {
            "X-PCO-API-Auth-Method": situation.caller.method,
            "X-PCO-API-Processed-As-Version": situation.version,
        }
        return {
            "X-PCO-API-Request-Rate-Limit": str(situation.verdict.limit),
            "X-PCO-API-Request-Rate-Period": f"{self.options.rate_period_seconds}{' seconds' * in_words}",
            "X-PCO-API-Request-Rate-Count": str(situation.verdict.count),
            **{name: value for name, value in optional.items() if value},
        }

    def _log(self, answer: Answer, situation: Situation) -> None:
        request = situation.request
        self.journal.add(
            Entry(
                sequence=self._sequence,
                method=request.method,
                path=request.path,
                query=request.query,
                status=answer.status,
                rows=answer.rows,
                credential=situation.caller.label,
                time=situation.now,
                faults=situation.strikes.names,
            )
        )
