"""How likely an audit draws each turn: what it says of it is what happens, and weights lead back to the corpus."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.judges.audit.design import SHARES, find_disputed, find_near, scale_to_sum, set_probabilities
from tasks.judges.audit.draw import AuditPlan, mark_turns, sample_turns
from tasks.judges.audit.lots import cast_lots, draw_systematically
from tasks.judges.validation.measures import make_spearman
from tasks.judges.validation.resampling import Resamples

SIZES = st.lists(st.floats(0.001, 100), min_size=2, max_size=60)


def make_population(n=80, seed=1):
    """Scored turns of six emotions, one of them rare, with a second judge's scores of most of them."""
    draw = np.random.default_rng(seed)
    scores = {name: draw.integers(0, 11, n).astype(float) for name in ("sensibility", "rationality")}
    other = {f"other_{name}": np.clip(column + draw.integers(-2, 3, n), 0, 10) for name, column in scores.items()}
    rows = pl.DataFrame(
        {"dialogue_id": [f"d{n // 2}" for n in range(n)], "utterance_idx": [2] * n,
         "turn_key": [f"{n:03}" for n in range(n)], "split": ["train"] * n,
         "emotion": ["rare" if n == 7 else "abcde"[n % 5] for n in range(n)], **scores, **other}
    )  # fmt: skip
    unknown = pl.lit(None, pl.Float64)
    return rows.with_columns(sensibility_sd=unknown, rationality_sd=unknown)


@given(SIZES, st.data())
def test_probabilities_are_none_above_one_in_proportion_below_and_sum_to_the_size(sizes, data):
    n = data.draw(st.integers(1, len(sizes) - 1))
    sizes = np.array(sizes)
    chances = scale_to_sum(sizes, n)
    assert chances.sum() == pytest.approx(n)
    assert 0 < chances.min() <= chances.max() <= 1
    rest = chances < 1
    assert np.ptp(chances[rest] / sizes[rest]) < 1e-6 * max(1, (chances[rest] / sizes[rest]).max())
    assert sizes[~rest].min(initial=np.inf) >= sizes[rest].max(initial=0) * (1 - 1e-9), "the likeliest are certain"


@given(SIZES, st.floats(0, 1, exclude_max=True), st.data())
def test_a_draw_has_its_size_and_nobody_twice(sizes, start, data):
    n = data.draw(st.integers(1, len(sizes) - 1))
    chances = scale_to_sum(np.array(sizes), n)
    drawn = draw_systematically(chances, start)
    assert len(drawn) == len(set(drawn.tolist())) == n
    assert set(np.flatnonzero(chances == 1)) <= set(drawn.tolist())


def test_turns_are_drawn_as_often_as_their_probability_says_and_weights_lead_back_to_the_corpus():
    turns = mark_turns(make_population(), AuditPlan(24, 5, 5, "", 0))
    place = {key: n for n, key in enumerate(turns["turn_key"])}
    n_draws, counts, estimates = 1500, np.zeros(len(turns)), []
    for seed in range(n_draws):
        drawn = sample_turns(turns, seed)
        counts[[place[key] for key in drawn["turn_key"]]] += 1
        weights = 1 / drawn["probability"].to_numpy()
        estimates.append([weights.sum(), weights @ drawn["sensibility"].to_numpy()])
    chances = turns["probability"].to_numpy()
    spread = np.sqrt(chances * (1 - chances) / n_draws)
    assert np.all(np.abs(counts / n_draws - chances) <= 4.5 * spread + 1e-9)
    totals = np.array([len(turns), turns["sensibility"].sum()])
    error = np.std(estimates, axis=0) / np.sqrt(n_draws)
    assert np.all(np.abs(np.mean(estimates, axis=0) - totals) < 4.5 * error)


def test_every_kind_gets_nearly_the_draws_that_it_is_expected_to_get():
    turns = mark_turns(make_population(400), AuditPlan(60, 5, 5, "", 0))
    for seed in range(20):
        drawn = sample_turns(turns, seed)
        assert len(drawn) == 60
        for name in ("is_near", "is_disputed"):
            expected = turns.filter(pl.col(name))["probability"].sum()
            assert abs(drawn[name].sum() - expected) < 3, "chance alone would be off by far more"


