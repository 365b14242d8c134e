"""A home into one file: everything that cannot be made again, each file with its hash."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import IO, NamedTuple

from flows.keeping.archive import SUFFIXES, Sink, is_tar, open_sink
from flows.keeping.contents import OPEN, Item, list_items
from tasks.errors import UsageError
from tasks.home import Home
from tasks.progress import report_progress

LISTING = "backup.json"
FORMAT = 1


class Kept(NamedTuple):
    """What a backup holds."""

    path: str
    n_files: int
    n_bytes: int
    """Before compression."""
    holds_artifacts: bool


def back_up(home: Home, out: Path, *, with_artifacts: bool = True) -> Kept:
    """Write what is true of a home to `out`: `.tar.zst`, `.tar.gz`, or a folder; whole or not at all.

    Nothing on a remote store is ever copied; of a local one notes and what people rated always are. Needs no run to
    stop. Raises UsageError where something is in the way of `out`, it lies in the home, or a link stands in the home,
    OSError if it cannot be written.
    """
    check_out(home, out)
    holds_artifacts = with_artifacts and home.artifacts.is_local
    files: dict[str, dict[str, object]] = {}
    with open_whole(out) as sink:
        items = list(list_items(home, with_artifacts=holds_artifacts))
        for number, item in enumerate(items, 1):
            if item.name not in files:  # a segment that was closed since it was listed
                keep(item, sink, files)
            if number % 100 == 0 or number == len(items):
                report_progress("back up", number, len(items))
        listing = {
            "format": FORMAT,
            "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "version": version("efficient-empathy"),
            "artifacts_url": home.settings.artifacts_url,
            "holds_artifacts": holds_artifacts,
            "files": files,
        }
        content = json.dumps(listing, indent=1, ensure_ascii=False).encode()
        sink.add(LISTING, io.BytesIO(content), len(content))
    return Kept(str(out), len(files), sum(int(str(entry["bytes"])) for entry in files.values()), holds_artifacts)


def check_out(home: Home, out: Path) -> None:
    """Raise UsageError where a backup cannot stand."""
    inside = [Path(place).resolve() for place in (home.settings.home_dir, home.artifacts.root)]
    if any(out.resolve().is_relative_to(place) for place in inside[: 2 if home.artifacts.is_local else 1]):
        raise UsageError("A backup inside the home would be lost with it.", where=str(out), do="name another place")
    if out.exists():
        raise UsageError("There is something in the way of the backup.", where=str(out), do="name another file")
    if out.suffix and not is_tar(out):
        do = f"let the name end in {', '.join(SUFFIXES)}, or in nothing for a folder"
        raise UsageError(f"{out.suffix!r} is no kind of backup.", where=str(out), do=do)
    if not out.parent.is_dir():
        raise UsageError("There is no such folder.", where=str(out.parent), do="make it, or name another")


@contextmanager
def open_whole(out: Path) -> Iterator[Sink]:
    """Yield a sink whose file gets its name when all is written, and is gone if anything was raised."""
    ending = next((suffix for suffix in SUFFIXES if out.name.endswith(suffix)), "")
    partial = out.with_name(f".{out.name.removesuffix(ending)}-{uuid.uuid4().hex[:8]}{ending}")
    try:
        with open_sink(partial) as sink:
            yield sink
        partial.rename(out)
    finally:
        if partial.is_dir():
            shutil.rmtree(partial)
        partial.unlink(missing_ok=True)


def keep(item: Item, sink: Sink, files: dict[str, dict[str, object]]) -> None:
    """Add one file and its hash; one that a run at work took away meanwhile is taken under its closed name, or not."""
    try:
        file = item.path.open("rb")
    except FileNotFoundError:
        if not item.is_optional:
            raise
        closed = item.path.with_name(item.path.name.removesuffix(OPEN))
        if closed == item.path or not closed.exists():
            return
        file = closed.open("rb")
    with file:
        if item.path.name.endswith(OPEN):
            content = read_whole_lines(file)
            hashed, n_bytes = HashedReader(io.BytesIO(content)), len(content)
        else:
            hashed, n_bytes = HashedReader(file), item.path.stat().st_size
        sink.add(item.name, hashed, n_bytes)
    files[item.name] = {"sha256": hashed.digest.hexdigest(), "bytes": n_bytes}


def read_whole_lines(file: IO[bytes]) -> bytes:
    """Return the lines of an open segment that are whole, without the room reserved behind them."""
    content = file.read().rstrip(b"\x00")
    return content[: content.rfind(b"\n") + 1]


class HashedReader:
    """A file that is hashed as it is read."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self.digest = file, hashlib.sha256()

    def read(self, size: int = -1, /) -> bytes:
        """Return the next bytes."""
        chunk = self._file.read(size)
        self.digest.update(chunk)
        return chunk
