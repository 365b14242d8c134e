"""Rows gathered into dialogues: what can be kept as it was said is kept, the rest keeps its reason."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from tasks.dialogues.csv_columns import Row
from tasks.dialogues.rejected import Reason, Rejected
from tasks.dialogues.source import SourceFile
from tasks.schema import Dialogue

MAX_UTTERANCES = 1000  # contexts grow with the square of it


class Candidate(NamedTuple):
    """What a stretch of a file holds: at most one dialogue, and the rows of it that were put aside."""

    end: int
    """How far into the file it reaches, in bytes."""
    dialogue_id: str | None
    dialogue: Dialogue | None
    rows: Sequence[tuple[int, str]]
    """Line and text of all of the dialogue's rows, for the case that its id was there before."""
    rejected: Sequence[Rejected]


def gather_conversations(rows: Iterator[Row | Rejected], file: SourceFile) -> Iterator[Candidate]:
    """Yield a candidate for each run of rows with one dialogue id; rows without an id do not end a run."""
    run: list[Row] = []
    end = 0
    for row in rows:
        if isinstance(row, Rejected):
            yield Candidate(end, None, None, (), (row,))
            continue
        end = row.line.end
        if run and row.dialogue_id != run[0].dialogue_id:
            yield assemble_dialogue(run, file)
            run = []
        if len(run) == MAX_UTTERANCES:
            yield Candidate(end, None, None, (), (_reject(row, Reason.TOO_LONG, file),))
        else:
            run.append(row)
    if run:
        yield assemble_dialogue(run, file)


def assemble_dialogue(rows: Sequence[Row], file: SourceFile) -> Candidate:
    """Return the rows of one dialogue as far as they follow one another from 1 on.

    A row that does not follow the one before is put aside, and so is all that would need it as context.
    """
    kept, rejected = _keep_sequence(rows, file)
    if len({row.utterance.role for row in rows}) == 1:  # an excerpt of one side has gaps by its nature
        kept, rejected = list(rows), []
    if len({row.utterance.role for row in kept}) == 1:
        rejected += [_reject(row, Reason.ONE_SIDED, file) for row in kept]
    dialogue = None
    if kept:
        first = kept[0]
        utterances = tuple(row.utterance for row in kept)
        dialogue = Dialogue(first.dialogue_id, first.emotion, first.situation, utterances, file.split)
    places = [(row.line.number, row.line.text) for row in rows]
    return Candidate(rows[-1].line.end, rows[0].dialogue_id, dialogue, places, rejected)


def _keep_sequence(rows: Sequence[Row], file: SourceFile) -> tuple[list[Row], list[Rejected]]:
    kept: list[Row] = []
    rejected: list[Rejected] = []
    indices = {row.utterance_idx for row in rows}
    n_first = next(n for n in range(len(indices) + 1) if n + 1 not in indices)  # 1..n_first are all there
    for row in rows:
        if row.utterance_idx == len(kept) + 1:
            kept.append(row)
        else:
            reason = Reason.OUT_OF_ORDER if row.utterance_idx <= n_first else Reason.GAP
            rejected.append(_reject(row, reason, file))
    return kept, rejected


def _reject(row: Row, reason: Reason, file: SourceFile) -> Rejected:
    return Rejected(file.name, row.line.number, reason, row.line.text)
