"""Results that somebody brought from a batch of their own, at OpenAI or from `vllm run-batch`."""

from __future__ import annotations

import hashlib
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from tasks.errors import ConfigError
from tasks.progress import report_notice
from tasks.schema import digest_of
from tasks.scoring.batch.collecting import LINES_AT_ONCE, list_kept, name_segments
from tasks.scoring.batch.parts import Entry
from tasks.scoring.batch.results import BatchResult, read_result
from tasks.scoring.batch.settling import make_attempt
from tasks.scoring.engine.asking import Asker, Question
from tasks.scoring.engine.dialect import find_memory, load_dialect
from tasks.scoring.identity import JudgeIdentity
from tasks.scoring.ledger.journal import Attempt, SegmentWriter
from tasks.scoring.ledger.pricing import Price
from tasks.scoring.planning import PlannedTurn


class BroughtResults:
    """Where the result of each turn stands in some files; the first of a turn counts."""

    def __init__(self, paths: Sequence[Path]) -> None:
        """Raise ConfigError where a file cannot be read or holds no result of a batch."""
        self.places: dict[str, tuple[Path, int, int]] = {}
        self.n_damaged = 0
        digest = hashlib.sha256()
        for path in paths:
            try:
                n_results = self._index(path, digest)
            except OSError as error:
                raise ConfigError(f"The results cannot be read: {error.strerror}.", where=str(path)) from None
            if not n_results:
                raise ConfigError(
                    "This file holds no results of a batch.",
                    where=str(path),
                    do='give the output file of the batch: JSON objects with "custom_id", "response" and "error"',
                )
        self.digest = digest.hexdigest()[:16]

    def read(self, turn_key: str) -> BatchResult:
        """Return the result of a turn that has one."""
        path, start, length = self.places[turn_key]
        with path.open("rb") as file:
            file.seek(start)
            result = read_result(file.read(length))
        if result is None:
            raise ConfigError("The results changed while they were read.", where=str(path), do="run it again")
        return result

    def count_known(self, turn_files: Sequence[str]) -> int:
        """Return the number of results that belong to a turn of a corpus."""
        keys = pl.scan_parquet(list(turn_files), glob=False).select("turn_key").unique().collect()["turn_key"]
        return len(self.places.keys() & set(keys))

    def _index(self, path: Path, digest: Any) -> int:
        n_results = start = 0
        with path.open("rb") as file:
            for line in file:
                digest.update(line)
                result = read_result(line) if line.strip() else None
                if result is not None:
                    n_results += 1
                    self.places.setdefault(result.turn_key, (path, start, len(line)))
                self.n_damaged += result is None and bool(line.strip())
                start += len(line)
        return n_results


class BroughtJudge:
    """Gives each pending turn the result that was brought for it, through the same journal; it asks nobody."""

    def __init__(self, identity: JudgeIdentity, paths: Sequence[Path], price: Price | None, memory: Path) -> None:
        """Raise ConfigError where a file holds no results."""
        self.results, self.price = BroughtResults(paths), price
        self.asker, self.dialect = Asker(identity), load_dialect(find_memory(memory, identity))
        self.n_known, self.n_taken = 0, 0
        self.failures: Counter[str] = Counter()
        self._first_message = ""
        self._strangers: Counter[str] = Counter()
        self._one_at_a_time = threading.Lock()

    def check(self, turn_files: Sequence[str]) -> None:
        """Say what of the files is of no use for a corpus."""
        self.n_known, n_results = self.results.count_known(turn_files), len(self.results.places)
        if self.results.n_damaged:
            report_notice(f"{self.results.n_damaged:,} lines are no results of a batch: passed over.")
        if self.n_known < n_results:
            report_notice(f"{n_results - self.n_known:,} of {n_results:,} results belong to no ingested turn: ignored.")

    def score_chunk(self, turns: Sequence[PlannedTurn], writer: SegmentWriter, on_done: Callable[[int], None]) -> None:
        """Journal the results of the turns that have one; brought a second time, they are not journalled again."""
        prefix = name_segments("results", self.results.digest)
        found = [planned for planned in turns if planned.turn.turn_key in self.results.places]
        with self._one_at_a_time, SegmentWriter(writer.folder, prefix) as segments:
            kept = list_kept(writer.folder, prefix)
            new = [planned for planned in found if planned.turn.turn_key not in kept]
            for start in range(0, len(new), LINES_AT_ONCE):
                segments.append(*(self._make_attempt(planned) for planned in new[start : start + LINES_AT_ONCE]))
            self.n_taken += len(found)
        on_done(len(turns))

    def describe(self) -> dict[str, object]:
        """Return what people watch: results that were taken."""
        return {"results": f"{self.n_taken:,} of {len(self.results.places):,}"}

    def close(self) -> None:
        """Say which results gave no reply, and how many were not needed."""
        if self.failures:
            classes = ", ".join(f"{n:,} {name}" for name, n in self.failures.most_common())
            report_notice(f"Of the results these are errors: {classes}. The first says: {self._first_message[:300]}")
        for model, n in self._strangers.most_common():
            report_notice(f"{n:,} results are of the model {model}, not of {self.asker.model}: are they this judge's?")
        if self.n_known > self.n_taken:
            report_notice(f"{self.n_known - self.n_taken:,} results are of turns that have a score: it stays.")

    def _make_attempt(self, planned: PlannedTurn) -> Attempt:
        entry = Entry(Question(planned, n_samples=planned.n_samples))
        entry.request_key = digest_of(self.asker.make_request(entry.question, self.dialect))
        result = self.results.read(entry.turn_key)
        if result.message:
            self.failures[result.values["error_class"]] += 1
            self._first_message = self._first_message or result.message
        attempt = make_attempt(self.asker, self.price, entry, result, time.time())
        if attempt.model and not attempt.model.startswith(self.asker.model):
            self._strangers[attempt.model] += 1
        return attempt
