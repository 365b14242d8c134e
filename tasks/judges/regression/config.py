"""How a judge is held to its anchors and to its accepted run; the parameter of the flow."""

from __future__ import annotations

from pydantic import Field

from tasks.bounded import Finite, Place
from tasks.judge_config import Part
from tasks.judges.regression.relations import TOLERANCE

MOST_UNSCORED = 0.05
"""Share of the cases that may stay without a score."""


class RegressionConfig(Part):
    """Which anchors a judge is asked about, and what it must keep to."""

    anchors: Place = Field(default="", description="Folder or file of anchors (.toml); those of this project if empty.")
    tolerance: Finite = Field(
        default=TOLERANCE, ge=0, le=10, description="Points that a change without a meaning may move a score."
    )
    min_agreement: Finite = Field(
        default=0.8, ge=0, le=1, description="Least quadratic-weighted kappa of each score with the accepted run."
    )
    max_shift: Finite = Field(
        default=0.5, ge=0, le=10, description="Most points that the mean of a score may be from the accepted run's."
    )
    min_pass: Finite | None = Field(
        default=None, ge=0, le=1, description="Least pass rate of each relation; nothing is asked of it if empty."
    )
    accept: bool = Field(default=False, description="Make this run the one that later runs of the judge must match.")
