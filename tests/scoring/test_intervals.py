"""Intervals hold what they state, on turns they were not fitted to."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.scoring import fit_interval_map
from tasks.scoring.intervals import find_shortest


@pytest.mark.parametrize("coverage", [0.8, 0.9, 0.95])
def test_unseen_scores_are_held_as_often_as_stated_in_every_part_of_the_range(coverage: float) -> None:
    draw = np.random.default_rng(0)
    ranks = draw.random(20_000)
    scores = 10 * ranks + draw.normal(size=ranks.size) * (0.5 + 2 * ranks)  # the higher the less certain
    fitted = fit_interval_map(ranks[:10_000], scores[:10_000], coverage)
    low, high = fitted.bound(ranks[10_000:], 10 * ranks[10_000:])
    held = (low <= scores[10_000:]) & (scores[10_000:] <= high)
    for part in range(5):
        here = ranks[10_000:] * 5 // 1 == part
        assert held[here].mean() == pytest.approx(coverage, abs=0.035)
    assert (high - low)[ranks[10_000:] > 0.9].mean() > 1.5 * (high - low)[ranks[10_000:] < 0.1].mean()


@settings(max_examples=50)
@given(st.lists(st.integers(0, 10), min_size=1, max_size=400), st.integers(0, 9))
def test_whatever_it_learns_from_bounds_rise_and_hold_the_score(teacher: list[int], seed: int) -> None:
    predictions = np.random.default_rng(seed).random(len(teacher))
    fitted = fit_interval_map(predictions, np.array(teacher, float))
    scores = np.linspace(0, 10, 7)
    low, high = fitted.bound(np.linspace(-1, 2, 7), scores)
    assert (low <= scores).all()
    assert (scores <= high).all()
    assert (np.diff(fitted.low) >= 0).all()
    assert (np.diff(fitted.high) >= 0).all()


def test_the_shortest_interval_is_taken_and_of_equal_ones_the_fullest() -> None:
    scores = np.array([0, 7, 7, 8, 8, 8, 8, 8, 8, 9], float)
    assert find_shortest(scores, 0.6) == (7.0, 8.0)  # 7 of 11 are needed: 7-8 holds eight, 8-9 seven
    assert find_shortest(scores, 0.9) == (0.0, 9.0)


def test_too_few_scores_are_held_whole() -> None:
    assert find_shortest(np.array([3.0, 4.0]), 0.9) is None
    low, high = fit_interval_map(np.array([0.1, 0.2]), np.array([3.0, 4.0])).bound(np.array([0.5]), np.array([3.0]))
    assert (low.tolist(), high.tolist()) == ([3.0], [4.0])
