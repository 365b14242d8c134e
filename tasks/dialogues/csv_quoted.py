"""A quoted CSV export of EmpatheticDialogues, also the damaged kind that libraries made of the original.

Whoever read the original with quoting on lost rows: an utterance that begins with a double quote ran on to
the next quote, lines later, and the export wrote all of it as one quoted field. Inside that field the lines
still stand as the original had them, so they are taken out again; only quotation marks are gone.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator, Sequence

from tasks.dialogues.conversation import Candidate, gather_conversations
from tasks.dialogues.csv_columns import Columns, Row, read_columns
from tasks.dialogues.lines import MAX_LINE_BYTES, Line, read_lines
from tasks.dialogues.rejected import Reason, Rejected
from tasks.dialogues.source import SourceFile

MAX_RECORD_LINES = 2000  # an opening quote that finds no end by then is a character, not quoting
FIELD = re.compile(r'"([^"]*+(?:""[^"]*+)*+)"(?=,|\Z)|([^",]*+)(?=,|\Z)')
ROW_START = re.compile(r"[^,]{1,200},\d{1,9},")


def read_quoted_csv(file: SourceFile) -> Iterator[Candidate]:
    """Yield the conversations of a file. Raises SourceError for a header without the columns."""
    return gather_conversations(_read_rows(file), file)


def split_quoted(record: str) -> list[str] | None:
    """Return the fields of a record as CSV writers write it, None if no writer writes it like that."""
    fields: list[str] = []
    position = 0
    while found := FIELD.match(record, position):
        quoted, plain = found.groups()
        fields.append(plain if quoted is None else quoted.replace('""', '"'))
        if found.end() == len(record):
            return fields
        position = found.end() + 1
    return None


def split_fields(line: str) -> list[str]:
    """Return the fields of a line, by its quotes if they fit together, else by its commas alone."""
    return split_quoted(line) or line.split(",")


def _read_rows(file: SourceFile) -> Iterator[Row | Rejected]:
    lines = read_lines(file.path)
    header = next(lines, None)
    columns = read_columns(split_fields(header.text) if header else [], where=file.name)
    for record in gather_records(lines):
        if record[0].problem:
            yield Rejected(file.name, record[0].number, record[0].problem, record[0].text)
        elif len(record) == 1:
            yield columns.read_row(split_fields(record[0].text), record[0], file.name)
        else:
            yield from _read_long_record(record, columns, file.name)


def gather_records(lines: Iterator[Line]) -> Iterator[list[Line]]:
    """Yield lines up to where the quotes are closed; a line whose quote never closes comes alone."""
    window: deque[Line] = deque()
    while window or (window := deque(_take_one(lines))):
        n_lines = _count_lines_to_close(window, lines) or 1
        yield [window.popleft() for _ in range(n_lines)]


def _count_lines_to_close(window: deque[Line], lines: Iterator[Line]) -> int | None:
    """Return how many lines the record at the front of the window has, reading on where it needs more."""
    n_quotes = n_chars = 0
    for n_lines in range(1, MAX_RECORD_LINES + 1):
        if len(window) < n_lines:
            window.extend(_take_one(lines))
        if len(window) < n_lines or window[n_lines - 1].problem or n_chars > MAX_LINE_BYTES:
            return None
        text = window[n_lines - 1].text
        n_chars += len(text)
        n_quotes += text.count('"')
        if n_quotes % 2 == 0:
            return n_lines
    return None


def _take_one(lines: Iterator[Line]) -> list[Line]:
    line = next(lines, None)
    return [] if line is None else [line]


def _read_long_record(record: Sequence[Line], columns: Columns, source: str) -> Iterator[Row | Rejected]:
    """Yield what a record of several lines is: rows that a field swallowed, one row, or lines of their own."""
    text = "\n".join(line.text for line in record)
    fields = split_quoted(text)
    if fields is None:  # two stray quotes, lines apart
        for line in record:
            yield columns.read_row(split_fields(line.text), line, source)
    elif any(ROW_START.match(line) for field in fields for line in field.split("\n")[1:]):
        yield Rejected(source, record[0].number, Reason.SWALLOWED_LINES, text)
        yield from _take_out_rows(fields, record, columns, source)
    else:
        yield columns.read_row(fields, Line(record[0].number, record[-1].end, text, None), source)


def _take_out_rows(
    fields: Sequence[str], record: Sequence[Line], columns: Columns, source: str
) -> Iterator[Row | Rejected]:
    """Yield the rows that stand in a swallowing field, or each line that cannot be read as one.

    The quote that began the field was the text's own and is put back; where the closing one stood is lost.
    """
    *texts, last = ",".join(f'"{field}' if "\n" in field else field for field in fields).split("\n")
    swallowing = max(position for position, field in enumerate(fields) if "\n" in field)
    padding = fields[swallowing + 1 :]
    if last.count(",") > len(columns.names) and not any(padding):  # the export filled up the columns it missed
        last = last.removesuffix("," * len(padding))
    for line, text in zip(record, [*texts, last], strict=True):
        recovered = Line(line.number, line.end, text, None)
        row = columns.read_row(text.removesuffix("\r").split(","), recovered, source)
        yield row._replace(reason=Reason.SWALLOWED_LINES) if isinstance(row, Rejected) else row
