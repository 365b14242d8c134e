"""Is a CSV file the unquoted original, or an export by a CSV writer? Told by how it uses quotation marks."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path

from tasks.dialogues.csv_columns import read_columns
from tasks.dialogues.csv_quoted import ROW_START, gather_records, split_fields, split_quoted
from tasks.dialogues.lines import MAX_LINE_BYTES, decode_line, read_lines
from tasks.dialogues.source import Format
from tasks.errors import SourceError

HEAD_BYTES = 2**20


def detect_csv_format(path: Path, name: str) -> Format:
    """Return which reader a CSV file needs. Raises SourceError where its header lacks a column."""
    with path.open("rb") as file:
        first_line = file.readline(MAX_LINE_BYTES)
    header, problem = decode_line(first_line)
    if problem or "\r" in header:
        raise SourceError(
            "The file is not UTF-8 text with one row a line.",
            where=name,
            do="save it as UTF-8 with Unix line ends (for example `iconv -f UTF-16 -t UTF-8`, `dos2unix`)",
        )
    columns = read_columns(split_fields(header.removeprefix("\ufeff")), name)
    if '"' in header:
        return Format.CSV_QUOTED
    evidence = [_is_written_quoted(record, len(columns.names)) for record in _iter_quoted_records(path)]
    n_quoted, n_plain = evidence.count(True), evidence.count(False)
    if n_quoted == n_plain:  # the original has Unix line ends, CSV writers end a row as Windows does
        return Format.CSV_QUOTED if first_line.endswith(b"\r\n") else Format.CSV_ORIGINAL
    return Format.CSV_QUOTED if n_quoted > n_plain else Format.CSV_ORIGINAL


def _iter_quoted_records(path: Path) -> Iterator[str]:
    """Yield the records with quotes at the beginning of a file."""
    head = takewhile(lambda line: line.end <= HEAD_BYTES, read_lines(path))
    for record in gather_records(head):
        text = "\n".join(line.text for line in record)
        if '"' in text:
            yield text


def _is_written_quoted(record: str, n_columns: int) -> bool | None:
    """Say whether a CSV writer wrote a record; None where the original may hold the same."""
    fields = split_quoted(record)
    if fields is None:
        return False  # a quote in the middle of an unquoted field, or one that never closes
    if "\n" in record:
        return None if any(ROW_START.match(line) for line in record.split("\n")[1:]) else True
    if len(fields) != record.count(",") + 1:
        return len(fields) == n_columns
    return True if '""' in record else None
