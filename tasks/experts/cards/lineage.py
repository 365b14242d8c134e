"""What an artifact was made from, read from manifests alone: no database, so that any machine can say it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tasks.artifacts import ArtifactStore
from tasks.errors import ArtifactError
from tasks.manifest import hash_of_files
from tasks.schema import ArtifactRef


@dataclass(frozen=True)
class Ancestor:
    """An artifact and what its manifest says; of one that is not in this store, only what its children say."""

    ref: ArtifactRef
    manifest: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Where it stands in any store."""
        return f"{self.ref.kind}/{self.ref.config_digest}"

    @property
    def config(self) -> Mapping[str, Any]:
        """The config it was made with; empty if that is not known."""
        return self.manifest.get("config", {})

    @property
    def facts(self) -> Mapping[str, Any]:
        """What was said of it when it was made; empty if that is not known."""
        return self.manifest.get("facts", {})

    @property
    def parents(self) -> list[ArtifactRef]:
        """What it was made from itself."""
        return [ArtifactRef(**parent) for parent in self.manifest.get("parents", [])]


def read_lineage(artifacts: ArtifactStore, refs: Iterable[ArtifactRef]) -> tuple[Ancestor, ...]:
    """Return artifacts and all that they were made from, the nearest first, each once."""
    found: dict[str, Ancestor] = {}
    waiting = list(refs)
    while waiting:
        ref = waiting.pop(0)
        one = Ancestor(ref, _read_manifest(artifacts, ref))
        if found.setdefault(one.name, one) is one:
            waiting += one.parents
    return tuple(found.values())


def pick_kind(lineage: Iterable[Ancestor], kind: str) -> list[Ancestor]:
    """Return the artifacts of one kind in a lineage."""
    return [ancestor for ancestor in lineage if ancestor.ref.kind == kind]


def trim_lineage(lineage: Sequence[Ancestor], start: Ancestor) -> list[Ancestor]:
    """Return the part of a lineage that one of its artifacts was made from, that one first."""
    by_name = {ancestor.name: ancestor for ancestor in lineage}
    names, at = [start.name], 0
    while at < len(names):
        parents = by_name[names[at]].parents
        names += [name for name in (f"{ref.kind}/{ref.config_digest}" for ref in parents) if name not in names]
        at += 1
    return [by_name[name] for name in names]


def _read_manifest(artifacts: ArtifactStore, ref: ArtifactRef) -> Mapping[str, Any]:
    """Return a manifest from where the artifact was, or stands in this store; nothing if it is another by now."""
    for uri in (ref.uri, f"{artifacts.root}/{ref.kind}/{ref.config_digest}"):
        try:
            manifest = artifacts.read_manifest(uri)
        except ArtifactError:
            continue
        if hash_of_files(manifest["files"]) == ref.sha256:
            return manifest
    return {}
