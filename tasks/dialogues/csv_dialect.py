"""Is a CSV file the unquoted original, or an export by a CSV writer? Told by how it uses quotation marks."""

from __future__ import annotations

from pathlib import Path

from tasks.dialogues.csv_columns import read_columns
from tasks.dialogues.csv_quoted import split_fields, split_quoted
from tasks.dialogues.lines import decode_line
from tasks.dialogues.source import Format
from tasks.errors import SourceError

HEAD_BYTES = 2**20


def detect_csv_format(path: Path, name: str) -> Format:
    """Return which reader a CSV file needs. Raises SourceError where its header lacks a column."""
    with path.open("rb") as file:
        chunks = file.readlines(HEAD_BYTES)
    text, problem = decode_line(chunks[0] if chunks else b"")
    if problem or "\r" in text:
        raise SourceError(
            "The file is not UTF-8 text with one row a line.",
            where=name,
            do="save it as UTF-8 with Unix line ends (for example `iconv -f UTF-16 -t UTF-8`, `dos2unix`)",
        )
    header = text.removeprefix("\ufeff")
    columns = read_columns(split_fields(header), name)
    if '"' in header:
        return Format.CSV_QUOTED
    n_quoted = n_plain = 0
    for chunk in chunks[1:]:
        if b'"' in chunk:
            is_export = _is_written_quoted(decode_line(chunk)[0], len(columns.names))
            n_quoted += is_export is True
            n_plain += is_export is False
    if n_quoted == n_plain:  # the original has Unix line ends, CSV writers end a row as Windows does
        return Format.CSV_QUOTED if chunks[0].endswith(b"\r\n") else Format.CSV_ORIGINAL
    return Format.CSV_QUOTED if n_quoted > n_plain else Format.CSV_ORIGINAL


def _is_written_quoted(line: str, n_columns: int) -> bool | None:
    """Say whether a line with quotes was written by a CSV writer; None where both could have written it."""
    fields = split_quoted(line)
    if fields is None:
        return False  # a quote in the middle of an unquoted field, or one that does not close here
    n_by_commas = line.count(",") + 1
    if len(fields) != n_by_commas:
        return len(fields) == n_columns
    if '""' in line:
        return True
    return None
