"""The files of the two artifacts of an evaluation, and the facts their manifests state."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl

from tasks.config import EvaluationConfig
from tasks.evaluation.summary import summarise

RESPONSES_FILE = "responses.parquet"
METRICS_FILE = "metrics.parquet"


def write_responses(folder: Path, responses: pl.DataFrame) -> dict[str, Any]:
    """Write one system's rows into an artifact's folder and return its facts."""
    responses.write_parquet(folder / RESPONSES_FILE)
    return {"n_rows": len(responses), "n_responses": responses["response"].count()}


def write_evaluation(folder: Path, parts: Sequence[Path], config: EvaluationConfig) -> dict[str, Any]:
    """Write all systems' responses and their metrics; `parts` are folders of `responses` artifacts."""
    responses = pl.concat(pl.read_parquet(part / RESPONSES_FILE, glob=False) for part in parts)
    metrics = summarise(responses, config)
    responses.write_parquet(folder / RESPONSES_FILE)
    metrics.write_parquet(folder / METRICS_FILE)
    return {"n_rows": len(metrics), "systems": metrics["system"].unique(maintain_order=True).to_list()}


def read_metrics(folder: Path) -> pl.DataFrame:
    """Return the metrics of an opened `evaluation` artifact."""
    return pl.read_parquet(folder / METRICS_FILE, glob=False)
