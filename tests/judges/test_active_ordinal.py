"""The distribution of a score given a prediction: levels, medians, intervals."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.judges.active.ordinal import MAX_LEVELS, Logistic, OrdinalHead, choose_levels, fit_logistic, fit_ordinal


def make_curve(chance: float) -> Logistic:
    """A curve that says the same of every row."""
    return Logistic(np.zeros(1), np.ones(1), np.zeros(1), float(np.log(chance / (1 - chance))))


def test_the_median_is_the_highest_level_that_is_rather_reached_than_not() -> None:
    head = OrdinalHead(np.array([2.0, 5.0, 8.0]), (make_curve(0.7), make_curve(0.4)))
    found = head.predict(np.zeros((1, 1)))
    assert found.median.tolist() == [5.0]
    # chances of 2, 5, 8: 0.3, 0.3, 0.4; 95 % reach 2 only, 5 % reach 8
    assert (found.low.tolist(), found.high.tolist()) == ([2.0], [8.0])
    assert found.deviation[0] == pytest.approx(np.sqrt(0.3 * 9 + 0.4 * 9))


def test_a_curve_that_rises_with_the_level_is_held_down() -> None:
    head = OrdinalHead(np.array([1.0, 2.0, 3.0]), (make_curve(0.3), make_curve(0.9)))
    assert head.predict(np.zeros((1, 1))).median.tolist() == [1.0]


def test_fitted_medians_follow_the_prediction() -> None:
    draw = np.random.default_rng(1)
    z = draw.uniform(size=(600, 2))
    scores = np.rint(10 * z[:, 0] + draw.normal(0, 0.5, 600)).clip(0, 10)
    found = fit_ordinal(z, scores, (5, 5)).predict(z)
    assert np.abs(found.median - scores).mean() < 1
    held = (found.low <= scores) & (scores <= found.high)
    assert held.mean() > 0.85


@pytest.mark.parametrize("answer", [True, False])
def test_where_all_say_the_same_the_chance_is_high_and_not_certain(answer: bool) -> None:
    curve = fit_logistic(np.arange(20.0)[:, None], np.full(20, answer))
    chances = curve.predict(np.array([[-100.0], [100.0]]))
    assert chances.tolist() == pytest.approx([20.5 / 21 if answer else 0.5 / 21] * 2)


@given(st.lists(st.floats(0, 10), min_size=1, max_size=200), st.floats(0, 10))
def test_levels_rise_and_keep_what_lies_next_to_a_threshold(values: list[float], threshold: float) -> None:
    scores = np.array(values)
    levels = choose_levels(scores, (threshold, threshold))
    assert (np.diff(levels) > 0).all()
    assert len(levels) <= MAX_LEVELS + 3
    assert set(levels) <= set(values)
    for side in (scores[scores < threshold].max(initial=-1), scores[scores > threshold].min(initial=11)):
        assert side in (-1, 11) or side in levels
