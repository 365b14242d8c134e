"""Which turns a model learns from: the subsets, the controls, and the guard against leaks."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from tasks.errors import ArtifactError, DataLeakError, UsageError
from tasks.experts.steps import EXPERTS
from tasks.schema import Subset

CONTROLS = ("union", "full", "random", "length-matched")
N_LENGTH_BINS = 20
N_EXAMPLES = 3


def read_rows(folder: Path, subsets: Sequence[str]) -> pl.DataFrame:
    """Return the turns of the named subsets of a subsets artifact, one under the other.

    Raises ArtifactError if the folder has no such subset, UsageError if together they are empty.
    """
    frames = []
    for name in subsets:
        path = folder / f"{name}.parquet"
        if not path.exists():
            raise ArtifactError(f"There is no subset {name!r} here.", where=str(folder), do="run `empathy select`")
        frames.append(pl.read_parquet(path, glob=False))
    rows = pl.concat(frames, how="vertical_relaxed")
    if rows.is_empty():
        raise UsageError(
            f"The subset {' + '.join(subsets)} is empty.",
            where=str(folder),
            do="select with other thresholds; `empathy select --preview` counts without training",
        )
    return rows


def pick_rows(folder: Path, name: str, seed: int) -> pl.DataFrame:
    """Return the turns that the adapter `name`, an expert or a control, learns from."""
    return read_rows(folder, (name,)) if name in EXPERTS else pick_control(name, folder, seed)


def pick_control(name: str, folder: Path, seed: int) -> pl.DataFrame:
    """Return the turns of a control from a subsets artifact.

    full: every scored turn. union: both subsets. random: as many turns of the full set as sensibility has.
    length-matched: as random, with response lengths distributed as in sensibility.
    The choice depends on the seed and on what the turns say, never on the order of the rows.
    """
    if name == "union":
        return read_rows(folder, (Subset.SENSIBILITY, Subset.RATIONALITY))
    if name not in CONTROLS:
        raise UsageError(f"There is no control {name!r}.", do=f"choose one of {', '.join(CONTROLS)}")
    full = read_rows(folder, tuple(Subset))
    if name == "full":
        return full
    wanted = read_rows(folder, (Subset.SENSIBILITY,))
    if name == "random":
        return order_by_hash(full, seed, name).head(len(wanted))
    return match_lengths(order_by_hash(full, seed, name), wanted)


def match_lengths(ordered: pl.DataFrame, wanted: pl.DataFrame) -> pl.DataFrame:
    """Return len(wanted) of the ordered rows whose response lengths (in words) are distributed as in `wanted`.

    Lengths fall into bins that hold equal shares of `wanted`; each bin takes the first rows it needs.
    `wanted` must be a part of `ordered`, so that no bin can run short.
    """
    lengths = count_words(wanted)
    quantiles = (lengths.quantile(i / N_LENGTH_BINS, "nearest") for i in range(1, N_LENGTH_BINS))
    edges = sorted({edge for edge in quantiles if edge is not None})
    needed: dict[str, int] = dict(lengths.cut(edges).value_counts().iter_rows())
    bins = count_words(ordered).cut(edges)
    with_bins = ordered.with_columns(_bin=bins, _order=pl.int_range(pl.len()))
    taken = [rows.head(needed.get(key[0], 0)) for key, rows in with_bins.group_by("_bin", maintain_order=True)]
    return pl.concat(taken).sort("_order").drop("_bin", "_order")


def count_words(rows: pl.DataFrame) -> pl.Series:
    """Return the number of words in each row's response."""
    response = pl.col("completion").list.first().struct.field("content")
    return rows.select(response.str.split(" ").list.len().cast(pl.Float64)).to_series()


def order_by_hash(rows: pl.DataFrame, seed: int, purpose: str) -> pl.DataFrame:
    """Return the rows in an order that is random but the same for the same turns, however they come in."""
    prefix = f"{seed}:{purpose}:"
    hashes = [hashlib.sha256(f"{prefix}{key}".encode()).hexdigest() for key in rows["turn_key"]]
    ordered = rows.with_columns(_hash=pl.Series(hashes, dtype=pl.String))
    return ordered.sort("_hash", "dialogue_id", "utterance_idx").drop("_hash")


def refuse_leak(rows: pl.DataFrame, held_out: pl.DataFrame) -> None:
    """Raise DataLeakError if a row's dialogue, or its text, stands in `held_out` (dialogue_id, turn_key)."""
    by_dialogue = rows.filter(pl.col("dialogue_id").is_in(held_out["dialogue_id"].unique().to_list()))
    by_text = rows.filter(pl.col("turn_key").is_in(held_out["turn_key"].unique().to_list()))
    if by_dialogue.is_empty() and by_text.is_empty():
        return
    examples = pl.concat([by_dialogue, by_text])["dialogue_id"].unique(maintain_order=True).head(N_EXAMPLES)
    raise DataLeakError(
        f"{by_dialogue['dialogue_id'].n_unique()} dialogues and the text of {len(by_text)} of {len(rows)} "
        "training turns stand in the evaluation split.",
        where=f"dialogues {', '.join(examples)}",
        do="select from another split, or evaluate on another one",
    )
