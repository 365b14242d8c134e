"""The scored turns that a selection chooses from, with what the explorer counts of them."""

from __future__ import annotations

import polars as pl

from tasks.reporting.material import Material, count_by
from tasks.schema import SPLITS


def list_scored_turns(material: Material) -> tuple[pl.LazyFrame, str] | None:
    """Return the scored turns and their split: those of the subsets, else those that `empathy select` would read.

    The rows hold `sensibility`, `rationality`, `emotion`, `n_words`, `is_removed` and, of chosen subsets, `subset`.
    None where there is neither a selection nor scores of a corpus.
    """
    if material.subsets is not None:
        splits = [str(split) for split, _ in count_by(material.subsets, "split")]
        response = pl.col("completion").list.first().struct.field("content")
        return material.subsets.select(
            "sensibility", "rationality", "emotion", "subset", n_words=count_words(response), is_removed=is_filtered()
        ), splits[0] if splits else ""
    if material.turns is None or material.scores is None:
        return None
    split = find_split(material.turns)
    return select_candidates(material.turns, material.scores, split).select(
        "sensibility", "rationality", "emotion", n_words=count_words(pl.col("response")), is_removed=pl.lit(False)
    ), split


def is_filtered() -> pl.Expr:
    """Say of each turn whether a filter removed it before any rule; a quota removes turns after one."""
    return pl.col("reason").str.starts_with("modifier:") & ~pl.col("reason").str.starts_with("modifier: over ")


def count_words(text: pl.Expr) -> pl.Expr:
    """Return the number of words of each text as a selection counts them: spaces and one."""
    return text.str.count_matches(" ", literal=True).cast(pl.Int64) + 1


def find_split(turns: pl.LazyFrame) -> str:
    """Return the split to select from: train, else the first there is."""
    present = {split for split, _ in count_by(turns, "split")}
    return next((split for split in SPLITS if split in present), "")


def select_candidates(turns: pl.LazyFrame, scores: pl.LazyFrame, split: str) -> pl.LazyFrame:
    """Return the scored turns of a split, each dialogue as its last source gave it, without texts of other splits."""
    corpus = turns.unique(["dialogue_id", "utterance_idx"], keep="last", maintain_order=True)
    held_out = corpus.filter(pl.col("split") != split).select("turn_key").unique()
    scored = scores.filter(pl.col("sensibility").is_not_null()).select("turn_key", "sensibility", "rationality")
    return (
        corpus.filter(pl.col("split") == split)
        .join(held_out, on="turn_key", how="anti")
        .join(scored, on="turn_key", how="inner")
    )
