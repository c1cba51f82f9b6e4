"""Requests pass in the order they asked, as fast as the limit allows. Time is virtual."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from datetime import timedelta
from typing import Any, TypeVar

import pytest

from openfaith.source import RateBudget
from openfaith.source.limits import Announcement, Ticket
from support.virtual_time import run_in_virtual_time

T = TypeVar("T")
PERIOD = timedelta(seconds=20)


def make_budget() -> RateBudget:
    return RateBudget(monotonic=asyncio.get_running_loop().time)


def answer(budget: RateBudget, ticket: Ticket, *, limit: int = 100, overloaded: bool = False) -> None:
    budget.answered(ticket, Announcement(requests=limit, period=PERIOD), overloaded=overloaded)


async def send(budget: RateBudget, *, limit: int = 100, latency: float = 0.1) -> float:
    """One whole request; returns the moment at which it was sent."""
    ticket = await budget.take()
    await asyncio.sleep(latency)
    answer(budget, ticket, limit=limit)
    return ticket.sent_at


def run(main: Coroutine[Any, Any, T]) -> T:
    return run_in_virtual_time(main)


def test_the_first_answer_is_awaited_before_a_second_request_is_sent() -> None:
    async def main() -> list[float]:
        budget = make_budget()
        return list(await asyncio.gather(send(budget, latency=3.0), send(budget), send(budget)))

    assert run(main()) == [0.0, 3.0, 3.0]


def test_requests_pass_in_the_order_they_asked() -> None:
    async def main() -> list[int]:
        budget, order = make_budget(), []

        async def ask(number: int) -> None:
            await send(budget, limit=3)
            order.append(number)

        await asyncio.gather(*(ask(number) for number in range(20)))
        return order

    assert run(main()) == list(range(20))


def test_no_period_holds_more_requests_than_announced() -> None:
    async def main() -> list[float]:
        budget = make_budget()
        return await asyncio.gather(*(send(budget, limit=5) for _ in range(30)))

    sent = run(main())
    assert all(later - earlier > 20 for earlier, later in zip(sent, sent[5:], strict=False))


def test_one_request_more_than_the_limit_waits_for_the_period_to_pass() -> None:
    async def main() -> tuple[timedelta | None, int]:
        budget = make_budget()
        for _ in range(5):
            await send(budget, limit=5)
        waiting = asyncio.create_task(send(budget, limit=5))
        await asyncio.sleep(5)
        seen = budget.next_request_in, budget.waiting
        await waiting
        return seen

    next_request_in, waiting = run(main())
    assert next_request_in is not None
    assert timedelta(seconds=14) < next_request_in < timedelta(seconds=16)
    assert waiting == 1


def test_a_pause_stops_those_who_wait_and_those_who_come() -> None:
    async def main() -> list[float]:
        budget = make_budget()
        await send(budget)
        budget.pause(timedelta(seconds=7))
        early = asyncio.create_task(send(budget))
        await asyncio.sleep(3)
        return [await early, await send(budget)]

    assert run(main()) == [pytest.approx(7.1), pytest.approx(7.2)]


def test_a_pause_of_unknown_length_is_one_period() -> None:
    async def main() -> timedelta:
        budget = make_budget()
        await send(budget)
        return budget.pause(None)

    assert run(main()) == PERIOD


def test_a_pause_of_nothing_is_a_second() -> None:
    """`Retry-After` is whole seconds, so its zero is anything below one."""

    async def main() -> timedelta:
        return make_budget().pause(timedelta())

    assert run(main()) == timedelta(seconds=1)


def test_a_waiter_that_is_cancelled_leaves_the_others_their_turns() -> None:
    async def main() -> list[float]:
        budget = make_budget()
        await send(budget, limit=1)
        first, second, third = (asyncio.create_task(send(budget, limit=1)) for _ in range(3))
        await asyncio.sleep(1)
        first.cancel()
        second.cancel()
        return [await third]

    assert run(main()) == [pytest.approx(20.2)]


def test_a_cancelled_waiter_holds_no_slot() -> None:
    async def main() -> tuple[int, int]:
        budget = make_budget()
        ticket = await budget.take()
        waiter = asyncio.create_task(budget.take())
        await asyncio.sleep(1)
        waiter.cancel()
        await asyncio.wait({waiter})
        answer(budget, ticket)
        return budget.in_flight, budget.waiting

    assert run(main()) == (0, 0)


def test_a_request_given_up_frees_its_place_and_keeps_its_slot() -> None:
    async def main() -> tuple[int, int]:
        budget = make_budget()
        await budget.take()
        budget.abandoned()
        return budget.in_flight, budget.used

    assert run(main()) == (0, 1)


def test_a_request_that_never_left_costs_nothing_but_is_trouble() -> None:
    async def main() -> tuple[int, int, int]:
        budget = make_budget()
        budget.unanswered(await budget.take(), reached=False)
        return budget.in_flight, budget.used, budget.in_flight_limit

    assert run(main()) == (0, 0, 1)


def test_requests_in_flight_are_bounded_and_grow_with_answers() -> None:
    async def main() -> list[int]:
        budget, most = make_budget(), []

        async def ask() -> None:
            ticket = await budget.take()
            most.append(budget.in_flight)
            await asyncio.sleep(1)
            answer(budget, ticket)

        await asyncio.gather(*(ask() for _ in range(60)))
        return most

    most = run(main())
    assert most[:2] == [1, 1]
    assert max(most) == 8


def test_trouble_lowers_the_requests_in_flight() -> None:
    async def main() -> tuple[int, int]:
        budget = make_budget()
        await asyncio.gather(*(send(budget) for _ in range(40)))
        before = budget.in_flight_limit
        answer(budget, await budget.take(), overloaded=True)
        return before, budget.in_flight_limit

    assert run(main()) == (8, 4)


def test_a_limit_of_one_goes_on() -> None:
    async def main() -> list[float]:
        budget = make_budget()
        return [await send(budget, limit=1) for _ in range(3)]

    assert run(main()) == [0.0, pytest.approx(20.2), pytest.approx(40.4)]
