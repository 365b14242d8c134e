"""From what is known of a corpus to the turns that the LLM is asked about next."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tasks.judge_config import ActiveConfig
from tasks.judges.active.asking import (
    Allowance,
    Reason,
    choose_audit,
    choose_seeds,
    choose_uncertain,
    expect_disagreement,
    share_out,
)
from tasks.judges.active.learner import Guess, Learner, fit_learner
from tasks.judges.active.pool import Pool, guess_all, read_turns
from tasks.judges.corpus import MIN_DIALOGUES, build_corpus

MAX_LABELS = 30_000
"""More teach little and take memory and time; those with the lowest keys, which are hashes, stand for all."""
LEAST_ROUND = 0.1
"""Of a round's turns: fewer that are uncertain are not worth learning anew for."""


@dataclass(frozen=True)
class Chosen:
    """The rows of a pool to be asked about next, and why."""

    rows: NDArray[np.int64]
    reason: Reason
    ended_by: str = ""
    """What ended the choice of uncertain turns, where the audit is next."""
    expected: float | None = None
    """Share of all turns expected in another subset than by a full run; None before anything is learnt."""
    learnt: tuple[Learner, Guess] | None = None
    """What was learnt, and what it expects of every turn; None while turns are asked by chance."""

    @property
    def learner(self) -> Learner:
        """The learner behind an audit or a round of uncertain turns."""
        return self._require_learnt()[0]

    @property
    def guess(self) -> Guess:
        """What it expects of every turn."""
        return self._require_learnt()[1]

    def _require_learnt(self) -> tuple[Learner, Guess]:
        if self.learnt is None:
            raise ValueError(f"nothing is learnt before turns asked for the reason {self.reason}")
        return self.learnt


def learn(pool: Pool, thresholds: tuple[float, float]) -> Learner:
    """Fit a learner to the turns of a pool that are scored, to at most MAX_LABELS of them."""
    rows = np.flatnonzero(pool.is_scored)[:MAX_LABELS]
    ids = pool.turns["dialogue_id"].gather(rows).to_list()
    sensibility, rationality = pool.scores[rows].T.tolist()
    return fit_learner(build_corpus(read_turns(pool, rows), ids, sensibility, rationality), thresholds)


def choose_next(pool: Pool, config: ActiveConfig) -> Chosen:
    """Return what to ask next; the audit where the budget, the bound or the uncertain turns are used up."""
    allowed = share_out(len(pool.turns), config)
    n_asked = int(pool.is_asked.sum())
    n_seeds = count_seeds(pool, allowed, n_asked)
    if n_asked < n_seeds:
        return Chosen(choose_seeds(pool.keys, pool.is_asked, n_seeds, config.seed), Reason.RANDOM)
    learner = learn(pool, (config.sensibility_threshold, config.rationality_threshold))
    guess = guess_all(pool, learner)
    expected = expect_disagreement(guess, pool.is_asked)
    n = min(allowed.per_round, allowed.total - allowed.audit - n_asked)
    rows = choose_uncertain(guess, pool.is_asked, max(0, n))
    if n <= 0:
        ended_by = "the budget"
    elif expected <= config.bound:
        ended_by = "the bound"
    elif len(rows) < LEAST_ROUND * n:
        ended_by = "too few uncertain turns"
    else:
        return Chosen(rows, Reason.UNCERTAIN, expected=expected, learnt=(learner, guess))
    n_audit = min(allowed.audit, max(0, allowed.total - n_asked))
    audit = choose_audit(pool.keys, pool.is_asked, n_audit, config.seed)
    return Chosen(audit, Reason.AUDIT, ended_by, expected, (learner, guess))


def count_seeds(pool: Pool, allowed: Allowance, n_asked: int) -> int:
    """Return how many turns are asked by chance: more where so many were refused that nothing can be learnt."""
    n_dialogues = pool.turns["dialogue_id"].filter(pool.is_scored).n_unique()
    if n_asked < allowed.total and n_dialogues < MIN_DIALOGUES:
        return max(allowed.seeds, min(n_asked + MIN_DIALOGUES, allowed.total))
    return allowed.seeds
