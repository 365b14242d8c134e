"""What a distilled judge and a calibration are made from."""

from __future__ import annotations

from collections.abc import Sequence

from tasks.judges.calibration import CALIBRATION_VERSION
from tasks.manifest import Recipe
from tasks.schema import ArtifactRef

DISTILL_VERSION = 3  # raise it when the same scores give other weights


def distill_recipe(corpus: Sequence[ArtifactRef], scores: ArtifactRef, encoder_digest: str = "") -> Recipe:
    """Return the recipe of the judge distilled from these scores of these dialogues."""
    config = {"encoder": encoder_digest} if encoder_digest else {}
    return Recipe(kind="judge", stage_version=DISTILL_VERSION, config=config, parents=(*corpus, scores))


def calibration_recipe(corpus: Sequence[ArtifactRef], scores: ArtifactRef, reference: ArtifactRef) -> Recipe:
    """Return the recipe of the maps from a judge's scores to those of a reference."""
    # the two are told apart by what they are for: parents alone would have no order
    inputs = {"scores": scores.sha256, "reference": reference.sha256}
    return Recipe("calibration", CALIBRATION_VERSION, {}, (*corpus, scores, reference), inputs)
