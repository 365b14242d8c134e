"""The dialogues of an artifact in the tables: for `status` and explanations; training reads the artifact."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import duckdb

from tasks.schema import ArtifactRef


def index_dialogues(connection: duckdb.DuckDBPyConnection, ref: ArtifactRef, folder: Path) -> None:
    """Note an artifact's dialogues, turns and quarantine, once; a dialogue that stands there already stays."""
    query = "SELECT 1 FROM quarantine WHERE artifact = $a UNION ALL SELECT 1 FROM dialogues WHERE artifact = $a LIMIT 1"
    if connection.execute(query, {"a": ref.config_digest}).fetchone():
        return
    values = {"folder": str(folder), "artifact": ref.config_digest}
    for statement in (resources.files("tasks.dialogues") / "index.sql").read_text(encoding="utf-8").split(";\n"):
        connection.execute(statement, {name: value for name, value in values.items() if f"${name}" in statement})
