"""Judges: distil one, and say how far it can be trusted."""

from tasks.judges.bulk import JudgePlace, score_parquet
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
from tasks.judges.kernel import RememberingEncoder
from tasks.judges.recipe import DISTILL_VERSION, calibration_recipe, distill_recipe
from tasks.judges.validation import (
    JudgedTurns,
    contrast_judges,
    expand_home,
    gather_turns,
    names_file,
    parse_mapping,
    read_ratings,
    require_new,
    validate_judge,
    write_dialogues,
)

__all__ = [
    "CALIBRATION_VERSION",
    "DISTILL_VERSION",
    "RELEASED_SCORES",
    "Calibration",
    "CrossValidation",
    "Curve",
    "JudgePlace",
    "JudgedTurns",
    "RememberingEncoder",
    "Source",
    "calibration_recipe",
    "contrast_judges",
    "cross_validate",
    "distill",
    "distill_recipe",
    "expand_home",
    "fit_calibration",
    "gather_turns",
    "measure_calibration",
    "names_file",
    "parse_mapping",
    "read_calibration",
    "read_ratings",
    "require_new",
    "score_parquet",
    "validate_judge",
    "write_calibration",
    "write_card",
    "write_dialogues",
]
