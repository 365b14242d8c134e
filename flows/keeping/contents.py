"""What of a home is true, and so is kept; of a home in which a run is at work, what stands at that moment.

Left out is what can be made again: caches, the server's own records, and the database, which a rebuild makes from
the rest. A segment that a run has open is kept under its closed name with the lines that are whole. Artifacts are
listed before the journal: no artifact of a backup knows a reply that the backup's journal lacks. An artifact is
kept whole or not at all, with the parents that it has. What people decided and said (notes, ratings and what they
were asked) is always kept. Nothing is left out for being a link: it is followed where it stands for a whole folder
of the home, else refused.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from tasks.artifacts import ArtifactStore
from tasks.errors import ArtifactError, UsageError
from tasks.home import Home
from tasks.manifest import MANIFEST

ARTIFACTS = "artifacts"
LEFT_OUT = ("cache", "server", "topology", ARTIFACTS, "last-error.txt")
DATABASE = "empathy.duckdb"
OPEN = ".open"
BY_PEOPLE = ("ratings", "audit")
"""Kinds of artifacts that no command makes again: what people said, and what they were asked."""
MAY_BE_LINKS = ("journal", "regressions")
"""Folders of a home that may stand on another disk."""


class Item(NamedTuple):
    """A file to be kept."""

    name: str
    """Its path in the backup, with slashes."""
    path: Path
    is_optional: bool = False
    """May vanish meanwhile: a file that a run at work replaces or closes."""


def list_items(home: Home, *, with_artifacts: bool) -> Iterator[Item]:
    """Yield the files of a home; artifacts first, then notes, the journal last. Raises UsageError for a link."""
    if home.artifacts.is_local:
        yield from list_artifact_files(home.artifacts, None if with_artifacts else BY_PEOPLE)
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
        for path in walk(entry, may_be_link=entry.name in MAY_BE_LINKS):
            name = str(path.relative_to(root))
            if not is_passing(path.name):
                yield Item(name.removesuffix(OPEN), path, is_optional=True)


def walk(entry: Path, *, may_be_link: bool = False) -> Iterator[Path]:
    """Yield a file, or the files of a folder in the order of their names. Raises UsageError for a link."""
    if entry.is_symlink() and not (may_be_link and entry.is_dir()):
        raise refuse_link(entry)
    if entry.is_file():
        yield entry
    for folder, folders, names in os.walk(entry):
        folders.sort()
        for path in (Path(folder, name) for name in (*folders, *sorted(names))):
            if path.is_symlink():
                raise refuse_link(path)
        yield from (Path(folder, name) for name in sorted(names))


def refuse_link(path: Path) -> UsageError:
    """Return the error of a link, behind which may stand what was paid for, or what is not of this home."""
    what = f"A backup does not follow this link to {str(path.readlink())[:200]!r}."
    return UsageError(what, where=str(path), do="put what it leads to in its place, or take it away")


def is_passing(name: str) -> bool:
    """Say whether a file is only there while a process is at work."""
    return name in ("lease.json", "lease.lock") or name.endswith((".partial", ".lock"))


def list_artifact_files(artifacts: ArtifactStore, kinds: Sequence[str] | None) -> Iterator[Item]:
    """Yield the files of every whole artifact of a local store, and of the parents it has; of these kinds if given."""
    waiting = [folder for kind in kinds or artifacts.list_kinds() for folder in artifacts.list_folders(kind)]
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
        parents = list_parents(artifacts, folder)
        waiting += [uri for uri in parents if kinds is None or Path(uri).parent.name in kinds]


def list_parents(artifacts: ArtifactStore, folder: str) -> list[str]:
    """Return the folders of an artifact's parents that stand in the store: some may be younger than its listing."""
    try:
        parents = artifacts.read_manifest(folder)["parents"]
    except ArtifactError:  # damaged: kept as it is, to be looked at where it is restored
        return []
    return [uri for uri in (str(parent["uri"]) for parent in parents)
            if uri.startswith(f"{artifacts.root}/") and artifacts.holds(uri)]  # fmt: skip


def list_notes(artifacts: ArtifactStore) -> Iterator[Item]:
    """Yield the small texts beside a local store's artifacts: what is current, accepted, forgotten, runs."""
    for kind in artifacts.list_kinds():
        folder = Path(artifacts.root, kind)
        if folder.is_file():
            yield Item(f"{ARTIFACTS}/{kind}", folder, is_optional=True)
            continue
        notes = (path for path in folder.iterdir() if path.is_file() and path.suffix == ".json")
        yield from (Item(f"{ARTIFACTS}/{kind}/{path.name}", path, is_optional=True) for path in sorted(notes))
