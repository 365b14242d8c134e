"""What a distilled judge and a calibration are made from."""

from __future__ import annotations

from collections.abc import Sequence

from tasks.judges.calibration import CALIBRATION_VERSION
from tasks.manifest import Recipe
from tasks.schema import ArtifactRef

DISTILL_VERSION = 4  # raise it when the same scores give other weights, or another card


def distill_recipe(corpus: Sequence[ArtifactRef], scores: ArtifactRef, encoder_digest: str = "") -> Recipe:
    """Return the recipe of the judge distilled from these scores of these dialogues."""
    config = {"encoder": encoder_digest} if encoder_digest else {}
    return Recipe(kind="judge", stage_version=DISTILL_VERSION, config=config, parents=(*corpus, scores))


def calibration_recipe(
    corpus: Sequence[ArtifactRef], scores: ArtifactRef, reference: ArtifactRef, drawing: ArtifactRef | None = None
) -> Recipe:
    """Return the recipe of the maps from a judge's scores to those of a reference, weighed as an audit drew it."""
    # the two are told apart by what they are for: parents alone would have no order
    inputs = {"scores": scores.sha256, "reference": reference.sha256}
    parents = (*corpus, scores, reference)
    if drawing is not None:
        inputs["drawing"] = drawing.sha256
        parents = (*parents, drawing)
    return Recipe("calibration", CALIBRATION_VERSION, {}, parents, inputs)
