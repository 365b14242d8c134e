"""The database that a selection is computed in: bounded memory, and a place to spill to."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import duckdb

MEMORY_LIMIT = "1200MB"
"""Of DuckDB's buffers; ten million turns go through by spilling what does not fit."""


def connect() -> duckdb.DuckDBPyConnection:
    """Open a database of this process's own; what it spills is removed when it is closed."""
    spill = Path(tempfile.gettempdir()) / f"empathy-selection-{os.getpid()}"
    connection = duckdb.connect(config={"memory_limit": MEMORY_LIMIT, "temp_directory": str(spill)})
    connection.execute("SET enable_progress_bar = false")  # it is drawn on stdout, amid our JSON
    return connection
