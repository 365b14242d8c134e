"""The files of the two artifacts of an evaluation, and the facts their manifests state."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl

from tasks.config import EvaluationConfig
from tasks.evaluation.judged import SCORES_FILE, TURNS_FILE, attach_scores, judge_rows
from tasks.evaluation.paired import compare_pairs
from tasks.evaluation.pairwise import PAIRS_FILE, count_wins, decide_pairs
from tasks.evaluation.summary import summarise
from tasks.scoring import VERDICTS_FILE

RESPONSES_FILE = "responses.parquet"
METRICS_FILE = "metrics.parquet"
COMPARISONS_FILE = "comparisons.parquet"
JUDGED_FILE = "judged.parquet"
WINS_FILE = "wins.parquet"
Judgement = tuple[Path, Path]
"""Folders of what was judged (generated turns, or questions) and of what the judge said (scores, or verdicts)."""
SCORED_FILES, VERDICT_FILES = (TURNS_FILE, SCORES_FILE), (PAIRS_FILE, VERDICTS_FILE)


def write_responses(folder: Path, responses: pl.DataFrame) -> dict[str, Any]:
    """Write one system's rows into an artifact's folder and return its facts."""
    responses.write_parquet(folder / RESPONSES_FILE)
    return {"n_rows": len(responses), "n_responses": responses["response"].count()}


def write_evaluation(
    folder: Path,
    parts: Sequence[Path],
    config: EvaluationConfig,
    scored: Judgement | None = None,
    compared: Judgement | None = None,
) -> dict[str, Any]:
    """Write all systems' responses, what judges said of them, their metrics and the paired tests.

    `parts` are folders of `responses` artifacts.
    """
    responses = read_responses(parts)
    responses.write_parquet(folder / RESPONSES_FILE)
    facts: dict[str, Any] = {}
    if scored:
        turns, scores = (pl.read_parquet(at / name, glob=False) for at, name in zip(scored, SCORED_FILES, strict=True))
        judged = judge_rows(responses, turns, scores)
        judged.write_parquet(folder / JUDGED_FILE)
        responses = attach_scores(responses, judged)
        facts["unscored"] = dict(judged["unscored_reason"].drop_nulls().value_counts(name="n").sort("n").iter_rows())
    if compared:
        pairs, verdicts = (
            pl.read_parquet(at / name, glob=False) for at, name in zip(compared, VERDICT_FILES, strict=True)
        )
        decided = decide_pairs(pairs, verdicts)
        decided.write_parquet(folder / PAIRS_FILE)
        count_wins(decided, config).write_parquet(folder / WINS_FILE)
    metrics = summarise(responses, config)
    metrics.write_parquet(folder / METRICS_FILE)
    compare_pairs(responses, config).write_parquet(folder / COMPARISONS_FILE)
    return {"n_rows": len(metrics), "systems": metrics["system"].unique(maintain_order=True).to_list(), **facts}


def read_responses(parts: Sequence[Path]) -> pl.DataFrame:
    """Return the rows of opened `responses` artifacts, one below the other."""
    return pl.concat(pl.read_parquet(part / RESPONSES_FILE, glob=False) for part in parts)


def read_wins(folder: Path) -> pl.DataFrame | None:
    """Return the wins of an opened `evaluation` artifact; None where no systems were compared in pairs."""
    file = folder / WINS_FILE
    return pl.read_parquet(file, glob=False) if file.is_file() else None


def read_metrics(folder: Path) -> pl.DataFrame:
    """Return the metrics of an opened `evaluation` artifact."""
    return pl.read_parquet(folder / METRICS_FILE, glob=False)


def read_comparisons(folder: Path) -> pl.DataFrame:
    """Return the paired tests of an opened `evaluation` artifact."""
    return pl.read_parquet(folder / COMPARISONS_FILE, glob=False)
