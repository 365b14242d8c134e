"""JSON Lines: one dialogue a line."""

from __future__ import annotations

import json
from collections.abc import Iterator

from tasks.dialogues.conversation import Candidate
from tasks.dialogues.lines import Line, read_lines
from tasks.dialogues.record import assemble_record
from tasks.dialogues.rejected import Reason, Rejected
from tasks.dialogues.source import SourceFile


def read_jsonl(file: SourceFile) -> Iterator[Candidate]:
    """Yield the dialogues of a file; a line that is no JSON is put aside."""
    for line in read_lines(file.path):
        yield _read_line(line, file)


def _read_line(line: Line, file: SourceFile) -> Candidate:
    reason = line.problem
    if reason is None:
        try:
            return assemble_record(json.loads(line.text), line, file)
        except (ValueError, RecursionError):  # also numbers of thousands of digits, brackets of thousands of levels
            reason = Reason.BAD_JSON
    return Candidate(line.end, None, None, (), (Rejected(file.name, line.number, reason, line.text),))
