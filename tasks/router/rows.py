"""Which turns the router stage learns from."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from tasks.experts import read_rows

ROWS_OF = {
    "union": ("sensibility", "rationality"),
    "all": ("sensibility", "rationality", "discard"),
    "sensibility": ("sensibility",),
}


def read_router_rows(folder: Path, data: str) -> pl.DataFrame:
    """Return the turns that `RouterConfig.data` names, from a subsets artifact.

    Raises ArtifactError if it lacks one of their subsets, UsageError if together they are empty.
    """
    return read_rows(folder, ROWS_OF[data])
