"""Artifacts: immutable directories `<root>/<kind>/<digest>/`, found by what went into them, verified when read.

The digest names the inputs (parents' digests, config, a hand-raised stage version), so a rerun finds what
exists; the manifest lists every file's sha256, so a damaged artifact is an error and never reused.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
import uuid
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import fsspec
from fsspec.implementations.local import LocalFileSystem

from tasks.errors import ArtifactError
from tasks.progress import report_found
from tasks.schema import ArtifactRef, canonical_json, digest_of
from tasks.settings import Settings

MANIFEST = "manifest.json"
REBUILD_COMMAND = {
    "dialogues": "empathy ingest SOURCE",
    "scores": "empathy score",
    "subsets": "empathy select",
    "expert": "empathy train",
    "mixture": "empathy route",
    "evaluation": "empathy evaluate",
    "report": "empathy report",
}


@dataclass(frozen=True)
class Recipe:
    """Everything an artifact is made from; two equal recipes make the same artifact."""

    kind: str
    stage_version: int
    config: Mapping[str, Any]
    parents: tuple[ArtifactRef, ...] = ()
    inputs: Mapping[str, str] = field(default_factory=dict)
    """Digests of inputs that are not artifacts: a source file, a base model."""

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


class ArtifactStore:
    """Artifacts under one root, a local folder or an `s3://` URL, by the same code."""

    def __init__(self, root: str, cache_dir: Path) -> None:
        self.fs, self.root = fsspec.core.url_to_fs(root)
        self.is_local = isinstance(self.fs, LocalFileSystem)
        self.cache_dir = cache_dir / "artifacts"

    @classmethod
    def from_settings(cls, settings: Settings) -> ArtifactStore:
        """Open the store that the machine's settings name."""
        return cls(settings.artifacts_url, settings.cache_dir)

    def find(self, recipe: Recipe) -> ArtifactRef | None:
        """Return the artifact of this recipe if it is complete (its manifest is written last)."""
        path = f"{self.root}/{recipe.kind}/{recipe.digest}"
        if not self.fs.exists(f"{path}/{MANIFEST}"):
            return None
        return self.read_ref(path)

    def produce(self, recipe: Recipe, build: Build) -> ArtifactRef:
        """Return the artifact of this recipe, building it only if it does not exist."""
        found = self.find(recipe)
        if found is not None:
            report_found(recipe.kind, found.uri)
            return found
        staging = self._make_staging(recipe)
        try:
            facts = build(staging)
            write_manifest(staging, recipe, facts)
            self._publish(staging, f"{self.root}/{recipe.kind}/{recipe.digest}")
        finally:
            shutil.rmtree(staging, ignore_errors=True)
        made = self.find(recipe)
        if made is None:  # a store that accepts writes and does not show them
            raise ArtifactError("The artifact store lost what was just written.", where=self.root)
        return made

    def read_manifest(self, uri: str) -> dict[str, Any]:
        """Return an artifact's manifest. Raises ArtifactError if there is none or it is not JSON."""
        path = self.fs._strip_protocol(uri)
        try:
            with self.fs.open(f"{path}/{MANIFEST}", "rb") as file:
                manifest = json.loads(file.read())
                manifest["kind"], manifest["digest"], manifest["files"]  # a KeyError is the check
        except FileNotFoundError:
            raise ArtifactError("There is no artifact here.", where=uri, do="see `empathy status`") from None
        except (ValueError, KeyError):
            raise self._damaged(uri, MANIFEST) from None
        return manifest

    def read_ref(self, uri: str) -> ArtifactRef:
        """Return the reference of the artifact at `uri`, from its manifest."""
        manifest = self.read_manifest(uri)
        path = self.fs._strip_protocol(uri)
        return ArtifactRef(
            kind=manifest["kind"],
            uri=path if self.is_local else self.fs.unstrip_protocol(path),
            sha256=hash_of_files(manifest["files"]),
            n_rows=manifest["facts"].get("n_rows", 0),
            config_digest=manifest["digest"],
        )

    def list_refs(self, kind: str) -> list[ArtifactRef]:
        """Return the complete artifacts of a kind, oldest first."""
        paths = self.fs.glob(f"{self.root}/{kind}/*/{MANIFEST}")
        folders = [str(path).removesuffix(f"/{MANIFEST}") for path in paths if "/.tmp-" not in str(path)]
        return [self.read_ref(path) for path in sorted(folders, key=lambda p: self.read_manifest(p)["made_at"])]

    def open(self, ref: ArtifactRef) -> Path:
        """Return a local folder with the artifact's files, every one verified by its sha256.

        Raises ArtifactError naming the artifact, the file and the command that rebuilds it.
        """
        manifest = self.read_manifest(ref.uri)
        if hash_of_files(manifest["files"]) != ref.sha256:
            raise self._damaged(ref.uri, MANIFEST)
        folder = Path(ref.uri) if self.is_local else self._fetch(ref, manifest)
        with ThreadPoolExecutor(4) as pool:
            hashes = dict(
                zip(manifest["files"], pool.map(hash_file, (folder / n for n in manifest["files"])), strict=True)
            )
        for name, entry in manifest["files"].items():
            if hashes[name] != entry["sha256"]:
                raise self._damaged(ref.uri, name)
        return folder

    def _damaged(self, uri: str, name: str) -> ArtifactError:
        path = self.fs._strip_protocol(uri)
        kind = path.rsplit("/", 2)[-2]
        command = REBUILD_COMMAND.get(kind, "the command that made it")
        remove = f"rm -r {path}" if self.is_local else f"remove {uri}"
        return ArtifactError(
            f"The {kind} artifact is damaged: {name} is not what its manifest says.",
            where=f"{uri}/{name}",
            do=f"{remove}, then run `{command}` again",
        )

    def _make_staging(self, recipe: Recipe) -> Path:
        """Return an empty folder, beside the final one where the store is local: a rename publishes it."""
        if not self.is_local:
            return Path(tempfile.mkdtemp(prefix=f"empathy-{recipe.kind}-"))
        parent = Path(self.root) / recipe.kind
        for stale in parent.glob(f".tmp-{recipe.digest}-*"):
            if not is_running(int(stale.name.split("-")[2])):
                shutil.rmtree(stale, ignore_errors=True)
        staging = parent / f".tmp-{recipe.digest}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
        staging.mkdir(parents=True)
        return staging

    def _publish(self, staging: Path, path: str) -> None:
        if self.is_local:
            try:
                staging.rename(path)
            except OSError:
                if not Path(path, MANIFEST).exists():  # else somebody else was first with the same content
                    raise
            return
        names = sorted(str(p.relative_to(staging)) for p in staging.rglob("*") if p.is_file())
        for name in sorted(names, key=lambda n: n == MANIFEST):  # the manifest is what makes it complete
            self.fs.put_file(str(staging / name), f"{path}/{name}")
        self.fs.invalidate_cache()

    def _fetch(self, ref: ArtifactRef, manifest: Mapping[str, Any]) -> Path:
        """Copy a remote artifact into the cache; files already there with the right size are kept."""
        folder = self.cache_dir / ref.kind / ref.config_digest
        path = self.fs._strip_protocol(ref.uri)
        for name, entry in manifest["files"].items():
            target = folder / name
            if target.exists() and target.stat().st_size == entry["bytes"] and hash_file(target) == entry["sha256"]:
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            partial = target.with_name(f"{target.name}.{uuid.uuid4().hex[:8]}")
            try:
                self.fs.get_file(f"{path}/{name}", str(partial))
            except FileNotFoundError:
                raise self._damaged(ref.uri, name) from None
            partial.replace(target)
        return folder


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
        "parents": [parent.model_dump() for parent in recipe.parents],
        "inputs": dict(recipe.inputs),
        "facts": dict(facts),
        "files": files,
        "made_at": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "flow_run_id": os.environ.get("PREFECT__FLOW_RUN_ID", ""),
    }
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=1, ensure_ascii=False), encoding="utf-8")


def hash_of_files(files: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the content hash of an artifact: sha256 over the sorted names and hashes of its files."""
    listing = {name: entry["sha256"] for name, entry in files.items()}
    return hashlib.sha256(canonical_json(listing)).hexdigest()


def hash_file(path: Path) -> str:
    """Return the sha256 of a file, or an empty string if it is not there."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        return ""


def is_running(pid: int) -> bool:
    """Say whether a process of this host is alive."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
