"""What many selections would give, side by side: sizes, overlap, variety, and how steady all that is."""

from tasks.selection.sweeping.chosen import find_chosen
from tasks.selection.sweeping.folds import (
    FoldStability,
    Spread,
    TargetStability,
    cross_validate_target,
    measure_stability,
)
from tasks.selection.sweeping.points import SubsetMeasures, SweepPoint
from tasks.selection.sweeping.sweep import sweep_selections
from tasks.selection.sweeping.two_judges import JudgeOverlap, compare_judges

__all__ = [
    "FoldStability",
    "JudgeOverlap",
    "Spread",
    "SubsetMeasures",
    "SweepPoint",
    "TargetStability",
    "compare_judges",
    "cross_validate_target",
    "find_chosen",
    "measure_stability",
    "sweep_selections",
]
