"""What active scoring would have come to, tried on a corpus that the LLM has scored as a whole."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from tasks.errors import UsageError
from tasks.judge_config import ActiveConfig
from tasks.judges.active.asking import Reason, order_by_chance, share_out
from tasks.judges.active.choosing import choose_next, learn
from tasks.judges.active.conclude import estimate_from, merge_scores
from tasks.judges.active.estimate import Interval
from tasks.judges.active.pool import Pool, guess_all, open_pool, read_turns
from tasks.judges.corpus import build_corpus
from tasks.judges.cross_validation import split_turns
from tasks.judges.distill import fit_weights
from tasks.scoring import DistilledJudge

if TYPE_CHECKING:
    import polars as pl

Strategy = Literal["active", "random", "random, distilled", "distilled alone"]
"""Who is asked and how the others are scored: see CurvePoint."""


LEAST_TURNS = 500
"""Fewer leave a few dozen calls at the shares of interest."""


@dataclass(frozen=True)
class CurvePoint:
    """How near subsets come to those of a full run when the LLM is asked about a share of the turns.

    `active`: as `empathy score --judge active`. `random`: as many turns by chance, guessed from by the same learner.
    `random, distilled`: the same turns, and for the others the judge that `empathy judge distill` fits to them.
    `distilled alone`: that judge for every turn, measured on those that it was not fitted to.
    """

    strategy: Strategy
    share: float
    seed: int
    sensibility_jaccard: float
    rationality_jaccard: float
    disagreement: float
    estimated: Interval | None = None
    """Of an active run: what its audit says of `sensibility_jaccard`."""


def simulate_curve(full: Pool, config: ActiveConfig, shares: Sequence[float], seeds: int) -> Iterator[CurvePoint]:
    """Yield points of every strategy for each share of calls and seed; `full` has the LLM's score of every turn."""
    for share in shares:
        for seed in range(seeds):
            asked = config.model_copy(update={"budget": share, "seed": seed})
            yield run_active(full, asked)
            yield from run_by_chance(full, asked)


def summarise_curve(points: Sequence[CurvePoint]) -> list[dict[str, Any]]:
    """Return the mean Jaccard of the sensibility subset by strategy and share, with its range over the seeds."""
    groups: dict[tuple[str, float], list[float]] = {}
    for point in points:
        groups.setdefault((point.strategy, point.share), []).append(point.sensibility_jaccard)
    return [
        {"strategy": strategy, "share": share, "jaccard": round(sum(found) / len(found), 6),
         "low": round(min(found), 6), "high": round(max(found), 6), "n_seeds": len(found)}
        for (strategy, share), found in groups.items()
    ]  # fmt: skip


def open_full(files: Sequence[Path], split: str, scores: pl.DataFrame) -> Pool:
    """Return the turns of a corpus that a judge has scored, with its scores (turn_key, sensibility, rationality).

    Raises UsageError where they are too few to try anything on.
    """
    import polars as pl

    reasons = scores.with_columns(
        pl.lit(None, pl.Float64).alias("sensibility_sd"), pl.lit(None, pl.Float64).alias("rationality_sd"),
        pl.lit(None, pl.String).alias("unscored_reason"),
    )  # fmt: skip
    pool = open_pool(files, split, reasons, ())
    rows = np.flatnonzero(pool.is_scored)
    if len(rows) < LEAST_TURNS:
        raise UsageError(
            f"Only {len(rows):,} turns have scores of this judge; to try active scoring on them takes {LEAST_TURNS}.",
            do="name a judge that has scored the corpus as a whole, or another --split",
        )
    return pool.take(rows)


def run_active(full: Pool, config: ActiveConfig) -> CurvePoint:
    """Return what an active run comes to when the LLM answers with the scores it gave."""
    pool = hide(full, np.zeros(len(full.turns), np.bool_))
    while True:
        chosen = choose_next(pool, config)
        if chosen.reason is Reason.AUDIT:
            break
        pool = reveal(full, pool, chosen.rows)
    now = reveal(full, pool, chosen.rows)
    estimate = estimate_from(now, pool, chosen.guess, (config.sensibility_threshold, config.rationality_threshold))
    return compare(full, merge_scores(now, chosen.guess), "active", config, estimate.sensibility_jaccard)


def run_by_chance(full: Pool, config: ActiveConfig) -> Iterator[CurvePoint]:
    """Yield what as many turns drawn by chance come to, by the same learner and by a distilled judge."""
    total = share_out(len(full.turns), config).total
    is_asked = np.zeros(len(full.turns), np.bool_)
    is_asked[order_by_chance(full.keys, config.seed, Reason.RANDOM)[:total]] = True
    pool = hide(full, is_asked)
    guess = guess_all(pool, learn(pool, (config.sensibility_threshold, config.rationality_threshold)))
    yield compare(full, merge_scores(pool, guess), "random", config)
    rows, others = np.flatnonzero(is_asked), np.flatnonzero(~is_asked)
    ids = full.turns["dialogue_id"].gather(rows).to_list()
    corpus = build_corpus(read_turns(full, rows), ids, *full.scores[rows].T.tolist())
    scores = full.scores.copy()
    scores[others] = DistilledJudge(fit_weights(corpus)).score(read_turns(full, others)).scores
    yield compare(full, scores, "random, distilled", config)
    if len(others):
        yield compare(full.take(others), scores[others], "distilled alone", config)


def hide(full: Pool, is_asked: NDArray[np.bool_]) -> Pool:
    """Return the pool as it is when only some turns have been asked about."""
    return replace(full, scores=np.where(is_asked[:, None], full.scores, np.nan), is_asked=is_asked)


def reveal(full: Pool, pool: Pool, rows: NDArray[np.int64]) -> Pool:
    """Return the pool after these rows were asked about too."""
    is_asked = pool.is_asked.copy()
    is_asked[rows] = True
    return hide(full, is_asked)


def compare(
    full: Pool, scores: NDArray[np.float64], strategy: Strategy, config: ActiveConfig, found: Interval | None = None
) -> CurvePoint:
    """Return how the subsets by these scores agree with those by the full run's."""
    thresholds = config.sensibility_threshold, config.rationality_threshold
    ours, theirs = (split_turns(one, *thresholds) for one in (scores, full.scores))
    overlaps = [float((a & b).sum() / max(1, (a | b).sum())) for a, b in zip(ours, theirs, strict=True)]
    apart = (ours[0] != theirs[0]) | (ours[1] != theirs[1])
    return CurvePoint(strategy, config.budget, config.seed, overlaps[0], overlaps[1], float(apart.mean()), found)
