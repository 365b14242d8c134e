"""Figures that others published for outputs we have: the metrics mean what the field means by them."""

import json

import polars as pl
import pytest

from tasks.config import EvaluationConfig
from tasks.evaluation import bleu_n, dist_n, f1, make_table, summarise
from tasks.evaluation.metrics import tokenize


@pytest.fixture(scope="module")
def outputs(shared_data):
    """Greedy responses of CEM and the human references, on the same 5,255 turns."""
    folder = shared_data / "system_outputs"
    cem = json.loads((folder / "cem.json").read_text(encoding="utf-8"))
    human = json.loads((folder / "human.json").read_text(encoding="utf-8"))
    return [row["decoder_greedy"] for row in cem], [row["human"] for row in human]


def test_dist_of_cem_and_of_people_is_as_published(outputs):
    cem, human = outputs
    assert [round(dist_n(cem, n), 2) for n in (1, 2)] == [0.66, 2.99]
    assert [round(dist_n(human, n), 2) for n in (1, 2)] == [5.96, 36.82]


def test_bleu_on_the_corpus_equals_nltk_with_its_default_smoothing_too(outputs):
    from nltk.translate.bleu_score import SmoothingFunction, corpus_bleu

    cem, human = outputs
    weights = [[1 / n] * n for n in (1, 2, 3, 4)]
    references = [[words] for words in tokenize(human)]
    expected = corpus_bleu(references, tokenize(cem), weights, SmoothingFunction().method1)
    assert [bleu_n(cem, human, n) for n in (1, 2, 3, 4)] == pytest.approx([100 * value for value in expected])


def test_the_summary_of_cem_agrees_with_the_metrics_and_its_intervals_hold_the_values(outputs):
    cem, human = outputs
    n = len(cem)
    frame = pl.DataFrame(
        {
            "system": ["base"] * n,
            "dialogue_id": [f"d{at}" for at in range(n)],
            "utterance_idx": [2] * n,
            "turn_key": [f"{at:05}" for at in range(n)],
            "reference": human,
            "response": cem,
            "nll": [30.0] * n,
            "n_tokens": [10] * n,
        }
    )
    metrics = summarise(frame, EvaluationConfig())
    found = {row["metric"]: row for row in metrics.iter_rows(named=True)}
    assert [round(found[name]["value"], 2) for name in ("dist_1", "dist_2")] == [0.66, 2.99]
    assert found["f1"]["value"] == pytest.approx(f1(cem, human))
    assert all(row["low"] < row["value"] < row["high"] for name, row in found.items() if name != "perplexity")
    assert found["dist_2"]["high"] - found["dist_2"]["low"] < 0.5
    assert "2.99 [" in make_table(metrics).to_markdown()
