"""How evenly a selection's turns spread over emotions, places in the dialogue and lengths."""

from __future__ import annotations

import math
from collections.abc import Mapping

import duckdb

from tasks.selection.decide import EXCLUDED, SUBSETS
from tasks.selection.modifiers import LENGTH_BAND

GROUPS = {"emotion": "emotion", "place": "utterance_idx::VARCHAR", "length": LENGTH_BAND}

Counts = dict[str, dict[str, int]]
Balance = dict[str, dict[str, float | None]]


def measure_balance(connection: duckdb.DuckDBPyConnection) -> Balance:
    """Return, for each subset of `decisions`, its evenness over emotions, places and bands of lengths.

    Evenness is the entropy over that of an even spread over all groups that the scored turns have: 1 is even, 0 all in
    one group; None of a subset without turns.
    """
    counts = {name: count_groups(connection, group) for name, group in GROUPS.items()}
    n_groups = {name: len({group for of_subset in found.values() for group in of_subset})
                for name, found in counts.items()}  # fmt: skip
    return {
        subset: {name: evenness(found[subset], n_groups[name]) for name, found in counts.items()} for subset in SUBSETS
    }


def count_groups(connection: duckdb.DuckDBPyConnection, group: str) -> Counts:
    """Return how many turns of each group every subset of `decisions` has; `group` is SQL of our own."""
    rows = connection.execute(
        f"SELECT subset, {group}, count(*) FROM decisions WHERE subset <> '{EXCLUDED}' GROUP BY ALL ORDER BY ALL"  # noqa: S608 - our own expressions
    ).fetchall()
    counts: Counts = {subset: {} for subset in SUBSETS}
    for subset, name, n in rows:
        counts[subset][name] = n
    return counts


def evenness(counts: Mapping[str, int], n_groups: int) -> float | None:
    """Return the entropy of counts over log(n_groups), 0 to 1; None where nothing is counted."""
    total = sum(counts.values())
    if not total:
        return None
    if n_groups < 2:
        return 1.0
    entropy = -sum(n / total * math.log(n / total) for n in counts.values())
    return round(entropy / math.log(n_groups), 6) + 0.0  # no -0.0
