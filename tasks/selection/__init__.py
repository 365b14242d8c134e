"""Selection: split the scored turns by thresholds into what each expert learns from."""

from tasks.selection.boundary import show_boundary
from tasks.selection.decide import EXCLUDED, SUBSETS, SubsetCounts
from tasks.selection.explain import explain
from tasks.selection.facts import describe
from tasks.selection.index import index_subsets
from tasks.selection.materialize import materialize, open_decisions, preview
from tasks.selection.rules import RULES, Rule
from tasks.selection.verify import Verification, verify_selection

__all__ = [
    "EXCLUDED",
    "RULES",
    "SUBSETS",
    "Rule",
    "SubsetCounts",
    "Verification",
    "describe",
    "explain",
    "index_subsets",
    "materialize",
    "open_decisions",
    "preview",
    "show_boundary",
    "verify_selection",
]
