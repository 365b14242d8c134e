"""What cross-validation says of a distilled judge."""

from typing import Any

import numpy as np
import pytest
from scipy.stats import spearmanr

from tasks.judges import cross_validate
from tasks.judges.corpus import build_corpus
from tasks.judges.cross_validation import compare_selection
from tasks.judges.distill import fit_weights
from tasks.schema import Turn
from tasks.scoring import DistilledJudge


def test_no_turn_is_scored_by_a_judge_that_saw_its_dialogue() -> None:
    """Each dialogue has a word and scores of its own: they can be learnt by heart, and in no other way."""
    draw = np.random.default_rng(0)
    numbers = np.repeat(np.arange(60), 2)
    turns = [Turn(f"{row}", (), f"word{number} word{number}") for row, number in enumerate(numbers)]
    sensibility, rationality = draw.integers(0, 11, (60, 2))[numbers].astype(float).T.tolist()
    scored = (turns, [f"d{n}" for n in numbers], sensibility, rationality)
    figures = cross_validate(*scored, n_folds=4, inner_folds=3)
    assert [abs(one.spearman_ranks) < 0.4 for one in figures.dimensions] == [True, True]
    seen = DistilledJudge(fit_weights(build_corpus(*scored), n_folds=3)).score(turns)
    assert spearmanr(seen.ranks[:, 0], sensibility).statistic > 0.8


def test_selection_figures_follow_the_papers_rule() -> None:
    teacher = np.array([[8.0, 2.0], [8.0, 5.0], [8.0, 6.0], [5.0, 4.0]])
    judge = np.array([[8.0, 2.0], [8.0, 4.0], [8.0, 5.0], [3.0, 9.0]])
    figures = compare_selection(judge, teacher, 5)
    assert figures.teacher == (0.25, 0.25, 0.5)
    assert figures.judge == (0.5, 0.25, 0.25)
    assert figures.sensibility_jaccard == 0.5
    assert figures.rationality_jaccard == 0.0
    assert figures.sensibility_chance == pytest.approx(0.125 / 0.625)


def test_an_empty_subset_overlaps_with_nothing() -> None:
    figures = compare_selection(np.full((3, 2), 5.0), np.full((3, 2), 5.0), 5)
    assert (figures.sensibility_jaccard, figures.rationality_chance) == (0.0, 0.0)


def test_on_unseen_dialogues_shares_and_ranks_come_close_to_the_released_scores(released: dict[str, Any]) -> None:
    figures = cross_validate(**released, n_folds=2, inner_folds=6)
    for one in figures.thresholds:
        assert one.judge == pytest.approx(one.teacher, abs=0.05)
        assert one.sensibility_jaccard > one.sensibility_chance + 0.1
        assert one.rationality_jaccard > one.rationality_chance + 0.1
    sensibility, rationality = figures.dimensions
    assert sensibility.spearman_scores > 0.46  # half of the data; the card has the figures of five folds
    assert rationality.spearman_scores > 0.53
    assert sensibility.stated_rmse == pytest.approx(sensibility.rmse, rel=0.1)
    assert rationality.stated_rmse == pytest.approx(rationality.rmse, rel=0.1)
