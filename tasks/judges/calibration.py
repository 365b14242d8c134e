"""Maps from what a judge says to what another source of scores says of the same turns, one per dimension."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from tasks.errors import UsageError
from tasks.judges.folds import assign_folds
from tasks.scoring import DIMENSIONS

if TYPE_CHECKING:
    import polars as pl

CALIBRATION_FILE = "calibration.json"
CALIBRATION_VERSION = 2
MIN_TURNS = 50
"""Fewer turns than this say too little of a whole scale."""
N_FOLDS = 5
GRID = 0.1
"""A judge's scores are rounded to this before they are fitted, so that a map has at most some 200 corners."""

Score = Annotated[float, Field(ge=0, le=10, allow_inf_nan=False)]


class Curve(BaseModel):
    """A rising line through corners, flat beyond them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    x: tuple[Score, ...] = Field(min_length=1, max_length=256, description="Scores of the judge, rising.")
    y: tuple[Score, ...] = Field(min_length=1, max_length=256, description="What they are mapped to, never falling.")

    @model_validator(mode="after")
    def _check_corners(self) -> Curve:
        if len(self.x) != len(self.y) or np.any(np.diff(self.x) <= 0) or np.any(np.diff(self.y) < 0):
            raise ValueError("x must rise, y must not fall, and both must be as long")
        return self

    def apply(self, scores: ArrayLike) -> NDArray[np.float64]:
        """Return the mapped scores, in the shape given."""
        return np.interp(np.asarray(scores, np.float64), self.x, self.y)


class Calibration(BaseModel):
    """The maps of one judge, and what they were fitted to."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    judge_id: str
    alias: str
    reference: str = Field(description="Alias of the judge, or name of the ratings, that the maps lead to.")
    n_turns: int
    sensibility: Curve
    rationality: Curve

    def curve(self, dimension: str) -> Curve:
        """Return the map of one dimension."""
        return {"sensibility": self.sensibility, "rationality": self.rationality}[dimension]


def fit_calibration(pairs: pl.DataFrame, judge_id: str, alias: str, reference: str) -> Calibration:
    """Fit a rising map per dimension by isotonic regression (Zadrozny and Elkan 2002) on turns that both scored.

    `pairs` has (n turns) `sensibility`, `rationality` of the judge and `reference_sensibility`,
    `reference_rationality`, and may have `weight`, how many turns each stands for. Raises UsageError below MIN_TURNS
    turns.
    """
    if len(pairs) < MIN_TURNS:
        raise UsageError(
            f"Only {len(pairs):,} turns have scores of both {alias} and {reference}.",
            do=f"score, or rate, at least {MIN_TURNS} turns with both; those of the split test are left out",
        )
    weights = read_weights(pairs)
    curves = {
        name: fit_curve(pairs[name].to_numpy(), pairs[f"reference_{name}"].to_numpy(), weights) for name in DIMENSIONS
    }
    return Calibration(judge_id=judge_id, alias=alias, reference=reference, n_turns=len(pairs), **curves)


def read_weights(pairs: pl.DataFrame) -> NDArray[np.float64]:
    """Return how many turns each pair stands for (n,), on average 1."""
    weights = pairs["weight"].to_numpy() if "weight" in pairs.columns else np.ones(len(pairs))
    return weights / weights.mean()


def fit_curve(
    scores: NDArray[np.float64], reference: NDArray[np.float64], weights: NDArray[np.float64] | None = None
) -> Curve:
    """Return the rising line nearest to the reference in the (weighted) mean of squares."""
    from sklearn.isotonic import IsotonicRegression

    rounded = np.round(np.round(scores / GRID) * GRID, 6)
    fitted = IsotonicRegression(y_min=0, y_max=10, out_of_bounds="clip").fit(rounded, reference, weights)
    x, first = np.unique(fitted.X_thresholds_, return_index=True)
    return Curve(x=tuple(x.tolist()), y=tuple(fitted.y_thresholds_[first].tolist()))


def measure_calibration(pairs: pl.DataFrame) -> dict[str, dict[str, float]]:
    """Return, per dimension, the root mean square distance from the reference before and after, on unseen dialogues.

    Cross-validated over folds of dialogues (`dialogue_id` of `pairs`): a map is never tried on what it was fitted to.
    """
    n_dialogues, weights = pairs["dialogue_id"].n_unique(), read_weights(pairs)
    folds = assign_folds(pairs["dialogue_id"].to_list(), min(N_FOLDS, n_dialogues))
    figures = {}
    for name in DIMENSIONS:
        scores, reference = pairs[name].to_numpy(), pairs[f"reference_{name}"].to_numpy()
        mapped = np.empty_like(scores)
        for fold in np.unique(folds):
            unseen = folds == fold
            mapped[unseen] = fit_curve(scores[~unseen], reference[~unseen], weights[~unseen]).apply(scores[unseen])
        distances = {"rmse_before": scores - reference, "rmse_after": mapped - reference}
        figures[name] = {
            key: round(float(np.sqrt(np.average(d**2, weights=weights))), 4) for key, d in distances.items()
        }
    return figures


def write_calibration(calibration: Calibration, folder: Path) -> None:
    """Write the maps as JSON."""
    (folder / CALIBRATION_FILE).write_text(calibration.model_dump_json(indent=1), encoding="utf-8")


def read_calibration(folder: Path) -> Calibration:
    """Return the maps in an artifact's folder."""
    return Calibration.model_validate_json((folder / CALIBRATION_FILE).read_text(encoding="utf-8"))
