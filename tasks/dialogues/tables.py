"""The Parquet tables of the dialogues artifact, written as the rows come."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

ROW_GROUP = 4096  # rows held in memory before they are written
MESSAGES = pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))

DIALOGUES = pa.schema(
    [
        ("dialogue_id", pa.string()),
        ("split", pa.string()),
        ("emotion", pa.string()),
        ("situation", pa.string()),
        ("n_utterances", pa.int32()),
    ]
)
TURNS = pa.schema(
    [
        ("dialogue_id", pa.string()),
        ("utterance_idx", pa.int32()),
        ("turn_key", pa.string()),
        ("split", pa.string()),
        ("emotion", pa.string()),
        ("prompt", MESSAGES),
        ("response", pa.string()),
    ]
)
QUARANTINE = pa.schema([("source", pa.string()), ("line", pa.int64()), ("reason", pa.string()), ("raw", pa.string())])


class TableWriter:
    """Appends rows to a Parquet file in row groups; the file is complete when the `with` block ends."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self.n_rows = 0
        self._schema = schema
        self._rows: list[Mapping[str, Any]] = []
        self._writer = pq.ParquetWriter(path, schema, compression="zstd")

    def __enter__(self) -> TableWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._flush()
        self._writer.close()

    def add(self, row: Mapping[str, Any]) -> None:
        """Append one row, keyed by the schema's names."""
        self._rows.append(row)
        self.n_rows += 1
        if len(self._rows) == ROW_GROUP:
            self._flush()

    def _flush(self) -> None:
        if self._rows:
            self._writer.write_table(pa.Table.from_pylist(self._rows, schema=self._schema))
            self._rows = []
