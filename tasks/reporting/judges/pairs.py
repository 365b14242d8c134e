"""Two judges on the same turns: charts of how they score, and a table."""

from __future__ import annotations

from collections.abc import Sequence

from tasks.reporting.blocks import Block, Cell, Table
from tasks.reporting.judges.habits import measure_cell
from tasks.reporting.judges.planes import show_pair
from tasks.reporting.judges.records import Pair
from tasks.reporting.wording import count_cell, number_cell

READING = (
    "95 % intervals over whole dialogues. Kappa: with quadratic weights, of whole scores. Second - first: how much "
    "higher the second judge scores, on average. A judge that learned from another's scores of these very turns agrees "
    "with it more than it would elsewhere."
)


def draw_pairs(prefix: str, pairs: Sequence[Pair]) -> list[Block]:
    """Return a chart for each pair and score, the two scores of a pair side by side."""
    return [
        show_pair(
            f"{prefix}-{at // 2 + 1}-{pair.dimension}", f"{pair.dimension.capitalize()}: {' and '.join(pair.judges)}",
            pair.judges, [(cell["first"], cell["second"], int(cell["n"])) for cell in pair.cells], pair.dimension,
            {"Spearman": pair.spearman, "kappa": pair.kappa},
        )
        for at, pair in enumerate(pairs)
    ]  # fmt: skip


def tabulate_pairs(pairs: Sequence[Pair], without: str = "") -> Table:
    """Return how alike the judges of each pair score; `without` is said under it, of pairs that are not there."""
    rows = [
        [Cell(" and ".join(pair.judges)), Cell(pair.dimension), count_cell(pair.spearman.n),
         measure_cell(pair.spearman), measure_cell(pair.kappa), number_cell(pair.mean_difference)]
        for pair in pairs
    ]  # fmt: skip
    columns = ("Judges", "Score", "Common turns", "Spearman", "Kappa", "Second - first")
    return Table("Agreement of the judges with each other", columns, rows, note=READING + without)