def test_the_strata_raise_the_chances_of_their_turns_and_a_rare_emotion_those_of_its_own():
    turns = mark_turns(make_population(), AuditPlan(10, 5, 5, "", 0))
    plain = turns.filter(~pl.col("is_near") & ~pl.col("is_disputed"))
    common = plain.filter(pl.col("emotion") != "rare")["probability"]
    assert common.min() > SHARES["random"] * 10 / len(turns) * 0.99, "no turn is out of reach"
    for name in ("is_near", "is_disputed"):
        assert turns.filter(pl.col(name))["probability"].min() > common.max()
    assert turns.filter(pl.col("emotion") == "rare")["probability"][0] > common.max()


def test_more_turns_than_there_are_is_every_turn_with_certainty():
    turns = mark_turns(make_population(), AuditPlan(81, 5, 5, "", 3))
    assert turns["probability"].unique().to_list() == [1]
    assert len(sample_turns(turns, 3)) == 80


def test_a_stratum_without_turns_leaves_its_share_to_the_others():
    nobody = np.zeros(50, np.bool_)
    chances = set_probabilities(nobody, nobody, ["a"] * 25 + ["b"] * 25, 10)
    assert chances == pytest.approx(np.full(50, 0.2))


@pytest.mark.parametrize(
    ("score", "deviation", "is_near"),
    [(5, None, True), (4, None, True), (6, 0.0, True), (6.1, None, False), (7, 2.0, True), (7, 1.9, False)],
)
def test_near_is_within_a_point_or_the_score_s_own_deviation(score, deviation, is_near):
    turns = pl.DataFrame(
        {"sensibility": [float(score), 9.0], "rationality": [0.0, 0.0], "sensibility_sd": [deviation, None],
         "rationality_sd": [None, None]},
        schema_overrides={"sensibility_sd": pl.Float64, "rationality_sd": pl.Float64},
    )  # fmt: skip
    assert find_near(turns, (5, 5)).tolist() == [is_near, False]


def test_near_is_at_most_the_nearest_quarter_by_deviations_and_the_nearer_other_score_breaks_ties():
    """A judge that is unsure of everything would have every turn near: a stratum of all favours none."""
    n = 40
    turns = pl.DataFrame(
        {"sensibility": [5 + number / 20 for number in range(n)], "sensibility_sd": [2.0] * n,
         "rationality": [9.0] * n, "rationality_sd": [0.5] * n}
    )  # fmt: skip
    assert np.flatnonzero(find_near(turns, (5, 5))).tolist() == list(range(10))
    assert find_near(turns, (9, 5)).sum() == 0, "a bound for each dimension"
    tied = turns.with_columns(sensibility=pl.lit(5.0), rationality=pl.Series([9.0, 7.0] * (n // 2)))
    assert np.flatnonzero(find_near(tied, (5, 5))).tolist() == list(range(1, 21, 2))


def test_disputed_is_what_two_judges_put_into_different_subsets():
    turns = pl.DataFrame(
        {"sensibility": [8.0, 8.0, 8.0, 2.0], "rationality": [2.0, 2.0, 2.0, 2.0],
         "other_sensibility": [6.0, 8.0, None, 4.0], "other_rationality": [4.0, 7.0, None, 4.0]}
    )  # fmt: skip
    assert find_disputed(turns, (5, 5)).tolist() == [False, True, False, False]


def test_a_weighted_measure_is_that_of_as_many_turns():
    draw = np.random.default_rng(0)
    x, y, weights = draw.normal(size=40), draw.normal(size=40), draw.integers(1, 4, 40)
    names = [f"d{n // 2}" for n in range(40)]
    weighed = Resamples(names, weights.astype(float)).measure(make_spearman, x, y)
    many = Resamples(np.repeat(names, weights)).measure(make_spearman, x.repeat(weights), y.repeat(weights))
    assert (weighed.value, weighed.low, weighed.high) == pytest.approx((many.value, many.low, many.high))
    assert (weighed.n, many.n) == (40, weights.sum())


def test_lots_depend_on_key_purpose_and_seed_only_and_fill_the_interval():
    keys = [str(n) for n in range(2000)]
    lots = cast_lots(keys, "order", 0)
    assert lots.tolist() == cast_lots(keys, "order", 0).tolist()
    assert cast_lots(["7"], "order", 0)[0] == lots[7]
    for other in (cast_lots(keys, "sheet", 0), cast_lots(keys, "order", 1)):
        assert abs(np.corrcoef(lots, other)[0, 1]) < 0.1
    assert np.histogram(lots, 10, (0, 1))[0].min() > 150
