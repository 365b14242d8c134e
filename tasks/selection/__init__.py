"""Selection: split the scored turns by thresholds into what each expert learns from."""

from tasks.selection.boundary import show_boundary
from tasks.selection.decide import EXCLUDED, SUBSETS, SubsetCounts, count_decisions
from tasks.selection.explain import explain
from tasks.selection.facts import count_without_sd, describe, describe_rule
from tasks.selection.in_force import put_in_force
from tasks.selection.index import index_subsets
from tasks.selection.inputs import pin_aids
from tasks.selection.materialize import materialize, open_decisions, preview, settle
from tasks.selection.page import write_page
from tasks.selection.rules import RULES, Rule
from tasks.selection.runs import SelectionRun, accept_selection, drop_repeats, keep_run, read_accepted, read_runs
from tasks.selection.stability import NOTICE, SHIFT
from tasks.selection.summary import summarise
from tasks.selection.sweeping import (
    FoldStability,
    JudgeOverlap,
    Spread,
    SubsetMeasures,
    SweepPoint,
    TargetStability,
    compare_judges,
    cross_validate_target,
    find_chosen,
    measure_stability,
    sweep_selections,
)
from tasks.selection.target_share import TargetShare
from tasks.selection.verify import Verification, find_selection, verify_selection

__all__ = [
    "EXCLUDED",
    "NOTICE",
    "RULES",
    "SHIFT",
    "SUBSETS",
    "FoldStability",
    "JudgeOverlap",
    "Rule",
    "SelectionRun",
    "Spread",
    "SubsetCounts",
    "SubsetMeasures",
    "SweepPoint",
    "TargetShare",
    "TargetStability",
    "Verification",
    "accept_selection",
    "compare_judges",
    "count_decisions",
    "count_without_sd",
    "cross_validate_target",
    "describe",
    "describe_rule",
    "drop_repeats",
    "explain",
    "find_chosen",
    "find_selection",
    "index_subsets",
    "keep_run",
    "materialize",
    "measure_stability",
    "open_decisions",
    "pin_aids",
    "preview",
    "put_in_force",
    "read_accepted",
    "read_runs",
    "settle",
    "show_boundary",
    "summarise",
    "sweep_selections",
    "verify_selection",
    "write_page",
]
