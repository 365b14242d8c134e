"""The sheet that a person fills in: a CSV for any spreadsheet that says nothing of scores and strata."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tasks.bounded import HIDDEN
from tasks.errors import UsageError
from tasks.judges.audit.guard import guard_cell
from tasks.judges.validation.places import require_new
from tasks.schema import normalise_text

TEXTS = ("context", "response")
GIVEN = ("turn_key", "dialogue_id", "utterance_idx", "emotion", *TEXTS)
NUMBERS = {"sensibility": (0.0, 10.0), "rationality": (0.0, 10.0), "rating": (1.0, 3.0)}
"""What may be filled in, and its scale."""
ASKED = (*NUMBERS, "note")
MOST_LETTERS = 30_000
"""Of a text in a cell; spreadsheets hold 32,767."""
SPEAKERS = {"user": "Speaker", "assistant": "Listener"}


def show_context(prompt: Sequence[Mapping[str, str]]) -> str:
    """Return what was said before a response as lines that begin with who said it; of too much the end."""
    text = "\n".join(f"{SPEAKERS[message['role']]}: {tidy(message['content'])}" for message in prompt)
    return text if len(text) <= MOST_LETTERS else f"[…] {text[-MOST_LETTERS:].strip()}"


def show_response(response: str) -> str:
    """Return a response as it stands in a cell; of too much the beginning."""
    text = tidy(response)
    return text if len(text) <= MOST_LETTERS else f"{text[:MOST_LETTERS].strip()} […]"


def tidy(text: str) -> str:
    """Return a text on one line, without what nobody sees."""
    return normalise_text(re.sub(HIDDEN, " ", text))


def check_new_sheet(path: Path) -> None:
    """Raise UsageError where a sheet cannot be written: no `.csv`, something of that name, no folder."""
    if path.suffix.lower() != ".csv":
        raise UsageError("A sheet is a CSV, which every spreadsheet opens.", str(path)[:200], "name it OUT.csv")
    require_new(path)
    if not path.parent.is_dir():
        raise UsageError("There is no such folder for the sheet.", str(path.parent)[:200], "make it first")


def write_sheet(rows: Iterable[Mapping[str, Any]], path: Path) -> None:
    """Write rows with GIVEN, in their order, as a sheet whose columns ASKED are empty.

    UTF-8 with a mark by which Excel knows it; every cell in quotes.
    """
    out = io.StringIO(newline="")
    writer = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerow((*GIVEN, *ASKED))
    for row in rows:
        writer.writerow([guard_cell(str(row[name])) for name in GIVEN] + [""] * len(ASKED))
    with path.open("xb") as file:
        file.write(out.getvalue().encode("utf-8-sig"))
