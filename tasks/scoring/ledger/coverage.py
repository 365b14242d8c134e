"""How much of a corpus a judge has scored, and why the rest has no score."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import resources

import duckdb
from pydantic import BaseModel, ConfigDict

from tasks.scoring.chosen import load_chosen
from tasks.scoring.reasons import ASKED_AGAIN


class Coverage(BaseModel):
    """How the turns of a corpus stand with one judge."""

    model_config = ConfigDict(frozen=True)

    n_turns: int
    n_scored: int
    unscored: dict[str, int]
    """Turns without a score, by reason; 'not asked' where there was no attempt."""

    @property
    def n_transient(self) -> int:
        """Turns that the next run would ask for again."""
        return sum(n for reason, n in self.unscored.items() if reason in ASKED_AGAIN)


def count_coverage(
    connection: duckdb.DuckDBPyConnection, turn_files: Sequence[str], judge_id: str, split: str, chosen_file: str = ""
) -> Coverage:
    """Count the corpus's turns (not keys) that have a score of the judge, and the others by reason.

    Where a `chosen_file` (Parquet, turn_key) is given, only turns that stand in it count.
    """
    load_chosen(connection, chosen_file)
    query = (resources.files("tasks.scoring.ledger") / "coverage.sql").read_text(encoding="utf-8")
    values = {"turn_files": list(turn_files), "judge_id": judge_id, "split": split}
    counts = dict(connection.execute(query, values).fetchall())
    n_scored = counts.pop(None, 0)
    return Coverage(n_turns=n_scored + sum(counts.values()), n_scored=n_scored, unscored=counts)
