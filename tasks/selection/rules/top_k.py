"""The best n turns on each axis: subsets of one size, whatever the judge."""

from tasks.config import SelectionConfig
from tasks.selection.rules.ranking import REASON, SUBSET
from tasks.selection.rules.rule import Rule


def size_subsets(selection: SelectionConfig, n: int) -> tuple[int, int]:
    """Return how many turns each subset gets: as many as asked for, or as there are."""
    top_k = selection.top_k or 0
    n_first = min(top_k, n)
    return n_first, min(top_k, n - n_first)


RULE = Rule(
    name="top-k",
    summary="The best n on the axis (sensibility unless told otherwise) are its subset; the best n of the rest on the "
    "other score are the other subset. The rest is discarded. Ties are broken by content hash.",
    subset=SUBSET,
    reason=REASON,
    sizes=size_subsets,
)
