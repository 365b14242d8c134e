"""Which subset every turn goes to, and why."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import resources
from pathlib import Path

import duckdb
from pydantic import BaseModel, ConfigDict

from tasks.config import SelectionConfig
from tasks.errors import UsageError
from tasks.schema import SPLITS
from tasks.selection.rules import RULES

EXCLUDED = "excluded"
SUBSETS = ("sensibility", "rationality", "discard")


class SubsetCounts(BaseModel):
    """Sizes of the three subsets of the scored turns, and of what could not be selected, with reasons."""

    model_config = ConfigDict(frozen=True)

    sensibility: int = 0
    rationality: int = 0
    discard: int = 0
    excluded: int = 0
    reasons: dict[str, int] = {}

    @property
    def n_scored(self) -> int:
        """Turns the rule decided on: the base of every share."""
        return self.sensibility + self.rationality + self.discard

    def share(self, subset: str) -> float:
        """Return a subset's share of the scored turns, 0 to 1."""
        return getattr(self, subset) / self.n_scored if self.n_scored else 0.0


def resolve_split(connection: duckdb.DuckDBPyConnection, turn_files: Sequence[str], split: str) -> str:
    """Return the split to select from: as named, else train, else the only one there is.

    Raises UsageError where the corpus has no such split, or several and no train.
    """
    rows = connection.execute("SELECT DISTINCT split FROM read_parquet($files)", {"files": list(turn_files)}).fetchall()
    present = [name for name in SPLITS if (name,) in rows]
    if split != "auto":
        if split not in present:
            raise UsageError(f"No ingested dialogue is in the split {split!r}.", do=f"there are: {', '.join(present)}")
        return split
    if "train" in present or len(present) == 1:
        return "train" if "train" in present else present[0]
    raise UsageError("Which split to select from is not clear.", do=f"say --split, one of: {', '.join(present)}")


def load_candidates(
    connection: duckdb.DuckDBPyConnection, turn_files: Sequence[str], scores_file: Path, split: str
) -> None:
    """Make the table `candidates`: every turn of the split with its scores."""
    values = {"turn_files": list(turn_files), "scores_file": str(scores_file), "split": split}
    for name, value in values.items():
        connection.execute(f"SET VARIABLE {name} = $value", {"value": value})
    connection.execute((resources.files("tasks.selection") / "candidates.sql").read_text(encoding="utf-8"))


def decide(connection: duckdb.DuckDBPyConnection, selection: SelectionConfig) -> SubsetCounts:
    """Apply the rule to `candidates`, making the view `decisions`, and count."""
    rule = RULES[selection.rule]
    thresholds = f"{selection.sensibility_threshold!r}::DOUBLE AS ts, {selection.rationality_threshold!r}::DOUBLE AS tr"
    connection.execute(
        f"CREATE OR REPLACE TEMP VIEW decisions AS SELECT * EXCLUDE (s, r, ts, tr, excluded_because), "  # noqa: S608 - bounded floats and our own expressions
        f"CASE WHEN excluded_because IS NOT NULL THEN '{EXCLUDED}' ELSE {rule.subset} END AS subset, "
        f"coalesce(excluded_because, {rule.reason}) AS reason "
        f"FROM (SELECT *, sensibility AS s, rationality AS r, {thresholds} FROM candidates)"
    )
    rows = connection.execute("SELECT subset, reason, count(*) FROM decisions GROUP BY ALL ORDER BY ALL").fetchall()
    totals: dict[str, int] = {}
    for subset, _, n in rows:
        totals[subset] = totals.get(subset, 0) + n
    return SubsetCounts(**totals, reasons={f"{subset}: {reason}": n for subset, reason, n in rows})
