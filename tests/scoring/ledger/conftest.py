"""The tables of a home, in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import resources

import duckdb
import pytest


@pytest.fixture(scope="session")
def empty_tables() -> Iterator[Callable[[], duckdb.DuckDBPyConnection]]:
    """Return a function that empties the tables and returns their connection."""
    with duckdb.connect() as connection:
        connection.execute((resources.files("tasks") / "schema.sql").read_text(encoding="utf-8"))

        def empty() -> duckdb.DuckDBPyConnection:
            for table in ("scores", "attempts", "segments", "judges", "rubrics", "turns"):
                connection.execute(f"DELETE FROM {table}")
            return connection

        yield empty


@pytest.fixture
def tables(empty_tables: Callable[[], duckdb.DuckDBPyConnection]) -> duckdb.DuckDBPyConnection:
    """Empty tables."""
    return empty_tables()
