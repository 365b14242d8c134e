"""Whom to ask next, and what a budget is spent on."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.config import ActiveConfig
from tasks.errors import UsageError
from tasks.judges.active.asking import choose_audit, choose_seeds, choose_uncertain, expect_disagreement, share_out
from tasks.judges.active.learner import Guess

KEYS = [f"{number:04x}" for number in range(400)]


def make_guess(disagreement: list[float], straddles: list[bool]) -> Guess:
    zeros = np.zeros((len(straddles), 2))
    return Guess(zeros, zeros, np.array(straddles), np.array(disagreement))


@given(st.integers(100, 10**7), st.floats(0.01, 1), st.floats(0, 0.5), st.integers(1, 50))
def test_a_budget_is_never_exceeded(n_turns: int, budget: float, audit: float, n_rounds: int) -> None:
    config = ActiveConfig(budget=budget, audit=audit, n_rounds=n_rounds)
    try:
        allowed = share_out(n_turns, config)
    except UsageError:
        assert budget * n_turns < 100
        return
    assert allowed.total <= budget * n_turns + 0.5
    assert allowed.seeds + allowed.audit <= allowed.total
    assert allowed.seeds + allowed.audit + n_rounds * allowed.per_round >= allowed.total


def test_a_budget_too_small_to_learn_from_is_refused() -> None:
    with pytest.raises(UsageError, match="is 50 calls"):
        share_out(500, ActiveConfig(budget=0.1))


def test_seeds_do_not_depend_on_the_order_and_fill_up_what_was_asked_before() -> None:
    nobody = np.zeros(400, np.bool_)
    rows = choose_seeds(KEYS, nobody, 40, seed=3)
    assert len(set(rows.tolist())) == 40
    backwards = choose_seeds(KEYS[::-1], nobody, 40, seed=3)
    assert [KEYS[::-1][row] for row in backwards] == [KEYS[row] for row in rows]
    assert set(rows) != set(choose_seeds(KEYS, nobody, 40, seed=4))
    asked = nobody.copy()
    asked[rows[:15]] = True
    assert choose_seeds(KEYS, asked, 40, seed=3).tolist() == rows[15:].tolist()
    assert len(choose_seeds(KEYS, ~nobody, 40, seed=3)) == 0


def test_the_uncertain_are_those_whose_interval_straddles_a_threshold() -> None:
    guess = make_guess([0.1, 0.6, 0.5, 0.4, 0.9], [True, False, True, True, True])
    asked = np.array([False, False, False, False, True])
    assert choose_uncertain(guess, asked, 2).tolist() == [2, 3]
    assert choose_uncertain(guess, asked, 9).tolist() == [2, 3, 0]
    assert expect_disagreement(guess, asked) == pytest.approx(1.6 / 5)


def test_an_audit_is_drawn_among_those_nobody_was_asked_about_and_otherwise_than_the_seeds() -> None:
    asked = np.arange(400) < 100
    drawn = choose_audit(KEYS, asked, 50, seed=0)
    assert len(drawn) == 50
    assert (drawn >= 100).all()
    seeds = choose_seeds(KEYS, np.zeros(400, np.bool_), 150, seed=0)
    assert len(set(drawn) & set(seeds)) < 40  # half of them where the order were the same


def test_each_turn_is_audited_as_often_as_any_other() -> None:
    asked = np.arange(40) % 2 == 0
    counts = np.zeros(40)
    for seed in range(2000):
        counts[choose_audit(KEYS[:40], asked, 5, seed)] += 1
    assert counts[asked].sum() == 0
    assert counts[~asked].min() > 500 - 110  # binomial of 2,000 and 1/4: five deviations are 97
    assert counts[~asked].max() < 500 + 110
