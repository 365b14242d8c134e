"""Shares over folds of dialogues, and two judges' subsets."""

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from tasks.config import SelectionConfig
from tasks.errors import UsageError
from tasks.selection import compare_judges, cross_validate_target, measure_stability, preview
from tasks.selection.sweeping.folds import assign_folds
from tasks.selection.sweeping.two_judges import measure_kappa

IDS = [f"hit:{n}_conv:{2 * n}" for n in range(60)]


@pytest.fixture
def rows(make_row):
    """Three turns of each of sixty dialogues."""
    draw = np.random.default_rng(2)
    return [
        make_row(name, f"text {name} {n}", (float(draw.integers(0, 11)), float(draw.integers(0, 11))),
                 utterance_idx=2 * n + 2)
        for name in IDS
        for n in range(3)
    ]  # fmt: skip


def test_a_fold_holds_whole_dialogues_and_is_a_function_of_the_id_alone():
    folds = assign_folds([name for name in IDS for _ in range(2)], 5)
    assert (folds[::2] == folds[1::2]).all()
    assert set(folds) == set(range(5))
    of = dict(zip(IDS, folds[::2], strict=True))
    assert [of[name] for name in reversed(IDS)] == assign_folds(list(reversed(IDS)), 5).tolist()
    with pytest.raises(UsageError, match="too few for 50 folds"):
        assign_folds(IDS, 50)


def test_the_shares_of_folds_are_those_of_selecting_from_each_fold(make_scored, rows):
    scored = make_scored(rows)
    selection = SelectionConfig(rule="released")
    (found,) = measure_stability(scored.artifacts, scored.corpus, scored.scores, [selection], 4)
    folds = assign_folds([row.dialogue_id for row in rows], 4)
    for subset, spread in found.shares.items():
        alone = []
        for fold in range(4):
            part = make_scored([row for row, of in zip(rows, folds, strict=True) if of == fold])
            alone.append(preview(part.artifacts, part.corpus, part.scores, [selection])[0].share(subset))
        assert spread.values == pytest.approx(alone, abs=1e-6)
        assert spread.mean == pytest.approx(np.mean(alone), abs=1e-5)
        assert spread.sd == pytest.approx(np.std(alone, ddof=1), abs=1e-5)
        assert (spread.low, spread.high) == pytest.approx((min(alone), max(alone)), abs=1e-6)


def test_a_target_is_found_on_the_other_folds_and_measured_on_the_one_left_out(make_scored, rows):
    scored = make_scored(rows)
    selection = SelectionConfig(target_share=0.25)
    found = cross_validate_target(scored.artifacts, scored.corpus, scored.scores, selection, 3)
    folds = assign_folds([row.dialogue_id for row in rows], 3)
    turns = [(of, *row.scores) for row, of in zip(rows, folds, strict=True)]
    for fold in range(3):
        others = [s if r < 5 else 0 for of, s, r in turns if of != fold]
        left_out = [s if r < 5 else 0 for of, s, r in turns if of == fold]
        threshold = found.thresholds.values[fold]
        misses = {t: abs(sum(s > t for s in others) / len(others) - 0.25) for t in (threshold, *range(11))}
        assert misses[threshold] == min(misses.values())
        share = sum(s > threshold for s in left_out) / len(left_out)
        assert found.shares.values[fold] == pytest.approx(share, abs=1e-6)


def test_two_judges_are_compared_on_the_turns_that_both_scored(make_scored, make_row):
    texts = [f"text {n}" for n in range(6)]
    first = [(8, 3), (8, 3), (3, 8), (3, 8), (5, 5), (8, 3)]
    second = [(8, 3), (3, 8), (3, 8), (5, 5), (5, 5), None]
    one, other = (
        make_scored([make_row(f"d{n}", text, pair) for n, (text, pair) in enumerate(zip(texts, pairs, strict=True))])
        for pairs in (first, second)
    )
    grid = [SelectionConfig(), SelectionConfig(sensibility_threshold=9.0)]
    found, high = compare_judges(one.artifacts, one.corpus, (one.scores, other.scores), grid)
    assert (found.n_common, found.share_alike) == (5, 0.6)
    assert found.jaccard == {"sensibility": 0.5, "rationality": 0.333333, "discard": 0.5}
    assert found.kappa == pytest.approx((0.6 - (2 * 1 + 2 * 2 + 1 * 2) / 25) / (1 - 8 / 25), abs=1e-6)
    assert high.jaccard["sensibility"] is None
    nothing = make_scored([make_row(f"d{n}", text, "refused") for n, text in enumerate(texts)])
    with pytest.raises(UsageError, match="by both judges"):
        compare_judges(one.artifacts, one.corpus, (one.scores, nothing.scores), grid)


def test_kappa_is_that_of_scikit_learn_and_nothing_where_both_always_say_the_same():
    draw = np.random.default_rng(1)
    for _ in range(20):
        one, other = draw.integers(0, 3, (2, 50)).astype(np.uint8)
        assert measure_kappa(one, other) == pytest.approx(cohen_kappa_score(one, other), abs=1e-6)
    assert measure_kappa(np.zeros(4, np.uint8), np.zeros(4, np.uint8)) is None
