"""Why one turn stands where it does, in a sentence."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import duckdb

from tasks.config import SelectionConfig
from tasks.errors import UsageError
from tasks.selection.candidates import read_sql
from tasks.selection.facts import find_thresholds

MIN_PREFIX = 6
MOST = 5


def explain(connection: duckdb.DuckDBPyConnection, selection: SelectionConfig, turn: str) -> list[str]:
    """Return a sentence on each turn that `turn` names: DIALOGUE:UTTERANCE, or the start of a turn_key.

    A key names several where a text stands several times. Raises UsageError if nothing, or too much, is named.
    """
    if selection.near_duplicates is None:  # else decide() made it
        connection.execute("CREATE OR REPLACE TEMP TABLE near_duplicates (source BIGINT, row BIGINT, twin VARCHAR)")
    dialogue_id, _, utterance = turn.rpartition(":")
    by_place = bool(dialogue_id) and utterance.isascii() and utterance.isdigit() and len(utterance) < 10
    prefix = turn if re.fullmatch(rf"[0-9a-f]{{{MIN_PREFIX},64}}", turn) else ""
    cursor = connection.execute(
        read_sql("explain"),
        {"prefix": prefix, "dialogue_id": dialogue_id, "utterance_idx": int(utterance) if by_place else -1},
    )
    columns = [column[0] for column in cursor.description or ()]
    rows = [dict(zip(columns, values, strict=True)) for values in cursor.fetchmany(MOST + 1)]
    if not rows:
        raise UsageError(
            f"There is no turn {turn[:80]!r} in the split.",
            do=f"give DIALOGUE:UTTERANCE, or {MIN_PREFIX} digits or more of a turn_key; other splits with --split",
        )
    if len(rows) > MOST:
        raise UsageError(f"More than {MOST} turns are called {turn[:80]!r}.", do="give more of the turn_key")
    thresholds = find_thresholds(connection, selection)
    return [tell(row, selection, thresholds) for row in rows]


def tell(row: Mapping[str, Any], selection: SelectionConfig, thresholds: Mapping[str, float | None]) -> str:
    """Return where a turn goes and why, with its scores and the thresholds."""
    name = f"Turn {row['dialogue_id']}:{row['utterance_idx']} ({row['emotion']}, {row['turn_key'][:12]})"
    if row["subset"] == "excluded":
        return f"{name} cannot be selected: {row['reason']}."
    said = f"S {row['sensibility']:.4g}, R {row['rationality']:.4g}"
    if selection.rule == "lower-bound":
        said += f" (compared as S {row['s']:.4g}, R {row['r']:.4g})"
    limits = ", ".join(
        f"{letter} {'none' if value is None else f'{value:.4g}'}"
        for letter, value in zip("SR", thresholds.values(), strict=True)
    )
    why = f"{row['reason']} of {shorten(row['twin'])}" if row["twin"] else row["reason"]
    goes = "is discarded" if row["subset"] == "discard" else f"goes to {row['subset']}"
    return f"{name} {goes} because of {why}: it scored {said}, thresholds {limits}, rule {selection.label}."


def shorten(twin: str) -> str:
    """Return the name of a twin, its key cut to what tells it."""
    key, _, place = twin.partition(" ")
    return f"{place} ({key[:12]})"
