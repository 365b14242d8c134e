"""What an artifact is made from, and the manifest that says what it holds."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tasks.schema import ArtifactRef, canonical_json, digest_of

MANIFEST = "manifest.json"
CARD_FILE = "README.md"


@dataclass(frozen=True)
class Recipe:
    """Everything an artifact is made from; two equal recipes make the same artifact."""

    kind: str
    stage_version: int
    config: Mapping[str, Any]
    parents: tuple[ArtifactRef, ...] = ()
    inputs: Mapping[str, str] = field(default_factory=dict)
    """Digests of inputs that are not artifacts: a source file, a base model, rows taken out of an artifact."""
    taken_from: tuple[ArtifactRef, ...] = ()
    """Artifacts that `inputs` were taken from: parents in the manifest, and no part of the digest."""

    @property
    def digest(self) -> str:
        """The name of the artifact's directory."""
        return digest_of(
            {
                "kind": self.kind,
                "stage_version": self.stage_version,
                "config": dict(self.config),
                "parents": sorted(f"{parent.kind}:{parent.sha256}" for parent in self.parents),
                "inputs": dict(self.inputs),
            }
        )


Facts = Mapping[str, Any]
Build = Callable[[Path], Facts]
"""Writes the artifact's files into a folder and returns facts for the manifest; `n_rows` is one of them."""


def write_manifest(folder: Path, recipe: Recipe, facts: Facts) -> None:
    """Write `manifest.json`: what went in, what came out, and the hash of every file."""
    files = {
        str(path.relative_to(folder)): {"sha256": hash_file(path), "bytes": path.stat().st_size}
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
    manifest = {
        "kind": recipe.kind,
        "digest": recipe.digest,
        "stage_version": recipe.stage_version,
        "config": dict(recipe.config),
        "parents": [parent.model_dump() for parent in (*recipe.parents, *recipe.taken_from)],
        "inputs": dict(recipe.inputs),
        "facts": dict(facts),
        "files": files,
        "made_at": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "versions": {name: version(name) for name in ("efficient-empathy", "polars", "duckdb", "prefect")},
        "flow_run_id": os.environ.get("PREFECT__FLOW_RUN_ID", ""),
    }
    manifest["sha256"] = hash_of_manifest(json.loads(json.dumps(manifest)))
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=1, ensure_ascii=False), encoding="utf-8")


def hash_of_manifest(manifest: Mapping[str, Any]) -> str:
    """Return the sha256 of a manifest without its own: a changed count or config is seen as damage."""
    return hashlib.sha256(canonical_json({k: v for k, v in manifest.items() if k != "sha256"})).hexdigest()


def hash_of_files(files: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the content hash of an artifact: sha256 over the sorted names and hashes of its files.

    Without its card, which tells where the content came from: equal content made from other parents is equal.
    """
    listing = {name: entry["sha256"] for name, entry in files.items() if name != CARD_FILE}
    return hashlib.sha256(canonical_json(listing)).hexdigest()


def find_altered(folder: Path) -> str:
    """Return the name of a file that is not what the manifest beside it says; empty if all are, or there is none."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        files = manifest["files"] if manifest["sha256"] == hash_of_manifest(manifest) else {MANIFEST: {"sha256": ""}}
    except FileNotFoundError:
        return ""
    except (ValueError, KeyError, TypeError):
        return MANIFEST
    return next((name for name, entry in files.items() if hash_file(folder / name) != entry["sha256"]), "")


def hash_file(path: Path) -> str:
    """Return the sha256 of a file, or an empty string if it is not there."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        return ""
