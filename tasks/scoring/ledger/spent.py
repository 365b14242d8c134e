"""What a judge's calls since some moment came to: how several judges keep to one budget."""

from __future__ import annotations

import duckdb

_QUERY = """
SELECT coalesce(sum(cost_usd), 0) + coalesce(max(cost_usd), 0) * count(*) FILTER (cost_usd IS NULL)
FROM attempts
WHERE judge_id = $judge_id AND epoch(sent_at) >= $since
"""


def count_spent(connection: duckdb.DuckDBPyConnection, judge_id: str, since: float) -> float:
    """Return the cost in USD of the judge's calls sent at `since` (seconds of the epoch) or later.

    One whose cost is not known (a timeout) may have been charged: it counts as much as the dearest of the others.
    """
    row = connection.execute(_QUERY, {"judge_id": judge_id, "since": since}).fetchone()
    return float(row[0]) if row else 0.0
