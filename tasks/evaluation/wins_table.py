"""The table of pairwise wins: one row a pair of systems."""

from __future__ import annotations

import polars as pl

from tasks.evaluation.table import MISSING, Cell, EvaluationTable

WINS_CAPTION = (
    "An LLM compared the two responses to each turn in both orders: a win counts only if both orders agree on it, "
    "else it is a tie. Win rate in %, a tie being half a win; in brackets its 95 % bootstrap interval over whole "
    "dialogues, of which one alone has none."
)


def make_wins_table(wins: pl.DataFrame) -> EvaluationTable:
    """Return the table of `wins.parquet`'s rows, in their order."""
    rows = tuple(
        (
            f"{row['system']} − {row['rival']}",
            (*(Cell(f"{row[name]:,}") for name in COUNTS), format_rate(row["win_rate"], row["low"], row["high"])),
        )
        for row in wins.iter_rows(named=True)
    )
    return EvaluationTable((*COUNTS.values(), "Win rate"), rows, WINS_CAPTION, "Pair")


COUNTS = {"n_wins": "Wins", "n_ties": "Ties", "n_losses": "Losses", "n_unanswered": "No answer"}


def format_rate(rate: float | None, low: float | None, high: float | None) -> Cell:
    """Return a win rate in per cent; a dash where no pair was answered."""
    if rate is None:
        return Cell(MISSING)
    if low is None or high is None:
        return Cell(f"{100 * rate:.1f}")
    return Cell(f"{100 * rate:.1f}", f"{100 * low:.1f}, {100 * high:.1f}")
