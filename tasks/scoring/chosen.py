"""Turns that were chosen to be asked about: a run or a count that is confined to them."""

from __future__ import annotations

import duckdb

CHOSEN_FILE = "chosen.parquet"
"""In an artifact: the keys of the turns that are to be asked about."""


def load_chosen(connection: duckdb.DuckDBPyConnection, chosen_file: str) -> None:
    """Make the table `chosen_keys` (turn_key), and the variable `is_chosen`: false where nothing confines the turns."""
    connection.execute("CREATE OR REPLACE TEMP TABLE chosen_keys (turn_key VARCHAR)")
    if chosen_file:
        connection.execute("INSERT INTO chosen_keys SELECT turn_key FROM read_parquet($file)", {"file": chosen_file})
    connection.execute("SET VARIABLE is_chosen = $value", {"value": bool(chosen_file)})
