"""A judge that has a sentence encoder beside n-grams."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import spearmanr

from tasks.errors import ConfigError
from tasks.judges import RememberingEncoder, cross_validate, distill
from tasks.judges.corpus import build_corpus
from tasks.judges.distill import fit_weights
from tasks.judges.kernel import fit_kernel_space
from tasks.judges.ridge import fit_ridge
from tasks.schema import Turn
from tasks.scoring import DistilledJudge, measure_kernel
from tests.scoring.tiny_encoder import WordEncoder


def test_the_judge_with_its_encoder_predicts_what_training_predicted(made_up: dict[str, Any], tmp_path: Path) -> None:
    """Training whitens kernel features, scoring sums over landmarks: two roads to one number, through a file."""
    encoder = WordEncoder()
    facts = distill(**made_up, folder=tmp_path, encoder=encoder)
    judge = DistilledJudge.load(tmp_path / "distilled.safetensors", encoder)
    corpus = build_corpus(**made_up, encoder=encoder)
    assert judge.score(made_up["turns"]).ranks == pytest.approx(fit_ridge(corpus).predict(corpus), abs=5e-3)
    assert facts["encoder"] == encoder.digest
    assert 0 < facts["n_landmarks"] <= 160
    again = distill(**{name: column[::-1] for name, column in made_up.items()}, folder=tmp_path / "b", encoder=encoder)
    assert again["sha256"] == facts["sha256"]


def test_what_only_the_encoder_sees_is_learnt() -> None:
    """Every response is of words of its own, so that n-grams say nothing of it: its meaning is a sum over them."""

    values = np.random.default_rng(0).random(300)
    meaning = {f"{crc32(str(value).encode()):x}": value for value in values}

    class Meaning(WordEncoder):
        width = 2

        def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
            angles = np.array([meaning.get(text, 0) for text in texts])
            return np.column_stack([np.cos(angles), np.sin(angles)]).astype(np.float32)

    scores = (10 * values).round().tolist()
    scored = ([Turn(text, (), text) for text in meaning], [f"d{n // 2}" for n in range(300)], scores, scores)
    plain, encoded = (cross_validate(*scored, n_folds=3, inner_folds=2, encoder=one) for one in (None, Meaning()))
    assert abs(plain.dimensions[0].spearman_ranks) < 0.3
    assert encoded.dimensions[0].spearman_ranks > 0.9


def test_a_judge_refuses_to_score_without_its_encoder_or_with_another(made_up: dict[str, Any]) -> None:
    encoder = WordEncoder()
    weights = fit_weights(build_corpus(**made_up, encoder=encoder), n_folds=2)
    with pytest.raises(ConfigError, match="needs an encoder"):
        DistilledJudge(weights)
    encoder.digest = "cd" * 32
    with pytest.raises(ConfigError, match="another sentence encoder"):
        DistilledJudge(weights, encoder=encoder)
    with pytest.raises(ConfigError, match="without a sentence encoder"):
        DistilledJudge.load(encoder=encoder)


def test_features_of_the_kernel_space_have_the_kernel_as_inner_product() -> None:
    vectors = np.random.default_rng(1).normal(size=(40, 6)).astype(np.float16).astype(np.float32)
    space = fit_kernel_space(np.concatenate([vectors, vectors]))
    placed = space.place(vectors)
    assert placed.shape == (40, 40)  # twins are one landmark
    assert placed @ placed.T == pytest.approx(4 * measure_kernel(vectors, vectors), abs=0.02)
    assert spearmanr((placed @ placed.T)[0], measure_kernel(vectors, vectors)[0]).statistic > 0.99


def test_each_text_is_encoded_once() -> None:
    encoder = WordEncoder()
    remembering = RememberingEncoder(encoder)
    first = remembering.encode(["a b", "c", "a b"])
    assert remembering.encode(["c", "a b"]).tolist() == first[[1, 2]].tolist()
    assert remembering.encode([]).shape == (0, encoder.width)
    assert encoder.n_asked == 2
