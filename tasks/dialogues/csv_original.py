"""EmpatheticDialogues' own CSV: no quoting at all, a comma in a text is `_comma_`.

A quoting reader swallows the lines after each of the utterances that begin with a double quote.
"""

from __future__ import annotations

from collections.abc import Iterator

from tasks.dialogues.conversation import Candidate, gather_conversations
from tasks.dialogues.csv_columns import Row, read_columns
from tasks.dialogues.lines import read_lines
from tasks.dialogues.rejected import Rejected
from tasks.dialogues.source import SourceFile


def read_original_csv(file: SourceFile) -> Iterator[Candidate]:
    """Yield the conversations of a file. Raises SourceError for a header without the columns."""
    return gather_conversations(_read_rows(file), file)


def _read_rows(file: SourceFile) -> Iterator[Row | Rejected]:
    lines = read_lines(file.path)
    header = next(lines, None)
    columns = read_columns(header.text.split(",") if header else [], where=file.name)
    for line in lines:
        if line.problem:
            yield Rejected(file.name, line.number, line.problem, line.text)
        else:
            yield columns.read_row(line.text.split(","), line, file.name)
