"""The gate: budgets of a minute are kept, retries go first, and no place is ever lost or given twice."""

import asyncio
from collections import deque

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.config import ScoringConfig
from tasks.scoring.engine.budgets import BURST_S
from tasks.scoring.engine.calling import CallResult
from tasks.scoring.engine.gate import Gate, Ticket
from tasks.scoring.engine.spending import Spending
from tasks.scoring.ledger.journal import Attempt
from tasks.scoring.ledger.pricing import Price

PRICE = Price(input=1_000_000, output=1_000_000)  # a USD a token


def make_gate(max_usd=None, **scoring):
    return Gate(ScoringConfig(**scoring), Spending(max_usd, PRICE))


def make_ticket(n_tokens=0.0, cost_usd=0.0):
    return Ticket(lambda: (n_tokens, cost_usd))


def result_of(error_class=None, tokens=None, status=200, cost_usd=0.0):
    return CallResult(
        Attempt("t", "r", 1.0, 0.1, error_class=error_class, http_status=status, tokens_in=tokens,
                tokens_out=0 if tokens is not None else None, cost_usd=cost_usd)
    )  # fmt: skip


async def call(gate, left_at, tokens):
    """Pass the gate, note when, and come back soon with a result of so many tokens."""
    ticket = make_ticket(tokens or 0)
    assert await gate.enter(ticket)
    left_at.append(ticket.sent_at)
    await asyncio.sleep(0.002)
    gate.leave(ticket, result_of(tokens=tokens), tokens or 0)


def run_for(seconds, tokens=None, **scoring):
    """Return when calls left, as many as there can be within so many seconds."""

    async def run():
        gate, left_at = make_gate(**scoring), []
        calls = {asyncio.create_task(call(gate, left_at, tokens)) for _ in range(1000)}
        await asyncio.sleep(seconds)
        for task in calls:
            task.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
        return left_at

    return asyncio.run(run())


def most_in_window(times, seconds):
    window, most = deque(), 0
    for at in times:
        window.append(at)
        while window[0] <= at - seconds:
            window.popleft()
        most = max(most, len(window))
    return most


def test_requests_per_minute_are_kept_in_every_window_and_used():
    times = run_for(1.5, requests_per_minute=3000, max_concurrency=100)  # 50 a second
    for seconds in (0.1, 0.5, 1.0):
        assert most_in_window(times, seconds) <= 50 * (seconds + BURST_S) + 1
    assert len(times) >= 0.8 * 50 * 1.5


def test_tokens_per_minute_are_kept_at_the_measured_length_and_used():
    times = run_for(1.5, tokens_per_minute=60_000, tokens=20, max_concurrency=100)  # 1,000 tokens, 50 calls a second
    for seconds in (0.1, 0.5, 1.0):
        assert most_in_window(times, seconds) <= 50 * (seconds + BURST_S) + 2
    assert len(times) >= 0.8 * 50 * 1.5


def test_tokens_of_calls_that_failed_are_given_back():
    async def run(**result):
        gate, left_at = make_gate(tokens_per_minute=600, max_concurrency=1), []
        for _ in range(20):
            ticket = make_ticket(100)  # more than the budget of ten seconds
            await asyncio.wait_for(gate.enter(ticket), 1)
            gate.leave(ticket, result_of(**result), 100)
            left_at.append(ticket.sent_at)
        return left_at

    assert len(asyncio.run(run(error_class="timeout", status=None))) == 20
    assert len(asyncio.run(run(error_class="server", status=500))) == 20
    with pytest.raises(TimeoutError):
        asyncio.run(run(tokens=100))


def test_a_call_is_charged_what_is_expected_when_it_leaves():
    """Those that wait were queued before anything was measured."""

    async def run():
        gate, expected = make_gate(tokens_per_minute=60_000, max_concurrency=1), [5000.0]
        first, second = (Ticket(lambda: (expected[0], 0.0)) for _ in range(2))
        await gate.enter(first)
        waiting = asyncio.create_task(gate.enter(second))
        await asyncio.sleep(0)
        expected[0] = 10.0
        gate.leave(first, result_of(tokens=10), 10)
        assert await asyncio.wait_for(waiting, 1)
        return first.n_tokens, second.n_tokens

    assert asyncio.run(run()) == (5000.0, 10.0)


