"""A sweep against what `preview` counts, and its measures against figures worked out by hand."""

import random

import numpy as np
import pytest

from tasks.config import SelectionConfig
from tasks.errors import UsageError
from tasks.selection import SUBSETS, preview, sweep_selections
from tasks.selection.sweeping.resampling import find_interval, resample_sums


def both(threshold, rule="paper", **options):
    return SelectionConfig(rule=rule, sensibility_threshold=threshold, rationality_threshold=threshold, **options)


@pytest.fixture
def sweep(make_scored):
    """Sweep rows over a grid; the first of the grid is the chosen one unless told otherwise."""

    def run(rows, *grid, chosen=None):
        scored = make_scored(rows)
        return sweep_selections(scored.artifacts, scored.corpus, scored.scores, grid, chosen or grid[0])

    return run


@pytest.fixture
def hundred_rows(make_row):
    """Turns of some forty dialogues with whole and broken scores, a few of them unscored."""
    draw = random.Random(3)
    return [
        make_row(
            f"d{n // 3}",
            " ".join(draw.choices(["rain", "letter", "won", "lost", "sister"], k=9)),
            draw.choice([None, "refused", *[(draw.randint(0, 10), round(draw.uniform(0, 10), 2)) for _ in range(18)]]),
            utterance_idx=2 * (n % 3) + 2,
            response=" ".join(draw.choices(["Oh", "no", "that", "is", "great"], k=draw.randint(1, 6))),
            emotion=f"e{n % 4}",
        )
        for n in range(120)
    ]


def test_the_shares_of_the_inferred_rule_are_those_of_the_method(replayed):
    grid = [both(threshold) for threshold in (4, 5, 6, 7)]
    points = sweep_selections(replayed.artifacts, replayed.corpus, replayed.scores, grid, both(5))
    assert [round(100 * point.subsets["sensibility"].share, 1) for point in points] == [53.8, 60.6, 63.0, 56.6]
    assert {point.n_scored for point in points} == {5734}
    for point in points:
        for measures in point.subsets.values():
            low, high = measures.share_interval
            assert low < measures.share < high
            assert high - low < 0.04
    assert [point.subsets["sensibility"].jaccard for point in points].index(1.0) == 1


def test_every_point_counts_what_a_preview_counts_whatever_the_rule_and_its_modifiers(make_scored, hundred_rows):
    scored = make_scored(hundred_rows)
    grid = [both(t, rule) for t in (0, 4, 5.5, 10) for rule in ("paper", "released", "lower-bound")]
    grid += [both(5, min_words=2, near_duplicates=0.7), both(6, "released", min_words=2, near_duplicates=0.7)]
    grid += [both(4, max_per_emotion=3), SelectionConfig(rule="quantile", keep=0.3)]
    grid += [SelectionConfig(rule="top-k", top_k=7, max_words=4), SelectionConfig(sensibility_threshold=2.25)]
    expected = preview(scored.artifacts, scored.corpus, scored.scores, grid)
    points = sweep_selections(scored.artifacts, scored.corpus, scored.scores, grid, grid[3])
    assert [point.selection for point in points] == grid
    for point, counts in zip(points, expected, strict=True):
        assert {name: point.subsets[name].n for name in SUBSETS} == {name: getattr(counts, name) for name in SUBSETS}
        assert point.n_scored == counts.n_scored
        assert all(point.subsets[name].share == pytest.approx(counts.share(name), abs=1e-6) for name in SUBSETS)


def test_length_variety_and_duplicates_are_those_counted_by_hand(sweep, make_row):
    responses = ["Oh no no", "oh  NO\tno ", "That is", "great", "Is that"]
    rows = [make_row(f"d{n}", f"text {n}", (8.0, 3.0), response=text) for n, text in enumerate(responses)]
    rows.append(make_row("other", "text", (3.0, 8.0), response="Well well"))
    (point,) = sweep(rows, both(5))
    found = point.subsets["sensibility"]
    assert found.n == 5
    assert found.mean_words == pytest.approx(11 / 5)
    assert found.dist_1 == pytest.approx(100 * 5 / 11)  # oh no that is great
    assert found.dist_2 == pytest.approx(100 * 4 / 6, abs=1e-6)  # oh-no no-no that-is is-that, of 2 + 2 + 1 + 0 + 1
    assert found.n_duplicates == 1
    assert (point.subsets["rationality"].dist_1, point.subsets["rationality"].dist_2) == (50.0, 100.0)
    nothing = point.subsets["discard"]
    assert (nothing.n, nothing.share, nothing.dist_1, nothing.mean_words, nothing.balance, nothing.jaccard) == (
        0, 0.0, None, None, None, None,
    )  # fmt: skip


