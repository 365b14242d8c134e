"""The subsets to learn from, the dialogues they were selected from, and the parts that are not learned from."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from tasks.artifacts import ArtifactStore
from tasks.config import ExperimentConfig
from tasks.errors import ConfigError, UsageError
from tasks.progress import report_notice
from tasks.schema import ArtifactRef


def find_current_subsets(artifacts: ArtifactStore, split: str | None = None) -> ArtifactRef:
    """Return the subsets that were selected last, of a split or of any. Raises UsageError if there are none."""
    current = artifacts.get_current(f"subsets-{split}" if split else "subsets")
    if current is None:
        which, option = (f" of the split {split!r}", f" --split {split}") if split else ("", "")
        raise UsageError(f"No subsets{which} have been selected yet.", do=f"run `empathy select{option}` first")
    return current


def corpus_of(artifacts: ArtifactStore, subsets: ArtifactRef) -> list[ArtifactRef]:
    """Return the dialogues that subsets were selected from."""
    parents = artifacts.read_manifest(subsets.uri)["parents"]
    return [ArtifactRef(**parent) for parent in parents if parent["kind"] == "dialogues"]


def read_corpus(
    artifacts: ArtifactStore, corpus: Sequence[ArtifactRef], columns: list[str] | None = None
) -> pl.DataFrame:
    """Return the turns of a corpus; a dialogue that stands in two sources counts as the last one gave it.

    `columns` are those to read, all if not given; dialogue_id and utterance_idx must be among them.
    """
    files = [artifacts.open(ref) / "turns.parquet" for ref in corpus]
    turns = pl.concat(pl.read_parquet(file, columns=columns, glob=False) for file in files)
    return turns.unique(["dialogue_id", "utterance_idx"], keep="last", maintain_order=True)


def read_held_out(artifacts: ArtifactStore, subsets: ArtifactRef) -> pl.DataFrame:
    """Return dialogue_id and turn_key of the turns that the subsets' dialogues hold out for evaluation."""
    columns = ["dialogue_id", "utterance_idx", "turn_key", "split"]
    turns = read_corpus(artifacts, corpus_of(artifacts, subsets), columns)
    chosen = artifacts.read_manifest(subsets.uri)["config"]["split"]
    held_out = turns.filter(pl.col("split").is_in(["test", "valid"]) & (pl.col("split") != chosen))
    return held_out.select("dialogue_id", "turn_key")


def read_valid(artifacts: ArtifactStore, subsets: ArtifactRef, config: ExperimentConfig) -> pl.DataFrame | None:
    """Return the turns (dialogue_id, turn_key, prompt, completion) of split 'valid' that a training is tried on.

    None where nobody looks, or where models are learned from or evaluated on that split; that is said. At most
    `expert.eval_turns`, the first by turn_key, a hash; a turn whose text is evaluated on is left out. Raises
    ConfigError where the best weights are wanted and there is no turn to try them on.
    """
    if not config.expert.n_evaluations:
        return None
    columns = ["dialogue_id", "utterance_idx", "turn_key", "split", "prompt", "response"]
    turns = read_corpus(artifacts, corpus_of(artifacts, subsets), columns)
    tests, wanted = turns.filter(pl.col("split") == "test"), config.evaluation.split
    is_evaluated = wanted == "valid" or (wanted == "auto" and tests.is_empty())
    is_learned = artifacts.read_manifest(subsets.uri)["config"]["split"] == "valid"
    valid = turns.filter((pl.col("split") == "valid") & ~pl.col("turn_key").is_in(tests["turn_key"].implode()))
    if is_evaluated or is_learned or valid.is_empty():
        do = "ingest dialogues of the split valid too, and evaluate on test"
        text = (
            "There is no turn of the split 'valid' to try a training on that is neither learned from nor evaluated on"
        )
        if config.expert.keep == "best":
            raise ConfigError(f"{text}.", where="expert.keep=best", do=f"{do}; or keep the last weights")
        report_notice(f"{text}: nobody looks ({do}).")
        return None
    message = pl.struct(role=pl.lit("assistant"), content=pl.col("response"))
    tried = valid.sort("turn_key", "dialogue_id").head(config.expert.eval_turns)
    return tried.select("dialogue_id", "turn_key", "prompt", completion=pl.concat_list(message))
