"""The best share of the data on an axis, however the judge spreads its scores."""

from tasks.config import SelectionConfig
from tasks.selection.rules.ranking import REASON, SUBSET
from tasks.selection.rules.rule import Rule


def size_subsets(selection: SelectionConfig, n: int) -> tuple[int, int]:
    """Return round(keep n) for the axis, and the same share of the rest for the other."""
    keep = selection.keep or 0.0
    n_first = round(keep * n)
    return n_first, round(keep * (n - n_first))


RULE = Rule(
    name="quantile",
    summary="The best share F on the axis (sensibility unless told otherwise) is its subset: exactly round(F n) of the "
    "n turns; the best F of the rest on the other score is the other subset. The rest is discarded. "
    "Ties are broken by content hash.",
    subset=SUBSET,
    reason=REASON,
    sizes=size_subsets,
)
