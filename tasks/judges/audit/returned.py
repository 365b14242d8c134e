"""A filled sheet as spreadsheets give it back, and what in it can be used."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from tasks.errors import SourceError
from tasks.judges.audit.guard import unguard_cell
from tasks.judges.audit.sheet import ASKED, GIVEN, NUMBERS, TEXTS
from tasks.judges.validation.places import is_file
from tasks.schema import normalise_text

SEPARATORS = (",", ";", "\t")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:[.,][0-9]*)?|[.,][0-9]+)")
_LOST = re.compile(r"[^\x21-\x7e]|[?']")
"""What a program without Unicode changes, and guards of what it may have changed."""


@dataclass(frozen=True)
class FilledSheet:
    """The rows of a file by their numbers in a spreadsheet, and whether its letters can be relied on."""

    name: str
    rows: list[tuple[int, dict[str, str]]]
    is_unicode: bool


@dataclass(frozen=True)
class Rejected:
    """What could not be used of a sheet: a row, or a cell of it."""

    file: str
    line: int
    """The row as a spreadsheet numbers it; the heading is 1."""
    reason: str


@dataclass
class Answers:
    """What one person said: a row for each turn with a number or a note."""

    rater: str
    rows: list[dict[str, object]] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    n_rated: int = 0
    """Rows with a number."""
    n_noted: int = 0
    """Rows with a note alone."""
    n_unrated: int = 0
    """Rows in which nothing was written."""

    def count(self, given: Mapping[str, object], *, is_empty: bool) -> None:
        """Count a row once: as rated, as noted, or as empty; one whose every number was rejected as none of them."""
        is_rated = any(given[name] is not None for name in NUMBERS)
        self.n_rated += is_rated
        self.n_noted += not is_rated and given["note"] != ""
        self.n_unrated += is_empty


def read_sheet(path: Path) -> FilledSheet:
    """Read a CSV as Excel, LibreOffice or Numbers write it: any of the SEPARATORS, with or without UTF-8.

    Raises SourceError where it cannot be read, or lacks the columns that say which turn was given what.
    """
    if not is_file(path):
        raise SourceError("There is no such filled sheet.", str(path)[:200], "give the CSV that was filled in")
    text, is_unicode = decode(path.read_bytes())
    head = text.lstrip().split("\n", 1)[0]
    separator = max(SEPARATORS, key=head.count)
    try:
        table = list(csv.reader(io.StringIO(text, newline=""), delimiter=separator))
    except csv.Error as error:
        raise SourceError(f"The sheet cannot be read: {error}.", str(path)[:200], "save it as CSV again") from None
    names = [name.strip().lower() for name in table[0]] if table else []
    if "turn_key" not in names or not set(NUMBERS) & set(names):
        do = f"save the sheet that `empathy judge audit` wrote as CSV, with its columns {', '.join(GIVEN + ASKED)}"
        raise SourceError(
            "The file is no filled sheet: it has no turn_key, or no column of scores.", str(path)[:200], do
        )
    rows = [
        (number, dict(zip(names, cells, strict=False)))
        for number, cells in enumerate(table[1:], 2)
        if any(cell.strip() for cell in cells)
    ]
    return FilledSheet(path.name, rows, is_unicode)


def decode(content: bytes) -> tuple[str, bool]:
    """Return a file's text, and whether it is known to be Unicode: Excel's plain CSV is not, and loses letters.

    One without any letter beyond ASCII is not known to be: what Excel loses leaves a `?` behind.
    """
    encoding = "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    with suppress(UnicodeDecodeError):
        return content.decode(encoding), not content.isascii()
    return content.decode("cp1252", errors="replace"), False


def check_rows(sheet: FilledSheet, drawn: Mapping[str, Mapping[str, str]], rater: str) -> Answers:
    """Return what can be used of a sheet; `drawn` has the texts of each turn that stood on it by turn_key."""
    answers = Answers(rater)
    first: dict[str, int] = {}
    for line, row in sheet.rows:
        key = row.get("turn_key", "").strip().lower()
        refusal = check_row(row, key, drawn, first, is_unicode=sheet.is_unicode)
        if refusal:
            answers.rejected.append(Rejected(sheet.name, line, refusal))
            continue
        first[key] = line
        given: dict[str, object] = {"turn_key": key, "rater": rater}
        for name in NUMBERS:
            given[name], wrong = read_number(name, row.get(name, ""))
            if wrong:
                answers.rejected.append(Rejected(sheet.name, line, wrong))
        given["note"] = unguard_cell(row.get("note", "")).strip()
        answers.count(given, is_empty=not any(row.get(name, "").strip() for name in ASKED))
        if any(given[name] not in (None, "") for name in ASKED):
            answers.rows.append(given)
    return answers


def check_row(
    row: Mapping[str, str],
    key: str,
    drawn: Mapping[str, Mapping[str, str]],
    first: Mapping[str, int],
    *,
    is_unicode: bool,
) -> str:
    """Return why a row cannot be used; nothing if it can."""
    if key not in drawn:
        return f"the turn_key {key[:12]!r} does not stand on the sheet that was drawn"
    if key in first:
        return f"the turn stands in row {first[key]} already"
    altered = [
        name for name in TEXTS if name in row and not is_same(row[name], drawn[key][name], is_unicode=is_unicode)
    ]
    return f"the {' and the '.join(altered)} is not what was drawn" if altered else ""


def is_same(cell: str, text: str, *, is_unicode: bool) -> bool:
    """Say whether a cell holds the text that was written: line ends and spaces aside, its guard there or taken off."""
    fold = normalise_text if is_unicode else lambda said: _LOST.sub("", said)
    return fold(text) in (fold(unguard_cell(cell)), fold(cell))


def read_number(name: str, cell: str) -> tuple[float | None, str]:
    """Return a number on its scale, None for an empty cell; and why there is none where something stands there."""
    said = cell.strip().removeprefix("'").strip()
    if not said:
        return None, ""
    if not _NUMBER.fullmatch(said):
        return None, f"{name} is {said[:40]!r}, no number"
    value, (low, high) = float(said.replace(",", ".")), NUMBERS[name]
    if not low <= value <= high:
        return None, f"{name} is {said[:40]}, outside {low:g} to {high:g}"
    return value, ""
