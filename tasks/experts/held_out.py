"""The subsets to learn from, the dialogues they were selected from, and the parts that are not learned from."""

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


def read_valid(artifacts: ArtifactStore, subsets: ArtifactRef, evaluated: str) -> pl.DataFrame | None:
    """Return the turns (dialogue_id, turn_key, prompt, completion) of split 'valid', to try a training on.

    None where there are none, or where models are learned from or evaluated on them (`evaluated` is the evaluation's
    split; 'auto' is test where there is one). A turn whose text is evaluated on is left out.
    """
    columns = ["dialogue_id", "utterance_idx", "turn_key", "split", "prompt", "response"]
    files = [artifacts.open(ref) / "turns.parquet" for ref in corpus_of(artifacts, subsets)]
    turns = pl.concat(pl.read_parquet(file, columns=columns, glob=False) for file in files)
    turns = turns.unique(["dialogue_id", "utterance_idx"], keep="last")
    tests = turns.filter(pl.col("split") == "test")
    is_evaluated = evaluated == "valid" or (evaluated == "auto" and tests.is_empty())
    if is_evaluated or artifacts.read_manifest(subsets.uri)["config"]["split"] == "valid":
        return None
    valid = turns.filter((pl.col("split") == "valid") & ~pl.col("turn_key").is_in(tests["turn_key"].implode()))
    message = pl.struct(role=pl.lit("assistant"), content=pl.col("response"))
    found = valid.select("dialogue_id", "turn_key", "prompt", completion=pl.concat_list(message))
    return found if len(found) else None
