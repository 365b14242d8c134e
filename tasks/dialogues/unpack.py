"""Archives of dialogues unpacked into the cache: plain files inside it, or nothing at all."""

from __future__ import annotations

import shutil
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO

from tasks.errors import SourceError
from tasks.manifest import hash_file

ARCHIVE_SUFFIXES = (".tar.gz", ".tgz", ".zip")
MAX_GROWTH = 100  # text shrinks to a tenth; a bomb to a thousandth
MIN_LIMIT_BYTES = 2**30
BLOCK_BYTES = 2**20


def is_archive(name: str) -> bool:
    """Say whether a file's name is that of an archive we unpack."""
    return name.lower().endswith(ARCHIVE_SUFFIXES)


def unpack(archive: Path, cache_dir: Path) -> Path:
    """Return a folder with the archive's files, unpacked once per content.

    Raises SourceError for a damaged archive, and for one with a link, a device, a path that leads out of it,
    or a content out of all proportion; nothing of such an archive is left behind.
    """
    parent = cache_dir / "sources" / "unpacked"
    folder = parent / hash_file(archive)[:32]
    if folder.is_dir():
        return folder
    parent.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(prefix=".tmp-", dir=parent))
    try:
        _write_members(archive, staging)
        try:
            staging.rename(folder)
        except OSError:
            if not folder.is_dir():  # else another process was first with the same content
                raise
    except (tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError) as error:
        raise SourceError(
            f"The archive cannot be unpacked: {error}", where=str(archive), do="fetch it again, or unpack it yourself"
        ) from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return folder


def _write_members(archive: Path, staging: Path) -> None:
    left = max(MIN_LIMIT_BYTES, MAX_GROWTH * archive.stat().st_size)
    members = _iter_zip(archive) if archive.name.lower().endswith(".zip") else _iter_tar(archive)
    for name, content in members:
        target = staging / _check_name(name, archive)
        target.parent.mkdir(parents=True, exist_ok=True)
        with content, target.open("xb") as file:
            while block := content.read(BLOCK_BYTES):
                left -= len(block)
                if left < 0:
                    raise _refuse(archive, f"{name} unpacks to far more than an archive of text does")
                file.write(block)


def _iter_tar(archive: Path) -> Iterator[tuple[str, IO[bytes]]]:
    with tarfile.open(archive, "r:gz") as tar:
        for member in tar:
            if member.isdir():
                continue
            content = tar.extractfile(member) if member.isreg() else None
            if content is None:
                raise _refuse(archive, f"{member.name} is a link or a device")
            yield member.name, content


def _iter_zip(archive: Path) -> Iterator[tuple[str, IO[bytes]]]:
    with zipfile.ZipFile(archive) as file:
        for member in file.infolist():
            if not member.is_dir():
                yield member.filename, file.open(member)


def _check_name(name: str, archive: Path) -> PurePosixPath:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or not path.parts:
        raise _refuse(archive, f"{name} leads out of it")
    return path


def _refuse(archive: Path, why: str) -> SourceError:
    return SourceError(
        f"The archive is not safe to unpack: {why}.",
        where=str(archive),
        do="look at what it holds; unpack it yourself and give the folder",
    )
