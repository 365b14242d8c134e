"""Measures of agreement: what a textbook or a library says, for any weights; their intervals; baselines; saturation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr
from sklearn.metrics import cohen_kappa_score, roc_auc_score

from tasks.judges.validation.agreement import measure_by_count
from tasks.judges.validation.baselines import AFFECT_WORDS, count_baselines, take_extreme
from tasks.judges.validation.bias import measure_eta_squared, measure_saturation
from tasks.judges.validation.measures import (
    UndefinedError,
    count_effective,
    make_alpha,
    make_auc,
    make_jaccard,
    make_kappa,
    make_pearson,
    make_spearman,
)
from tasks.judges.validation.resampling import Resamples

NAN = np.nan
ONE_MORE = st.lists(st.tuples(st.integers(0, 10), st.integers(0, 10), st.integers(0, 3)), min_size=4, max_size=60)


@given(ONE_MORE)
def test_a_weighted_measure_is_that_of_the_rows_repeated(rows):
    x, y, weights = np.array(rows, float).T
    repeated = np.repeat(np.arange(len(rows)), weights.astype(int))
    a, b = x[repeated], y[repeated]
    if not len(repeated) or np.ptp(a) == 0 or np.ptp(b) == 0:
        return
    found = [make(x, y)(weights[None])[0] for make in (make_spearman, make_pearson, make_kappa)]
    # all labels named: else a score that nobody gave would not count as a step between its neighbours
    kappa = cohen_kappa_score(a.astype(int), b.astype(int), weights="quadratic", labels=range(11))
    assert found == pytest.approx([spearmanr(a, b).statistic, np.corrcoef(a, b)[0, 1], kappa], abs=1e-9)
    if 0 < (b > 5).sum() < len(b):
        assert make_auc(x, y > 5)(weights[None])[0] == pytest.approx(roc_auc_score(b > 5, a))


def test_alpha_is_that_of_krippendorffs_example():
    """Krippendorff 2011, "Computing Krippendorff's Alpha-Reliability", section D: interval data give 0.849."""
    observers = [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, NAN, NAN, NAN],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, NAN, 3],
        [NAN, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, NAN],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, NAN],
    ]
    assert make_alpha(np.array(observers).T)(np.ones((1, 12)))[0] == pytest.approx(0.849, abs=5e-4)


def test_alpha_is_one_for_judges_who_agree_and_less_than_zero_for_those_who_contradict():
    scores = np.arange(11.0)
    assert make_alpha(np.column_stack([scores, scores]))(np.ones((1, 11)))[0] == pytest.approx(1)
    assert make_alpha(np.column_stack([scores, scores[::-1]]))(np.ones((1, 11)))[0] < 0


def test_what_is_not_defined_says_why():
    one, many = np.full(5, 8.0), np.arange(5.0)
    for make, values in [
        (make_spearman, (one, many)), (make_pearson, (many, one)), (make_kappa, (one, one)),
        (make_alpha, (many[:, None],)), (make_auc, (many, many >= 0)), (make_jaccard, (many < 0, many < 0)),
    ]:  # fmt: skip
        with pytest.raises(UndefinedError, match=r"\w+ \w+"):
            make(*values)
    figure = Resamples([f"d{n}" for n in range(5)]).measure(make_spearman, one, many)
    assert (figure.value, figure.why) == (None, "one of the two does not vary")


def test_an_interval_is_that_of_resampled_dialogues_and_the_same_every_time():
    """Five turns a dialogue that say the same are worth one turn: the interval is as wide as theirs."""
    draw = np.random.default_rng(1)
    x = draw.normal(size=200)
    y = x + draw.normal(size=200)
    alone = Resamples([f"d{n:03}" for n in range(200)]).measure(make_pearson, x, y)
    fivefold = Resamples([f"d{n:03}" for n in range(200) for _ in range(5)])
    five = fivefold.measure(make_pearson, np.repeat(x, 5), np.repeat(y, 5))
    assert (five.low, five.high) == pytest.approx((alone.low, alone.high), abs=1e-6)
    assert five == fivefold.measure(make_pearson, np.repeat(x, 5), np.repeat(y, 5))
    # the normal theory's interval of a correlation (Fisher's z)
    z = np.arctanh(alone.value) + np.array([-1.96, 1.96]) / np.sqrt(197)
    assert (alone.low, alone.high) == pytest.approx(np.tanh(z), abs=0.02)


def test_few_dialogues_give_a_value_and_no_interval():
    x = np.arange(40.0)
    figure = Resamples([f"d{n % 9}" for n in range(40)]).measure(make_spearman, x, x)
    assert (figure.value, figure.low, figure.high) == (1.0, None, None)
    assert "fewer than 10 dialogues" in figure.why


def test_baselines_count_words_whole():
    counts = count_baselines(["I'm SORRY, so sorry! Glad?", "Gladly unhappy feelings", "", "??"])
    assert len(set(AFFECT_WORDS)) == 14
    assert counts["affect words"].tolist() == [3, 0, 0, 0]
    assert counts["response length"].tolist() == [5, 3, 0, 0]
    assert counts["question marks"].tolist() == [1, 0, 0, 2]


def test_the_highest_are_taken_and_chance_decides_between_equals():
    taken = take_extreme(np.array([1.0, 5, 0, 5, *[1.0] * 40]), 12)
    assert taken.sum() == 12
    assert taken[[1, 3]].all()
    assert not taken[2]
    assert taken[4:14].sum() < 10, "not the first ones"


def test_a_baseline_selects_from_the_end_that_shares_more_with_the_reference():
    counts, resamples = np.arange(40.0), Resamples([f"d{n}" for n in range(40)])
    for theirs, end in ((counts >= 30, "highest"), (counts < 10, "lowest")):
        found = measure_by_count(counts, 10, theirs, resamples)
        assert (found["value"], found["end"]) == (1, end)


def test_eta_squared_of_labels_without_meaning_is_what_chance_gives():
    draw = np.random.default_rng(0)
    found = [measure_eta_squared(draw.normal(size=400), draw.choice(list("abcdefgh"), 400).tolist()) for _ in range(60)]
    assert np.mean([one["value"] for one in found]) == pytest.approx(found[0]["chance"], rel=0.2)
    told = measure_eta_squared(np.array([1.0, 1, 9, 9]), ["sad", "sad", "glad", "glad"])
    assert (told["value"], told["n_groups"]) == (1.0, 2)
    assert measure_eta_squared(np.arange(3.0), [None, "", "sad"])["value"] is None


def test_saturation_reaches_from_one_score_to_all_eleven():
    assert measure_saturation(np.full(20, 8.0)) | {"counts": 0} == {
        "mean": 8, "sd": 0, "mode": 8, "modal_share": 1, "entropy": 0, "counts": 0,
    }  # fmt: skip
    assert measure_saturation(np.arange(11.0))["entropy"] == pytest.approx(1)


@pytest.mark.parametrize(("weights", "n"), [([1, 1, 1], 3), ([3, 1], 1.6), ([5, 5], 2), ([], None)])
def test_turns_of_unequal_weight_say_as_much_as_fewer_of_equal_weight(weights, n):
    assert count_effective(np.array(weights, float)) == n
