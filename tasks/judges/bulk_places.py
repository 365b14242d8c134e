"""Where the direct road of a distilled judge reads and writes: refused before a turn is scored where it cannot be."""

from __future__ import annotations

import re
from pathlib import Path

from tasks.errors import SourceError, UsageError

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):/")
"""An address as a path has it, one slash gone. A single letter is a drive."""


def find_sources(source: Path) -> list[Path]:
    """Return the Parquet files of a file or folder in the order of their names. Raises SourceError if there is none."""
    if found := _SCHEME.match(str(source)):
        raise SourceError(
            f"There is no way to read {found[1]}:// here.", where=_tell_address(source),
            do="copy it to this machine, or let `empathy ingest` fetch it and give the turns.parquet it writes",
        )  # fmt: skip
    paths = sorted(source.glob("*.parquet")) if source.is_dir() else [source]
    if not paths:
        raise SourceError("The folder holds no Parquet file.", where=str(source), do="give a .parquet file")
    return paths


def check_out(out: Path, source: Path, paths: list[Path], *, is_forced: bool) -> None:
    """Raise UsageError where `out` cannot be written, or writing it would lose what is there.

    No force lets it stand for one of the sources, or in their folder, where the next run would read it.
    """
    if found := _SCHEME.match(str(out)):
        raise UsageError(
            f"There is no way to write to {found[1]}:// here.", where=_tell_address(out),
            do="give a file of this machine, and copy it there afterwards",
        )  # fmt: skip
    if any(is_same(out, path) for path in paths):
        raise UsageError(
            "The file to write is the corpus itself, whose texts would be lost.", where=str(out), do="give another name"
        )
    if source.is_dir() and out.parent.resolve() == source.resolve():
        raise UsageError("The file to write stands in the corpus.", where=str(out), do="give a place outside of it")
    if out.exists() and not out.is_file():
        raise UsageError("The place to write is no file.", where=str(out), do="give the name of a Parquet file")
    if (out.exists() or out.is_symlink()) and not is_forced:
        raise UsageError("The file to write exists already.", where=str(out), do="give another name, or --force")


def is_same(out: Path, path: Path) -> bool:
    """Return whether both are one file, under whatever names."""
    return out.resolve() == path.resolve() or (out.exists() and path.exists() and out.samefile(path))


def _tell_address(path: Path) -> str:
    return str(path).replace(":/", "://", 1)
