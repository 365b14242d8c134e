"""What of a home is true, and so is kept; of a home in which a run is at work, what stands at that moment.

Left out is what can be made again: caches, the server's own records, and the database, which a rebuild makes from
the rest. A segment that a run has open is kept under its closed name with the lines that are whole. Artifacts are
listed before the journal: no artifact of a backup knows a reply that the backup's journal lacks. An artifact is
kept whole or not at all, with the parents that it has.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tasks.artifacts import ArtifactStore
from tasks.errors import ArtifactError
from tasks.home import Home
from tasks.manifest import MANIFEST

ARTIFACTS = "artifacts"
LEFT_OUT = ("cache", "server", ARTIFACTS, "last-error.txt")
DATABASE = "empathy.duckdb"
OPEN = ".open"


class Item(NamedTuple):
    """A file to be kept."""

    name: str
    """Its path in the backup, with slashes."""
    path: Path
    is_optional: bool = False
    """May vanish meanwhile: a file that a run at work replaces or closes."""


def list_items(home: Home, *, with_artifacts: bool) -> Iterator[Item]:
    """Yield the files of a home; artifacts first, then notes, the journal last."""
    if with_artifacts:
        yield from list_artifact_files(home.artifacts)
        yield from list_notes(home.artifacts)
    root = home.settings.home_dir
    if not root.is_dir():
        return
    entries = sorted(root.iterdir(), key=lambda path: (path.name == "journal", path.name))
    for entry in entries:
        if entry.name in LEFT_OUT or entry.name.startswith((DATABASE, ".")):
            continue
        if entry.resolve() == Path(home.artifacts.root).resolve():
            continue
        for path in walk(entry):
            name = str(path.relative_to(root))
            if not is_passing(path.name):
                yield Item(name.removesuffix(OPEN), path, is_optional=True)


def walk(entry: Path) -> Iterator[Path]:
    """Yield a file, or the files of a folder in the order of their names; links are not followed."""
    if entry.is_symlink():
        return
    if entry.is_file():
        yield entry
    for folder, folders, names in os.walk(entry):
        folders.sort()
        yield from (path for path in (Path(folder, name) for name in sorted(names)) if not path.is_symlink())


def is_passing(name: str) -> bool:
    """Say whether a file is only there while a process is at work."""
    return name in ("lease.json", "lease.lock") or name.endswith((".partial", ".lock"))


def list_artifact_files(artifacts: ArtifactStore) -> Iterator[Item]:
    """Yield the files of every whole artifact of a local store, and of the parents it has."""
    waiting = [folder for kind in artifacts.list_kinds() for folder in artifacts.list_folders(kind)]
    seen: set[str] = set()
    while waiting:
        folder = waiting.pop(0)
        if folder in seen:
            continue
        seen.add(folder)
        place = Path(folder).relative_to(artifacts.root)
        yield from (
            Item(f"{ARTIFACTS}/{place}/{path.relative_to(folder)}", path)
            for path in sorted(walk(Path(folder)), key=lambda path: path.name == MANIFEST)
        )
        waiting += list_parents(artifacts, folder)


def list_parents(artifacts: ArtifactStore, folder: str) -> list[str]:
    """Return the folders of an artifact's parents that stand in the store: some may be younger than its listing."""
    try:
        parents = artifacts.read_manifest(folder)["parents"]
    except ArtifactError:  # damaged: kept as it is, to be looked at where it is restored
        return []
    return [uri for uri in (str(parent["uri"]) for parent in parents)
            if uri.startswith(f"{artifacts.root}/") and artifacts.holds(uri)]  # fmt: skip


def list_notes(artifacts: ArtifactStore) -> Iterator[Item]:
    """Yield the small texts beside the artifacts: what is current, runs, validations."""
    for kind in artifacts.list_kinds():
        folder = Path(artifacts.root, kind)
        if folder.is_file():
            yield Item(f"{ARTIFACTS}/{kind}", folder, is_optional=True)
            continue
        notes = (path for path in folder.iterdir() if path.is_file() and path.suffix == ".json")
        yield from (Item(f"{ARTIFACTS}/{kind}/{path.name}", path, is_optional=True) for path in sorted(notes))
