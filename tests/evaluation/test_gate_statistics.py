"""The gate's figures: by hand, at the stated rates, and refused where losses are no comparison."""

import functools
import math

import numpy as np
import polars as pl
import pytest
from scipy import stats

from tasks.config import EvaluationConfig, GateConfig
from tasks.errors import UsageError
from tasks.evaluation import compare_recipes
from tasks.evaluation.compare import RESPONSES_SCHEMA
from tasks.evaluation.non_inferiority import find_reach, pool_spread

CONFIG = EvaluationConfig(bootstrap=100)
N_TOKENS = 5


@functools.cache
def make_turns(n: int) -> pl.DataFrame:
    """Two turns a dialogue, all of one length."""
    return pl.DataFrame(
        {
            "system": ["mixture"] * n,
            "dialogue_id": [f"d{at // 2}" for at in range(n)],
            "utterance_idx": [2 + 2 * (at % 2) for at in range(n)],
            "turn_key": [f"k{at}" for at in range(n)],
            "prompt": [[{"role": "user", "content": "Hi"}]] * n,
            "reference": ["I see"] * n,
            "response": [None] * n,
            "nll": [0.0] * n,
            "n_tokens": [N_TOKENS] * n,
        },
        schema=RESPONSES_SCHEMA,
    )


def make_rows(nll: np.ndarray) -> pl.DataFrame:
    return make_turns(len(nll)).with_columns(pl.Series("nll", nll))


def compare(new: list[np.ndarray], accepted: list[np.ndarray], tolerance: float = 0.01):
    gate = GateConfig(tolerance=tolerance)
    return compare_recipes([make_rows(nll) for nll in new], [make_rows(nll) for nll in accepted], gate, CONFIG)


def test_the_change_by_hand():
    found = compare([np.full(40, 10.0), np.full(40, 11.0)], [np.full(40, 10.0), np.full(40, 10.0)])
    assert found.perplexity_accepted == pytest.approx(math.exp(2))
    assert found.perplexity_new == pytest.approx(math.exp(2.1))
    assert found.change == pytest.approx(math.expm1(0.1))
    # no dialogue differs from another, so the seeds are all the doubt: variances 0.02 and 0 pooled, two of each
    reach = stats.t.ppf(0.95, 2) * math.sqrt(0.01 * (1 / 2 + 1 / 2))
    assert [found.lowest, found.highest] == pytest.approx([math.expm1(0.1 - reach), math.expm1(0.1 + reach)])
    assert (found.n_seeds_new, found.n_seeds_accepted, found.n_turns, found.n_dialogues) == (2, 2, 40, 20)


def test_equal_losses_pass_at_any_tolerance():
    found = compare([np.arange(40.0)], [np.arange(40.0)], tolerance=0)
    assert (found.change, found.highest, found.is_passed) == (0, 0, True)


def test_one_seed_a_side_compares_weights_by_dialogues_alone():
    assert pool_spread(np.array([1.0]), np.array([2.0])) == (0.0, 0)
    assert find_reach([(0.04, 19), (0.0, 0)]) == pytest.approx(0.2 * stats.t.ppf(0.95, 19))


def test_a_single_accepted_seed_borrows_the_spread_of_the_new_ones():
    spread, free = pool_spread(np.array([1.0, 2.0, 3.0]), np.array([7.0]))
    assert (spread, free) == (pytest.approx(1 * (1 / 3 + 1)), 2)


def share_of_passes(shift: float, n_runs: int = 250, n_seeds: int = 3) -> float:
    """Return how often a recipe passes that is worse by `shift` standard errors than the tolerance allows."""
    random, passed = np.random.default_rng(7), 0
    spread_seed, spread_turn, n_turns = 0.02, 0.5, 200  # nats a token: seeds, and losses of dialogues that differ
    error = math.sqrt(2 * spread_seed**2 / n_seeds + (2 * spread_turn**2 / n_seeds / N_TOKENS**2) / n_turns)
    margin = 4 * error
    for _ in range(n_runs):
        common = random.gamma(4, 3, n_turns)
        sides = [
            [common + N_TOKENS * (worse + random.normal(0, spread_seed)) + random.normal(0, spread_turn, n_turns)
             for _ in range(n_seeds)]
            for worse in (margin + shift * error, 0.0)
        ]  # fmt: skip
        passed += compare(sides[0], sides[1], math.expm1(margin)).is_passed
    return passed / n_runs


def test_a_recipe_at_the_tolerance_passes_one_time_in_twenty():
    assert 0.01 < share_of_passes(0) < 0.10  # 0.05 and 3.5 standard errors of 250 runs


def test_an_equal_recipe_passes_and_a_worse_one_fails():
    freedom = 4  # the seeds are most of the doubt
    power = stats.nct.cdf(-stats.t.ppf(0.95, freedom), freedom, -4)
    assert share_of_passes(-4) == pytest.approx(power, abs=0.07)
    assert power > 0.85
    assert share_of_passes(3, n_runs=50) == 0


def test_dialogues_are_drawn_whole():
    """Two turns that say the same are one piece of evidence, not two."""
    random = np.random.default_rng(0)
    each = random.normal(0, 1, 100)
    twice = compare([10 + np.repeat(each, 2)], [np.full(200, 10.0)])
    alone = compare([10 + random.permutation(np.repeat(each, 2))], [np.full(200, 10.0)])
    assert twice.highest - twice.change > 1.2 * (alone.highest - alone.change)


def test_other_turns_are_refused():
    with pytest.raises(UsageError, match="different turns"):
        compare([np.ones(40)], [np.ones(38)])
    with pytest.raises(UsageError, match="different turns"):
        compare_recipes(
            [make_rows(np.ones(40))],
            [make_rows(np.ones(40)).with_columns(reference=pl.lit("Oh"))],
            GateConfig(),
            CONFIG,
        )


def test_other_tokens_are_refused_with_what_both_say_in_bits_a_character():
    new, accepted = make_rows(np.full(40, 5.0)), make_rows(np.full(40, 10.0)).with_columns(n_tokens=pl.lit(9, pl.Int32))
    with pytest.raises(UsageError, match="different tokens") as caught:
        compare_recipes([new], [accepted], GateConfig(), CONFIG)
    assert caught.value.where == f"bits per character: {1 / math.log(2):.4f} new, {2 / math.log(2):.4f} accepted"


def test_few_dialogues_are_refused():
    with pytest.raises(UsageError, match="9 held-out dialogues are too few"):
        compare([np.ones(18)], [np.ones(18)])


def test_turns_that_no_model_takes_are_left_out_and_the_order_of_rows_changes_nothing():
    nll = np.arange(1.0, 41.0)
    rows = make_rows(nll).with_columns(n_tokens=pl.when(pl.col("turn_key") == "k3").then(0).otherwise(5).cast(pl.Int32))
    found = compare_recipes([rows], [rows.reverse().with_columns(pl.col("nll") + 1)], GateConfig(), CONFIG)
    assert found.n_turns == 39
    assert found.change == pytest.approx(math.expm1(-1 / 5))
