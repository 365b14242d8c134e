"""The subsets to learn from, the dialogues they were selected from, and the part that is never learned from."""

from __future__ import annotations

import polars as pl

from tasks.artifacts import ArtifactStore
from tasks.errors import UsageError
from tasks.schema import ArtifactRef


def find_current_subsets(artifacts: ArtifactStore) -> ArtifactRef:
    """Return the subsets that were selected last. Raises UsageError if there are none."""
    current = artifacts.get_current("subsets")
    if current is None:
        raise UsageError("No subsets have been selected yet.", do="run `empathy select` first")
    return current


def corpus_of(artifacts: ArtifactStore, subsets: ArtifactRef) -> list[ArtifactRef]:
    """Return the dialogues that subsets were selected from."""
    parents = artifacts.read_manifest(subsets.uri)["parents"]
    return [ArtifactRef(**parent) for parent in parents if parent["kind"] == "dialogues"]


def read_held_out(artifacts: ArtifactStore, subsets: ArtifactRef) -> pl.DataFrame:
    """Return dialogue_id and turn_key of the turns that the subsets' dialogues hold out for evaluation."""
    columns = ["dialogue_id", "utterance_idx", "turn_key", "split"]
    files = [artifacts.open(ref) / "turns.parquet" for ref in corpus_of(artifacts, subsets)]
    turns = pl.concat(pl.read_parquet(file, columns=columns, glob=False) for file in files)
    turns = turns.unique(["dialogue_id", "utterance_idx"], keep="last").select("dialogue_id", "turn_key", "split")
    chosen = artifacts.read_manifest(subsets.uri)["config"]["split"]
    return turns.filter(pl.col("split").is_in(["test", "valid"]) & (pl.col("split") != chosen)).drop("split")
