"""Parquet with the columns of the JSONL records; read in small batches."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tasks.dialogues.conversation import Candidate
from tasks.dialogues.lines import Line
from tasks.dialogues.record import assemble_record
from tasks.dialogues.rejected import Reason, Rejected
from tasks.dialogues.source import SourceFile
from tasks.errors import SourceError

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

BATCH_ROWS = 256
COLUMNS = ("dialogue_id", "emotion", "situation", "turns", "split")
EXPECTED = (
    "dialogue_id: string, turns: list<struct<role: string, text: string>>, and if known emotion, situation, split"
)


def check_parquet(path: Path, name: str) -> None:
    """Raise SourceError for a file that is no Parquet or lacks the columns of a dialogue."""
    import pyarrow as pa

    schema = _open(path, name).schema_arrow
    types = dict(zip(schema.names, schema.types, strict=False))
    turns = types.get("turns")
    names: set[str] = set()
    if turns is not None and (pa.types.is_list(turns) or pa.types.is_large_list(turns)):
        names = {field.name for field in turns.value_type} if pa.types.is_struct(turns.value_type) else set()
    if "dialogue_id" not in types or not {"role", "text"} <= names:
        there = ", ".join(f"{column}: {kind}" for column, kind in types.items()) or "no columns"
        raise SourceError(f"The Parquet file lacks columns: it has {there}.", where=name, do=f"give it {EXPECTED}")


def read_parquet(file: SourceFile) -> Iterator[Candidate]:
    """Yield the dialogues of a file. Raises SourceError where its pages are damaged."""
    import pyarrow as pa

    parquet = _open(file.path, file.name)
    columns = [name for name in COLUMNS if name in parquet.schema_arrow.names]
    n_rows, done = max(parquet.metadata.num_rows, 1), 0
    try:
        for batch in parquet.iter_batches(BATCH_ROWS, columns=columns, use_threads=False):
            for values in _iter_rows(batch):
                done += 1
                end = file.n_bytes * done // n_rows
                if values is None:
                    yield Candidate(end, None, None, (), (Rejected(file.name, done, Reason.UNDECODABLE, ""),))
                else:
                    raw = json.dumps(values, default=str)
                    yield assemble_record(values, Line(done, end, raw, None), file)
    except (pa.ArrowException, OSError) as error:
        raise _damaged(file.name, error) from error


def _iter_rows(batch: pa.RecordBatch) -> Iterator[dict[str, Any] | None]:
    """Yield the rows of a batch, None for one whose text is not UTF-8."""
    for position in range(batch.num_rows):
        try:
            yield batch.slice(position, 1).to_pylist()[0]
        except UnicodeDecodeError:
            yield None


def _open(path: Path, name: str) -> pq.ParquetFile:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pq.ParquetFile(path)
    except (pa.ArrowException, OSError) as error:
        raise _damaged(name, error) from error


def _damaged(name: str, error: Exception) -> SourceError:
    return SourceError(f"The Parquet file cannot be read: {error}", where=name, do="write or fetch it again")
