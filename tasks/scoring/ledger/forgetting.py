"""Replies about turns to be forgotten, out of a judge's journal: the one thing that changes a closed segment."""

from __future__ import annotations

import os
from collections.abc import Set
from pathlib import Path

from tasks.errors import UsageError
from tasks.scoring.ledger.journal import close_left_segments, decode_attempt, list_segments


def forget_replies(folder: Path, keys: Set[str]) -> int:
    """Remove the lines of these turns or questions from a journal and return how many there were.

    Each segment is replaced whole or not at all, under its own name. The caller holds the judge's lease. Raises
    UsageError while a batch that asks about one of them is under way, OSError if the disk refuses.
    """
    refuse_batches(folder, keys)
    close_left_segments(folder)
    n_removed = 0
    for path in list_segments(folder):
        lines = path.read_bytes().split(b"\n")
        kept = [line for line in lines if not names_key(line, keys)]
        if len(kept) == len(lines):
            continue
        n_removed += len(lines) - len(kept)
        partial = path.with_name(f"{path.name}.partial")
        with partial.open("wb") as file:
            file.write(b"\n".join(kept))
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    return n_removed


def count_replies(folder: Path, keys: Set[str]) -> int:
    """Return how many lines `forget_replies` would remove."""
    segments = (path.read_bytes().rstrip(b"\x00").split(b"\n") for path in list_segments(folder))
    return sum(names_key(line, keys) for lines in segments for line in lines)


def names_key(line: bytes, keys: Set[str]) -> bool:
    """Say whether a line is of one of the keys; one that is damaged is, if it names one anywhere."""
    try:
        return decode_attempt(line).turn_key in keys
    except (ValueError, TypeError, AttributeError):
        return any(key.encode() in line for key in keys)


def refuse_batches(folder: Path, keys: Set[str]) -> None:
    """Raise UsageError if a batch that is under way asks about one of the keys."""
    for path in folder.glob("*/*.questions.jsonl"):
        content = path.read_bytes()
        if any(key.encode() in content for key in keys):
            raise UsageError(
                "A batch under way asks about this dialogue.",
                where=str(path),
                do="run its `empathy score --judge openai-batch` again until it is collected, then forget",
            )
