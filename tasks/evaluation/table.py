"""The final table: one row a system, one column a metric, values with their intervals, as plain text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from tasks.evaluation.summary import JUDGED, rank_system

HEADINGS: Mapping[str, str] = {
    "perplexity": "Perplexity",
    "bleu_1": "BLEU-1",
    "bleu_2": "BLEU-2",
    "bleu_3": "BLEU-3",
    "bleu_4": "BLEU-4",
    "dist_1": "Dist-1",
    "dist_2": "Dist-2",
    "rouge_1": "ROUGE-1",
    "rouge_2": "ROUGE-2",
    "rouge_l": "ROUGE-L",
    "f1": "F1",
    "judged_sensibility": "Sensibility",
    "judged_rationality": "Rationality",
}
UNJUDGED = ("perplexity", "bleu_1", "bleu_4", "dist_1", "dist_2", "rouge_l")
SHORT_TABLE = (*UNJUDGED, *JUDGED)
MISSING = "-"


@dataclass(frozen=True, slots=True)
class Cell:
    """A value and its interval as text; the interval is empty where the value is missing."""

    value: str
    interval: str = ""


@dataclass(frozen=True, slots=True)
class EvaluationTable:
    """Headings, one row of cells for each system, and a sentence that says what was measured."""

    headings: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Cell, ...]], ...]
    caption: str
    first_heading: str = "System"

    def to_markdown(self) -> str:
        """Return the table as Markdown, intervals in brackets behind their values."""
        lines = [[self.first_heading, *self.headings], ["---", *["---:"] * len(self.headings)]]
        for system, cells in self.rows:
            lines.append(
                [system, *(f"{cell.value} [{cell.interval}]" if cell.interval else cell.value for cell in cells)]
            )
        table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
        return f"{table}\n\n{self.caption}\n"


def make_table(metrics: pl.DataFrame, columns: Sequence[str] = SHORT_TABLE) -> EvaluationTable:
    """Return the table of `metrics.parquet`'s rows: systems in their fixed order, the metrics named in `columns`.

    Judged scores have a column only where a judge gave any.
    """
    found = {(row["system"], row["metric"]): row for row in metrics.iter_rows(named=True)}
    systems = sorted({system for system, _ in found}, key=rank_system)
    columns = drop_unjudged(columns, metrics)
    rows = tuple((system, tuple(format_cell(found.get((system, name))) for name in columns)) for system in systems)
    return EvaluationTable(tuple(HEADINGS[name] for name in columns), rows, describe(metrics))


def drop_unjudged(columns: Sequence[str], metrics: pl.DataFrame) -> list[str]:
    """Return the columns without judged scores that no row of `metrics` has."""
    return [name for name in columns if name not in JUDGED or name in metrics["metric"]]


def format_cell(row: Mapping[str, float] | None) -> Cell:
    """Return a metric as text, with as many decimals as its size deserves."""
    if row is None:
        return Cell(MISSING)
    decimals = 0 if row["value"] >= 1000 else 1 if row["value"] >= 100 else 2
    value, low, high = (f"{row[name]:,.{decimals}f}" for name in ("value", "low", "high"))
    return Cell(value, f"{low}, {high}")


def describe(metrics: pl.DataFrame) -> str:
    """Say what the figures are over, and how they may be compared."""
    is_perplexity = pl.col("metric") == "perplexity"
    n_turns = max(metrics.filter(is_perplexity)["n"], default=0)
    n_responses = max(metrics.filter(~is_perplexity)["n"], default=0)
    judged = describe_judged(metrics)
    return (
        f"Perplexity (lower is better) on {n_turns:,} held-out turns; the other metrics (x100, higher is better) "
        f"on {n_responses:,} greedy responses. In brackets: 95 % bootstrap intervals over turns. "
        f"Dist falls as responses are added: compare it at equal numbers only.{judged}"
    )


def describe_judged(metrics: pl.DataFrame) -> str:
    """Say on what scale the judged scores are, and of how many responses of each system there is none."""
    n_scored = dict(metrics.filter(pl.col("metric") == JUDGED[0]).select("system", "n").iter_rows())
    n_said = dict(metrics.filter(pl.col("metric") == "f1").select("system", "n").iter_rows())
    if not n_scored:
        return ""
    lacking = [f"{name} {n - n_scored.get(name, 0):,}" for name, n in n_said.items() if n > n_scored.get(name, 0)]
    left_out = f"; responses without a score: {', '.join(lacking)}" if lacking else ""
    return f" Sensibility and rationality are means of a judge's scores from 0 to 10{left_out}."
