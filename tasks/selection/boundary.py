"""Turns to read on both sides of a boundary: where a threshold is chosen by looking."""

from __future__ import annotations

from typing import Any

import duckdb

from tasks.config import SelectionConfig
from tasks.errors import UsageError
from tasks.selection.candidates import read_sql
from tasks.selection.facts import find_thresholds


def show_boundary(
    connection: duckdb.DuckDBPyConnection, selection: SelectionConfig, n: int, emotion: str = ""
) -> list[dict[str, Any]]:
    """Return up to n selected turns and n that were left out, those nearest to a threshold first.

    Raises UsageError if no turn has the emotion.
    """
    known = [row[0] for row in connection.execute("SELECT DISTINCT emotion FROM decisions ORDER BY ALL").fetchall()]
    if emotion and emotion not in known:
        raise UsageError(f"No turn has the emotion {emotion[:80]!r}.", do=f"there are: {', '.join(known[:50])}")
    thresholds = find_thresholds(connection, selection)
    cursor = connection.execute(read_sql("boundary"), {"n": n, "emotion": emotion, **thresholds})
    columns = [column[0] for column in cursor.description or ()]
    return [dict(zip(columns, values, strict=True)) for values in cursor.fetchall()]
