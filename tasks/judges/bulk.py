"""The direct road of a distilled judge: Parquet to Parquet, no journal and no database, in flat memory.

For corpora of millions of turns. A score costs nothing and can be made again, so nothing of it has to be kept safe.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import uuid
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tasks.errors import SourceError, StoppedShortError
from tasks.judges.bulk_places import check_out, find_sources
from tasks.judges.scored_batch import check_columns, score_batch
from tasks.progress import report_progress
from tasks.scoring import DistilledJudge, load_encoder

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

BATCH_SIZE = 4096
QUEUE_A_PROCESS = 2
"""Batches waiting for each process: enough that none is idle, few enough that memory stays flat."""
METADATA_KEY = b"efficient-empathy-judge"


@dataclass(frozen=True)
class JudgePlace:
    """Where a distilled judge is; this, and not the judge, goes to other processes."""

    weights: Path | None = None
    """The bundled ones if None."""
    encoder: str = ""

    def load(self) -> DistilledJudge:
        """Load it. Raises ArtifactError or ConfigError where it cannot be."""
        return DistilledJudge.load(self.weights, load_encoder(self.encoder) if self.encoder else None)


def score_parquet(
    source: Path, out: Path, place: JudgePlace = JudgePlace(), n_processes: int = 1, *, is_forced: bool = False
) -> dict[str, Any]:
    """Score the turns of a Parquet file, or of a folder of them, into one file, row by row in their order.

    Every column but the texts is carried along; scores, deviations, interval bounds and ranks are added. Returns facts:
    n_rows, n_unscored, weights (sha256), coverage. Raises SourceError where the source is not turns, UsageError where
    `out` exists and is not to be replaced, or is part of the source.
    """
    paths = find_sources(source)
    check_out(out, source, paths, is_forced=is_forced)
    files = open_files(paths)
    judge = place.load()
    total, done, n_unscored = sum(file.metadata.num_rows for _, file in files), 0, 0
    with open_writer(out, judge, files[0][1].schema_arrow) as writer:
        for scored in map_batches(judge, place, read_batches(files), n_processes):
            writer.write_batch(scored)
            done += len(scored)
            n_unscored += len(scored) - scored.column("unscored_reason").null_count
            report_progress("score turns", done, total)
    return {"n_rows": done, "n_unscored": n_unscored, "weights": judge.digest, "coverage": judge.coverage}


def open_files(paths: list[Path]) -> list[tuple[Path, pq.ParquetFile]]:
    """Return the Parquet files with their names. Raises SourceError where they are no turns."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    files: list[tuple[Path, pq.ParquetFile]] = []
    for path in paths:
        try:
            file = pq.ParquetFile(path)
        except (OSError, pa.ArrowException) as error:
            raise _refuse(path, error) from None
        check_columns(file.schema_arrow, str(path))
        files.append((path, file))
        if not file.schema_arrow.equals(files[0][1].schema_arrow):
            raise SourceError("The files of the corpus have different columns.", where=f"{paths[0]} and {path}")
    return files


def read_batches(files: list[tuple[Path, pq.ParquetFile]]) -> Iterator[pa.RecordBatch]:
    """Yield the turns of the files, batch by batch. Raises SourceError, naming the file, where one is damaged."""
    import pyarrow as pa

    for path, file in files:
        try:
            for batch in file.iter_batches(BATCH_SIZE):
                batch.validate(full=True)  # text that is not UTF-8 would be noticed only when it is scored
                yield batch
        except (OSError, pa.ArrowException) as error:
            raise _refuse(path, error) from None


def _refuse(path: Path, error: Exception) -> SourceError:
    return SourceError(
        f"The corpus cannot be read: {(str(error).splitlines() or [type(error).__name__])[0][:200]}", where=str(path),
        do="give a whole Parquet file of turns, as `empathy ingest` writes them",
    )  # fmt: skip


@contextmanager
def open_writer(out: Path, judge: DistilledJudge, schema: pa.Schema) -> Iterator[pq.ParquetWriter]:
    """Write to a file beside `out` that takes its name once it is whole; the file says who judged."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    facts = json.dumps({"weights": judge.digest, "coverage": judge.coverage})
    scored = score_batch(judge, pa.RecordBatch.from_pylist([], schema)).schema
    # a name of this run's own: another run may write to the same place, and somebody's file may have any fixed name
    partial = out.with_name(f".{out.name[:50]}-{uuid.uuid4().hex[:8]}")
    partial.parent.mkdir(parents=True, exist_ok=True)
    try:
        with pq.ParquetWriter(partial, scored.with_metadata({METADATA_KEY: facts}), compression="zstd") as writer:
            yield writer
        partial.replace(out)
    finally:
        partial.unlink(missing_ok=True)


def map_batches(
    judge: DistilledJudge, place: JudgePlace, batches: Iterator[pa.RecordBatch], n_processes: int
) -> Iterator[pa.RecordBatch]:
    """Yield the scored batches in their order, scored here or in as many processes."""
    if n_processes == 1:
        yield from (score_batch(judge, batch) for batch in batches)
        return
    waiting: deque[Future[pa.RecordBatch]] = deque()
    spawn = multiprocessing.get_context("spawn")  # a fork would carry along Arrow's threads
    with ProcessPoolExecutor(n_processes, spawn) as pool:
        try:
            for batch in batches:
                waiting.append(pool.submit(score_here, place, batch))
                if len(waiting) > QUEUE_A_PROCESS * n_processes:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        except BrokenProcessPool:
            raise StoppedShortError(
                "A process that scores was ended from outside.",
                do="run it again, with fewer --processes if memory is short",
            ) from None
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


@cache
def load_here(place: JudgePlace) -> DistilledJudge:
    """Load the judge into this process of the pool, one core each."""
    from threadpoolctl import threadpool_limits

    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    threadpool_limits(1)
    return place.load()


def score_here(place: JudgePlace, batch: pa.RecordBatch) -> pa.RecordBatch:
    """Score a batch in this process of the pool.

    The judge is loaded with the first batch: what prevents that is told as it is, and an initializer's error is not.
    """
    return score_batch(load_here(place), batch)
