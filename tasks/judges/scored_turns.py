"""The turns of a corpus beside a judge's scores of them, each text once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tasks.artifacts import ArtifactStore
from tasks.schema import ArtifactRef

if TYPE_CHECKING:
    import polars as pl

WITH_TEXTS = ("dialogue_id", "turn_key", "split", "prompt", "response")


def read_scored(
    artifacts: ArtifactStore, corpus: Sequence[ArtifactRef], scores: ArtifactRef, columns: Sequence[str] = WITH_TEXTS
) -> pl.DataFrame:
    """Return the turns that have a score, with these columns (turn_key among them) and those of the scores."""
    import polars as pl

    files = [artifacts.open(ref) / "turns.parquet" for ref in corpus]
    turns = pl.concat(pl.read_parquet(file, columns=list(columns), glob=False) for file in files)
    scored = pl.read_parquet(artifacts.open(scores) / "scores.parquet", glob=False).drop_nulls("sensibility")
    return turns.unique("turn_key", keep="last", maintain_order=True).join(
        scored, on="turn_key", how="inner", maintain_order="left"
    )
