"""The distinct turns of a corpus, what is known of each, and what a learner makes of them, read in batches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tasks.chat import to_utterances
from tasks.judges.active.learner import Guess, Learner
from tasks.progress import report_progress
from tasks.schema import Turn

if TYPE_CHECKING:
    import polars as pl

BATCH_SIZE = 2048
SCORE_COLUMNS = ("turn_key", "sensibility", "rationality", "sensibility_sd", "rationality_sd", "unscored_reason")


@dataclass(frozen=True)
class Pool:
    """n distinct turns in the order of their keys, and the scores of the LLM for those that it was asked about."""

    turns: pl.DataFrame
    """turn_key, dialogue_id and unscored_reason; the texts stay in the files."""
    scores: NDArray[np.float64]
    """The LLM's scores (n, 2), NaN where it gave none."""
    deviations: NDArray[np.float64]
    """Their deviations (n, 2), NaN where the LLM's method gives none."""
    is_asked: NDArray[np.bool_]
    """Whether there is a score, or a reason why there will be none."""
    files: tuple[Path, ...]
    split: str

    def take(self, rows: NDArray[np.int64]) -> Pool:
        """Return the turns of these rows."""
        parts = self.scores[rows], self.deviations[rows], self.is_asked[rows]
        return Pool(self.turns[rows], *parts, self.files, self.split)

    @property
    def keys(self) -> list[str]:
        """The keys of the turns."""
        return self.turns["turn_key"].to_list()

    @property
    def is_scored(self) -> NDArray[np.bool_]:
        """Whether the LLM gave a score, shape (n,)."""
        return ~np.isnan(self.scores[:, 0])


def open_pool(files: Sequence[Path], split: str, scores: pl.DataFrame, terminal: Sequence[str]) -> Pool:
    """Return the distinct turns of a corpus (all files' `turns.parquet`) with an LLM's scores of them.

    `scores` has the columns SCORE_COLUMNS; the reasons in `terminal` are final.
    """
    import polars as pl

    turns = pl.concat(_scan(files, split)).select("turn_key", "dialogue_id").collect()
    turns = turns.unique("turn_key", keep="first", maintain_order=True).sort("turn_key")
    known = turns.join(scores, on="turn_key", how="left", maintain_order="left")
    values, deviations = (
        known.select(names).cast(pl.Float64).fill_null(float("nan")).to_numpy()
        for names in (SCORE_COLUMNS[1:3], SCORE_COLUMNS[3:5])
    )
    is_final = known["unscored_reason"].is_in(list(terminal)).fill_null(value=False).to_numpy()
    turns = known.select("turn_key", "dialogue_id", "unscored_reason")
    return Pool(turns, values, deviations, ~np.isnan(values[:, 0]) | is_final, tuple(files), split)


def read_turns(pool: Pool, rows: NDArray[np.int64]) -> list[Turn]:
    """Return the turns of these rows, with their texts."""
    import polars as pl

    wanted = pool.turns[rows].select("turn_key")
    texts = pl.concat(
        frame.select("turn_key", "prompt", "response").join(wanted.lazy(), on="turn_key", how="semi")
        for frame in _scan(pool.files, pool.split)
    ).collect()
    texts = wanted.join(texts.unique("turn_key", keep="first"), on="turn_key", how="left", maintain_order="left")
    return [Turn(key, to_utterances(prompt), response) for key, prompt, response in texts.iter_rows()]


def guess_all(pool: Pool, learner: Learner) -> Guess:
    """Return what a learner expects of every turn of the pool, in its order; memory holds a batch of texts.

    Turns that the LLM was asked about are not guessed: they have its scores, no deviation and no chance of another
    subset.
    """
    import pyarrow.parquet as pq

    place = {key: row for row, key in enumerate(pool.keys) if not pool.is_asked[row]}
    n_open = len(place)
    shape = pool.scores.shape
    whole = Guess(pool.scores.copy(), np.zeros(shape), np.zeros(shape[0], np.bool_), np.zeros(shape[0]))
    for file in pool.files:
        for batch in pq.ParquetFile(file).iter_batches(BATCH_SIZE, columns=["turn_key", "prompt", "response"]):
            columns = (batch.column(name).to_pylist() for name in ("turn_key", "prompt", "response"))
            found = [(place.pop(key), key, prompt, said) for key, prompt, said in zip(*columns, strict=True)
                     if key in place]  # fmt: skip
            if not found:
                continue
            rows = np.array([row for row, *_ in found], np.int64)
            part = learner.guess([Turn(key, to_utterances(prompt), said) for _, key, prompt, said in found])
            for field in fields(Guess):
                getattr(whole, field.name)[rows] = getattr(part, field.name)
            report_progress("guess scores", n_open - len(place), n_open)
    return whole


def _scan(files: Sequence[Path], split: str) -> list[pl.LazyFrame]:
    import polars as pl

    frames = [pl.scan_parquet(file, glob=False) for file in files]
    return frames if split == "all" else [frame.filter(pl.col("split") == split) for frame in frames]
