"""A stream of named files: a tar with zstd or gzip, or a folder. Read without trusting a name that stands in it."""

from __future__ import annotations

import io
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, Protocol, cast

from tasks.errors import ArtifactError, UsageError

SUFFIXES = (".tar.zst", ".tar.gz", ".tgz")
DAMAGE = (EOFError, OSError, tarfile.TarError, zlib.error)
"""What reading a tar that was cut or changed raises."""


class Readable(Protocol):
    """What bytes are read from."""

    def read(self, size: int = -1, /) -> bytes:
        """Return the next bytes, none at the end."""


class Sink(Protocol):
    """Takes files, one after the other."""

    def add(self, name: str, file: Readable, n_bytes: int) -> None:
        """Keep `n_bytes` of a file under a name."""


class TarSink:
    """Files into a tar."""

    def __init__(self, tar: tarfile.TarFile) -> None:
        self._tar = tar

    def add(self, name: str, file: Readable, n_bytes: int) -> None:
        """Keep `n_bytes` of a file under a name. Raises OSError if it holds fewer."""
        info = tarfile.TarInfo(name)
        info.size, info.mode = n_bytes, 0o600
        self._tar.addfile(info, cast("IO[bytes]", file))


class FolderSink:
    """Files into a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def add(self, name: str, file: Readable, n_bytes: int) -> None:
        """Keep `n_bytes` of a file under a name. Raises OSError if it holds fewer."""
        path = self._folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as target:
            if copy(file, target, n_bytes) != n_bytes:
                raise OSError(f"{name} became shorter while it was read")


def copy(source: Readable, target: IO[bytes], n_bytes: int) -> int:
    """Copy at most so many bytes and return how many there were."""
    n_left = n_bytes
    while n_left and (chunk := source.read(min(n_left, 1 << 20))):
        target.write(chunk)
        n_left -= len(chunk)
    return n_bytes - n_left


def is_tar(path: Path) -> bool:
    """Say whether a path names a tar, by its ending."""
    return path.name.endswith(SUFFIXES)


@contextmanager
def open_sink(path: Path) -> Iterator[Sink]:
    """Yield what takes files at a path that is not there yet: a tar by its ending, else a folder."""
    if not is_tar(path):
        path.mkdir(mode=0o700)  # what people said to each other
        yield FolderSink(path)
        return
    with path.open("xb") as file:
        path.chmod(0o600)
        if path.name.endswith(".tar.zst"):
            import pyarrow as pa

            with (
                pa.CompressedOutputStream(pa.PythonFile(file, mode="w"), "zstd") as stream,
                tarfile.open(fileobj=stream, mode="w|") as tar,
            ):
                yield TarSink(tar)
        else:
            with tarfile.open(fileobj=file, mode="w:gz", compresslevel=6) as tar:
                yield TarSink(tar)


def read_files(path: Path) -> Iterator[tuple[str, IO[bytes]]]:
    """Yield name and content of every file of a backup, to be read in turn.

    Raises ArtifactError for a name that leads out of the backup, a link, a device, or damage; UsageError for
    what is no backup.
    """
    if path.is_dir():
        for found in sorted(path.rglob("*")):
            if found.is_symlink():
                raise refuse(path, str(found.relative_to(path)))
            if found.is_file():
                with found.open("rb") as file:
                    yield str(PurePosixPath(found.relative_to(path))), file
        return
    with open_tar(path) as tar:
        for member in tar:
            if member.isdir():
                continue
            file_ = tar.extractfile(member) if member.isreg() else None
            if file_ is None or not is_safe(member.name):
                raise refuse(path, member.name)
            yield member.name, file_


@contextmanager
def open_tar(path: Path) -> Iterator[tarfile.TarFile]:
    """Yield the tar of a file as a stream. Raises UsageError if it is none, ArtifactError if it is damaged."""
    with path.open("rb") as file:
        start = file.read(4)
        file.seek(0)
        try:
            if start == b"\x28\xb5\x2f\xfd":
                import pyarrow as pa

                stream: IO[bytes] = io.BufferedReader(pa.CompressedInputStream(pa.PythonFile(file, mode="r"), "zstd"))
                with tarfile.open(fileobj=stream, mode="r|") as tar:
                    yield tar
            else:
                with tarfile.open(fileobj=file, mode="r|*") as tar:
                    yield tar
        except tarfile.ReadError as error:
            do = "name a file of `empathy backup`"
            raise UsageError(f"This is no backup: {error}.", where=str(path), do=do) from None
        except DAMAGE as error:
            raise damaged(path, error) from None


def read_chunks(path: Path, file: Readable) -> Iterator[bytes]:
    """Yield the content of a file of a backup. Raises ArtifactError where it cannot be read to its end."""
    while True:
        try:
            chunk = file.read(1 << 20)
        except DAMAGE as error:
            raise damaged(path, error) from None
        if not chunk:
            return
        yield chunk


def damaged(path: Path, error: Exception) -> ArtifactError:
    """Return the error of a backup that was cut or changed."""
    return ArtifactError(f"The backup is damaged: {error}.", where=str(path), do="use another copy of it")


def is_safe(name: str) -> bool:
    """Say whether a name stays inside the folder that it is joined to."""
    parts = PurePosixPath(name).parts
    return bool(parts) and not name.startswith("/") and ".." not in parts and "\\" not in name and "\0" not in name


def refuse(path: Path, name: str) -> ArtifactError:
    """Return the error of a file that no backup of ours holds."""
    return ArtifactError(f"The backup holds {name[:200]!r}, which no backup does.", where=str(path), do="do not use it")
