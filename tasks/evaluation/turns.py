"""Which held-out turns the systems answer: the split, and a sample of it that does not depend on row order."""

from __future__ import annotations

import hashlib

import polars as pl

from tasks.config import EvaluationConfig
from tasks.errors import ConfigError

HELD_OUT = ("test", "valid")


def pick_held_out(turns: pl.DataFrame, config: EvaluationConfig) -> pl.DataFrame:
    """Return the turns of the evaluation split; 'auto' is test, or valid where there is no test turn.

    Raises ConfigError if the split has no turns: training turns are never evaluated on.
    """
    wanted = HELD_OUT if config.split == "auto" else (config.split,)
    for split in wanted:
        held_out = turns.filter(pl.col("split") == split)
        if len(held_out):
            return held_out
    present = ", ".join(turns["split"].unique().sort().to_list()) or "no turns at all"
    raise ConfigError(
        f"There is no turn to evaluate on in split {' or '.join(wanted)}.",
        where=f"evaluation.split={config.split}; the dialogues have: {present}",
        do="ingest a source with a test or valid split, or without any (then 5 % become test)",
    )


def pick_turns(turns: pl.DataFrame, max_turns: int | None, seed: int) -> pl.DataFrame:
    """Return at most `max_turns` turns, in the order of a hash of seed and content.

    A smaller number gives the beginning of a larger one, and the order of the rows changes nothing.
    """
    hashes = [hashlib.sha256(f"{seed}:{key}".encode()).hexdigest() for key in turns["turn_key"]]
    ordered = turns.with_columns(pl.Series("_hash", hashes, dtype=pl.String))
    ordered = ordered.sort("_hash", "dialogue_id", "utterance_idx").drop("_hash")
    return ordered if max_turns is None else ordered.head(max_turns)
