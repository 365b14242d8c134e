"""What a subset holds, as one digest that no order of rows, number of threads or layout of files can change."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import duckdb

from tasks.selection.candidates import read_sql


def digest_subset(connection: duckdb.DuckDBPyConnection, file: Path) -> str:
    """Return 32 hex digits over the number of a subset's rows and the sum of the hashes of the rows."""
    n, total = connection.execute(read_sql("digest"), {"file": str(file)}).fetchone() or (0, 0)
    return hashlib.sha256(f"{n} {total}".encode()).hexdigest()[:32]


def digest_selection(digests: Mapping[str, str]) -> str:
    """Return one digest over those of the subsets."""
    listing = " ".join(f"{name}={digests[name]}" for name in sorted(digests))
    return hashlib.sha256(listing.encode()).hexdigest()[:32]
