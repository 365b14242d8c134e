"""From the LLM's scores so far to the next turns to ask about; everything that decides it is in the artifacts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from tasks.artifacts import ArtifactStore
from tasks.judge_config import ActiveConfig
from tasks.judges.active.asking import (
    Reason,
    choose_audit,
    choose_seeds,
    choose_uncertain,
    expect_disagreement,
    share_out,
)
from tasks.judges.active.learner import Learner, fit_learner
from tasks.judges.active.pool import SCORE_COLUMNS, Pool, guess_all, open_pool, read_turns
from tasks.judges.corpus import MIN_DIALOGUES, build_corpus
from tasks.manifest import Recipe
from tasks.schema import ArtifactRef
from tasks.scoring import CHOSEN_FILE, TERMINAL

if TYPE_CHECKING:
    import polars as pl

ACTIVE_VERSION = 1  # raise it when the same scores let other turns be asked for, or give other guesses
AUDIT = "active-audit-{judge_id}"


@dataclass(frozen=True)
class Course:
    """A corpus with an LLM's scores of it, and how the budget is spent."""

    artifacts: ArtifactStore
    corpus: Sequence[ArtifactRef]
    scores: ArtifactRef
    config: ActiveConfig
    split: str

    @property
    def thresholds(self) -> tuple[float, float]:
        """Those of sensibility and of rationality."""
        return self.config.sensibility_threshold, self.config.rationality_threshold

    def recipe(self, kind: str, **inputs: str) -> Recipe:
        """Return the recipe of what follows from these scores."""
        config = {**self.config.model_dump(), "split": self.split}
        return Recipe(kind, ACTIVE_VERSION, config, (*self.corpus, self.scores), inputs)

    def open_pool(self, scores: ArtifactRef | None = None) -> Pool:
        """Return the turns with the scores, or with those of an earlier artifact."""
        import polars as pl

        table = self.artifacts.open(scores or self.scores) / "scores.parquet"
        files = [self.artifacts.open(ref) / "turns.parquet" for ref in self.corpus]
        return open_pool(files, self.split, pl.read_parquet(table, columns=list(SCORE_COLUMNS), glob=False), TERMINAL)

    def read_chosen(self, round_: ArtifactRef) -> pl.DataFrame:
        """Return the turn keys of a round."""
        import polars as pl

        return pl.read_parquet(self.artifacts.open(round_) / CHOSEN_FILE, glob=False)


@dataclass(frozen=True)
class Chosen:
    """The rows of a pool to be asked about next, and why."""

    rows: NDArray[np.int64]
    reason: Reason
    expected: float | None
    """Share of all turns expected in another subset than by a full run; None before anything is learnt."""


class Round(BaseModel):
    """Turns to be asked about (kind `active-round`), why, and how many of them are still open."""

    model_config = ConfigDict(frozen=True)

    questions: ArtifactRef
    reason: Reason
    n_open: int


def learn(pool: Pool, thresholds: tuple[float, float]) -> Learner:
    """Fit a learner to the turns of a pool that are scored."""
    rows = np.flatnonzero(pool.is_scored)
    ids = pool.turns["dialogue_id"].gather(rows).to_list()
    sensibility, rationality = pool.scores[rows].T.tolist()
    return fit_learner(build_corpus(read_turns(pool, rows), ids, sensibility, rationality), thresholds)


def choose_next(pool: Pool, config: ActiveConfig) -> Chosen:
    """Return what to ask next; the audit where the budget, the bound or the uncertain turns are used up."""
    allowed = share_out(len(pool.turns), config)
    n_asked = int(pool.is_asked.sum())
    n_seeds = allowed.seeds
    if n_asked < allowed.total and pool.turns["dialogue_id"].filter(pool.is_scored).n_unique() < MIN_DIALOGUES:
        n_seeds = max(n_seeds, min(n_asked + MIN_DIALOGUES, allowed.total))  # so many were refused that none can learn
    if n_asked < n_seeds:
        return Chosen(choose_seeds(pool.keys, pool.is_asked, n_seeds, config.seed), Reason.RANDOM, None)
    thresholds = config.sensibility_threshold, config.rationality_threshold
    guess = guess_all(pool, learn(pool, thresholds))
    expected = expect_disagreement(guess, pool.is_asked)
    n = min(allowed.per_round, allowed.total - allowed.audit - n_asked)
    if n > 0 and expected > config.bound:
        rows = choose_uncertain(guess, pool.is_asked, n)
        if len(rows):
            return Chosen(rows, Reason.UNCERTAIN, expected)
    n_audit = min(allowed.audit, max(0, allowed.total - n_asked))
    return Chosen(choose_audit(pool.keys, pool.is_asked, n_audit, config.seed), Reason.AUDIT, expected)


def plan_round(course: Course, judge_id: str) -> Round:
    """Return the turns to ask about next; where none is open there are none.

    An audit that has been drawn is finished before anything else is learnt from it.
    """
    pool = course.open_pool()
    ref = find_audit(course, judge_id) or choose_round(course, pool)
    reason = Reason(course.artifacts.read_manifest(ref.uri)["facts"]["reason"])
    if reason is Reason.AUDIT:
        course.artifacts.set_current(AUDIT.format(judge_id=judge_id), ref)
    still = pool.turns.filter(~pool.is_asked).join(course.read_chosen(ref), on="turn_key", how="semi")
    return Round(questions=ref, reason=reason, n_open=len(still))


def choose_round(course: Course, pool: Pool) -> ArtifactRef:
    """Return the artifact of the turns that these scores let one ask about next."""

    def build(folder: Path) -> dict[str, Any]:
        chosen = choose_next(pool, course.config)
        pool.turns[chosen.rows].select("turn_key").write_parquet(folder / CHOSEN_FILE)
        return {"n_rows": len(chosen.rows), "reason": str(chosen.reason), "expected": chosen.expected,
                "n_asked": int(pool.is_asked.sum()), "n_turns": len(pool.turns)}  # fmt: skip

    return course.artifacts.produce(course.recipe("active-round"), build)


def find_audit(course: Course, judge_id: str) -> ArtifactRef | None:
    """Return the audit drawn last by these settings, if no other turn was scored since."""
    ref = course.artifacts.get_current(AUDIT.format(judge_id=judge_id))
    if ref is None or not course.artifacts.holds(ref.uri):
        return None
    before = find_scores_before(course.artifacts, ref)
    former = Course(course.artifacts, course.corpus, before, course.config, course.split)
    if former.recipe("active-round").digest != ref.config_digest:
        return None
    now, then = course.open_pool(), former.open_pool()
    new = set(now.turns.filter(now.is_asked & ~then.is_asked)["turn_key"].to_list())
    return ref if new <= set(course.read_chosen(ref)["turn_key"].to_list()) else None


def find_scores_before(artifacts: ArtifactStore, round_: ArtifactRef) -> ArtifactRef:
    """Return the scores that a round was planned from."""
    parents = artifacts.read_manifest(round_.uri)["parents"]
    return next(ArtifactRef(**parent) for parent in parents if parent["kind"] == "scores")
