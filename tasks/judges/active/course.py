"""An active run as artifacts: every round follows from the LLM's scores so far, so that a killed run goes on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import BaseModel, ConfigDict

from tasks.artifacts import ArtifactStore
from tasks.judge_config import ActiveConfig
from tasks.judges.active.asking import Reason
from tasks.judges.active.choosing import Chosen, choose_next
from tasks.judges.active.learner import Guess
from tasks.judges.active.pool import SCORE_COLUMNS, Pool, open_pool
from tasks.manifest import Recipe
from tasks.schema import ArtifactRef
from tasks.scoring import CHOSEN_FILE, DIMENSIONS, TERMINAL

if TYPE_CHECKING:
    import polars as pl

ACTIVE_VERSION = 2  # raise it when the same scores let other turns be asked for, or give other guesses
AUDIT = "active-audit-{judge_id}"
"""Pointer to the audit that was drawn last from an LLM's scores: what is scored since may be its turns only."""
GUESSES_FILE, WEIGHTS_FILE = "guesses.parquet", "distilled.safetensors"


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


class Round(BaseModel):
    """Turns to be asked about (kind `active-round`), why, and how many of them are still open."""

    model_config = ConfigDict(frozen=True)

    questions: ArtifactRef
    reason: Reason
    n_open: int


def plan_round(course: Course, judge_id: str) -> Round:
    """Return the turns to ask about next; where none is open there are none.

    An audit that has been drawn is finished before anything else is learnt from it.
    """
    pool = course.open_pool()
    ref = find_audit(course, judge_id, pool) or choose_round(course, pool)
    reason = Reason(course.artifacts.read_manifest(ref.uri)["facts"]["reason"])
    if reason is Reason.AUDIT:
        course.artifacts.set_current(AUDIT.format(judge_id=judge_id), ref)
    still = pool.turns.filter(~pool.is_asked).join(course.read_chosen(ref), on="turn_key", how="semi")
    return Round(questions=ref, reason=reason, n_open=len(still))


def choose_round(course: Course, pool: Pool) -> ArtifactRef:
    """Return the artifact of the turns that these scores let one ask about next; with the audit come the guesses."""

    def build(folder: Path) -> dict[str, Any]:
        chosen = choose_next(pool, course.config)
        pool.turns[chosen.rows].select("turn_key").write_parquet(folder / CHOSEN_FILE)
        facts = {"n_rows": len(chosen.rows), "reason": str(chosen.reason), "ended_by": chosen.ended_by}
        facts |= {"expected": chosen.expected, "n_asked": int(pool.is_asked.sum()), "n_turns": len(pool.turns)}
        return facts | (write_guesses(pool, chosen, folder) if chosen.reason is Reason.AUDIT else {})

    return course.artifacts.produce(course.recipe("active-round"), build)


def write_guesses(pool: Pool, chosen: Chosen, folder: Path) -> dict[str, str]:
    """Write what was learnt before the audit: nothing is guessed anew after it, or it would not be one."""
    import polars as pl

    columns = dict(zip(DIMENSIONS, chosen.guess.scores.T, strict=True))
    columns |= {f"{name}_sd": values for name, values in zip(DIMENSIONS, chosen.guess.deviations.T, strict=True)}
    pl.DataFrame({"turn_key": pool.turns["turn_key"], **columns}).write_parquet(folder / GUESSES_FILE)
    return {"weights": chosen.learner.write(folder / WEIGHTS_FILE)}


def read_guesses(course: Course, round_: ArtifactRef) -> Guess:
    """Return the guesses that were made before an audit, in the order of the pool."""
    import polars as pl

    table = pl.read_parquet(course.artifacts.open(round_) / GUESSES_FILE, glob=False)
    names = DIMENSIONS, [f"{name}_sd" for name in DIMENSIONS]
    scores, deviations = (table.select(pair).to_numpy() for pair in names)
    return Guess(scores, deviations, np.zeros(len(table), np.bool_), np.zeros(len(table)))


def find_audit(course: Course, judge_id: str, now: Pool) -> ArtifactRef | None:
    """Return the audit drawn last by these settings, if no other turn was scored since."""
    ref = course.artifacts.get_current(AUDIT.format(judge_id=judge_id))
    if ref is None or not course.artifacts.holds(ref.uri):
        return None
    before = find_scores_before(course.artifacts, ref)
    former = Course(course.artifacts, course.corpus, before, course.config, course.split)
    if former.recipe("active-round").digest != ref.config_digest:
        return None
    then = former.open_pool()
    new = set(now.turns.filter(now.is_asked & ~then.is_asked)["turn_key"].to_list())
    return ref if new <= set(course.read_chosen(ref)["turn_key"].to_list()) else None


def find_scores_before(artifacts: ArtifactStore, round_: ArtifactRef) -> ArtifactRef:
    """Return the scores that a round was planned from."""
    parents = artifacts.read_manifest(round_.uri)["parents"]
    return next(ArtifactRef(**parent) for parent in parents if parent["kind"] == "scores")
