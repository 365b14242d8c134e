"""How alike two selections are on the turns that both could choose."""

from __future__ import annotations

import math
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from tasks.selection.candidates import read_sql
from tasks.selection.connecting import connect
from tasks.selection.decide import SUBSETS


class Agreement(BaseModel):
    """Two selections on their common scored turns."""

    model_config = ConfigDict(frozen=True)

    n_common: int
    n_alike: int = Field(description="Turns that both put into the same subset.")
    n_rescored: int = Field(description="Turns of which a score differs.")
    spearman: dict[str, float | None] = Field(
        description="Rank correlation of each score; None where one of the two does not vary."
    )

    @property
    def share(self) -> float | None:
        """Return the share of common turns that went to the same subset; None without any."""
        return self.n_alike / self.n_common if self.n_common else None


def compare_selections(later: Path, earlier: Path) -> Agreement:
    """Compare the subsets in two folders; scores that are all equal are correlated by definition."""
    files = {"later": list_files(later), "earlier": list_files(earlier)}
    with connect() as connection:
        connection.execute(read_sql("agreement"), files)
        n_common, n_alike, n_rescored = connection.execute(
            "SELECT count(*), count(*) FILTER (is_alike), "
            "count(*) FILTER (s_later <> s_earlier OR r_later <> r_earlier) FROM pairs"
        ).fetchone() or (0, 0, 0)
        found: tuple[float | None, ...] = (1.0, 1.0) if n_common else (None, None)
        if n_rescored:
            found = connection.execute(read_sql("correlation")).fetchone() or (None, None)
    spearman = {
        name: None if value is None or not math.isfinite(value) else round(value, 6)
        for name, value in zip(("sensibility", "rationality"), found, strict=True)
    }
    return Agreement(n_common=n_common, n_alike=n_alike, n_rescored=n_rescored, spearman=spearman)


def list_files(folder: Path) -> list[str]:
    """Return the files of a selection's scored turns."""
    return [str(folder / f"{subset}.parquet") for subset in SUBSETS]
