"""The metrics of an evaluation in the tables."""

from __future__ import annotations

import duckdb
import polars as pl


def index_evaluation(connection: duckdb.DuckDBPyConnection, config_digest: str, metrics: pl.DataFrame) -> None:
    """Note an evaluation's metrics, once."""
    rows = metrics.select("system", "metric", "value", "low", "high", "n").rows()
    connection.executemany(
        "INSERT INTO evaluations VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        [(config_digest, *row) for row in rows],
    )
