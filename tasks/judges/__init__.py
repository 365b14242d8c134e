"""Judges: distil one, and say how far it can be trusted."""

from tasks.judges.calibration import (
    CALIBRATION_VERSION,
    Calibration,
    Curve,
    fit_calibration,
    measure_calibration,
    read_calibration,
    write_calibration,
)
from tasks.judges.card import RELEASED_SCORES, Source, write_card
from tasks.judges.cross_validation import CrossValidation, cross_validate
from tasks.judges.distill import distill
from tasks.judges.recipe import DISTILL_VERSION, calibration_recipe, distill_recipe

__all__ = [
    "CALIBRATION_VERSION",
    "DISTILL_VERSION",
    "RELEASED_SCORES",
    "Calibration",
    "CrossValidation",
    "Curve",
    "Source",
    "calibration_recipe",
    "cross_validate",
    "distill",
    "distill_recipe",
    "fit_calibration",
    "measure_calibration",
    "read_calibration",
    "write_calibration",
    "write_card",
]
