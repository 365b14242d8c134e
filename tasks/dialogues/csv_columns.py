"""The columns of EmpatheticDialogues: `conv_id,utterance_idx,context,prompt,speaker_idx,utterance,selfeval,tags`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from tasks.dialogues.lines import Line
from tasks.dialogues.rejected import Reason, Rejected
from tasks.errors import SourceError
from tasks.schema import Utterance

REQUIRED = ("conv_id", "utterance_idx", "context", "prompt", "utterance")
INDEX = re.compile(r"[1-9][0-9]{0,8}")


class Row(NamedTuple):
    """One utterance of a CSV file; `context` and `prompt` of the file are its emotion and situation."""

    line: Line
    dialogue_id: str
    utterance_idx: int
    emotion: str
    situation: str
    utterance: Utterance


class Columns(NamedTuple):
    """Where the columns stand, from the header."""

    names: tuple[str, ...]

    def read_row(self, fields: Sequence[str], line: Line, source: str) -> Row | Rejected:
        """Return the fields as a row, or why they are none."""
        if len(fields) != len(self.names) and not self._is_row_with_candidates(fields):
            return Rejected(source, line.number, Reason.WRONG_COLUMNS, line.text)
        value = dict(zip(self.names, fields, strict=False))
        dialogue_id, index = value["conv_id"].strip(), value["utterance_idx"].strip()
        if not dialogue_id:
            return Rejected(source, line.number, Reason.MISSING_FIELD, line.text)
        if not INDEX.fullmatch(index):
            return Rejected(source, line.number, Reason.BAD_INDEX, line.text)
        text = restore_commas(value["utterance"])
        if not text:
            return Rejected(source, line.number, Reason.EMPTY_TEXT, line.text)
        emotion, situation = restore_commas(value["context"]), restore_commas(value["prompt"])
        utterance = Utterance("speaker" if int(index) % 2 else "listener", text)
        return Row(line, dialogue_id, int(index), emotion, situation, utterance)

    def _is_row_with_candidates(self, fields: Sequence[str]) -> bool:
        """Say whether one field too many is the official ninth, or a comma that split an utterance.

        Valid and test carry candidates joined by `|` that no header names. A stray comma moves text into the
        columns of numbers: `speaker_idx` is digits and `selfeval` is empty or holds `|`, also where broken.
        """
        if len(fields) != len(self.names) + 1 or not {"speaker_idx", "selfeval"} <= set(self.names):
            return False
        value = dict(zip(self.names, fields, strict=False))
        selfeval = value["selfeval"].strip()
        return value["speaker_idx"].strip().isdecimal() and (not selfeval or "|" in selfeval)


def read_columns(fields: Sequence[str], where: str) -> Columns:
    """Return the columns of a header. Raises SourceError naming the columns it lacks."""
    names = tuple(field.strip() for field in fields)
    missing = [name for name in REQUIRED if name not in names]
    if missing:
        raise SourceError(
            f"The header lacks the column{'s' if len(missing) > 1 else ''} {', '.join(missing)}.",
            where=where,
            do="EmpatheticDialogues' CSV begins with conv_id,utterance_idx,context,prompt,speaker_idx,utterance,"
            "selfeval,tags; own data is easier to give as JSONL or Parquet (see README)",
        )
    return Columns(names)


def restore_commas(text: str) -> str:
    """Return a field's text with its commas, without white space around it."""
    return text.replace("_comma_", ",").strip()
