"""What `empathy judge validate` and `compare` found, as charts read it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from tasks.schema import Subset

Number = Annotated[float, Field(allow_inf_nan=False)]
DIMENSIONS: tuple[Literal["sensibility", "rationality"], ...] = ("sensibility", "rationality")


class Loose(BaseModel):
    """A record of which only these fields are read."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Measure(Loose):
    """A measure with its interval; None where there is none."""

    value: Number | None = None
    low: Number | None = None
    high: Number | None = None
    n: int = 0
    why: str = ""
    chance: Number | None = None
    """What chance gives, of a share of variance."""


class Agreement(Loose):
    """How far one predictor agrees with one axis of the reference."""

    axis: str
    predictor: str
    kind: Literal["judge", "baseline"]
    judge: str = ""
    """Where several are compared."""
    spearman: Measure = Measure()
    pearson: Measure = Measure()
    auc: Measure = Measure()
    kappa: Measure = Measure()


class Bias(Loose):
    """How far scores follow one property that they should not follow."""

    with_: str = Field(alias="with")
    measure: str
    scores: Mapping[str, Measure]


class Overlap(Loose):
    """How far one subset of a judge overlaps with the reference's."""

    subset: str
    n_judge: int
    n_reference: int
    jaccard: Measure
    chance: Number | None = None
    baselines: Mapping[str, Measure] = {}


class PairOverlap(Loose):
    """How far the subsets of two judges overlap."""

    judges: tuple[str, str]
    sensibility: Measure
    rationality: Measure
    discard: Measure

    def of(self, subset: Subset) -> Measure:
        """Return the overlap of one subset."""
        of: Mapping[str, Measure] = {
            "sensibility": self.sensibility, "rationality": self.rationality, "discard": self.discard,
        }  # fmt: skip
        return of[subset]


class Selected(Loose):
    """What several judges select at one threshold."""

    threshold: Number
    sizes: Mapping[str, Mapping[Subset, int]]
    jaccard: tuple[PairOverlap, ...] = ()


class Saturation(Loose):
    """How much of its scale one score uses."""

    mean: Number
    sd: Number
    mode: int
    modal_share: Number
    entropy: Number


class High(Loose):
    """What counts as high in an AUC."""

    said: str
    n: int


class Pair(Loose):
    """How alike two judges give one score."""

    judges: tuple[str, str]
    dimension: str
    spearman: Measure
    kappa: Measure
    mean_difference: Number | None = None
    cells: tuple[Mapping[str, Number], ...] = ()


class Measured(Loose):
    """What validations and comparisons have in common."""

    reference: str | None = None
    axes: tuple[str, ...] = ()
    n_turns: int
    n_dialogues: int
    threshold: Number = 5
    notes: tuple[str, ...] = ()
    high: Mapping[str, High] = {}
    agreement: tuple[Agreement, ...] = ()


class Validation(Measured):
    """One judge beside a reference, or alone."""

    judge: str
    subsets: tuple[Overlap, ...] = ()
    saturation: Mapping[str, Saturation] = {}
    """By score; the reference's under `reference_` and its name."""
    bias: tuple[Bias, ...] = ()
    by_emotion: tuple[Mapping[str, Any], ...] = ()
    cells: Mapping[str, tuple[Mapping[str, Number], ...]] = {}


class Comparison(Measured):
    """Several judges on the same turns."""

    judges: tuple[str, ...]
    pairs: tuple[Pair, ...] = ()
    alpha: Mapping[str, Measure] = {}
    subsets: tuple[Selected, ...] = ()
    saturation: Mapping[str, Mapping[str, Saturation]] = {}
    bias: Mapping[str, tuple[Bias, ...]] = {}
    by_emotion: Mapping[str, tuple[Mapping[str, Any], ...]] = {}
    cells: Mapping[str, Mapping[str, tuple[Mapping[str, Number], ...]]] = {}
    differences: tuple[Mapping[str, Any], ...] = ()
