"""How far a run's scores are from those of the accepted run, and what of that is too much."""

from __future__ import annotations

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from tasks.judges.regression.relations import Scores
from tasks.judges.validation.measures import UndefinedError, make_kappa
from tasks.scoring import DIMENSIONS


class DimensionDrift(BaseModel):
    """One score of the cases that both runs have scored."""

    model_config = ConfigDict(frozen=True)

    kappa: float | None = Field(description="Cohen's kappa with quadratic weights; nothing where it is not defined.")
    mean_before: float = Field(description="Mean of the accepted run.")
    mean: float

    @property
    def shift(self) -> float:
        """Points that the mean went up."""
        return round(self.mean - self.mean_before, 6)


class Drift(BaseModel):
    """A run beside the accepted one."""

    model_config = ConfigDict(frozen=True)

    accepted: str = Field(description="Name of the accepted run.")
    accepted_at: str = Field(description="When that one was made.")
    n_common: int = Field(description="Cases that both have scored.")
    dimensions: dict[str, DimensionDrift] = Field(description="By score; nothing without common cases.")

    def find_faults(self, min_agreement: float, max_shift: float) -> list[str]:
        """Return what has moved too far, a phrase each."""
        if not self.n_common:
            return ["no case has a score in both runs"]
        faults = []
        for name, one in self.dimensions.items():
            if one.kappa is None or one.kappa < min_agreement:
                said = "not defined" if one.kappa is None else f"{one.kappa:.2f}"
                faults.append(f"kappa of {name} is {said} (at least {min_agreement:g})")
            if abs(one.shift) > max_shift:
                moved = f"from {one.mean_before:.2f} to {one.mean:.2f}"
                faults.append(f"the mean of {name} went {moved} (at most {max_shift:g} points)")
        return faults


def measure_drift(now: Scores, before: Scores, accepted: str, accepted_at: str) -> Drift:
    """Compare the scores of two runs over the cases that both have scored."""
    pairs = [(pair, old) for name, pair in now.items() if pair is not None and (old := before.get(name)) is not None]
    dimensions = {}
    if pairs:
        scores = np.array(pairs, dtype=np.float64)  # (cases, now or before, dimension)
        for place, name in enumerate(DIMENSIONS):
            here, there = scores[:, 0, place], scores[:, 1, place]
            dimensions[name] = DimensionDrift(
                kappa=measure_kappa(here, there),
                mean_before=round(float(there.mean()), 6),
                mean=round(float(here.mean()), 6),
            )
    return Drift(accepted=accepted, accepted_at=accepted_at, n_common=len(pairs), dimensions=dimensions)


def measure_kappa(x: np.ndarray, y: np.ndarray) -> float | None:
    """Return kappa, 1 where both give one and the same score to every case, None where it is not defined."""
    try:
        value = float(make_kappa(x, y)(np.ones((1, len(x))))[0])
    except UndefinedError:
        return 1.0
    return round(value, 6) if np.isfinite(value) else None
