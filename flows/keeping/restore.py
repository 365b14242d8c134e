"""A home from a backup: verified before anything has its name, then the database made anew."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from flows.keeping.archive import read_chunks, read_files
from flows.keeping.backup import FORMAT, LISTING
from flows.keeping.contents import ARTIFACTS
from flows.keeping.relocating import relocate
from flows.rebuild_database import Rebuilt, rebuild_database
from tasks.errors import ArtifactError, UsageError
from tasks.home import Home
from tasks.progress import report_progress

STAGING = ".restoring"


class Restored(NamedTuple):
    """What came out of a backup."""

    n_files: int
    made_at: str
    """When the backup was made."""
    rebuilt: Rebuilt


def restore(home: Home, source: Path, say: Callable[[str], None]) -> Restored:
    """Make an empty home what the backed-up one was, its database rebuilt from what was restored.

    Every file is compared with its hash before any is put in its place. Where artifacts name each other by the
    place of the old home, they name the new one. Raises UsageError for a home that is not empty, a file that is
    no backup, and settings whose artifact store is not the backup's; ArtifactError for a damaged backup.
    """
    target = home.settings.home_dir
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise UsageError("The home is not empty.", where=str(target), do="name a new folder with --home")
    if not source.exists():
        raise UsageError("There is no such backup.", where=str(source), do="name a file of `empathy backup`")
    staging = target / STAGING
    try:
        target.mkdir(mode=0o700, parents=True, exist_ok=True)  # what people said to each other
        staging.mkdir()
        found = unpack(source, staging)
        listing = read_listing(staging, source)
        verify(listing["files"], found, source)
        check_store(home, listing)
        if stands_elsewhere(home, listing):
            shutil.rmtree(staging / ARTIFACTS, ignore_errors=True)
        relocate(staging / ARTIFACTS, str(listing["artifacts_url"]), home.settings.artifacts_url)
        (staging / LISTING).unlink()
        for entry in sorted(staging.iterdir()):
            entry.rename(target / entry.name)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return Restored(len(listing["files"]), str(listing["made_at"]), rebuild_database(home, say))


def unpack(source: Path, folder: Path) -> dict[str, str]:
    """Write every file of a backup into a folder and return the hashes of what was written."""
    found: dict[str, str] = {}
    for name, file in read_files(source):
        path = folder / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            found[name] = write(read_chunks(source, file), path)
        except (FileExistsError, NotADirectoryError):
            what = f"The backup holds {name[:200]!r} twice, or as both a file and a folder."
            raise ArtifactError(what, where=str(source), do="do not use it") from None
        if len(found) % 100 == 0:
            report_progress("restore", len(found), 0)
    return found


def write(chunks: Iterable[bytes], path: Path) -> str:
    """Write a file that was not there and return its sha256. Raises FileExistsError if it was."""
    digest = hashlib.sha256()
    with path.open("xb") as target:
        for chunk in chunks:
            target.write(chunk)
            digest.update(chunk)
    return digest.hexdigest()


def read_listing(folder: Path, source: Path) -> dict[str, Any]:
    """Return what the backup says it holds. Raises UsageError if it says nothing, or in another format."""
    try:
        listing = json.loads((folder / LISTING).read_bytes())
        is_known = listing["format"] == FORMAT and isinstance(listing["files"], dict)
    except (OSError, ValueError, KeyError, TypeError):
        do = "name a file of `empathy backup`; a backup that was cut short has no listing"
        raise UsageError("This is no whole backup.", where=str(source), do=do) from None
    if not is_known:
        raise UsageError("The backup is of another format.", where=str(source), do="use the program that wrote it")
    return listing


def verify(expected: Mapping[str, Mapping[str, Any]], found: Mapping[str, str], source: Path) -> None:
    """Raise ArtifactError unless the files are exactly those that the listing names, byte by byte."""
    there = {name: digest for name, digest in found.items() if name != LISTING}
    wrong = [name for name, entry in expected.items() if there.get(name) != entry["sha256"]]
    wrong += [name for name in there if name not in expected]
    if wrong:
        more = f" and {len(wrong) - 1} more" if len(wrong) > 1 else ""
        what = f"The backup is damaged: {wrong[0][:200]} is not what its listing says{more}."
        raise ArtifactError(what, where=str(source), do="use another copy of it")


def check_store(home: Home, listing: Mapping[str, Any]) -> None:
    """Raise UsageError where this machine's artifact store is not the one that the backup goes with."""
    ours, theirs = home.settings.artifacts_url, str(listing["artifacts_url"])
    holds_any = any(name.startswith(f"{ARTIFACTS}/") for name in listing["files"])
    is_ours = ours == str(home.settings.home_dir / ARTIFACTS)
    if holds_any and not is_ours and not stands_elsewhere(home, listing):
        do = "take EMPATHY_ARTIFACTS away for the restore: they are put into the home"
        what = "The backup holds artifacts or notes on them, and EMPATHY_ARTIFACTS names another store."
        raise UsageError(what, where=ours, do=do)
    if not listing["holds_artifacts"] and "://" in theirs and ours != theirs:
        do = f"set EMPATHY_ARTIFACTS={theirs} and the keys of that store"
        raise UsageError("The artifacts of this backup stand on a remote store.", where=theirs, do=do)


def stands_elsewhere(home: Home, listing: Mapping[str, Any]) -> bool:
    """Say whether the store that a backup without artifacts goes with is still there, with the notes it has now."""
    ours = home.settings.artifacts_url
    is_same = ours == str(listing["artifacts_url"]) and ours != str(home.settings.home_dir / ARTIFACTS)
    return is_same and not listing["holds_artifacts"] and Path(ours).is_dir()
