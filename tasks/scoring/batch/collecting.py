"""From a batch that ended to the journal: every result it has, once, and why its other requests have none."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from tasks.progress import report_notice
from tasks.scoring.batch.api import BatchApi
from tasks.scoring.batch.parts import Entry
from tasks.scoring.batch.results import BatchResult, read_result
from tasks.scoring.batch.settling import Settler, make_attempt
from tasks.scoring.ledger.journal import Attempt, SegmentWriter, list_segments, read_segment, segment_name

if TYPE_CHECKING:
    from openai.types import Batch

Settle = Callable[[Entry, Attempt, str], None]

LINES_AT_ONCE = 100
NOT_RUN = {"expired": "timeout", "cancelled": "interrupted"}
"""Error class of a request without a result, by the status of its batch."""


def name_segments(kind: str, name: str) -> str:
    """Return the prefix of the segments that hold one batch, from an id that an endpoint chose."""
    return f"{kind}-{re.sub(r'[^A-Za-z0-9_]+', '-', name)[:80]}"


def list_kept(journal: Path, prefix: str) -> set[str]:
    """Return the turns whose attempts stand in the segments of a prefix: what a killed run had journalled."""
    ours = re.compile(re.escape(prefix) + r"-\d{5}\.jsonl")
    paths = [path for path in list_segments(journal) if ours.fullmatch(segment_name(path))]
    return {attempt.turn_key for path in paths for _, attempt in read_segment(path)}


def read_groups(lines: Iterable[bytes]) -> Iterator[list[bytes]]:
    """Yield the lines that are not empty, a segment's worth at a time."""
    full = (line for line in lines if line.strip())
    while group := list(islice(full, LINES_AT_ONCE)):
        yield group


class Collector:
    """Takes the results of one ended batch to the journal and hands each on, journalled, to `settle`."""

    def __init__(self, api: BatchApi, settler: Settler, journal: Path, settle: Settle) -> None:
        self.api, self.settler, self.journal, self.settle = api, settler, journal, settle
        self.n_damaged = 0

    async def collect(self, batch: Batch, entries: dict[str, Entry], sent_at: float, scratch: Path) -> None:
        """Download the batch's files to `scratch`, one after the other, and take what they hold.

        What stands in the journal already is not written again, but settled all the same.
        """
        prefix, missing = name_segments("batch", batch.id), dict(entries)
        kept = list_kept(self.journal, prefix)
        with SegmentWriter(self.journal, prefix) as writer:
            for file_id in filter(None, (batch.output_file_id, batch.error_file_id)):
                await self.api.download(file_id, scratch)
                with scratch.open("rb") as file:
                    for lines in read_groups(file):
                        self._take(list(self._read(lines)), missing, kept, writer, sent_at)
                scratch.unlink()
            error_class = NOT_RUN.get(batch.status, "server")
            left = [BatchResult(turn_key, {"error_class": error_class}) for turn_key in missing]
            self._take(left, missing, kept, writer, sent_at)
        if self.n_damaged:
            report_notice(f"Batch {batch.id} holds {self.n_damaged:,} lines that are no results: they are asked again.")

    def _read(self, lines: Iterable[bytes]) -> Iterator[BatchResult]:
        for line in lines:
            result = read_result(line, self.api.client.api_key)
            self.n_damaged += result is None
            if result is not None:
                yield result

    def _take(
        self, results: list[BatchResult], missing: dict[str, Entry], kept: set[str], writer: SegmentWriter,
        sent_at: float,
    ) -> None:  # fmt: skip
        taken = []
        for result in results:
            entry = missing.pop(result.turn_key, None)
            if entry is not None:
                attempt = make_attempt(self.settler.asker, self.settler.price, entry, result, sent_at)
                taken.append((entry, attempt, result.message))
        fresh = [attempt for _, attempt, _ in taken if attempt.turn_key not in kept]
        if fresh:
            writer.append(*fresh)
        for entry, attempt, message in taken:
            self.settle(entry, attempt, message)
