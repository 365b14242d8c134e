"""All dialogues of a source, streamed: each row ends up in a dialogue or in quarantine with its reason."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing

from tasks.dialogues.conversation import Candidate
from tasks.dialogues.csv_original import read_original_csv
from tasks.dialogues.csv_quoted import read_quoted_csv
from tasks.dialogues.jsonl import read_jsonl
from tasks.dialogues.parquet import read_parquet
from tasks.dialogues.rejected import Reason, Rejected
from tasks.dialogues.source import Format, Source, SourceFile
from tasks.errors import SourceError
from tasks.progress import report_progress
from tasks.schema import Dialogue

READERS: dict[Format, Callable[[SourceFile], Iterator[Candidate]]] = {
    Format.CSV_ORIGINAL: read_original_csv,
    Format.CSV_QUOTED: read_quoted_csv,
    Format.JSONL: read_jsonl,
    Format.PARQUET: read_parquet,
}
PROGRESS_STEP = 2**20  # bytes between two reports, more for large sources


def read_dialogues(source: Source) -> Iterator[Dialogue | Rejected]:
    """Yield the dialogues of a source in its order, and beside them what was put aside.

    Reports progress in bytes. Memory does not grow with the source. Raises SourceError where a file cannot
    be read any more; a bad row never raises.
    """
    for name in source.skipped:
        yield Rejected(name, 0, Reason.SKIPPED_FILE, "")
    with closing(SeenIds()) as seen:
        yield from _drop_repeated(source, seen)


def _drop_repeated(source: Source, seen: SeenIds) -> Iterator[Dialogue | Rejected]:
    """Yield what the files hold; of two dialogues with one id the first counts."""
    for file, candidate in _iter_candidates(source):
        if candidate.dialogue_id is not None and candidate.dialogue_id in seen:
            for line, raw in candidate.rows:
                yield Rejected(file.name, line, Reason.DUPLICATE_DIALOGUE, raw)
            continue
        if candidate.dialogue is not None:
            seen.add(candidate.dialogue.dialogue_id)
            yield candidate.dialogue
        yield from candidate.rejected


def _iter_candidates(source: Source) -> Iterator[tuple[SourceFile, Candidate]]:
    """Yield what the files hold, reporting how many bytes of all are done."""
    total = sum(file.n_bytes for file in source.files)
    step = max(PROGRESS_STEP, total // 200)
    before = reported = 0
    for file in source.files:
        try:
            for candidate in READERS[file.format](file):
                yield file, candidate
                if before + candidate.end >= reported + step:
                    reported = before + candidate.end
                    report_progress("read dialogues", reported, total, unit="bytes")
        except OSError as error:
            raise SourceError(f"The file cannot be read: {error.strerror}.", where=str(file.path)) from error
        before += file.n_bytes
    report_progress("read dialogues", total, total, unit="bytes")


class SeenIds:
    """The ids so far, in a temporary file that SQLite removes: a set of them would grow with the source."""

    def __init__(self) -> None:
        self._database = sqlite3.connect("", isolation_level=None)
        self._database.execute("PRAGMA journal_mode = OFF")
        self._database.execute("PRAGMA synchronous = OFF")
        self._database.execute("CREATE TABLE ids (id TEXT PRIMARY KEY) WITHOUT ROWID")
        self._database.execute("BEGIN")

    def close(self) -> None:
        """Remove the file."""
        self._database.close()

    def add(self, dialogue_id: str) -> None:
        """Add an id."""
        self._database.execute("INSERT INTO ids VALUES (?)", (dialogue_id,))

    def __contains__(self, dialogue_id: str) -> bool:
        found = self._database.execute("SELECT 1 FROM ids WHERE id = ?", (dialogue_id,))
        return found.fetchone() is not None
