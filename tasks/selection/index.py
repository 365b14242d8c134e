"""The sizes of materialized subsets in the tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import duckdb

from tasks.selection.decide import SUBSETS


def index_subsets(connection: duckdb.DuckDBPyConnection, manifest: Mapping[str, Any], judge_id: str) -> bool:
    """Note a subsets artifact from its manifest, once; say whether it was new.

    Raises KeyError for a manifest of a version that kept other facts; nothing is noted then.
    """
    digest, config, facts = manifest["digest"], manifest["config"], manifest["facts"]
    if connection.execute("SELECT 1 FROM subsets WHERE config_digest = ?", [digest]).fetchone():
        return False
    thresholds = facts.get("thresholds") or {  # of subsets made before rules that rank: those of the config
        name: config[f"{name}_threshold"] for name in ("sensibility", "rationality")
    }
    for subset in SUBSETS:
        connection.execute(
            "INSERT INTO subsets VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [digest, subset, config["rule"], judge_id, thresholds["sensibility"], thresholds["rationality"],
             config["split"], facts["counts"][subset], facts["shares"][subset]],
        )  # fmt: skip
    return True
