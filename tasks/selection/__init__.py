"""Selection: split the scored turns by thresholds into what each expert learns from."""

from tasks.selection.decide import EXCLUDED, SUBSETS, SubsetCounts
from tasks.selection.index import index_subsets
from tasks.selection.materialize import describe, materialize, preview
from tasks.selection.rules import RULES, Rule

__all__ = [
    "EXCLUDED",
    "RULES",
    "SUBSETS",
    "Rule",
    "SubsetCounts",
    "describe",
    "index_subsets",
    "materialize",
    "preview",
]
