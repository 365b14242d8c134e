"""Artifacts: immutable directories `<root>/<kind>/<digest>/`, found by what went into them, verified when read.

The digest names the inputs (parents' digests, config, a hand-raised stage version), so a rerun finds what
exists; the manifest lists every file's sha256, so a damaged artifact is an error and never reused.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import tempfile
import uuid
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
from fsspec.implementations.local import LocalFileSystem

from tasks.errors import ArtifactError, UsageError
from tasks.manifest import MANIFEST, Build, Recipe, hash_file, hash_of_files, hash_of_manifest, write_manifest
from tasks.progress import report_found
from tasks.remote import open_url
from tasks.schema import ArtifactRef
from tasks.settings import Settings

REBUILD_COMMAND = {
    "dialogues": "empathy ingest SOURCE",
    "scores": "empathy score",
    "subsets": "empathy select",
    "expert": "empathy train",
    "mixture": "empathy route",
    "responses": "empathy evaluate",
    "generated": "empathy evaluate",
    "questions": "empathy evaluate --pairwise",
    "verdicts": "empathy evaluate --pairwise",
    "evaluation": "empathy evaluate",
    "judge": "empathy judge distill",
    "audit": "empathy judge audit",
    "ratings": "empathy judge audit --take",
    "calibration": "empathy judge calibrate",
    "report": "empathy report",
}

MIN_PREFIX = 6
"""Digits of a digest that name an artifact."""


class ArtifactStore:
    """Artifacts under one root, a local folder or an `s3://` URL, by the same code."""

    def __init__(self, root: str, cache_dir: Path) -> None:
        self.fs, self.root = open_url(root)
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

    def holds(self, uri: str) -> bool:
        """Say whether a folder has a manifest."""
        return self.fs.exists(f"{self.fs._strip_protocol(uri)}/{MANIFEST}")

    def read_manifest(self, uri: str) -> dict[str, Any]:
        """Return an artifact's manifest. Raises ArtifactError if there is none or it was changed."""
        path = self.fs._strip_protocol(uri)
        try:
            # in one request: an opened file is refused by S3 if another host publishes the same meanwhile
            manifest = json.loads(self.fs.cat_file(f"{path}/{MANIFEST}"))
            if manifest["sha256"] != hash_of_manifest(manifest):
                raise self._damaged(uri, MANIFEST)
        except FileNotFoundError:
            raise ArtifactError("There is no artifact here.", where=uri, do="see `empathy status`") from None
        except (ValueError, KeyError, TypeError):
            raise self._damaged(uri, MANIFEST) from None
        return manifest

    def read_ref(self, uri: str) -> ArtifactRef:
        """Return the reference of the artifact at `uri`, from its manifest."""
        return self._to_ref(uri, self.read_manifest(uri))

    def _to_ref(self, uri: str, manifest: Mapping[str, Any]) -> ArtifactRef:
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
        manifests = {path: self.read_manifest(path) for path in self.list_folders(kind)}
        return [
            self._to_ref(path, manifests[path]) for path in sorted(manifests, key=lambda p: manifests[p]["made_at"])
        ]

    def list_kinds(self) -> list[str]:
        """Return the names of the folders under the root: kinds of artifacts, and of notes."""
        try:
            return sorted(path.rsplit("/", 1)[-1] for path in self.fs.ls(self.root, detail=False))
        except (FileNotFoundError, NotADirectoryError):
            return []

    def list_folders(self, kind: str) -> list[str]:
        """Return the folders of the complete artifacts of a kind, in no order; none of a folder of notes."""
        try:
            folders = self.fs.ls(f"{self.root}/{kind}", detail=False)  # not a glob: the root may hold a `[`
        except (FileNotFoundError, NotADirectoryError):
            return []
        candidates = [path for path in folders if "/.tmp-" not in path and not path.endswith(".json")]
        return [path for path in candidates if self.fs.exists(f"{path}/{MANIFEST}")]

    def set_current(self, name: str, ref: ArtifactRef) -> None:
        """Make `ref` what `name` stands for when a command is not told which artifact to use."""
        self.write_note("current", name, ref.model_dump_json())

    def get_current(self, name: str) -> ArtifactRef | None:
        """Return what `name` stands for, or None if nothing was made yet."""
        try:
            return ArtifactRef.model_validate_json(self.fs.cat_file(f"{self.root}/current/{name}.json"))
        except FileNotFoundError:
            return None

    def write_note(self, folder: str, name: str, text: str) -> None:
        """Keep a small text beside the artifacts, whole or not at all; one of that name is replaced."""
        path = f"{self.root}/{folder}/{name}.json"
        self.fs.makedirs(f"{self.root}/{folder}", exist_ok=True)
        if self.is_local:
            partial = Path(f"{path}.{uuid.uuid4().hex[:8]}")
            partial.write_text(text, encoding="utf-8")
            partial.replace(path)
        else:
            self.fs.pipe_file(path, text.encode())

    def read_note(self, folder: str, name: str) -> str | None:
        """Return the text of a note, None if there is none of that name."""
        try:
            return self.fs.cat_file(f"{self.root}/{folder}/{name}.json").decode("utf-8", "replace")
        except FileNotFoundError:
            return None

    def read_notes(self, folder: str, most: int, part: str = "") -> list[tuple[str, str]]:
        """Return name and text of the last notes of a folder whose names hold `part`, in the order of their names."""
        try:
            found = self.fs.ls(f"{self.root}/{folder}", detail=False)
        except FileNotFoundError:
            return []
        paths = sorted(path for path in found if path.endswith(".json") and part in path.rsplit("/", 1)[-1])[-most:]
        with ThreadPoolExecutor(8) as pool:  # not `cat` of all: it takes the root for a pattern
            texts = list(pool.map(self.fs.cat_file, paths))
        return [(Path(path).stem, text.decode("utf-8", "replace")) for path, text in zip(paths, texts, strict=True)]

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
        remove = f"rm -r {shlex.quote(path)}" if self.is_local else f"remove {uri}"
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
        for stale in parent.glob(".tmp-*"):
            if not psutil.pid_exists(int(stale.name.split("-")[2])):
                shutil.rmtree(stale, ignore_errors=True)
        staging = parent / f".tmp-{recipe.digest}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
        staging.mkdir(parents=True)
        return staging

    def _publish(self, staging: Path, path: str) -> None:
        if self.is_local:
            try:
                staging.rename(path)
            except OSError:
                if not Path(path).is_dir():
                    raise
                if not Path(path, MANIFEST).exists():  # else somebody else was first with the same content
                    raise self._damaged(path, MANIFEST) from None
            return
        if self.fs.exists(f"{path}/{MANIFEST}"):  # somebody else was first: readers may be at it
            return
        names = sorted(str(p.relative_to(staging)) for p in staging.rglob("*") if p.is_file())
        for name in sorted(names, key=lambda n: n == MANIFEST):  # the manifest is what makes it complete
            self.fs.put_file(str(staging / name), f"{path}/{name}")

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


def find_artifact(artifacts: ArtifactStore, kind: str, digest: str) -> ArtifactRef:
    """Return the artifact of a kind that a digest, or its first six digits or more, names. Raises UsageError."""
    known = artifacts.list_refs(kind)
    if len(digest) < MIN_PREFIX:
        raise UsageError(f"{digest!r} is too short for a digest.", do=f"give its first {MIN_PREFIX} digits or more")
    found = [ref for ref in known if ref.config_digest.startswith(digest)]
    if len(found) != 1:
        there = ", ".join(ref.config_digest[:12] for ref in known) or "none"
        many = "several artifacts" if found else "no artifact"
        raise UsageError(f"{digest[:80]!r} names {many} of the kind {kind}.", do=f"give a digest; there are: {there}")
    return found[0]
