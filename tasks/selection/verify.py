"""Is a selection still what it was, and would it be made again? Its files and a new selection against its manifest."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from tasks.artifacts import ArtifactStore
from tasks.config import SelectionConfig
from tasks.errors import ArtifactError, UsageError
from tasks.manifest import find_altered
from tasks.schema import ArtifactRef
from tasks.selection.candidates import read_sql, resolve_split
from tasks.selection.connecting import connect
from tasks.selection.decide import EXCLUDED, SUBSETS
from tasks.selection.digest import digest_subset
from tasks.selection.inputs import open_inputs
from tasks.selection.materialize import SELECTION_VERSION, write_selection

MIN_PREFIX = 6


@dataclass(frozen=True)
class Verification:
    """What was compared, and what differs: nothing, if the selection holds."""

    ref: ArtifactRef
    digest: str
    digests: Mapping[str, str]
    differences: tuple[str, ...]


def verify_selection(artifacts: ArtifactStore, digest: str) -> Verification:
    """Compare a selection's files, and the same selection made again from its parents, with its manifest.

    `digest` is that of the artifact, of its content or of one subset's, or the first six digits or more of one.
    Raises UsageError if no selection or several have it, ArtifactError if a parent is gone or damaged.
    """
    ref = find_selection(artifacts, digest)
    manifest = artifacts.read_manifest(ref.uri)
    recorded = manifest["facts"].get("digests")
    if recorded is None:
        raise ArtifactError(
            "This selection was made before content digests were kept.", where=ref.uri, do="run `empathy select` again"
        )
    differences = []
    if artifacts.is_local:
        folder = Path(ref.uri)
        altered = find_altered(folder)
        differences += [f"{altered} is not the file that the manifest lists"] if altered else []
    else:
        folder = artifacts.open(ref)
    if manifest["stage_version"] != SELECTION_VERSION:
        differences.append(
            f"made by version {manifest['stage_version']} of the selection, compared by {SELECTION_VERSION}"
        )
    with connect() as connection, tempfile.TemporaryDirectory(prefix="empathy-verify-") as again:
        select_again(connection, artifacts, manifest, Path(again))
        for name in (*SUBSETS, EXCLUDED):
            differences += compare_subset(connection, folder, Path(again), name, recorded[name])
    return Verification(ref, manifest["facts"]["digest"], recorded, tuple(differences))


def find_selection(artifacts: ArtifactStore, digest: str) -> ArtifactRef:
    """Return the selection that a digest names; the newest where several have that content."""
    shown = repr(digest[:80])
    if len(digest) < MIN_PREFIX:
        raise UsageError(f"{shown} is too short for a digest.", do=f"give its first {MIN_PREFIX} digits or more")
    found: dict[str, ArtifactRef] = {}
    for ref in artifacts.list_refs("subsets"):
        facts = artifacts.read_manifest(ref.uri)["facts"]
        names = [ref.config_digest, facts.get("digest", ""), *facts.get("digests", {}).values()]
        found |= {name: ref for name in names if name.startswith(digest)}
    if not found:
        raise UsageError(f"No selection has the digest {shown}.", do="`empathy status` lists the artifacts")
    if len(found) > 1:
        raise UsageError(f"Several digests start with {shown}.", do=f"give more of one: {', '.join(sorted(found))}")
    return next(iter(found.values()))


def select_again(
    connection: duckdb.DuckDBPyConnection, artifacts: ArtifactStore, manifest: Mapping[str, Any], folder: Path
) -> None:
    """Make the same selection from the same parents into a folder."""
    parents = [ArtifactRef.model_validate(parent) for parent in manifest["parents"]]
    corpus = [ref for ref in parents if ref.kind == "dialogues"]
    selection = SelectionConfig.model_validate(manifest["config"])
    scores = next(ref for ref in parents if ref.kind == "scores")  # the first: another judge's come after
    inputs = open_inputs(artifacts, corpus, scores, selection)
    split = resolve_split(connection, inputs.turn_files, selection.split)
    write_selection(connection, inputs, selection, split, folder)


def compare_subset(
    connection: duckdb.DuckDBPyConnection, folder: Path, again: Path, name: str, recorded: str
) -> list[str]:
    """Return how a subset's file and the same subset made again differ from what was recorded."""
    file, new = folder / f"{name}.parquet", again / f"{name}.parquet"
    try:
        digest = digest_subset(connection, file)
    except duckdb.Error:
        return [f"{name}.parquet is missing or cannot be read"]
    said = []
    if digest != recorded:
        said.append(f"{name}.parquet holds {digest}, the manifest says {recorded}")
    redone = digest_subset(connection, new)
    if redone != recorded:
        said.append(f"{name} made again is {redone}, the manifest says {recorded}")
    if digest != redone or has_other_texts(connection, file, new):
        gone, added, example = connection.execute(
            read_sql("differing"), {"file": str(file), "again": str(new)}
        ).fetchone() or (0, 0, "")
        said.append(f"{name}: {gone:,} rows stand in the file only, {added:,} made again only, e.g. {example}")
    return said


def has_other_texts(connection: duckdb.DuckDBPyConnection, file: Path, again: Path) -> bool:
    """Say whether two files differ in what a content digest holds by its key only: spaces, the order of messages."""
    first, second = (connection.execute(read_sql("texts"), {"file": str(path)}).fetchone() for path in (file, again))
    return first != second
