"""The dialogues of an artifact in the tables: for `status` and explanations; training reads the artifact."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import duckdb

from tasks.schema import ArtifactRef


def index_dialogues(connection: duckdb.DuckDBPyConnection, ref: ArtifactRef, folder: Path) -> None:
    """Note an artifact's dialogues, turns and quarantine, the last ingested source wins."""
    connection.execute("DELETE FROM quarantine WHERE artifact = ?", [ref.config_digest])
    values = {"folder": str(folder), "artifact": ref.config_digest}
    for statement in (resources.files("tasks.dialogues") / "index.sql").read_text(encoding="utf-8").split(";\n"):
        connection.execute(statement, {name: value for name, value in values.items() if f"${name}" in statement})