def test_overlap_and_balance_are_those_counted_by_hand(sweep, make_row):
    scores = [(6.0, 1.0), (6.0, 1.0), (7.0, 1.0), (9.0, 1.0), (1.0, 1.0)]
    emotions = ["sad", "proud", "proud", "proud", "angry"]
    rows = [make_row(f"d{n}", f"text {n}", scores[n], emotion=emotions[n]) for n in range(5)]
    first, second = sweep(rows, both(5), both(6.5))
    assert first.subsets["sensibility"].jaccard == 1
    assert second.subsets["sensibility"].jaccard == pytest.approx(2 / 4)
    assert second.subsets["discard"].jaccard == pytest.approx(1 / 3, abs=1e-6)
    assert second.subsets["sensibility"].balance == 0
    entropy = -(0.25 * np.log(0.25) + 0.75 * np.log(0.75)) / np.log(3)
    assert first.subsets["sensibility"].balance == pytest.approx(entropy, abs=1e-6)


def test_sensitivity_is_the_change_per_half_a_threshold_also_at_the_end_of_the_scale(sweep, make_row):
    rows = [make_row(f"d{n}", f"text {n}", (float(s), 0.0)) for n, s in enumerate((1, 4, 5, 5, 5.4, 6, 9, 10))]
    middle, end = sweep(rows, both(5), both(10))
    # 5 of 8 lie above 4.5 ... 10, of which 3 above 5.5
    assert middle.subsets["sensibility"].sensitivity == pytest.approx((3 / 8 - 6 / 8) / 2)
    assert end.subsets["sensibility"].sensitivity == pytest.approx(0 - 1 / 8)  # from 9.5 to 10 only
    low, high = middle.subsets["sensibility"].sensitivity_interval
    assert low < -3 / 16 < high
    assert (ranked := sweep(rows, SelectionConfig(rule="top-k", top_k=2))[0].subsets["sensibility"]).sensitivity is None
    assert ranked.sensitivity_interval is None


def test_turns_of_one_dialogue_are_drawn_together(sweep, make_row):
    def make_rows(n_turns):
        return [
            make_row(f"d{n // n_turns}", f"text {n}", (8.0, 1.0) if (n // n_turns) % 2 else (2.0, 1.0),
                     utterance_idx=2 * (n % n_turns) + 2)
            for n in range(400)
        ]  # fmt: skip

    widths = []
    for n_turns in (1, 10):
        (point,) = sweep(make_rows(n_turns), both(5))
        low, high = point.subsets["sensibility"].share_interval
        widths.append(high - low)
        assert point == sweep(make_rows(n_turns), both(5))[0], "seeded"
    assert widths[0] == pytest.approx(2 * 1.96 * np.sqrt(0.25 / 400), rel=0.15)
    assert widths[1] == pytest.approx(2 * 1.96 * np.sqrt(0.25 / 40), rel=0.15)


def test_resampling_kinds_of_dialogues_is_resampling_dialogues():
    rng = np.random.default_rng(5)
    counts = rng.integers(0, 3, size=(300, 2))
    sums = resample_sums(counts)
    one_by_one = np.array([counts[rng.integers(0, 300, 300)].sum(axis=0) for _ in range(3000)])
    assert sums.mean(axis=0) == pytest.approx(one_by_one.mean(axis=0), rel=0.01)
    assert np.cov(sums.T) == pytest.approx(np.cov(one_by_one.T), rel=0.15, abs=15)
    assert find_interval(sums[:, 0]) == pytest.approx(tuple(np.percentile(sums[:, 0], (2.5, 97.5))))


def test_a_split_without_scores_is_measured_as_nothing(sweep, make_row):
    rows = [make_row("d1", "text", None), make_row("d2", "other", "refused"), make_row("d3", "x", (1, 2), split="test")]
    (point,) = sweep(rows, both(5))
    assert point.n_scored == 0
    for found in point.subsets.values():
        assert (found.n, found.share, found.share_interval, found.jaccard, found.dist_2) == (0, 0.0, None, None, None)
    with pytest.raises(UsageError):
        sweep(rows, both(5, split="valid"))


def test_a_dialogue_of_two_sources_is_measured_once_as_the_last_one_gave_it(make_scored, make_row):
    scores = (8.0, 3.0)
    old = [make_row("d1", "I won", scores, response="Oh no"), make_row("d2", "I lost", scores, response="Well")]
    new = [make_row("d1", "I won", scores, response="Great")]
    scored = make_scored(old, new)
    (point,) = sweep_selections(scored.artifacts, scored.corpus, scored.scores, [both(5)], both(5))
    assert (point.subsets["sensibility"].n, point.subsets["sensibility"].mean_words) == (2, 1.0)
