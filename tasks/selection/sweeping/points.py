"""What is known of one selection of a sweep."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict, Field

from tasks.config import SelectionConfig

Interval = tuple[float, float]


class SubsetMeasures(BaseModel):
    """One subset under one selection; None where nothing can be said, as of a subset without turns."""

    model_config = ConfigDict(frozen=True)

    n: int = Field(description="Turns in the subset.")
    share: float = Field(description="Of the scored turns, 0 to 1.")
    share_interval: Interval | None = Field(description="95 % interval of the share, over resampled dialogues.")
    sensitivity: float | None = Field(description="Change of the share per 0.5 of both thresholds around them.")
    sensitivity_interval: Interval | None = Field(description="95 % interval of that change.")
    jaccard: float | None = Field(description="Turns in common with the chosen selection's subset, over those in any.")
    balance: float | None = Field(description="Entropy of the emotions over that of an even spread, 0 to 1.")
    mean_words: float | None = Field(description="Mean length of a response in words.")
    dist_1: float | None = Field(description="100 x distinct words / words of the responses.")
    dist_2: float | None = Field(description="100 x distinct pairs of neighbouring words / pairs.")
    n_duplicates: int = Field(description="Turns less distinct responses: how many say what another one says.")


class SweepPoint(BaseModel):
    """What one selection would give."""

    model_config = ConfigDict(frozen=True)

    selection: SelectionConfig
    n_scored: int = Field(description="Turns that could be selected: the base of every share.")
    subsets: Mapping[str, SubsetMeasures]
