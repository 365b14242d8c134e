"""Turns with a judge's scores beside those of the source it is calibrated to: another judge, or people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tasks.artifacts import ArtifactStore
from tasks.judges.audit import read_audit
from tasks.judges.scored_turns import read_scored
from tasks.judges.validation import average_raters, read_kept
from tasks.schema import ArtifactRef
from tasks.scoring import DIMENSIONS

if TYPE_CHECKING:
    import polars as pl


def find_drawing(artifacts: ArtifactStore, reference: ArtifactRef) -> ArtifactRef | None:
    """Return the audit that drew the rated turns; None of scores, and of ratings that came from a file."""
    parents = artifacts.read_manifest(reference.uri)["parents"] if reference.kind == "ratings" else []
    return next((ArtifactRef(**parent) for parent in parents if parent["kind"] == "audit"), None)


def read_pairs(
    artifacts: ArtifactStore,
    corpus: Sequence[ArtifactRef],
    scores: ArtifactRef,
    reference: ArtifactRef,
    drawing: ArtifactRef | None = None,
) -> pl.DataFrame:
    """Return the turns scored by both, outside the split test, as `fit_calibration` takes them.

    `weight` is 1, or where an audit drew the turns how many scored turns each stands for.
    """
    import polars as pl

    names = {name: f"reference_{name}" for name in DIMENSIONS}
    if reference.kind == "ratings":
        trusted = average_raters(read_kept(artifacts, reference), DIMENSIONS).drop_nulls()
    else:
        trusted = read_scored(artifacts, corpus, reference)
    pairs = leave_out_test(read_scored(artifacts, corpus, scores)).join(
        trusted.select("turn_key", *names).rename(names), on="turn_key", how="inner", maintain_order="left"
    )
    if drawing is None:
        return pairs.with_columns(weight=pl.lit(1.0))
    chances = read_audit(artifacts, drawing).select("turn_key", weight=1 / pl.col("probability"))
    return pairs.join(chances, on="turn_key", how="inner", maintain_order="left")


def leave_out_test(turns: pl.DataFrame) -> pl.DataFrame:
    """Return the turns outside the split test, which decides nothing that is evaluated on it; all if none are left."""
    import polars as pl

    seen = turns.filter(pl.col("split") != "test")
    return turns if seen.is_empty() else seen
