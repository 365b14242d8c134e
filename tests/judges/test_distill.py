"""A judge is fitted to a teacher's scores."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tasks.errors import ConfigError
from tasks.judges import distill
from tasks.judges.corpus import build_corpus
from tasks.judges.distill import fit_weights
from tasks.judges.ridge import fit_ridge
from tasks.scoring import DistilledJudge


def test_a_distilled_judge_learns_what_its_teacher_likes(made_up: dict[str, Any], tmp_path: Path) -> None:
    facts = distill(**made_up, folder=tmp_path)
    judge = DistilledJudge.load(tmp_path / "distilled.safetensors")
    scored = judge.score(made_up["turns"])
    assert np.corrcoef(scored.scores[:, 0], made_up["sensibility"])[0, 1] > 0.8
    assert np.corrcoef(scored.scores[:, 1], made_up["rationality"])[0, 1] > 0.8
    assert facts["n_turns"] == 160
    assert facts["n_dialogues"] == 80
    assert facts["sha256"] == judge.digest
    assert facts["n_bytes"] == (tmp_path / "distilled.safetensors").stat().st_size < 2_000_000


def test_the_judge_predicts_what_the_regression_predicted_in_training(made_up: dict[str, Any]) -> None:
    """Training counts n-grams in a matrix, scoring sums over occurrences: two roads to one number."""
    corpus = build_corpus(**made_up)
    judge = DistilledJudge(fit_weights(corpus, n_folds=2))
    assert judge.score(made_up["turns"]).ranks == pytest.approx(fit_ridge(corpus).predict(corpus), abs=1e-5)


def test_the_same_scores_in_another_order_give_the_same_file(made_up: dict[str, Any], tmp_path: Path) -> None:
    backwards = {name: column[::-1] for name, column in made_up.items()}
    first, second = distill(**made_up, folder=tmp_path / "a"), distill(**backwards, folder=tmp_path / "b")
    assert first["sha256"] == second["sha256"]


def test_the_map_gives_back_the_teachers_shares(made_up: dict[str, Any]) -> None:
    """On the made-up turns themselves: a value's share may be off by what refitting on all turns moves."""
    judge = DistilledJudge(fit_weights(build_corpus(**made_up)))
    scores = judge.score(made_up["turns"]).scores
    for threshold in (4, 5, 6, 7):
        assert (scores[:, 0] > threshold).mean() == pytest.approx(
            (np.array(made_up["sensibility"]) > threshold).mean(), abs=0.1
        )


@pytest.mark.parametrize("value", [math.nan, math.inf, -1.0, 10.5])
def test_a_score_that_is_none_is_refused_with_its_row(made_up: dict[str, Any], tmp_path: Path, value: float) -> None:
    scores = [*made_up["sensibility"][:3], value, *made_up["sensibility"][4:]]
    with pytest.raises(ConfigError, match="row 3"):
        distill(**{**made_up, "sensibility": scores}, folder=tmp_path)


def test_columns_of_different_lengths_are_refused(made_up: dict[str, Any], tmp_path: Path) -> None:
    names = made_up["dialogue_ids"][:-1]
    with pytest.raises(ConfigError, match="160 turns, 159 dialogue ids"):
        distill(**{**made_up, "dialogue_ids": names}, folder=tmp_path)


def test_too_few_dialogues_are_refused(made_up: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="5 scored dialogues"):
        distill(**{name: column[:10] for name, column in made_up.items()}, folder=tmp_path)


def test_the_bundled_weights_are_what_this_code_makes_of_the_released_scores(released: dict[str, Any]) -> None:
    """Else features or training changed, and the weights were not made anew."""
    assert len(released["turns"]) == 5734
    corpus = build_corpus(**released)
    made, bundled = fit_ridge(corpus).predict(corpus), DistilledJudge.load().score(released["turns"])
    assert bundled.ranks == pytest.approx(made, abs=2e-3)  # half precision
