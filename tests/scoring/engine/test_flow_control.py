"""The flow control finds what an endpoint takes, uses it, and seldom runs into a refusal."""

import pytest

from tasks.scoring.engine.concurrency import FIRST_LIMIT, Concurrency
from tasks.scoring.engine.pace import Pace


@pytest.mark.parametrize("per_s", [2, 10, 60])
@pytest.mark.parametrize("seed", range(3))
def test_a_limit_told_by_headers_is_used_without_refusals(per_s, seed, simulate):
    log = simulate(lambda _: per_s, 60, seed=seed, has_headers=True)
    assert log.throughput(10, 60) >= 0.95 * per_s
    assert log.refused_share(10, 60) <= 0.01


@pytest.mark.parametrize(("latency_s", "refused"), [(0.05, 0.02), (1.0, 0.08)])
@pytest.mark.parametrize("seed", range(3))
def test_a_limit_nobody_tells_is_found_from_the_refusals(latency_s, refused, seed, simulate):
    log = simulate(lambda _: 10, 90, seed=seed, latency_s=latency_s)
    assert log.throughput(15, 90) >= 0.85 * 10
    assert log.refused_share(15, 90) <= refused


@pytest.mark.parametrize("has_headers", [True, False])
@pytest.mark.parametrize("raised_at", range(40, 52, 2))
def test_a_raised_limit_is_found_and_used_within_twenty_seconds(has_headers, raised_at, simulate):
    log = simulate(lambda now: 10 if now < raised_at else 100, raised_at + 40, seed=raised_at, has_headers=has_headers)
    assert max(log.throughput(raised_at + s, raised_at + s + 1) for s in range(20)) >= 90
    assert log.throughput(raised_at + 20, raised_at + 40) >= 0.85 * 100


@pytest.mark.parametrize("has_headers", [True, False])
def test_a_lowered_limit_is_followed(has_headers, simulate):
    log = simulate(lambda now: 100 if now < 30 else 10, 80, has_headers=has_headers)
    assert log.throughput(45, 80) >= 0.85 * 10
    assert log.refused_share(45, 80) <= 0.03


def test_calls_in_flight_stay_within_what_the_user_allows(simulate):
    assert simulate(lambda _: 1e6, 10, most=17, latency_s=0.2).most_in_flight == 17


def test_slow_start_doubles_until_the_most_is_reached():
    control, now, limits = Concurrency(100), 1.0, []
    while control.limit < 100 and now < 20:
        limits.append(control.limit)
        for _ in range(control.limit):
            control.note_answered(now, 0.3, control.limit)
        now += 0.3
    assert limits[0] == FIRST_LIMIT
    assert control.limit == 100
    assert now < 4


def test_a_limit_that_is_not_reached_does_not_grow():
    control = Concurrency(100)
    for step in range(200):
        control.note_answered(1 + step * 0.1, 0.1, 2)
    assert control.limit == FIRST_LIMIT


def test_one_refusal_counts_for_all_calls_that_were_sent_before_the_limit_fell():
    control = Concurrency(64)
    for _ in range(20):
        control.note_refused(10.0, sent_at=9.9)
    assert control.limit == FIRST_LIMIT * 0.75
    control.note_refused(10.2, sent_at=10.1)
    assert control.limit < FIRST_LIMIT * 0.75


def test_latency_that_rises_without_more_answers_shrinks_the_limit_and_with_more_does_not():
    """A server of 8 slots queues the rest; one of 64 slots answers more calls at once in more time."""

    def settle(slots, slowdown):
        control, now = Concurrency(64), 1.0
        for _ in range(60):
            n = control.limit
            latency = max(0.5, 0.5 * n / slots) * slowdown(n)
            now += latency
            for _ in range(n):
                control.note_answered(now, latency, n)
        return control.limit

    assert settle(8, lambda _: 1.0) <= 20
    assert settle(64, lambda n: 1 + n / 64) == 64


def answer_round(control, now, n_broken=0, n_lost=0):
    """One full round: so many calls broke, so many found nobody, the rest came back."""
    n = control.limit
    for _ in range(n_broken):
        control.note_broken()
    for _ in range(n_lost):
        control.note_lost(now, now - 0.01)
    for _ in range(n + 1):
        control.note_answered(now + 0.5, 0.5, n)


def test_five_hundreds_pause_growth_and_do_not_shrink():
    control = Concurrency(64)
    answer_round(control, 1.0, n_broken=1)
    assert control.limit == FIRST_LIMIT


def test_now_and_then_a_call_that_breaks_or_finds_nobody_is_no_reason_to_be_slow():
    """At 100 in flight 5 % of 500s and 3 % of lost connections are in every round."""
    control = Concurrency(100)
    for step in range(12):
        answer_round(control, 1.0 + step, n_broken=control.limit * 5 // 100, n_lost=control.limit * 3 // 100)
    assert control.limit == 100


def test_many_calls_of_a_round_that_find_nobody_shrink_the_limit_once():
    control = Concurrency(100)
    for step in range(8):
        answer_round(control, 1.0 + step)
    for _ in range(40):
        control.note_lost(20.0, sent_at=19.9)
    assert control.limit == 75
    for _ in range(40):
        control.note_lost(20.5, sent_at=20.2)
    assert control.limit < 75


def test_a_retry_after_of_one_request_does_not_hold_the_others():
    """The shared pace falls by our own rule only: refusals in a row never freeze it."""
    pace = Pace()
    for step in range(1000):
        pace.note_sent(step * 0.01)
        pace.note_refused(step * 0.01 + 0.005, step * 0.01)
    assert pace.allowed(10.0) >= 1 / 60
    for step in range(100):
        pace.note_accepted(10 + step)
        pace.note_sent(10 + step)
    assert pace.allowed(200.0) > pace.ceiling * 0.9


@pytest.mark.parametrize("share", [0.02, 0.1, 0.3])
def test_refusals_that_come_by_chance_do_not_strangle_the_run(simulate, share):
    log = simulate(lambda _: 2000, 30, most=100, by_chance=share)
    assert log.throughput(20, 30) >= 1000


@pytest.mark.parametrize("seed", range(3))
def test_refusals_by_chance_do_not_hold_up_a_run_of_slow_answers_for_long(simulate, seed):
    """A tenth of calls refused whatever the pace is, answers in a second: most of 100 in flight within 20 s."""
    log = simulate(lambda _: 2000, 40, most=100, by_chance=0.1, latency_s=1.0, seed=seed)
    assert log.throughput(20, 40) >= 60
