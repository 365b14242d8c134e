"""What judges said of the generated responses: which have no score, and which of two systems wins."""

from __future__ import annotations

from dataclasses import replace

import polars as pl

from tasks.evaluation import WINS_CAPTION
from tasks.reporting.blocks import Block, Cell, Prose, Table
from tasks.reporting.palette import style_of
from tasks.reporting.sections.measures import Measures
from tasks.reporting.wording import count_cell, join_words, number_cell

JUDGED = "judged_sensibility"
WINS = "Pairwise wins"
COUNTS = ("n_wins", "n_ties", "n_losses", "n_unanswered")


def list_wins(wins: pl.DataFrame | None) -> list[Block]:
    """Return the table of pairwise wins, if systems were compared in pairs."""
    if wins is None or wins.is_empty():
        return []
    rows = [
        [Cell(f"{style_of(row['system']).label} − {style_of(row['rival']).label}")]
        + [count_cell(row[name]) for name in COUNTS]
        + [make_rate_cell(row["win_rate"], row["low"], row["high"])]
        for row in wins.iter_rows(named=True)
    ]
    return [Table(WINS, ("Pair", "Wins", "Ties", "Losses", "No answer", "Win rate, %"), rows), Prose([WINS_CAPTION])]


def make_rate_cell(rate: float | None, low: float | None, high: float | None) -> Cell:
    """Return a win rate in per cent with its interval; a dash where no pair was answered."""
    if rate is None:
        return Cell("–")
    if low is None or high is None:
        return number_cell(100 * rate)
    return replace(number_cell(100 * rate), note=f"[{number_cell(100 * low).text}, {number_cell(100 * high).text}]")


def tell_judged(measures: Measures) -> str:
    """Say what the judged scores are, and how many responses have none; nothing where nobody judged."""
    scored, said = measures.get(JUDGED, {}), measures.get("f1", {})
    if not scored:
        return ""
    lacking = {name: m.n - (scored[name].n if name in scored else 0) for name, m in said.items()}
    parts = [f"{style_of(name).spoken} {n:,}" for name, n in lacking.items() if n]
    left_out = f" Responses without a score: {join_words(parts)}." if parts else ""
    return f" Judged sensibility and rationality are means of a judge's scores from 0 to 10.{left_out}"
