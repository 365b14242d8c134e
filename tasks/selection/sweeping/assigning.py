"""Which subset every scored turn goes to under each selection of a grid: one scan for all thresholds of a rule."""

from __future__ import annotations

from collections.abc import Sequence

import duckdb
import numpy as np
from numpy.typing import NDArray

from tasks.config import SelectionConfig
from tasks.selection.decide import EXCLUDED, SUBSETS, decide, open_turns
from tasks.selection.modifiers import apply_quotas, find_near_duplicates
from tasks.selection.rules import RULES

Assigned = NDArray[np.uint8]
"""A row a selection, a column a scored turn: the place in SUBSETS of the turn's subset."""

BY_PLACE = "ORDER BY source, row"
"""The order of the turns in everything that a sweep reads."""

_CODE = " ".join(f"WHEN '{name}' THEN {code}" for code, name in enumerate(SUBSETS))
_DISCARD = SUBSETS.index("discard")


def assign_subsets(connection: duckdb.DuckDBPyConnection, grid: Sequence[SelectionConfig]) -> Assigned:
    """Return the subsets of all scored turns of `candidates` under each selection of the grid.

    Selections that differ in their thresholds only are decided in one scan, by the same expressions as `decide`; what
    ranks turns or caps them needs a decision of its own. Near-duplicates are found once for equal filters.
    """
    alike: dict[SelectionConfig, list[int]] = {}
    for number, selection in enumerate(grid):
        alike.setdefault(_without_thresholds(selection), []).append(number)
    rows: dict[int, Assigned] = {}
    for frame, numbers in alike.items():
        found = _assign(connection, frame, [grid[number] for number in numbers])
        rows |= dict(zip(numbers, found, strict=True))
    return np.stack([rows[number] for number in range(len(grid))])


def has_thresholds(selection: SelectionConfig) -> bool:
    """Whether a selection's rule compares scores with thresholds; the others rank turns."""
    return RULES[selection.rule].sizes is None


def _without_thresholds(selection: SelectionConfig) -> SelectionConfig:
    if not has_thresholds(selection) or apply_quotas("", selection):
        return selection
    return selection.model_copy(update={"sensibility_threshold": 0.0, "rationality_threshold": 0.0})


def _assign(
    connection: duckdb.DuckDBPyConnection, frame: SelectionConfig, selections: Sequence[SelectionConfig]
) -> Sequence[Assigned]:
    if not has_thresholds(frame) or apply_quotas("", frame):
        decide(connection, frame)
        query = f"SELECT (CASE subset {_CODE} END)::UTINYINT AS c0 FROM decisions WHERE subset <> '{EXCLUDED}'"  # noqa: S608 - our own expressions
        return [connection.execute(f"{query} {BY_PLACE}").fetchnumpy()["c0"]]
    if frame.near_duplicates is not None:
        find_near_duplicates(connection, frame)
    connection.execute(
        f"CREATE OR REPLACE TEMP MACRO code_subset(is_open, s, r, ts, tr) AS "
        f"(CASE WHEN is_open THEN CASE {RULES[frame.rule].subset} {_CODE} END ELSE {_DISCARD} END)::UTINYINT"
    )
    codes = ", ".join(
        f"code_subset(is_open, s, r, {one.sensibility_threshold!r}::DOUBLE, {one.rationality_threshold!r}::DOUBLE)"
        f" AS c{number}"
        for number, one in enumerate(selections)
    )
    found = connection.execute(
        f"SELECT {codes} FROM ({open_turns(frame)}) WHERE excluded_because IS NULL {BY_PLACE}"  # noqa: S608 - bounded numbers and our own expressions
    ).fetchnumpy()
    return [found[f"c{number}"] for number in range(len(selections))]
