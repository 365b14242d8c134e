"""Intervals and paired differences: they hold the value, repeat with the seed, and find what is there."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.evaluation import bootstrap_intervals, compare_paired, paired_bootstrap
from tasks.evaluation.bootstrap import draw_weights
from tasks.evaluation.metrics import measure_bleu, measure_dist, measure_f1, measure_perplexity, tokenize

RANDOM = np.random.default_rng(7)
RESPONSES = [" ".join(f"w{at}" for at in RANDOM.zipf(1.5, size=4 + turn % 7)) for turn in range(80)]
REFERENCES = [f"{text.split()[0]} {other}" for text, other in zip(RESPONSES, RESPONSES[::-1], strict=True)]
NLL = RANDOM.gamma(20, 2, size=80).tolist()
N_TOKENS = RANDOM.integers(5, 25, size=80).tolist()


def make_metrics():
    words, wanted = tokenize(RESPONSES), tokenize(REFERENCES)
    return {
        "bleu_1": measure_bleu(words, wanted)[1],
        "dist_1": measure_dist(words, 1),
        "dist_2": measure_dist(words, 2),
        "f1": measure_f1(words, wanted),
        "perplexity": measure_perplexity(NLL, N_TOKENS),
    }


def test_an_interval_holds_the_value_and_a_wider_level_holds_a_narrower():
    wide = bootstrap_intervals(make_metrics(), 500, level=0.99)
    for name, interval in bootstrap_intervals(make_metrics(), 500, level=0.8).items():
        assert wide[name].low <= interval.low < interval.value < interval.high <= wide[name].high
        assert interval.n == 80


def test_intervals_are_a_function_of_the_seed():
    assert bootstrap_intervals(make_metrics(), 300, seed=3) == bootstrap_intervals(make_metrics(), 300, seed=3)
    assert bootstrap_intervals(make_metrics(), 300, seed=3) != bootstrap_intervals(make_metrics(), 300, seed=4)


def test_a_metric_has_the_same_interval_alone_and_beside_others():
    metrics = make_metrics()
    together = bootstrap_intervals(metrics, 300)["perplexity"]
    alone = bootstrap_intervals({"perplexity": metrics["perplexity"]}, 300)["perplexity"]
    assert (together.low, together.high) == pytest.approx((alone.low, alone.high))


def test_the_interval_of_a_mean_has_the_width_that_theory_gives():
    flips = RANDOM.integers(0, 2, size=2000).tolist()
    metric = measure_perplexity(flips, [1] * 2000)
    interval = bootstrap_intervals({"m": metric}, 4000)["m"]
    expected = 2 * 1.96 * 0.5 / np.sqrt(2000)
    assert np.log(interval.high) - np.log(interval.low) == pytest.approx(expected, rel=0.05)


def test_every_resample_draws_as_many_units_as_there_are():
    blocks = list(draw_weights(11, 600, seed=0))
    assert [len(block) for block in blocks] == [256, 256, 88]
    assert all((block.sum(axis=1) == 11).all() for block in blocks)


def test_turns_of_one_dialogue_are_drawn_together():
    (weights,) = draw_weights(5, 50, seed=0, dialogues=["a", "b", "a", "c", "b"])
    assert (weights[:, 0] == weights[:, 2]).all()
    assert (weights[:, 1] == weights[:, 4]).all()
    assert (weights[:, [0, 1, 3]].sum(axis=1) == 3).all()


def test_a_small_but_steady_gain_is_found_where_the_intervals_overlap():
    better = [value - 0.3 for value in NLL]
    result = paired_bootstrap(better, N_TOKENS, NLL, N_TOKENS)
    alone = bootstrap_intervals({"m": measure_perplexity(NLL, N_TOKENS)})["m"]
    assert alone.low < alone.value + result.difference < alone.high
    assert result.low < result.difference < result.high < 0
    assert result.p_value == pytest.approx(2 / 1001)


def test_a_system_does_not_differ_from_itself():
    result = paired_bootstrap(NLL, N_TOKENS, NLL, N_TOKENS, n_resamples=200)
    assert (result.difference, result.low, result.high, result.p_value) == (0, 0, 0, 1)


def test_alike_turns_of_a_dialogue_widen_the_interval_of_a_difference():
    dialogues = [f"d{at // 8}" for at in range(80)]
    shift = np.repeat(RANDOM.normal(0, 3, size=10), 8)
    other = (np.array(NLL) + shift).tolist()
    by_turn = paired_bootstrap(NLL, N_TOKENS, other, N_TOKENS)
    by_dialogue = paired_bootstrap(NLL, N_TOKENS, other, N_TOKENS, dialogues)
    assert by_dialogue.difference == by_turn.difference
    assert by_dialogue.high - by_dialogue.low > 1.5 * (by_turn.high - by_turn.low)


def test_without_dialogues_the_unit_is_the_turn():
    few = slice(0, 9)
    result = paired_bootstrap(NLL[few], N_TOKENS[few], NLL[1:10], N_TOKENS[1:10])
    assert (result.p_value, result.low < result.high) == (None, True)
    enough = paired_bootstrap(NLL[:10], N_TOKENS[:10], NLL[1:11], N_TOKENS[1:11])
    assert 0 < enough.p_value <= 1
    assert paired_bootstrap(NLL[:20], N_TOKENS[:20], NLL[1:21], N_TOKENS[1:21], ["d"] * 20).low is None


def test_systems_of_different_turns_cannot_be_paired():
    with pytest.raises(ValueError, match="same turns"):
        paired_bootstrap([1.0], [1], [1.0, 2.0], [1, 1])
    with pytest.raises(ValueError, match="at least one"):
        compare_paired(measure_perplexity([], []), measure_perplexity([], []))


@given(st.lists(st.tuples(st.floats(0, 50), st.integers(1, 30)), min_size=1, max_size=20), st.integers(0, 99))
def test_bounds_lie_between_the_least_and_the_most_likely_turn(turns, seed):
    nll, n_tokens = zip(*turns, strict=True)
    interval = bootstrap_intervals({"m": measure_perplexity(nll, n_tokens)}, 100, seed)["m"]
    means = [total / count for total, count in turns]
    assert np.exp(min(means)) * (1 - 1e-9) <= interval.low <= interval.high <= np.exp(max(means)) * (1 + 1e-9)
