"""The calls behind the scores, day by day, from the home's tables."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb

MOST_DAYS = 60


@dataclass(frozen=True, slots=True)
class CallDay:
    """What one day's calls to a judge took."""

    day: str
    """Year, month and day in UTC."""
    n_calls: int
    n_failed: int
    """Calls that gave no score."""
    cost_usd: float | None
    """Of the calls whose cost is known; None where none is."""
    n_priced: int
    latency_p50_s: float | None
    latency_p95_s: float | None


def read_calls(connection: duckdb.DuckDBPyConnection, judge_id: str) -> tuple[CallDay, ...]:
    """Return the last days on which a judge was called, oldest first; none of a judge that is not called."""
    query = (resources.files("tasks.reporting") / "calls.sql").read_text(encoding="utf-8")
    rows = connection.execute(query, {"judge_id": judge_id, "most": MOST_DAYS}).fetchall()
    return tuple(CallDay(*row) for row in rows)
