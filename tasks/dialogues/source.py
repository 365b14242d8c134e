"""What a source is once it has been found: its files, what each holds, and a digest of their contents."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from tasks.schema import Split


class Format(StrEnum):
    """What a file holds; told by its extension, for CSV by its first lines."""

    CSV_ORIGINAL = "csv_original"
    CSV_QUOTED = "csv_quoted"
    JSONL = "jsonl"
    PARQUET = "parquet"


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file of dialogues; `split` is what its name says inside a directory or archive."""

    path: Path
    name: str
    """Path inside the source: what the quarantine says, the same on every machine."""
    format: Format
    split: Split | None
    n_bytes: int


@dataclass(frozen=True, slots=True)
class Source:
    """Where dialogues come from; two sources of equal digest hold the same dialogues in the same splits."""

    name: str
    """As the user gave it."""
    files: tuple[SourceFile, ...]
    skipped: tuple[str, ...]
    """Names of files that are no format of ours."""
    digest: str
    """sha256 over the formats, splits and contents of the files, and the names of those skipped."""
