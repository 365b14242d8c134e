"""From what a person types to the files of a source: names, paths, folders, archives, URLs."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from importlib import resources
from pathlib import Path

from tasks.bounded import check_place
from tasks.dialogues.csv_dialect import detect_csv_format
from tasks.dialogues.fetch import SCHEMES, fetch, name_of_url
from tasks.dialogues.parquet import check_parquet
from tasks.dialogues.source import Format, Source, SourceFile
from tasks.dialogues.splits import split_of_stem
from tasks.dialogues.unpack import ARCHIVE_SUFFIXES, is_archive, unpack
from tasks.errors import SourceError
from tasks.manifest import hash_file
from tasks.schema import canonical_json

EMPATHETIC_DIALOGUES_URL = "https://dl.fbaipublicfiles.com/parlai/empatheticdialogues/empatheticdialogues.tar.gz"
FILE_SUFFIXES = (".csv", ".jsonl", ".parquet")
KNOWN = ", ".join((*FILE_SUFFIXES, *ARCHIVE_SUFFIXES))


def resolve_source(source: str, cache_dir: Path) -> Source:
    """Return the files of a source and the digest of what they hold; remote ones are copied into the cache.

    Raises SourceError for a source that is missing, empty, of an unknown kind, or whose columns are not those
    of dialogues.
    """
    try:
        root = _locate(source, cache_dir)
        if is_archive(root.name) and root.is_file():
            root = unpack(root, cache_dir)
        files, skipped = _list_files(root) if root.is_dir() else ([_describe(root, root.name, is_lone=True)], [])
        if not files:
            seen = f"it holds only {', '.join(skipped[:5])}" if skipped else "it holds no file"
            raise SourceError(f"There are no dialogues here: {seen}.", where=str(root), do=f"files end in {KNOWN}")
        return Source(source, tuple(files), tuple(skipped), _digest(files, skipped))
    except (OSError, RuntimeError) as error:  # a home directory that is not known is a RuntimeError
        why = error.strerror if isinstance(error, OSError) else error
        where = str(getattr(error, "filename", None) or source)
        raise SourceError(
            f"The source cannot be read: {why}.", where=where, do="check the path and its rights"
        ) from error


def _locate(source: str, cache_dir: Path) -> Path:
    """Return the local file or folder of a source, fetching it if it is remote."""
    if source == "sample":
        return Path(str(resources.files("tasks.dialogues").joinpath("sample")))
    if source == "empathetic-dialogues":
        return fetch(EMPATHETIC_DIALOGUES_URL, cache_dir, is_constant=True)
    if "://" not in source:
        path = Path(source).expanduser()
        if not source or not path.exists():
            raise SourceError(
                f"There is no file or directory {source!r}.",
                where=str(Path.cwd()),
                do="give a path, a URL, or one of the names sample, empathetic-dialogues",
            )
        return path
    return fetch(check_url(source), cache_dir)


def check_url(source: str) -> str:
    """Return the address of a remote source.

    Raises SourceError for one that no source can have, UsageError for one with a key in it: a manifest keeps it.
    """
    check_place(source, "SOURCE")
    scheme, _, rest = source.partition("://")
    if scheme.lower() not in SCHEMES:
        raise SourceError(f"There is no way to read {scheme}:// sources.", where=source, do="use https:// or s3://")
    url = f"{scheme.lower()}://{rest}"
    try:
        name = name_of_url(url)
    except ValueError as error:  # half an IPv6 address
        raise SourceError(f"This is no address: {error}.", where=source) from None
    if not url.startswith("s3://") and not name.lower().endswith((*FILE_SUFFIXES, *ARCHIVE_SUFFIXES)):
        raise _unknown_extension(name, url)
    return url


def _list_files(root: Path) -> tuple[list[SourceFile], list[str]]:
    """Return the files of dialogues under a folder, by name, and the names of the others; hidden ones are neither."""
    paths: list[Path] = []
    for folder, subfolders, entries in os.walk(root, onerror=_raise):
        subfolders[:] = [name for name in subfolders if not name.startswith(".")]
        paths += [Path(folder) / name for name in entries if not name.startswith(".")]
    known, others = [], []
    for path in sorted(paths):
        # A name that is no UTF-8 is shown with its bytes: the quarantine is a table of text.
        name = os.fsencode(path.relative_to(root)).decode("utf-8", "backslashreplace")
        if path.suffix.lower() in FILE_SUFFIXES:
            known.append(_describe(path, name, is_lone=False))
        else:
            others.append(name)
    return known, others


def _raise(error: OSError) -> None:
    """Stop at a folder that cannot be listed; `os.walk` would pass it over in silence."""
    raise error


def _describe(path: Path, name: str, *, is_lone: bool) -> SourceFile:
    """Return a file with its format, checked as far as its first lines or its schema say."""
    suffix = path.suffix.lower()
    if suffix not in FILE_SUFFIXES:
        raise _unknown_extension(name, str(path))
    if not path.is_file():
        raise SourceError("This is no ordinary file.", where=str(path))
    n_bytes = path.stat().st_size
    if n_bytes == 0:
        raise SourceError("The file is empty.", where=str(path))
    if suffix == ".csv":
        kind = detect_csv_format(path, str(path))
    elif suffix == ".jsonl":
        kind = Format.JSONL
    else:
        check_parquet(path, str(path))
        kind = Format.PARQUET
    return SourceFile(path, name, kind, None if is_lone else split_of_stem(path.stem), n_bytes)


def _unknown_extension(name: str, where: str) -> SourceError:
    return SourceError(f"{name or 'This'} is of no known kind.", where=where, do=f"files end in {KNOWN}")


def _digest(files: Sequence[SourceFile], skipped: Sequence[str]) -> str:
    contents = [[file.format.value, file.split, hash_file(file.path)] for file in files]
    return hashlib.sha256(canonical_json([contents, list(skipped)])).hexdigest()
