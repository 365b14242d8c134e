"""The turns that a selection chooses from."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import resources
from pathlib import Path

import duckdb

from tasks.errors import UsageError
from tasks.schema import SPLITS

_ONLY_LAST = "QUALIFY row_number() OVER (PARTITION BY dialogue_id, utterance_idx ORDER BY source DESC) = 1"


def resolve_split(connection: duckdb.DuckDBPyConnection, turn_files: Sequence[str], split: str) -> str:
    """Return the split to select from: as named, else train, else the only one there is.

    Raises UsageError where the corpus has no such split, or several and no train.
    """
    rows = connection.execute("SELECT DISTINCT split FROM read_parquet($files)", {"files": list(turn_files)}).fetchall()
    present = [name for name in SPLITS if (name,) in rows]
    if split != "auto":
        if split not in present:
            raise UsageError(f"No ingested dialogue is in the split {split!r}.", do=f"there are: {', '.join(present)}")
        return split
    if "train" in present or len(present) == 1:
        return "train" if "train" in present else present[0]
    raise UsageError("Which split to select from is not clear.", do=f"say --split, one of: {', '.join(present)}")


def load_candidates(
    connection: duckdb.DuckDBPyConnection, turn_files: Sequence[str], scores_file: Path, split: str
) -> None:
    """Make the table `candidates`: every turn of the split with its scores, without its text.

    `source` (from 1) and `row` say where the text stands in `turn_files`, which stay in the variable of that name.
    """
    values = {"turn_files": list(turn_files), "scores_file": str(scores_file), "split": split}
    for name, value in values.items():
        connection.execute(f"SET VARIABLE {name} = $value", {"value": value})
    # of one source every turn stands once: the window would cost as much as all the rest
    only_last = _ONLY_LAST if len(turn_files) > 1 else ""
    connection.execute(read_sql("candidates").format(only_last=only_last))


def read_sql(name: str) -> str:
    """Return one of this stage's queries."""
    return (resources.files("tasks.selection") / f"{name}.sql").read_text(encoding="utf-8")
