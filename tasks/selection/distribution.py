"""How the scores and lengths of the turns that a selection chose from are spread, whatever the rule made of them."""

from __future__ import annotations

import math
from typing import Any

import duckdb

from tasks.selection.candidates import read_sql

BIN_WIDTH, N_BINS = 0.5, 20
"""Bins of a score from 0 to 10, each without its upper end, but the last."""


def measure_distribution(connection: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    """Return, of the scored turns of `decisions`, counts of both scores in fixed bins, means and deviations.

    Deviations are those of a sample, None below two turns; `words` are those of the responses.
    """
    rows = connection.execute(read_sql("distribution"), {"width": BIN_WIDTH, "last": N_BINS - 1}).fetchall()
    bins: dict[str, list[int]] = {"sensibility": [0] * N_BINS, "rationality": [0] * N_BINS}
    for s, r, n, *_ in rows:
        bins["sensibility"][s] += n
        bins["rationality"][r] += n
    n = sum(bins["sensibility"])
    totals = [math.fsum(column) for column in zip(*(row[3:] for row in rows), strict=True)] or [0.0] * 6
    sums = zip(("sensibility", "rationality", "words"), totals[::2], totals[1::2], strict=True)
    moments = {name: {"mean": find_mean(n, total), "sd": find_sd(n, total, squares)} for name, total, squares in sums}
    return {
        "n": n,
        **{name: {**of, **({"counts": bins[name]} if name in bins else {})} for name, of in moments.items()},
    }


def find_mean(n: int, total: float) -> float | None:
    """Return a mean, rounded so that the order of a sum does not show."""
    return round(total / n, 6) if n else None


def find_sd(n: int, total: float, squares: float) -> float | None:
    """Return the deviation of a sample from its sums."""
    return round(math.sqrt(max(squares - total * total / n, 0.0) / (n - 1)), 6) if n > 1 else None
