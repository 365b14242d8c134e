"""The turns that a selection chooses from."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import resources

import duckdb

from tasks.errors import UsageError
from tasks.schema import SPLITS
from tasks.selection.calibrating import define_calibration
from tasks.selection.inputs import SelectionInputs

_ONLY_LAST = "QUALIFY row_number() OVER (PARTITION BY dialogue_id, utterance_idx ORDER BY source DESC) = 1"
_OTHER = "other.sensibility AS other_sensibility, other.rationality AS other_rationality,"
_JOIN_OTHER = "LEFT JOIN read_parquet(getvariable('other_scores_file')) AS other USING (turn_key)"
_FILES = "read_parquet(getvariable('turn_files'), {filename}file_row_number = true) AS turns"


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


def load_candidates(connection: duckdb.DuckDBPyConnection, inputs: SelectionInputs, split: str) -> None:
    """Make the table `candidates`: every turn of the split with its scores, without its text.

    `source` (from 1) and `row` say where the text stands in the turn files, which stay in the variable `turn_files`.
    """
    _make_candidates(connection, inputs, split, kind="TABLE", texts="", inlined="")


def view_candidates(connection: duckdb.DuckDBPyConnection, inputs: SelectionInputs, split: str) -> None:
    """Make `candidates` of inputs with one file of turns as a view that has the texts too, to be read once.

    Joins stay as they are written, so that texts are streamed through them and never held by one.
    """
    connection.execute("SET disabled_optimizers = 'build_side_probe_side'")
    _make_candidates(connection, inputs, split, kind="VIEW", texts=", prompt, response", inlined="NOT MATERIALIZED")


def _make_candidates(connection: duckdb.DuckDBPyConnection, inputs: SelectionInputs, split: str, **form: str) -> None:
    values = {
        "turn_files": inputs.turn_files, "scores_file": str(inputs.scores_file), "split": split,
        "other_scores_file": str(inputs.other_scores_file or ""),
    }  # fmt: skip
    for name, value in values.items():
        connection.execute(f"SET VARIABLE {name} = $value", {"value": value})
    define_calibration(connection, inputs.calibration)
    if len(inputs.turn_files) > 1:
        turns = f"{_FILES.format(filename='filename = true, ')} JOIN numbered USING (filename)"
        form |= {"source": "source", "turns": turns, "only_last": _ONLY_LAST}
    else:  # of one source every turn stands once: the window would cost as much as all the rest
        form |= {"source": "1", "turns": _FILES.format(filename=""), "only_last": ""}
    form |= (
        {"other": _OTHER, "join_other": _JOIN_OTHER} if inputs.other_scores_file else {"other": "", "join_other": ""}
    )
    connection.execute(read_sql("candidates").format(**form))


def read_sql(name: str) -> str:
    """Return one of this stage's queries."""
    return (resources.files("tasks.selection") / f"{name}.sql").read_text(encoding="utf-8")
