"""The subsets as Parquet files, from one sorted pass over the turns: texts are read once and written once."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

import duckdb

from tasks.selection.candidates import read_sql
from tasks.selection.decide import EXCLUDED, SUBSETS

if TYPE_CHECKING:  # Arrow's writer is imported where subsets are written: a preview needs none
    import pyarrow as pa

ROWS = 65_536
"""Of a row group, and of what is held in memory at a time."""


def write_subsets(connection: duckdb.DuckDBPyConnection, turns: str, folder: Path) -> None:
    """Write every subset, and what was excluded, as a Parquet file of its own.

    `turns` is SQL of what was decided with `prompt` and `response`. Arrow's writer takes half the CPU of a COPY, and
    one thread writes while the next turns are sorted.
    """
    reader = connection.sql(read_sql("chosen").format(turns=turns)).to_arrow_reader(ROWS)
    with _Files(folder, reader.schema) as files:
        for batch in reader:
            for subset, rows in split_subsets(batch):
                files.append(subset, rows)


def split_subsets(batch: pa.RecordBatch) -> Iterator[tuple[str, pa.RecordBatch]]:
    """Yield each subset of a batch that is sorted by subset, with its rows."""
    import pyarrow.compute as pc

    runs = pc.run_end_encode(batch["subset"])
    start = 0
    for subset, end in zip(runs.values.to_pylist(), runs.run_ends.to_pylist(), strict=True):
        yield subset, batch.slice(start, end - start)
        start = end


class _Files:
    """A file for each subset. Row groups are cut by rows alone: equal rows give equal bytes."""

    def __init__(self, folder: Path, schema: pa.Schema) -> None:
        import pyarrow.parquet as pq

        self.schema = schema
        self.files = {
            name: pq.ParquetWriter(folder / f"{name}.parquet", schema, compression="zstd")
            for name in (*SUBSETS, EXCLUDED)
        }
        self.waiting: dict[str, list[pa.RecordBatch]] = {name: [] for name in self.files}
        self.pool = ThreadPoolExecutor(1)
        self.written: Future[None] | None = None

    def __enter__(self) -> _Files:
        return self

    def append(self, subset: str, rows: pa.RecordBatch) -> None:
        """Take rows, and write as soon as there are enough for a row group."""
        import pyarrow as pa

        waiting = self.waiting[subset]
        waiting.append(rows)
        if sum(len(batch) for batch in waiting) >= ROWS:
            table = pa.Table.from_batches(waiting)
            self._write(subset, table.slice(0, ROWS))
            self.waiting[subset] = table.slice(ROWS).to_batches()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        import pyarrow as pa

        try:
            for subset, waiting in self.waiting.items():
                if kind is None and waiting:
                    self._write(subset, pa.Table.from_batches(waiting))
            if self.written is not None:
                self.written.result()
        finally:
            self.pool.shutdown()
            for file in self.files.values():
                file.close()

    def _write(self, subset: str, table: pa.Table) -> None:
        if self.written is not None:
            self.written.result()  # no more than one row group waits
        self.written = self.pool.submit(self.files[subset].write_table, table, len(table))
