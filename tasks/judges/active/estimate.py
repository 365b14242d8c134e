"""How far the result is from that of a full run of the LLM, estimated from turns that were drawn by chance."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.judges.active.ordinal import Floats
from tasks.judges.cross_validation import Parts, split_turns
from tasks.scoring import DIMENSIONS

LEVEL = 0.95
PRIOR = 0.5
"""Jeffreys' prior: an audit that saw no difference does not prove that there is none. A bootstrap would say so."""
CELLS = np.array([PRIOR, PRIOR / 2, PRIOR / 2, PRIOR])
"""The same for the cells of a subset by LLM and guess (both, LLM only, guess only, neither): the two ways to differ
share what one share would have, or rare differences would be thought more frequent than they are."""
N_DRAWS = 4000
SEED = 17


@dataclass(frozen=True)
class Interval:
    """An estimate with its interval; None where nothing was audited."""

    value: float | None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Estimate:
    """What a full run of the LLM would change."""

    n_audited: int
    n_guessed: int
    """Turns whose scores are guesses: neither asked for nor audited."""
    disagreement: Interval
    """Share of all turns that a full run would put into another subset."""
    sensibility_jaccard: Interval
    rationality_jaccard: Interval
    sensibility_share: Interval
    """Share of all turns that a full run would put into the sensibility subset: guesses favour the larger subset."""
    rationality_share: Interval

    def describe(self) -> dict[str, Any]:
        """Return the estimate as JSON holds it."""
        return asdict(self)


def estimate_agreement(
    answered: Floats, audited: Floats, guessed: Floats, n_guessed: int, thresholds: tuple[float, float]
) -> Estimate:
    """Estimate how the subsets agree with those of a full run.

    `answered` (k, 2) are scores the LLM gave, the audit's among them; `audited` (m, 2) what it gave to the m turns of
    the audit, which were drawn by chance among all turns that were not asked for, and `guessed` (m, 2) what had been
    guessed of these. The `n_guessed` turns that are still guesses are like them: each audited turn stands for
    n_guessed / m. Intervals are Jeffreys' (Brown, Cai and DasGupta 2001), for Jaccard over the four cells of a subset
    by LLM and guess; they take turns as independent and the corpus as endless.
    """
    n_known, m = len(answered), len(audited)
    known, theirs, ours = (split_turns(one, *thresholds) for one in (answered, audited, guessed))
    if n_guessed == 0:
        exact = [Interval(value, value, value) for value in (0.0, 1.0, 1.0, *(float(part.mean()) for part in known))]
        return Estimate(m, 0, *exact)
    if m == 0:
        return Estimate(0, n_guessed, *[Interval(None)] * 5)
    is_apart = (theirs[0] != ours[0]) | (theirs[1] != ours[1])
    total = n_known + n_guessed
    jaccards = [bound_jaccard(known, theirs, ours, column, n_guessed) for column in range(len(DIMENSIONS))]
    shares = [
        bound_share(part, int(inside.sum()), n_guessed, total) for part, inside in zip(theirs, known, strict=True)
    ]
    return Estimate(m, n_guessed, bound_share(is_apart, 0, n_guessed, total), *jaccards, *shares)


def bound_share(is_in: NDArray[np.bool_], n_inside: int, n_guessed: int, total: int) -> Interval:
    """Return the share of all turns that are in, given those known to be and what the audit says of the guesses."""
    from scipy.stats import beta

    hits, m = int(is_in.sum()), len(is_in)
    posterior = beta(hits + PRIOR, m - hits + PRIOR)
    # what was seen is possible: at the ends of the scale the interval reaches them (as the authors advise)
    low = 0.0 if hits == 0 else posterior.ppf((1 - LEVEL) / 2)
    high = 1.0 if hits == m else posterior.ppf((1 + LEVEL) / 2)
    return Interval(*(round(float(n_inside + n_guessed * share) / total, 6) for share in (hits / m, low, high)))


def bound_jaccard(known: Parts, theirs: Parts, ours: Parts, column: int, n_guessed: int) -> Interval:
    """Return the Jaccard index of one subset with that of a full run."""
    a, b, inside = theirs[column], ours[column], int(known[column].sum())
    cells = np.array([(a & b).sum(), (a & ~b).sum(), (~a & b).sum(), (~a & ~b).sum()], np.float64)
    drawn = np.random.default_rng(SEED).dirichlet(cells + CELLS, N_DRAWS)
    shares = n_guessed * np.vstack([cells / cells.sum(), drawn])
    either = inside + shares[:, :3].sum(axis=1)
    if either[0] == 0:  # nobody saw the subset: both are empty, as far as is known
        return Interval(1.0, round(float(np.quantile((inside + shares[1:, 0]) / either[1:], (1 - LEVEL) / 2)), 6), 1.0)
    values = (inside + shares[:, 0]) / either
    low, high = np.quantile(values[1:], [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    value = float(values[0])  # it may lie beyond draws that the prior moved inwards
    return Interval(*(round(float(one), 6) for one in (value, min(low, value), max(high, value))))