def test_retries_go_first_and_the_rest_in_order():
    async def run():
        gate, order = make_gate(max_concurrency=1), []
        first = make_ticket()
        await gate.enter(first)

        async def wait(name, *, is_retry):
            ticket = make_ticket()
            await gate.enter(ticket, is_retry=is_retry)
            order.append(name)
            gate.release(ticket)

        names = [("new 1", False), ("new 2", False), ("retry 1", True), ("new 3", False), ("retry 2", True)]
        tasks = [asyncio.create_task(wait(name, is_retry=is_retry)) for name, is_retry in names]
        await asyncio.sleep(0)
        gate.leave(first, result_of(), 0)
        await asyncio.gather(*tasks)
        return order

    assert asyncio.run(run()) == ["retry 1", "retry 2", "new 1", "new 2", "new 3"]


def test_a_closed_gate_lets_nobody_through_those_who_wait_neither():
    async def run():
        gate = make_gate(max_concurrency=1)
        await gate.enter(make_ticket())
        waiting = [asyncio.create_task(gate.enter(make_ticket())) for _ in range(3)]
        await asyncio.sleep(0)
        gate.close()
        return await asyncio.gather(*waiting, gate.enter(make_ticket())), gate.n_in_flight

    assert asyncio.run(run()) == ([False] * 4, 1)


def test_a_call_that_may_cost_too_much_waits_for_those_in_flight_that_may_cost_less():
    async def run():
        gate = make_gate(max_usd=10.0, max_concurrency=4)
        first, second, third = (make_ticket(cost_usd=6.0) for _ in range(3))
        assert await gate.enter(first)
        waiting = asyncio.create_task(gate.enter(second))
        await asyncio.sleep(0)
        assert not waiting.done()
        gate.leave(first, result_of(cost_usd=3.0), 0)
        assert await waiting
        gate.leave(second, result_of(cost_usd=5.0), 0)
        return await gate.enter(third), gate.is_closed, gate.spending.spent_usd, gate.spending.reserved_usd

    assert asyncio.run(run()) == (False, True, 8.0, 0.0)


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["enter", "retry", "leave", "release", "cancel", "cancel", "pause"]), st.integers(0, 30),
        st.sampled_from([None, "rate_limit", "timeout", "server", "refusal"]),
    ),
    max_size=60,
)  # fmt: skip


@settings(max_examples=150)
@given(STEPS, st.integers(1, 12))
def test_no_place_is_lost_or_given_twice_whatever_comes_in_whatever_order(steps, most):
    asyncio.run(asyncio.wait_for(follow(steps, most), 30))


async def follow(steps, most):
    """Let calls enter, end and be cancelled in this order; in the end all who wait get through."""
    gate, waiting, inside = make_gate(max_concurrency=most, max_usd=1e6), [], []

    async def enter(ticket, *, is_retry):
        assert await gate.enter(ticket, is_retry=is_retry)
        inside.append(ticket)

    async def settle():
        for _ in range(3):
            await asyncio.sleep(0)
        assert 0 <= gate.n_in_flight <= most
        assert gate.n_in_flight == len(inside)

    for step, number, error_class in steps:
        if step in ("enter", "retry"):
            waiting.append(asyncio.create_task(enter(make_ticket(number, 1.0), is_retry=step == "retry")))
        elif step == "cancel" and waiting:
            waiting[number % len(waiting)].cancel()  # perhaps in the very moment in which it is let through
        elif step in ("leave", "release") and inside:
            ticket = inside.pop(number % len(inside))
            if step == "release":
                gate.release(ticket)
            else:
                gate.leave(ticket, result_of(error_class, tokens=number), number)
        elif step == "pause":
            await settle()
    await settle()
    while inside or not all(task.done() for task in waiting):
        if inside:
            gate.leave(inside.pop(), result_of(), 0)
        else:
            await asyncio.sleep(0.002)
        await settle()
    assert gate.n_in_flight == 0
    assert gate.spending.reserved_usd == pytest.approx(0.0)
